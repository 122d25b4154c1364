/** Tooltips, as HTML. */

import type { Data } from "../data";
import type { Trial } from "../document";
import { escape } from "../dom";
import { choice, number } from "../format";
import type { Theme } from "../theme";
import { subject } from "./points";
import type { Option } from "./types";

/** A title and rows of name and text. */
export function tip(title: string, rows: [name: string, text: string][]): string {
  const cells = rows.map(
    ([name, text]) => `<span class="tip-name">${escape(name)}</span><span class="tip-text">${escape(text)}</span>`,
  );
  return `<div class="tip"><strong>${escape(title)}</strong>${cells.join("")}</div>`;
}

export function trialTip(trial: Trial, more: [string, string][] = []): string {
  const rows: [string, string][] = [...more];
  if (trial.confirms) rows.push(["confirms", `trial ${trial.confirms.of}, seed ${trial.confirms.seed}`]);
  if (trial.fail_reason) rows.push(["reason", trial.fail_reason.slice(0, 120)]);
  for (const [name, value] of Object.entries(trial.params).slice(0, 10)) rows.push([name, choice(value)]);
  return tip(`Trial ${trial.number}${trial.state === "COMPLETE" ? "" : ` · ${trial.state.toLowerCase()}`}`, rows);
}

/** A tooltip for single points; what is hovered over says itself what to show. */
export function itemTooltip(theme: Theme, format: (data: never, series: string, index: number) => string): Option {
  return {
    trigger: "item",
    confine: true,
    transitionDuration: 0,
    backgroundColor: theme.surface,
    borderColor: theme.line,
    textStyle: { color: theme.text, fontSize: 12 },
    formatter: (params: { data: unknown; dimensionNames?: string[]; seriesName: string; dataIndex: number }) =>
      format(subject(params) as never, params.seriesName, params.dataIndex),
  };
}

/** A tooltip's rows with a trial's values, and what it found for constraints. The chosen objective's value may be another. */
export function valueRows(data: Data, trial: Trial, value = data.value(trial)): [string, string][] {
  const { values } = data;
  const rows = data.study.directions.map((_, i): [string, string] => [
    values.name(i),
    number(data.judged && i === data.metric ? value : trial.values[i], 6),
  ]);
  if (!data.judged) rows.unshift([data.name, number(value, 6)]);
  if (trial.state === "COMPLETE" && !values.feasible(trial)) rows.push(["feasible", "no"]);
  return [...rows, ...constraintRows(data, trial, 6)];
}

/** What a trial found for constraints, or that it did not say. */
export function constraintRows({ values }: Data, trial: Trial, digits: number): [string, string][] {
  const count = Math.max(values.constraints.length, trial.constraints.length);
  if (trial.state !== "COMPLETE" && trial.constraints.length === 0) return [];
  return Array.from({ length: count }, (_, i) => {
    const told = trial.constraints[i];
    if (told === undefined) return [values.constraint(i), "not told"];
    return [values.constraint(i), `${number(told, digits)} (${told !== null && told <= 0 ? "holds" : "broken"})`];
  });
}
