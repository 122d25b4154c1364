/** Hypervolume over trials: how much of a box of values the front dominates. */

import { h } from "../dom";
import type { Data } from "../data";
import { listing, number, percent, plural } from "../format";
import { grid, plainAxis } from "../figure/axis";
import { itemTooltip, tip } from "../figure/tooltip";
import type { Context, Drawing, FigureSpec } from "../figure/types";
import { ABOUT_ALL } from "./importance";

interface Point {
  value: [number, number];
  trial: number;
}

export const hypervolume: FigureSpec = {
  key: "hypervolume",
  title: "Hypervolume over trials",
  hint: "The share of a box of values that the front dominates. A line that has long been flat says that more trials bring little.",
  wide: true,
  zoom: "xy",
  height: 300,
  empty: "No trial has completed yet.",
  missing: (data) => data.noneFeasible,
  depends: (data) => JSON.stringify(data.document.analysis.front?.hypervolume ?? null) + data.progress,
  draw,
  table: (data) => {
    const curve = data.document.analysis.front?.hypervolume?.curve ?? [];
    return h(
      "table",
      {},
      h(
        "thead",
        {},
        h("tr", {}, h("th", { scope: "col", class: "num" }, "Trial"), h("th", { scope: "col", class: "num" }, "Hypervolume")),
      ),
      h(
        "tbody",
        {},
        ...curve.map(([trial, share]) =>
          h("tr", {}, h("th", { scope: "row", class: "num" }, trial), h("td", { class: "num" }, percent(share, 2))),
        ),
      ),
    );
  },
};

function draw({ data, theme, window }: Context): Drawing | null {
  const found = data.document.analysis.front?.hypervolume;
  if (!found) return null;
  const steps: Point[] = found.curve.map(([trial, share]) => ({ value: [trial, share], trial }));
  const last = found.curve.at(-1);
  const end = Math.max(last?.[0] ?? 0, data.search.at(-1)?.number ?? 0);
  const first: [number, number] = [0, 0];
  const line = [first, ...steps.map((p) => p.value), ...(last ? [[end, last[1]]] : [])];
  return {
    option: {
      grid: grid({ top: 30 }),
      tooltip: itemTooltip(theme, (p: Point) => tip(`Trial ${p.trial}`, [["hypervolume from here", percent(p.value[1], 2)]])),
      xAxis: {
        ...plainAxis("x", "trial", theme),
        min: 0,
        max: Math.max(10, end),
        minInterval: 1,
        splitLine: { show: false },
        axisLabel: { color: theme.muted, fontSize: 11, hideOverlap: true, showMinLabel: window.x === null, showMaxLabel: false },
      },
      yAxis: {
        ...plainAxis("y", "hypervolume", theme),
        min: 0,
        max: Math.min(1, 1.1 * (last?.[1] ?? 1)),
        axisLabel: { color: theme.muted, fontSize: 11, showMaxLabel: false, formatter: (v: number) => percent(v) },
      },
      series: [
        {
          type: "line",
          name: "hypervolume",
          data: line,
          step: "end",
          symbol: "none",
          lineStyle: { color: theme.best, width: 2 },
          itemStyle: { color: theme.best },
          silent: true,
        },
        {
          type: "scatter",
          name: "trials that added to it",
          data: steps,
          symbolSize: steps.length > 100 ? 4 : 6,
          itemStyle: { color: theme.best },
          z: 5,
        },
      ],
    },
    note: `${reference(data)}${found.exact ? "" : " Estimated from 4,096 points of the box, to about 1 %."}${data.filtered ? ` ${ABOUT_ALL}` : ""}`,
    label: `Hypervolume over trials: ${percent(last?.[1] ?? 0, 1)} after ${plural(end + 1, "trial")}.`,
  };
}

/** How the box is chosen. */
function reference(data: Data): string {
  const { best, reference: far } = data.document.analysis.front!.hypervolume!;
  const point = (all: number[]) => listing(all.map((v, i) => `${data.values.name(i)} ${number(v, 4)}`));
  return `The box reaches from the best values (${point(best)}) to the reference point, a tenth of the front's range beyond its worst values (${point(far)}).`;
}
