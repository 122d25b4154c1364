/** A slice: the chosen measure against one parameter; shape and colour may tell another. */

import type { Data } from "../data";
import type { Param, Trial } from "../document";
import { select } from "../dom";
import { choice, condition, plural } from "../format";
import { grid, paramAxis, positionOf, scaleOf, valueAxis } from "../figure/axis";
import { legend } from "../figure/legend";
import { hollow, mark } from "../figure/mark";
import { asOne, type Point, TOGETHER } from "../figure/points";
import { itemTooltip, trialTip, valueRows } from "../figure/tooltip";
import type { Context, Controlled, Drawing, FigureSpec } from "../figure/types";
import { inside, outside, partPicker } from "./part";

/** `space` has the parameters that colours can tell. */
export function slice(param: Param, space: Param[]): FigureSpec {
  const conditions = Object.entries(param.when).map(([name, needs]) => condition(name, needs));
  const counts = conditions.length > 0 ? ` It counts only where ${conditions.join(" and ")}; other trials are not here.` : "";
  const colours = space.filter((p) => p !== param && p.type === "categorical");
  const chosen = { colour: "" };
  const pick = (figure: Controlled) =>
    select("Colour", [{ value: "", text: "none" }, ...colours.map((p) => ({ value: p.name, text: p.name }))], chosen.colour, (name) => {
      chosen.colour = name;
      figure.restart();
    });
  return {
    key: `slice-${param.name}`,
    title: `Value by ${param.name}`,
    heading: (data) => `${data.subject} by ${param.name}`,
    hint: `Each mark is a completed trial, the star the best one; look where the best trials gather.${counts}`,
    wide: true,
    zoom: param.type === "categorical" ? "y" : "xy",
    height: 340,
    controls: (figure) => [partPicker(figure), ...(colours.length > 0 ? [pick(figure)] : [])],
    empty: "No trial with this parameter has completed yet.",
    depends: (data) => data.progress,
    draw: (context) => draw(context, param, colours.find((p) => p.name === chosen.colour) ?? null),
  };
}

/** Trials that look alike. */
interface Group {
  name: string;
  points: Point[];
  looks: object;
}

function draw(context: Context, param: Param, colour: Param | null): Drawing | null {
  const { data, theme, range, window, width } = context;
  const scale = scaleOf(param);
  const placed = data.complete.flatMap((trial) => {
    const at = positionOf(scale, trial);
    return at === null ? [] : [{ trial, at }];
  });
  if (placed.length === 0) return null;
  const many = placed.length > 2000;
  const point = ({ trial, at }: { trial: Trial; at: number }): Point => ({
    value: [scale.choices ? at + jitter(trial.number) : at, data.value(trial)!],
    trial: trial.number,
  });
  const of = (test: (trial: Trial) => boolean) => placed.filter(({ trial }) => trial !== data.best && test(trial)).map(point);
  const best = placed.filter(({ trial }) => trial === data.best).map(point);
  const groups = (colour ? byColour(context, colour, of, many) : plainly(context, of, many)).filter((g) => g.points.length > 0);
  const key = legend(
    theme,
    groups.map((g) => g.name),
    width,
  );
  // Choices are places on a plain axis of their own, hidden behind the named one, so that marks can be spread.
  const axis = paramAxis("x", scale, theme, window.x);
  const spread = { type: "value", min: -0.5, max: (scale.choices?.length ?? 1) - 0.5, show: false };
  const on = scale.choices ? { xAxisIndex: 1 } : {};
  const infeasible = !colour && groups.some((g) => g.name === "infeasible");
  return {
    option: {
      grid: grid({ top: colour ? key.height + 28 : 26 }),
      legend: colour ? key.legend : { show: false },
      tooltip: itemTooltip(theme, (point: Point) => {
        const trial = data.trial(point.trial);
        return trial ? trialTip(trial, valueRows(data, trial)) : "";
      }),
      xAxis: scale.choices ? [axis, spread] : axis,
      yAxis: valueAxis("y", data.name, range, theme),
      series: [
        ...groups.map((group) => {
          const data = group.points.filter(inside(range));
          return { type: "scatter", name: group.name, data, ...on, ...group.looks, ...(many && data.length >= TOGETHER ? asOne(data) : {}) };
        }),
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
      infeasible ? "A hollow square is an infeasible trial." : "",
      without(data, param, placed.length),
      outside(
        placed.map(({ trial }) => data.value(trial)),
        range,
      ),
    ]
      .filter(Boolean)
      .join(" "),
    label: `${data.subject} by ${param.name}: ${plural(placed.length, "trial")}${colour ? `, by ${colour.name}` : ""}${best.length > 0 ? `; the best has ${scale.text(Number(best[0]!.value[0]))}` : ""}.`,
  };
}

function plainly({ data, theme }: Context, of: (test: (trial: Trial) => boolean) => Point[], many: boolean): Group[] {
  const small = many ? 4 : 7;
  const plain = { symbolSize: small, itemStyle: { color: theme.categories[0], opacity: many ? 0.45 : 0.65 } };
  return [
    { name: "complete", points: of((t) => data.values.feasible(t)), looks: plain },
    { name: "infeasible", points: of((t) => !data.values.feasible(t)), looks: hollow("rect", theme.bad, small, theme) },
  ];
}

/** A group for each choice; where the other parameter does not count, trials have none. */
function byColour({ theme }: Context, colour: Param, of: (test: (trial: Trial) => boolean) => Point[], many: boolean): Group[] {
  return [...(colour.choices ?? []), undefined].map((value, i) => {
    const { color: _, ...looks } = mark(theme, i, many ? 4 : 8);
    return { name: value === undefined ? `without ${colour.name}` : choice(value), points: of((t) => t.params[colour.name] === value), looks };
  });
}

/** Where the parameter does not count there is a gap, and it is said how large. */
function without(data: Data, param: Param, placed: number): string {
  const left = data.complete.length - placed;
  return left === 0 ? "" : `${plural(left, "completed trial")} without ${param.name} ${left === 1 ? "is" : "are"} not here.`;
}

export const STAR = "path://M12 1 L15.1 8.3 L23 9 L17 14.2 L18.8 22 L12 17.9 L5.2 22 L7 14.2 L1 9 L8.9 8.3 Z";

/** From −0.3 to 0.3, always the same for a trial; two directions share no pattern (the R2 sequence). */
export function jitter(trial: number, along: "x" | "y" = "x"): number {
  return ((trial * (along === "x" ? 0.7548776662 : 0.569840291)) % 1) * 0.6 - 0.3;
}
