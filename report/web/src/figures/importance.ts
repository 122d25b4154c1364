/** How much each parameter matters, and which matter together. */

import type { Data } from "../data";
import { h } from "../dom";
import { number, percent } from "../format";
import { grid, plainAxis } from "../figure/axis";
import type { Context, Drawing, FigureSpec } from "../figure/types";
import { itemTooltip, tip } from "../figure/tooltip";

export const importance: FigureSpec = {
  key: "importance",
  title: "Importance of each parameter",
  heading: (data) => `Importance of each parameter${data.ofMetric("for")}`,
  hint: "The longer the bar, the more this parameter alone decides whether a trial is among the good ones; all bars together make 100 %.",
  zoom: "x",
  height: (data) => 70 + 30 * Math.max(3, data.analysis.importance?.params.length ?? 0),
  empty: "Too few trials have completed to tell.",
  missing: onlyObjectives,
  draw: (context) => {
    const { data } = context;
    const found = data.analysis.importance;
    if (!found || found.params.length === 0) return null;
    const rows = found.params.map((p) => ({ name: p.name, share: p.importance }));
    return {
      ...bars(context, rows, (share) => percent(share, share < 0.1 ? 1 : 0), context.theme.categories[0]!),
      note: `${found.method} on ${found.trials} trials.${data.filtered ? ` ${ABOUT_ALL}` : ""}`,
      label: `Importance: ${rows.map((r) => `${r.name} ${percent(r.share)}`).join(", ")}.`,
    };
  },
  table: (data) =>
    table("Parameter", data.analysis.importance?.params.map((p) => [p.name, percent(p.importance, 1)]) ?? []),
};

export const interactions: FigureSpec = {
  key: "interactions",
  title: "Parameters that matter together",
  heading: (data) => `Parameters that matter together${data.ofMetric("for")}`,
  hint: "A long bar: which value of the one is good depends on the other, so that they should be chosen together.",
  wide: true,
  zoom: "x",
  height: (data) => 70 + 30 * Math.max(3, Math.min(SHOWN, data.analysis.importance?.interactions.length ?? 0)),
  empty: "Too few trials have completed to tell.",
  missing: onlyObjectives,
  draw: (context) => {
    const found = context.data.analysis.importance?.interactions ?? [];
    if (found.length === 0) return null;
    const sorted = [...found].sort((p, q) => q.strength - p.strength);
    const rows = sorted.slice(0, SHOWN).map((p) => ({ name: `${p.a} × ${p.b}`, share: p.strength }));
    return {
      ...bars(context, rows, (share) => number(share, 2), context.theme.categories[2]!),
      note: [sorted.length > SHOWN ? `The ${SHOWN} strongest of ${sorted.length} pairs.` : "", context.data.filtered ? ABOUT_ALL : ""]
        .join(" ")
        .trim(),
      label: `Interactions: ${rows.map((r) => `${r.name} ${number(r.share, 2)}`).join(", ")}.`,
    };
  },
  table: (data) =>
    table("Pair", data.analysis.importance?.interactions.map((p) => [`${p.a} × ${p.b}`, number(p.strength, 3)]) ?? []),
};

const SHOWN = 12;

/** The coordinator works it out, once for everybody. */
export const ABOUT_ALL = "About all trials, whatever the filter.";

export function onlyObjectives(data: Data): string {
  return data.judged ? "" : `Nobody said which way ${data.name} is better. Choose an objective as the metric.`;
}

function bars(
  { theme, width }: Context,
  rows: { name: string; share: number }[],
  text: (share: number) => string,
  color: string,
): Drawing {
  return {
    option: {
      grid: grid({ top: 8, right: 52, bottom: 8 }),
      tooltip: itemTooltip(theme, (row: { value: number; name: string }) => tip(row.name, [["strength", text(row.value)]])),
      xAxis: {
        ...plainAxis("x", "", theme),
        scale: false,
        min: 0,
        axisLabel: { show: false },
        axisLine: { show: false },
        axisTick: { show: false },
      },
      yAxis: {
        type: "category",
        inverse: true,
        data: rows.map((r) => r.name),
        axisLine: { lineStyle: { color: theme.line } },
        axisTick: { show: false },
        axisLabel: { color: theme.text, fontSize: 12, interval: 0, overflow: "truncate", width: Math.min(260, width * 0.45) },
      },
      series: [
        {
          type: "bar",
          data: rows.map((r) => ({ value: r.share, name: r.name })),
          barMaxWidth: 18,
          itemStyle: { color, borderRadius: [0, 3, 3, 0] },
          label: { show: true, position: "right", color: theme.text, formatter: (p: { value: number }) => text(p.value) },
        },
      ],
    },
  };
}

function table(head: string, rows: string[][]): HTMLElement {
  return h(
    "table",
    {},
    h("thead", {}, h("tr", {}, h("th", { scope: "col" }, head), h("th", { scope: "col", class: "num" }, "Strength"))),
    h("tbody", {}, ...rows.map(([name, text]) => h("tr", {}, h("th", { scope: "row" }, name), h("td", { class: "num" }, text)))),
  );
}
