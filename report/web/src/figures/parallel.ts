/** Parallel coordinates: a line for each trial through its parameters to its value. */

import type { Data } from "../data";
import type { Param, Trial } from "../document";
import { number, plural } from "../format";
import { logTicks, plainTicks, positionOf, type Scale, scaleOf } from "../figure/axis";
import type { Context, Drawing, FigureSpec, Option } from "../figure/types";
import { type Measure, objectives } from "../measures";
import { itemTooltip, trialTip, valueRows } from "../figure/tooltip";
import { rampColors, type Theme } from "../theme";
import { jitter } from "./slice";
import { byImportance } from "../parameters/words";
import { partPicker } from "./part";

/** More lines than this nobody can tell apart, and more axes nobody can follow. */
const LINES = 1000;
const AXES = 24;

export const parallel: FigureSpec = {
  key: "parallel-coordinates",
  title: "Parallel coordinates",
  hint: "Each line is a completed trial, through its parameters to its value; good ones stand out. Drag along an axis to keep only the lines that pass there; click it to keep all again.",
  wide: true,
  height: (data, width) => (isNarrow(width, axesOf(data)) ? 50 + 76 * axesOf(data) : 400),
  controls: (figure) => [partPicker(figure)],
  empty: "No trial has completed yet.",
  depends: (data) => data.progress,
  draw,
};

function draw({ data, theme, range, width }: Context): Drawing | null {
  if (data.complete.length === 0) return null;
  const params = paramsOf(data);
  const scales = params.map(scaleOf);
  // The library draws on from axis to axis, whatever a line has there: what does not count has a place of its own.
  const lanes = scales.map((scale, i) => (Object.keys(params[i]!.when).length > 0 ? laneOf(scale) : null));
  const shown = pick(data);
  const narrow = isNarrow(width, axesOf(data));
  // An axis for each objective, and for another measure that was chosen; only the chosen one ends where the chosen part of the values does.
  const measures = measuresOf(data);
  const place = measures.findIndex((m) => m.key === data.measure.key);
  const ranges = measures.map((m, i) => (i === place ? range : data.rangeOf("all", m.objective!)));
  const clip = (value: number, [low, high]: [number, number]) => Math.min(high, Math.max(low, value));
  const lines = shown.map((trial) => ({
    value: [
      ...scales.map((scale, i) => coordinate(scale, lanes[i]!, trial)),
      ...ranges.map((ends, i) => clip(measures[i]!.of(trial)!, ends)),
    ],
    trial: trial.number,
  }));
  return {
    option: {
      tooltip: itemTooltip(theme, (line: { trial: number } | undefined) => {
        const trial = line && data.trial(line.trial);
        return trial ? trialTip(trial, valueRows(data, trial)) : "";
      }),
      parallel: {
        ...(narrow
          ? { layout: "vertical", left: 34, right: 28, top: 34, bottom: 30 }
          : { left: 60, right: 70, top: 54, bottom: 24 }),
        parallelAxisDefault: {
          realtime: true,
          areaSelectStyle: { width: 18, borderWidth: 1, borderColor: theme.best, color: theme.best, opacity: 0.3 },
        },
      },
      parallelAxis: [
        ...params.map((param, i) => axis(i, param, scales[i]!, lanes[i]!, theme, narrow)),
        ...ranges.map((ends, i) => ({
          ...looks(params.length + i, measures[i]!.name, theme, narrow),
          min: ends[0],
          max: ends[1],
          axisLabel: {
            color: theme.text,
            fontSize: 11,
            showMinLabel: false,
            showMaxLabel: false,
            formatter: (v: number) => number(v, 4),
          },
        })),
      ],
      visualMap: {
        show: false,
        type: "continuous",
        dimension: params.length + place,
        min: range[0],
        max: range[1],
        inRange: { color: rampColors(theme.dark, data.sign) },
      },
      series: [
        {
          type: "parallel",
          name: "trials",
          data: lines,
          lineStyle: { width: shown.length > 300 ? 1 : 1.5, opacity: shown.length > 300 ? 0.35 : 0.6 },
          inactiveOpacity: 0.03,
          activeOpacity: 0.8,
          emphasis: { lineStyle: { width: 3, opacity: 1 } },
          smooth: 0,
          progressive: 400,
        },
      ],
    },
    note: [
      params.length < data.study.space.length ? `The ${AXES} most important of ${plural(data.study.space.length, "parameter")}.` : "",
      shown.length < data.ranked.length ? `The ${LINES} best of ${plural(data.ranked.length, "completed trial")}.` : "",
      data.ranked.length < data.complete.length
        ? `${plural(data.complete.length - data.ranked.length, "infeasible trial")} left out.`
        : "",
      measures.length > 1 ? `Colour tells ${data.name}.` : "",
      lanes.some((lane) => lane !== null) ? "Where a parameter does not count for a trial, its line passes below the axis, at “none”." : "",
      "Worse values than the axis shows lie at its end.",
    ]
      .join(" ")
      .trim(),
    label: `Parallel coordinates of ${plural(shown.length, "trial")} over ${params.map((p) => p.name).join(", ")} and ${measures.map((m) => m.name).join(", ")}.`,
  };
}

function measuresOf(data: Data): Measure[] {
  return data.judged ? objectives(data.values) : [...objectives(data.values), data.measure];
}

function axesOf(data: Data): number {
  return paramsOf(data).length + measuresOf(data).length;
}

/** All parameters, or of many the most important ones; in the study's order. */
function paramsOf(data: Data): Param[] {
  const { space } = data.study;
  if (space.length <= AXES) return space;
  const first = new Set(byImportance(data).slice(0, AXES));
  return space.filter((param) => first.has(param));
}

/** Whether the axes must lie below each other. */
function isNarrow(width: number, axes: number): boolean {
  return width < Math.min(640, 92 * axes);
}

/** The best ones, worst first, so that good ones lie on top. */
function pick(data: Data): Trial[] {
  return data.ranked.slice(0, LINES).reverse();
}

/** Choices are spread a little, or all lines of a choice would be one. */
function coordinate(scale: Scale, lane: number | null, trial: Trial): number {
  const at = positionOf(scale, trial);
  if (at === null) return lane ?? NaN;
  return scale.choices ? at + 0.7 * jitter(trial.number) : at;
}

/** Where lines pass for which the parameter does not count: as far below the axis as it can be told from it. */
function laneOf(scale: Scale): number {
  if (scale.choices) return -1;
  const [low, high] = rangeOf(scale);
  return low - 0.15 * (high - low || 1);
}

function rangeOf(scale: Scale): [number, number] {
  return [scale.low ?? 0, scale.high ?? 1];
}

function looks(dim: number, name: string, theme: Theme, narrow: boolean): Option {
  return {
    dim,
    name,
    nameLocation: narrow ? "start" : "end",
    nameGap: narrow ? 0 : 14,
    // Beside each other, axes have their names above; below each other, too, which is before their start.
    nameTextStyle: {
      color: theme.text,
      fontSize: 12,
      fontWeight: 600,
      ...(narrow ? { align: "left", verticalAlign: "bottom", padding: [0, 0, 6, 0] } : {}),
    },
    nameTruncate: { maxWidth: narrow ? 240 : 130 },
    axisLine: { lineStyle: { color: theme.line, width: 1.5 } },
    axisTick: { lineStyle: { color: theme.line } },
    type: "value",
    scale: true,
  };
}

function axis(dim: number, param: Param, scale: Scale, lane: number | null, theme: Theme, narrow: boolean): Option {
  const base = looks(dim, param.name, theme, narrow);
  const label = {
    color: theme.text,
    fontSize: narrow ? 10 : 11,
    ...(narrow ? { rotate: 18 } : {}),
    textBorderColor: theme.surface,
    textBorderWidth: 3,
    ...(scale.choices ? { overflow: "truncate", width: narrow ? 64 : 100 } : {}),
    formatter: (at: number) => (at === lane ? "none" : scale.text(at)),
  };
  const [low, high] = scale.choices ? [-0.4, scale.choices.length - 0.6] : rangeOf(scale);
  const ticks = scale.choices ? scale.choices.map((_, i) => i) : scale.log ? logTicks([low, high]) : plainTicks([low, high]);
  const customValues = lane === null ? ticks : [lane, ...ticks];
  return {
    ...base,
    min: lane ?? low,
    max: high,
    axisLabel: { ...label, customValues },
    axisTick: { customValues, lineStyle: { color: theme.line } },
  };
}
