/** Why trials failed. */

import type { Data } from "../data";
import type { Trial } from "../document";
import { quote } from "../filter/names";
import { kindOf, oneLine } from "../filter/reason";

export interface Reason {
  kind: string;
  /** As the newest trial said it; empty if none did. */
  text: string;
  /** By ascending number. */
  trials: Trial[];
}

/** Reasons that differ only in numbers are one; the most frequent first. */
export function reasonsOf(data: Data): Reason[] {
  const found = new Map<string, Reason>();
  for (const trial of data.trials) {
    if (trial.state !== "FAIL") continue;
    const text = oneLine(trial.fail_reason ?? "");
    const kind = kindOf(text);
    const known = found.get(kind);
    if (known) [known.text] = [text, known.trials.push(trial)];
    else found.set(kind, { kind, text, trials: [trial] });
  }
  return [...found.values()].sort((a, b) => b.trials.length - a.trials.length || last(b).number - last(a).number);
}

export function last({ trials }: Reason): Trial {
  return trials[trials.length - 1]!;
}

/** The filter that finds the trials of a reason. */
export function filterOf(data: Data, { text }: Reason): string {
  const own = (name: string) => data.names.of("trial", name);
  return text === "" ? `${own("state")} = failed and ${own("reason")} is missing` : `${own("reason")} = ${quote(text)}`;
}
