/** The front: two objectives of all trials, which of them no other dominates, and which are infeasible. */

import type { Data } from "../data";
import type { Trial } from "../document";
import { plural } from "../format";
import { grid, valueAxis } from "../figure/axis";
import { legend } from "../figure/legend";
import { filled, hollow } from "../figure/mark";
import { asOne, type Point, TOGETHER } from "../figure/points";
import { itemTooltip, trialTip, valueRows } from "../figure/tooltip";
import type { Context, Drawing, FigureSpec } from "../figure/types";
import { axisChoosers, type Chosen } from "./axes";
import { outsideOf, partPicker } from "./part";
import { stairsOf } from "./stairs";

/** And of a third objective what is told by the size of marks. */
interface Axes extends Chosen {
  size: number | null;
}

export function front(objectives: number): FigureSpec {
  const { chosen, controls } = axisChoosers(objectives);
  const axes = (): Axes => ({ ...chosen, size: objectives === 3 && chosen.x !== chosen.y ? 3 - chosen.x - chosen.y : null });
  return {
    key: "front",
    title: "Front",
    hint: "Each mark is a completed trial. Diamonds are on the front: no feasible trial is better in one objective without being worse in another.",
    wide: true,
    zoom: "xy",
    height: (_, width) => (width < 500 ? 400 : 460),
    controls: (figure) => [...controls(figure), partPicker(figure)],
    empty: "No trial has completed yet.",
    depends: (data) => `${data.progress} ${data.front.length}`,
    draw: (context) => draw(context, axes()),
  };
}

function draw(context: Context, axes: Axes): Drawing | null {
  const { data, theme, width, part } = context;
  const { x, y, size } = axes;
  const { values } = data;
  if (data.complete.length === 0) return null;
  const ranges = { x: data.rangeOf(part, x, true), y: data.rangeOf(part, y, true) };
  const point = (trial: Trial): Point => ({ value: [trial.values[x]!, trial.values[y]!], trial: trial.number });
  const inside = ({ value: [a, b] }: Point) =>
    a >= ranges.x[0] && a <= ranges.x[1] && b >= ranges.y[0] && b <= ranges.y[1];
  const points = (trials: readonly Trial[]) => trials.map(point).filter(inside);
  const best = data.front;
  const dominated = data.feasible.filter((t) => !data.onFront(t));
  const many = data.complete.length > 2000;
  const small = many ? 4 : 7;
  const marks = (name: string, data: Point[], looks: object) => ({ type: "scatter", name, data, ...looks });
  const manyMarks = (name: string, data: Point[], looks: object) => marks(name, data, { ...looks, ...(many && data.length >= TOGETHER ? asOne(data) : {}) });
  const dim = filled("circle", theme.neutral, small);
  const series = [
    manyMarks("feasible", points(dominated), { ...dim, itemStyle: { ...dim.itemStyle, opacity: many ? 0.35 : 0.5 } }),
    manyMarks("infeasible", points(data.infeasible), hollow("rect", theme.bad, small, theme)),
    ...(size === null && values.count === 2 ? [staircase(data, best, theme.best)] : []),
    marks("on the front", points(best), {
      ...filled("diamond", theme.best, 11),
      ...(size === null ? {} : { symbolSize: sizes(data, size) }),
      itemStyle: { color: theme.best, opacity: 0.9, borderColor: theme.surface, borderWidth: 1 },
      z: 5,
    }),
  ].filter((s) => s.data.length > 0);
  const key = legend(
    theme,
    series.filter((s) => s.type === "scatter").map((s) => s.name),
    width,
  );
  return {
    option: {
      grid: grid({ top: key.height + 28 }),
      legend: key.legend,
      tooltip: itemTooltip(theme, (p: Point) => {
        const trial = data.trial(p.trial);
        return trial ? trialTip(trial, valueRows(data, trial)) : "";
      }),
      xAxis: valueAxis("x", values.label(x), ranges.x, theme),
      yAxis: valueAxis("y", values.label(y), ranges.y, theme),
      series,
    },
    note: [
      data.noneFeasible,
      size === null || best.length === 0 ? "" : `The larger a diamond, the better its ${values.name(size)}.`,
      values.count > 2 ? "What looks dominated here may be better in another objective." : "",
      outsideOf(data.complete.length - data.complete.map(point).filter(inside).length),
    ]
      .filter(Boolean)
      .join(" "),
    label: `Front: ${plural(best.length, "trial")} of ${plural(data.complete.length, "completed trial")}, by ${values.name(x)} and ${values.name(y)}; ${data.infeasible.length} infeasible. The table in the overview lists them.`,
  };
}

/** The better in this objective, the larger. */
function sizes(data: Data, objective: number): (value: unknown, params: { data: Point }) => number {
  const all = data.front.map((t) => t.values[objective]!);
  const [low, high] = [all.reduce((a, b) => Math.min(a, b), Infinity), all.reduce((a, b) => Math.max(a, b), -Infinity)];
  const share = (value: number) => (high > low ? (value - low) / (high - low) : 1);
  return (_, { data: point }) => {
    const at = share(data.trial(point.trial)!.values[objective]!);
    return 8 + 12 * (data.values.sign(objective) > 0 ? at : 1 - at);
  };
}

/** The edge of what the front of two objectives dominates. */
function staircase(data: Data, trials: Trial[], color: string) {
  return {
    type: "line",
    name: "front",
    data: stairsOf(
      trials.map((t) => [t.values[0]!, t.values[1]!]),
      (a, b, objective) => data.values.better(a, b, objective),
    ),
    symbol: "none",
    lineStyle: { color, width: 1.5 },
    itemStyle: { color },
    silent: true,
    clip: true,
    z: 4,
  };
}
