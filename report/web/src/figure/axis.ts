/** Axes of parameters and values. A log axis is a plain axis of log10 with ticks of its own, so that it can be zoomed into. */

import type { Choice, Param, Trial } from "../document";
import { choice, number } from "../format";
import type { Theme } from "../theme";
import type { Option } from "./types";

/** What stands where on an axis. */
export interface Scale {
  name: string;
  /** Positions of choices are 0, 1, …; null if there is none. */
  position: (value: Choice) => number | null;
  text: (position: number) => string;
  choices: string[] | null;
  low: number | null;
  high: number | null;
  log: boolean;
  integer: boolean;
}

export function scaleOf(param: Param): Scale {
  if (param.type === "categorical") {
    const choices = param.choices ?? [];
    const places = new Map(choices.map((c, i) => [c, i]));
    return {
      name: param.name,
      position: (value) => places.get(value) ?? null,
      text: (position) => choice(choices[Math.round(position)]),
      choices: choices.map((c) => choice(c)),
      low: null,
      high: null,
      log: false,
      integer: false,
    };
  }
  const log = param.log === true && (param.low ?? 0) > 0;
  const place = (value: number) => (log ? Math.log10(value) : value);
  return {
    name: param.name,
    position: (value) => (typeof value === "number" && (!log || value > 0) ? place(value) : null),
    text: (position) => number(log ? 10 ** position : position, 4),
    choices: null,
    low: param.low === undefined ? null : place(param.low),
    high: param.high === undefined ? null : place(param.high),
    log,
    integer: param.type === "int",
  };
}

export function positionOf(scale: Scale, trial: Trial): number | null {
  const value = trial.params[scale.name];
  return value === undefined ? null : scale.position(value);
}

export type Side = "x" | "y";

/** The looks that all axes share, with the name where it does not collide: below an x axis, above a y axis. */
export function plainAxis(side: Side, name: string, theme: Theme): Option {
  return {
    type: "value",
    name,
    nameLocation: side === "x" ? "middle" : "end",
    nameGap: side === "x" ? 26 : 10,
    // A name above an axis would wander off; one below must make room for long labels.
    nameMoveOverlap: side === "x",
    nameTextStyle: {
      color: theme.muted,
      fontSize: 12,
      align: side === "x" ? "center" : "left",
      padding: side === "y" ? [0, 0, 0, -30] : 0,
    },
    axisLine: { show: side === "x", onZero: false, lineStyle: { color: theme.line } },
    axisTick: { show: side === "x", lineStyle: { color: theme.line } },
    axisLabel: { color: theme.muted, fontSize: 11, hideOverlap: true, formatter: (v: number) => number(v, 5) },
    splitLine: { lineStyle: { color: theme.grid } },
    scale: true,
  };
}

/** An axis for a parameter; `window` is the part in sight, if it is zoomed into. */
export function paramAxis(side: Side, scale: Scale, theme: Theme, window: [number, number] | null): Option {
  const axis = plainAxis(side, scale.name, theme);
  if (scale.choices) {
    const rotate = side === "x" && scale.choices.join("").length > 24 ? 32 : 0;
    return {
      ...axis,
      type: "category",
      data: scale.choices,
      nameGap: side === "x" ? (rotate ? 8 : 28) : 10,
      axisTick: { show: false },
      axisLabel: { color: theme.muted, fontSize: 11, interval: 0, rotate, overflow: "truncate", width: 110 },
      splitLine: { show: false },
    };
  }
  const label = { color: theme.muted, fontSize: 11, hideOverlap: true, formatter: (v: number) => scale.text(v) };
  const pad = scale.low !== null && scale.high !== null ? 0.02 * (scale.high - scale.low) || 0.5 : 0;
  const extent = {
    min: scale.low === null ? undefined : scale.low - pad,
    max: scale.high === null ? undefined : scale.high + pad,
  };
  if (scale.low === null || scale.high === null) return { ...axis, axisLabel: label };
  const range = window ?? [scale.low, scale.high];
  const all = scale.log ? logTicks(range) : plainTicks(range);
  const whole = (tick: number) => Number.isInteger(Number((scale.log ? 10 ** tick : tick).toPrecision(9)));
  const ticks = scale.integer ? all.filter(whole) : all;
  return {
    ...axis,
    ...extent,
    axisLabel: { ...label, customValues: ticks },
    axisTick: { show: side === "x", customValues: ticks, lineStyle: { color: theme.line } },
    splitLine: { show: false },
  };
}

/** 1, 2 and 5 of each decade, or finer if the range holds few of them; positions are log10. */
export function logTicks([low, high]: [number, number]): number[] {
  const decades = high - low;
  const mantissas = decades > 4 ? [1] : decades > 1 ? [1, 2, 5] : [1, 1.5, 2, 3, 4, 5, 6, 8];
  const ticks: number[] = [];
  for (let e = Math.floor(low); e <= Math.ceil(high); e += 1) {
    for (const m of mantissas) {
      const at = e + Math.log10(m);
      if (at >= low - 1e-9 && at <= high + 1e-9) ticks.push(at);
    }
  }
  return ticks.length >= 3 ? ticks : plainTicks([10 ** low, 10 ** high]).map(Math.log10);
}

/** About five round numbers. */
export function plainTicks([low, high]: [number, number]): number[] {
  const rough = (high - low) / 5;
  if (!(rough > 0)) return [low];
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5, 10].find((m) => m * power >= rough) ?? 10);
  const ticks: number[] = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + 1e-9 * step; i += 1)
    ticks.push(Number((i * step).toPrecision(12)));
  return ticks;
}

/** The axis of values: the part of them that is shown, in round numbers. */
export function valueAxis(side: Side, name: string, range: [number, number] | null, theme: Theme): Option {
  const axis = plainAxis(side, name, theme);
  return range
    ? {
        ...axis,
        min: range[0],
        max: range[1],
        axisLabel: { ...(axis["axisLabel"] as object), showMinLabel: false, showMaxLabel: false },
      }
    : axis;
}

/** Where the plot lies; its labels stay inside. */
export function grid(more: Option = {}): Option {
  return { left: 8, right: 18, top: 52, bottom: 4, outerBoundsMode: "same", ...more };
}
