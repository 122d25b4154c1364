/** The attempts at a trial: where each was, what it went on from, and why it ended. And what a next one can go on from. */

import type { Attempt, Trial } from "../document";
import { h } from "../dom";
import { bytes, count, duration, time } from "../format";

const ENDS: Record<NonNullable<Attempt["ended"]>, string> = {
  FINISHED: "● the trial finished",
  LOST: "✕ the worker was lost",
  HANDED_BACK: "△ the worker gave it back",
  STUDY_STOPPED: "■ the study was stopped",
};

/** So many checkpoints are listed, the newest ones. */
const LISTED = 8;

/** Nothing for a trial that nobody has begun. */
export function attempts(trial: Trial): HTMLElement[] {
  const all = trial.attempts ?? [];
  if (all.length === 0) return [];
  const heads = ["Attempt", "Ended", "Worker", "Took", "Went on from", "Started"];
  const table = h(
    "table",
    { class: "attempts" },
    h("caption", { class: "hidden" }, "Attempts"),
    h("thead", {}, h("tr", {}, ...heads.map((head, i) => h("th", { scope: "col", class: numeric(i) }, head)))),
    h("tbody", {}, ...all.map((attempt) => row(attempt, trial))),
  );
  const before = all[0]!.attempt - 1;
  return [
    h("h3", {}, all.length > 1 ? "Attempts" : "Attempt"),
    h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Attempts" }, table),
    ...(before > 0 ? [h("p", { class: "hint" }, `Of ${count(before)} before ${before === 1 ? "it" : "them"} nothing is known any more.`)] : []),
    ...checkpoints(trial),
  ];
}

function numeric(column: number): string {
  return column === 0 || column === 3 ? "num" : "";
}

function row(attempt: Attempt, trial: Trial): HTMLElement {
  const { start, end, ended } = attempt;
  return h(
    "tr",
    { "data-attempt": attempt.attempt },
    h("th", { scope: "row", class: "num" }, attempt.attempt),
    h("td", {}, ended === null ? "◐ running" : ENDS[ended]),
    h("td", {}, attempt.worker),
    h("td", { class: "num" }, duration(start === null || end === null ? null : (end - start) / 1000)),
    h("td", {}, begin(attempt, trial)),
    h("td", {}, time(start)),
  );
}

function begin({ attempt, resumed_from: step }: Attempt, trial: Trial): string {
  if (step === null) return "the start";
  const others = attempt === 1 && trial.warm_start !== undefined ? ` of trial ${trial.warm_start}` : "";
  return `step ${count(step)}${others}`;
}

function checkpoints(trial: Trial): HTMLElement[] {
  const newest = [...(trial.checkpoints ?? [])].reverse();
  if (newest.length === 0) return [];
  const listed = newest.slice(0, LISTED).map(({ attempt, step, size }) => {
    const by = attempt === 0 ? `trial ${trial.warm_start ?? "–"}` : `attempt ${attempt}`;
    return h("li", {}, `step ${count(step)}, by ${by}, ${bytes(size)}`);
  });
  const others = newest.length - listed.length;
  return [
    h("h3", {}, newest.length > 1 ? "Checkpoints" : "Checkpoint"),
    h("ul", { class: "checkpoints" }, ...listed, others > 0 ? h("li", { class: "hint" }, `and ${count(others)} older`) : null),
  ];
}
