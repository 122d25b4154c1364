/** Tooltips, as HTML. */

import type { Trial } from "../document";
import { escape } from "../dom";
import { choice, number } from "../format";
import type { Theme } from "../theme";
import { valueOf } from "../values";
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
    formatter: (params: { data: never; seriesName: string; dataIndex: number }) =>
      format(params.data, params.seriesName, params.dataIndex),
  };
}

/** A tooltip's row with a value: the trial's, unless another is given. */
export function valueRow(trial: Trial, value = valueOf(trial)): [string, string] {
  return ["value", number(value, 6)];
}
