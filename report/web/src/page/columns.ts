/** The columns of the table of trials: the same for all, then the study's parameters and numeric attributes. */

import type { Data } from "../data";
import type { Trial, TrialState } from "../document";
import { h } from "../dom";
import type { Open } from "../figure/types";
import { choice, duration, fixed, number } from "../format";
import { byImportance } from "../parameters/words";
import { valueOf } from "../values";
import { trialLink } from "./link";

export interface Column {
  key: string;
  title: string;
  /** Numbers stand to the right, and are sorted from the largest down at first. */
  number: boolean;
  sort: (trial: Trial) => number | string | null;
  text: (trial: Trial) => string;
}

const STATES: Record<TrialState, string> = {
  WAITING: "○ waiting",
  RUNNING: "◐ running",
  COMPLETE: "● complete",
  PRUNED: "△ pruned",
  FAIL: "✕ failed",
};

/** The state in words, and whether a completed trial is infeasible or on the front. */
export function stateText(trial: Trial, data: Data): string {
  const confirms = trial.confirms ? ` (confirms ${trial.confirms.of})` : "";
  return STATES[trial.state] + standing(trial, data) + confirms;
}

function standing(trial: Trial, data: Data): string {
  if (trial.state !== "COMPLETE") return "";
  if (!data.values.feasible(trial)) return trial.constraints.length === 0 ? ", infeasible: constraints not told" : ", infeasible";
  return data.onFront(trial) ? ", on the front" : "";
}

export function seconds(trial: Trial): number | null {
  return trial.start === null || trial.complete === null ? null : (trial.complete - trial.start) / 1000;
}

/** With so many parameters: the most important ones, in their own order. */
export function columnsOf(data: Data, most = Infinity): Column[] {
  const all: Column[] = [
    { key: "number", title: "Trial", number: true, sort: (t) => t.number, text: (t) => String(t.number) },
    { key: "state", title: "State", number: false, sort: (t) => stateText(t, data), text: (t) => stateText(t, data) },
    ...data.study.directions.map((_, i) => ({
      key: i === 0 ? "value" : `value ${i}`,
      title: data.values.name(i) === "value" ? "Value" : data.values.name(i),
      number: true,
      sort: (t: Trial) => valueOf(t, i),
      text: (t: Trial) => valueText(valueOf(t, i)),
    })),
    ...data.constraints.map((name, i) => ({
      key: `constraint ${i}`,
      title: `${name} ≤ 0`,
      number: true,
      sort: (t: Trial) => t.constraints[i] ?? null,
      text: (t: Trial) => (t.constraints[i] === undefined ? "–" : valueText(t.constraints[i])),
    })),
  ];
  if (data.trials.some((t) => t.tags?.length)) {
    const of = (t: Trial) => t.tags?.join(", ") || null;
    all.push({ key: "tags", title: "Tags", number: false, sort: of, text: (t) => of(t) ?? "" });
  }
  const { space } = data.study;
  const shown = space.length > most ? new Set(byImportance(data).slice(0, most)) : new Set(space);
  for (const param of space) {
    if (!shown.has(param)) continue;
    const of = (t: Trial) => t.params[param.name];
    all.push({
      key: `param ${param.name}`,
      title: param.name,
      number: param.type !== "categorical",
      sort: (t) => {
        const v = of(t);
        return v === undefined ? null : typeof v === "boolean" ? String(v) : v;
      },
      text: (t) => choice(of(t)),
    });
  }
  for (const { name, of } of data.attributes) {
    all.push({ key: `attribute ${name}`, title: name, number: true, sort: of, text: (t) => number(of(t), 5) });
  }
  all.push(
    { key: "worker", title: "Worker", number: false, sort: (t) => t.worker || null, text: (t) => t.worker || "–" },
    { key: "duration", title: "Took", number: true, sort: seconds, text: (t) => duration(seconds(t)) },
  );
  return all;
}

function valueText(value: number | null): string {
  return Number.isInteger(value) ? number(value) : fixed(value, valueDecimals(value));
}

/** Five significant digits, with the same decimals for values of one size. */
function valueDecimals(value: number | null): number {
  if (!value) return 4;
  return Math.min(
    10,
    Math.max(0, 4 - Math.max(0, Math.floor(Math.log10(Math.abs(value)) + 1)) + (Math.abs(value) < 0.01 ? 3 : 0)),
  );
}

/** Whether a trial is the best, or of several objectives on the front. */
export function isBest(data: Data, trial: Trial): boolean {
  return data.several ? data.onFront(trial) : data.best === trial;
}

export function cells(trial: Trial, columns: Column[], data: Data, open: Open): HTMLElement[] {
  return columns.map((column) => {
    const attributes = { class: column.number ? "num" : "", "data-column": column.key };
    if (column.key === "tags") return h("td", attributes, ...(trial.tags ?? []).map((tag) => h("span", { class: "tag" }, tag)));
    if (column.key !== "number") return h("td", attributes, column.text(trial));
    const best = isBest(data, trial)
      ? h("span", { class: "star", title: data.several ? "on the front" : "the best" }, "★ ")
      : null;
    const link = trialLink(open, trial.number, `trial ${trial.number}`, String(trial.number));
    return h("th", { ...attributes, scope: "row" }, best, link);
  });
}
