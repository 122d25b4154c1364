/** Finds trials by words: all of them must occur in what a trial says of itself. */

import type { Data } from "../data";
import type { Trial } from "../document";
import { stateText } from "./columns";

const texts = new WeakMap<Trial, { text: string; state: string }>();

export function matches(trial: Trial, query: string, data: Data): boolean {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return true;
  const text = textOf(trial, data);
  return words.every((word) => (/^#\d+$/.test(word) ? `#${trial.number}` === word : text.includes(word)));
}

/** "winit_conv=he_normal" and the like. A trial that changes is another object, but its state may tell of others, too. */
function textOf(trial: Trial, data: Data): string {
  const known = texts.get(trial);
  const state = stateText(trial, data);
  if (known?.state === state) return known.text;
  const params = Object.entries(trial.params).map(([name, value]) => `${name}=${value}`);
  const text = [`#${trial.number}`, state, ...params, ...(trial.tags ?? []), trial.worker, trial.fail_reason ?? ""].join(" ").toLowerCase();
  texts.set(trial, { text, state });
  return text;
}
