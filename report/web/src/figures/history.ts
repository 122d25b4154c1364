/** Value over trials, with the best so far. */

import type { Data } from "../data";
import type { Trial } from "../document";
import { number, plural } from "../format";
import { grid, plainAxis, valueAxis } from "../figure/axis";
import type { Context, Drawing, FigureSpec } from "../figure/types";
import { legend } from "../figure/legend";
import { filled, hollow } from "../figure/mark";
import { asOne, type Point } from "../figure/points";
import { itemTooltip, trialTip, valueRows } from "../figure/tooltip";
import { inside, outside, partPicker } from "./part";

/** More marks of a kind than this are drawn as one. */
const ALONE = 300;

export const history: FigureSpec = {
  key: "values",
  title: "Value over trials",
  heading: (data) => `${data.subject} over trials`,
  hint: "Each mark is a trial; the line is the best value so far. A line that has long been flat says that more trials bring little.",
  wide: true,
  zoom: "xy",
  height: 360,
  controls: (figure) => [partPicker(figure)],
  empty: "No trial has finished yet.",
  draw,
};

/** What a trial reached: its value, or the last one that it reported before it was given up. */
function reached(data: Data, trial: Trial): number | null {
  return data.value(trial) ?? (data.judged ? (data.curve(trial).at(-1)?.[1] ?? null) : null);
}

function draw({ data, theme, range, width, window }: Context): Drawing | null {
  const confirming: Point[] = [];
  const complete: Point[] = [];
  const infeasible: Point[] = [];
  const pruned: Point[] = [];
  const failed: Point[] = [];
  // Failed trials have no value; they stand at the lower edge.
  const edge = range[0] + 0.02 * (range[1] - range[0]);
  for (const trial of data.trials) {
    const value = reached(data, trial);
    if (trial.state === "FAIL") failed.push({ value: [trial.number, edge], trial: trial.number });
    else if (value === null) continue;
    else if (trial.confirms) {
      if (trial.state === "COMPLETE") confirming.push({ value: [trial.number, value], trial: trial.number });
    } else if (trial.state === "COMPLETE") {
      (data.values.feasible(trial) ? complete : infeasible).push({ value: [trial.number, value], trial: trial.number });
    } else if (trial.state === "PRUNED") pruned.push({ value: [trial.number, value], trial: trial.number });
  }
  if (complete.length + infeasible.length + pruned.length + failed.length + confirming.length === 0) return null;
  const many = data.trials.length > 2000;
  const marks = (name: string, points: Point[], looks: object) => {
    const data = points.filter(inside(range));
    return { type: "scatter", name, data, ...looks, ...(data.length > ALONE ? asOne(data) : {}) };
  };
  const series = [
    marks("complete", complete, filled("circle", theme.categories[0]!, many ? 4 : 7)),
    marks("infeasible", infeasible, hollow("rect", theme.bad, many ? 5 : 7, theme)),
    marks("pruned", pruned, hollow("triangle", theme.neutral, many ? 5 : 8, theme)),
    // Drawn as one, marks must have a shape of the library's own.
    marks("failed", failed, filled(failed.length > ALONE ? "triangle" : CROSS, theme.bad, many ? 5 : 9)),
    marks("confirmation", confirming, hollow("diamond", theme.categories[2]!, many ? 5 : 7, theme)),
    {
      type: "line",
      name: "best so far",
      data: bestSoFar(data),
      step: "end",
      symbol: "none",
      lineStyle: { color: theme.best, width: 2 },
      itemStyle: { color: theme.best },
      silent: true,
      z: 5,
    },
  ].filter((s) => s.data.length > 0);
  const best = data.best;
  const key = legend(
    theme,
    series.map((s) => s.name),
    width,
  );
  return {
    option: {
      grid: grid({ top: key.height + 28 }),
      legend: key.legend,
      tooltip: itemTooltip(theme, (point: Point) => {
        const trial = data.trial(point.trial);
        return trial ? trialTip(trial, valueRows(data, trial, reached(data, trial))) : "";
      }),
      xAxis: {
        ...plainAxis("x", "trial", theme),
        min: 0,
        max: Math.max(10, data.document.trials.at(-1)?.number ?? 0),
        minInterval: 1,
        splitLine: { show: false },
        axisLabel: { color: theme.muted, fontSize: 11, hideOverlap: true, showMinLabel: window.x === null, showMaxLabel: false },
      },
      yAxis: valueAxis("y", data.label, range, theme),
      series,
    },
    note: outside(
      [...complete, ...infeasible, ...pruned, ...confirming].map((p) => p.value[1]),
      range,
    ),
    label: `${data.subject} over trials: ${plural(complete.length + infeasible.length, "completed trial")}${infeasible.length > 0 ? `, of which ${infeasible.length} infeasible` : ""}${best && data.judged ? `, the best is trial ${best.number} with ${number(data.value(best))}` : ""}.`,
  };
}

/** A cross, since ECharts has none. */
export const CROSS = "path://M2 0 L5 3 L8 0 L10 2 L7 5 L10 8 L8 10 L5 7 L2 10 L0 8 L3 5 L0 2 Z";

function bestSoFar(data: Data): [number, number][] {
  const line: [number, number][] = [];
  if (!data.judged) return line;
  for (const trial of data.feasible) {
    const last = line[line.length - 1];
    const value = data.value(trial)!;
    if (!last || data.values.better(value, last[1], data.metric)) line.push([trial.number, value]);
  }
  const end = line[line.length - 1];
  if (end) line.push([Math.max(data.search[data.search.length - 1]?.number ?? 0, end[0]), end[1]]);
  return line;
}
