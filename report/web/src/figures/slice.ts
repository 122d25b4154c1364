/** A slice: value against one parameter. */

import type { Param } from "../document";
import { condition, plural } from "../format";
import { grid, paramAxis, positionOf, scaleOf, valueAxis } from "../figure/axis";
import type { Context, Drawing, FigureSpec } from "../figure/types";
import { itemTooltip, trialTip, valueRows } from "../figure/tooltip";
import { hollow } from "../figure/mark";
import { inside, outside, valuePickers } from "./part";

interface Point {
  value: [number | string, number];
  trial: number;
}

export function slice(param: Param): FigureSpec {
  const conditions = Object.entries(param.when).map(([name, needs]) => condition(name, needs));
  const counts = conditions.length > 0 ? ` It counts only where ${conditions.join(" and ")}.` : "";
  return {
    key: `slice-${param.name}`,
    title: `Value by ${param.name}`,
    heading: (data) => `${data.subject} by ${param.name}`,
    hint: `Each mark is a completed trial, the star the best one; look where the best trials gather.${counts}`,
    zoom: param.type === "categorical" ? "y" : "xy",
    height: 280,
    controls: valuePickers,
    empty: "No trial with this parameter has completed yet.",
    depends: (data) => data.progress,
    draw: (context) => draw(context, param),
  };
}

function draw({ data, theme, range, window }: Context, param: Param): Drawing | null {
  const scale = scaleOf(param);
  const points: Point[] = [];
  const infeasible: Point[] = [];
  const best: Point[] = [];
  for (const trial of data.complete) {
    const at = positionOf(scale, trial);
    if (at === null) continue;
    const x = scale.choices ? at + jitter(trial.number) : at;
    const group = trial === data.best ? best : data.values.feasible(trial) ? points : infeasible;
    group.push({ value: [x, data.value(trial)!], trial: trial.number });
  }
  const all = points.length + infeasible.length + best.length;
  if (all === 0) return null;
  const many = points.length > 2000;
  // Choices are places on a plain axis of their own, hidden behind the named one, so that marks can be spread.
  const axis = paramAxis("x", scale, theme, window.x);
  const spread = { type: "value", min: -0.5, max: (scale.choices?.length ?? 1) - 0.5, show: false };
  const on = scale.choices ? { xAxisIndex: 1 } : {};
  return {
    option: {
      grid: grid({ top: 26 }),
      tooltip: itemTooltip(theme, (point: Point) => {
        const trial = data.trial(point.trial);
        return trial ? trialTip(trial, valueRows(data, trial)) : "";
      }),
      xAxis: scale.choices ? [axis, spread] : axis,
      yAxis: valueAxis("y", data.name, range, theme),
      series: [
        {
          type: "scatter",
          name: "complete",
          data: points.filter(inside(range)),
          ...on,
          symbolSize: many ? 4 : 7,
          large: many,
          itemStyle: { color: theme.categories[0], opacity: many ? 0.45 : 0.65 },
        },
        {
          type: "scatter",
          name: "infeasible",
          data: infeasible.filter(inside(range)),
          ...on,
          ...hollow("rect", theme.bad, many ? 4 : 7, theme),
        },
        {
          type: "scatter",
          name: "best",
          data: best.filter(inside(range)),
          ...on,
          symbol: STAR,
          symbolSize: 16,
          itemStyle: { color: theme.best, borderColor: theme.surface, borderWidth: 1 },
          z: 5,
        },
      ],
    },
    note: [
      infeasible.length > 0 ? "A hollow square is an infeasible trial." : "",
      outside(
        [...points, ...infeasible, ...best].map((p) => p.value[1]),
        range,
      ),
    ]
      .join(" ")
      .trim(),
    label: `${data.subject} by ${param.name}: ${plural(all, "trial")}${best.length > 0 ? `; the best has ${scale.text(Number(best[0]!.value[0]))}` : ""}.`,
  };
}

export const STAR = "path://M12 1 L15.1 8.3 L23 9 L17 14.2 L18.8 22 L12 17.9 L5.2 22 L7 14.2 L1 9 L8.9 8.3 Z";

/** From −0.3 to 0.3, always the same for a trial; two directions share no pattern (the R2 sequence). */
export function jitter(trial: number, along: "x" | "y" = "x"): number {
  return ((trial * (along === "x" ? 0.7548776662 : 0.569840291)) % 1) * 0.6 - 0.3;
}
