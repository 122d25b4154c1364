/** Finds trials by words: all of them must occur in what a trial says of itself. */

import type { Trial } from "../document";
import { stateText } from "./columns";

const texts = new WeakMap<Trial, string>();

export function matches(trial: Trial, query: string): boolean {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return true;
  const text = textOf(trial);
  return words.every((word) => (/^#\d+$/.test(word) ? `#${trial.number}` === word : text.includes(word)));
}

/** "winit_conv=he_normal" and the like. A trial that changes is another object, so that no text grows old. */
function textOf(trial: Trial): string {
  const known = texts.get(trial);
  if (known !== undefined) return known;
  const params = Object.entries(trial.params).map(([name, value]) => `${name}=${value}`);
  const text = [`#${trial.number}`, stateText(trial), ...params, trial.worker, trial.fail_reason ?? ""].join(" ").toLowerCase();
  texts.set(trial, text);
  return text;
}
