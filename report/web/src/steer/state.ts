/** What can be done to a study in the state that it is in. */

import type { Study, Trial } from "../document";

export type Doing = "pause" | "resume" | "stop" | "budget" | "enqueue" | "retry" | "archive" | "unarchive" | "delete";

/** As far as it decides what can be done. */
export type Standing = Pick<Study, "state" | "external" | "counts"> & { archived?: boolean };

/** What each does, in one line. */
export const SAYS: Record<Doing, string> = {
  pause: "No more trials begin. Those that run go on to their end.",
  resume: "Trials begin again.",
  stop: "No more trials begin, and those that run are called back. They begin again if the study is resumed.",
  budget: "How many trials are to be finished.",
  enqueue: "Adds a trial with the values that you choose; the sampler chooses the rest.",
  retry: "Adds a trial for each failed one, with the same parameters.",
  archive: "Takes the study out of the list's first view. Nothing else changes.",
  unarchive: "Puts the study back into the list's first view.",
  delete: "Removes the study with all its trials, output and files, for good.",
};

export const NAMES: Record<Doing, string> = {
  pause: "Pause",
  resume: "Resume",
  stop: "Stop",
  budget: "Budget",
  enqueue: "Enqueue",
  retry: "Retry failed",
  archive: "Archive",
  unarchive: "Take out of the archive",
  delete: "Delete",
};

/** In the order in which they are offered. Optuna's clients decide over trials of their own studies. */
export function possible(study: Standing, failed: number): Doing[] {
  const { state, external, counts } = study;
  const own: Doing[] = [];
  if (!external) {
    if (state === "ACTIVE") own.push("pause");
    if (state === "PAUSED" || state === "STOPPED") own.push("resume");
    own.push("budget", "enqueue");
    if (failed > 0) own.push("retry");
    if (state === "ACTIVE" || state === "PAUSED") own.push("stop");
  }
  own.push(study.archived ? "unarchive" : "archive");
  if (counts.running === 0) own.push("delete");
  return own;
}

/** Failed trials that nobody has retried yet, oldest first. */
export function unretried(trials: readonly Trial[]): Trial[] {
  const again = new Set(trials.map((t) => t.retry_of));
  return trials.filter((t) => t.state === "FAIL" && !again.has(t.number));
}

/** How many more trials the budget has room for. */
export function room(study: Pick<Study, "budget">, trials: readonly Trial[]): number {
  return study.budget - trials.filter((t) => t.confirms === null).length;
}

/** The budget that was typed: a number, or "+50" more than it is now; null if it is neither. */
export function budgetOf(typed: string, now: number): number | null {
  const found = /^\s*(\+?)\s*(\d{1,10})(?:\s+(?:more\s+)?trials?)?\s*$/i.exec(typed);
  if (!found) return null;
  const wanted = Number(found[2]) + (found[1] ? now : 0);
  return wanted >= 1 && wanted <= 0xffff_ffff ? wanted : null;
}
