/** An outcome against a numeric parameter, with a mark and a colour for each choice of a categorical one. */

import { type Data, type Outcome, VALUE } from "../data";
import type { Choice, Param } from "../document";
import { choice, number, plural } from "../format";
import { grid, paramAxis, plainAxis, positionOf, scaleOf, valueAxis } from "../figure/axis";
import type { Context, Drawing, FigureSpec } from "../figure/types";
import type { Theme } from "../theme";
import { legend } from "../figure/legend";
import { mark } from "../figure/mark";
import { itemTooltip, trialTip, valueRows } from "../figure/tooltip";
import { inside, outside, valuePickers } from "./part";

export interface Axes {
  x: Param;
  /** The key of an outcome. */
  y: string;
  color: Param | null;
}

interface Point {
  value: [number, number];
  trial: number;
}

export function byChoice({ x, y, color }: Axes): FigureSpec {
  const title = (name: string) => `${name} against ${x.name}${color ? `, by ${color.name}` : ""}`;
  return {
    key: [y, "by", x.name, ...(color ? ["and", color.name] : [])].join("-"),
    title: title(y === VALUE ? "Value" : capital(y)),
    heading: (data) => title(y === VALUE ? data.subject : capital(y)),
    hint: color
      ? `Each mark is a completed trial; shape and colour tell ${color.name}. Click a name to hide or show its trials.`
      : "Each mark is a completed trial.",
    zoom: "xy",
    controls: (figure) => (y === VALUE ? valuePickers(figure) : []),
    empty: "No trial with this parameter has completed yet.",
    depends: (data) => data.progress,
    draw: (context) => drawByChoice(context, { x, y, color }),
  };
}

export function drawByChoice({ data, theme, range, window, width }: Context, { x, y, color }: Axes): Drawing | null {
  const scale = scaleOf(x);
  const outcome = data.outcome(y);
  if (outcome.key !== y) return null;
  const groups = grouped(data, outcome, color, (trial) => positionOf(scale, trial));
  if (groups.length === 0) return null;
  const values = groups.flatMap((g) => g.points.map((p) => p.value[1]));
  const shown = outcome.value ? range : null;
  const key = legend(
    theme,
    groups.map((g) => g.name),
    width,
  );
  return {
    option: {
      grid: grid({ top: color ? key.height + 28 : 30 }),
      legend: color ? key.legend : { show: false },
      tooltip: itemTooltip(theme, (point: Point) => {
        const trial = data.trial(point.trial);
        if (!trial) return "";
        const more = valueRows(data, trial);
        if (!outcome.value) more.push([outcome.key, number(outcome.of(trial), 6)]);
        return trialTip(trial, more);
      }),
      xAxis: paramAxis("x", scale, theme, window.x),
      yAxis: shown ? valueAxis("y", data.name, shown, theme) : { ...plainAxis("y", outcome.key, theme), scale: true },
      series: groups.map((group) => ({
        type: "scatter",
        name: group.name,
        data: shown ? group.points.filter(inside(shown)) : group.points,
        ...looksOf(theme, group.index, values.length),
        emphasis: { scale: 1.5 },
        large: values.length > 2500,
        largeThreshold: 100,
      })),
    },
    note: shown ? outside(values, shown) : "",
    label: `${outcome.value ? data.name : outcome.key} against ${x.name}: ${groups.map((g) => `${g.name}, ${plural(g.points.length, "trial")}`).join("; ")}.`,
  };
}

function looksOf(theme: Theme, index: number, total: number) {
  const { color: _, ...looks } = mark(theme, index, total > 2000 ? 4 : total > 500 ? 6 : 8);
  return looks;
}

interface Group {
  name: string;
  index: number;
  points: Point[];
}

function grouped(
  data: Data,
  outcome: Outcome,
  color: Param | null,
  place: (trial: Data["complete"][number]) => number | null,
): Group[] {
  // An inactive parameter has no value; null is a choice.
  const choices: (Choice | undefined)[] = color?.choices ?? [undefined];
  const groups: Group[] = choices.map((c, index) => ({ name: c === undefined ? "trials" : choice(c), index, points: [] }));
  const index = new Map(choices.map((c, i) => [c, i]));
  for (const trial of data.complete) {
    const at = place(trial);
    const y = outcome.of(trial);
    const group = groups[index.get(color ? trial.params[color.name] : undefined) ?? -1];
    if (at !== null && y !== null && group) group.points.push({ value: [at, y], trial: trial.number });
  }
  return groups.filter((g) => g.points.length > 0);
}

function capital(name: string): string {
  return name.charAt(0).toUpperCase() + name.slice(1);
}

/** The figures to begin with: outcomes against each numeric parameter, by each categorical one where it counts for all trials. */
export function usual(data: Data): Axes[] {
  const outcomes = [VALUE, ...(data.outcomes.some((o) => o.key === "epochs") ? ["epochs"] : [])];
  const all: Axes[] = [];
  for (const x of data.numeric) {
    const conditional = Object.keys(x.when).length > 0;
    const colors =
      conditional || data.categorical.length === 0 ? [null] : data.categorical.filter((c) => Object.keys(c.when).length === 0);
    for (const color of colors.length > 0 ? colors : [null]) for (const y of outcomes) all.push({ x, y, color });
  }
  return all;
}
