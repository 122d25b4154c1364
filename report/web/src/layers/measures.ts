/** Layer by layer: spread, saturation, gradients and symmetry, at the start and after the first epoch. */

import { padded } from "../data";
import { select } from "../dom";
import { number, percent, plural } from "../format";
import { plainAxis } from "../figure/axis";
import type { Context, Drawing, FigureSpec, Option } from "../figure/types";
import { legend } from "../figure/legend";
import { mark } from "../figure/mark";
import { itemTooltip, tip } from "../figure/tooltip";
import { DASHES, type Theme } from "../theme";
import type { Measure } from "./measure-list";
import type { Compared } from "./selection";

export function measureFigure(measure: Measure, selected: () => Compared[]): FigureSpec {
  let all = false;
  return {
    key: `layers-${measure.key}`,
    addressed: false,
    title: measure.title,
    hint: measure.hint,
    wide: true,
    zoom: "y",
    height: (_, width) => (width < 620 ? 720 : 370),
    empty: "None of these trials has a diagnosis.",
    controls: (figure) =>
      measure.bars
        ? [
            select(
              "Values",
              [
                { value: "usual", text: "usual" },
                { value: "all", text: "all" },
              ] as const,
              "usual",
              (value) => {
                all = value === "all";
                figure.redraw();
              },
            ),
          ]
        : [],
    draw: (context) => draw(context, measure, selected(), all),
  };
}

interface Point {
  value: [number, number | null];
  low?: number;
  high?: number;
  text: string;
  place: string;
}

function draw(context: Context, measure: Measure, selected: Compared[], all: boolean): Drawing | null {
  const first = selected[0];
  if (!first) return null;
  const { theme, width } = context;
  const stages = first.diagnosis.stages.map((s) => s.stage).slice(0, 2);
  const layers = first.diagnosis.stages[0]!.layers.map((l) => l.name);
  const floor = floorOf(selected, measure);
  const height = (value: number | null) =>
    value === null || measure.kind !== "log" ? value : value > 0 ? Math.log10(value) : floor;
  const series = selected.flatMap((one, place) =>
    stages.flatMap((stage, s) => {
      const found = one.diagnosis.stages.find((x) => x.stage === stage) ?? one.diagnosis.stages[s];
      const dodge = selected.length > 1 ? 0.5 * (place / (selected.length - 1) - 0.5) : 0;
      const points = (found?.layers ?? []).map((layer, i): Point => ({
        value: [i + dodge, height(measure.of(layer))],
        ...(measure.bars && layer.mean !== null && layer.std !== null
          ? { low: layer.mean - layer.std, high: layer.mean + layer.std }
          : {}),
        text: measure.text(layer),
        place: `${layer.name}, ${stage}`,
      }));
      const { color, ...looks } = mark(theme, one.index, 8);
      const on = { name: one.name, xAxisIndex: s, yAxisIndex: s };
      const dash = DASHES[one.index % DASHES.length];
      const line = {
        type: "line",
        ...on,
        ...looks,
        data: points,
        showAllSymbol: true,
        lineStyle: { width: 1.5, type: dash, opacity: measure.bars ? 0.35 : 0.8, color },
      };
      return measure.bars ? [line, errorBars(points, on, color)] : [line];
    }),
  );
  const reach = measure.bars && !all ? usual(selected) : Infinity;
  const beyond = selected.filter((one) => measure.bars && farthest(one) > reach).length;
  const key = legend(
    theme,
    selected.map((s) => s.name),
    width,
  );
  return {
    option: {
      ...panels(context, stages, layers, key.height, yAxis(measure, theme, extent(series, reach))),
      legend: key.legend,
      tooltip: itemTooltip(theme, (point: Point, name) => tip(name, [[point.place, point.text]])),
      series,
    },
    note:
      beyond > 0
        ? `${plural(beyond, "network goes", "networks go")} beyond the values shown; choose “Values: all” to see how far.`
        : "",
    label: `${measure.title} of ${selected.map((s) => s.name).join(", ")}, for layers ${layers.join(", ")}${width < 620 ? "" : `; ${stages.join(" to the left, ")} to the right`}.`,
  };
}

/** One plot for each stage, beside each other where there is room, with a scale in common. */
function panels({ theme, width, height }: Context, stages: string[], layers: string[], top: number, y: Option): Option {
  const beside = width >= 620;
  const n = stages.length;
  const one = n === 1;
  const row = (height - top) / n;
  const box = (i: number): Option =>
    beside
      ? { left: one ? "1%" : i === 0 ? "1%" : "52%", width: one ? "97%" : "46%", top: top + 50, bottom: 4 }
      : { left: 6, right: 10, top: top + 48 + i * row, height: row - 54 };
  return {
    grid: stages.map((_, i) => ({ ...box(i), outerBoundsMode: "same" })),
    title: stages.map((stage, i) => ({
      text: stage.charAt(0).toUpperCase() + stage.slice(1),
      left: beside && i === 1 ? "52%" : 8,
      top: beside ? top + 6 : top + 4 + i * row,
      textStyle: { color: theme.text, fontSize: 13, fontWeight: 600 },
    })),
    xAxis: stages.map((_, i) => {
      const ticks = layers.map((_l, at) => at);
      return {
        ...plainAxis("x", "", theme),
        gridIndex: i,
        min: -0.5,
        max: layers.length - 0.5,
        splitLine: { show: false },
        axisTick: { customValues: ticks, lineStyle: { color: theme.line } },
        axisLabel: {
          color: theme.muted,
          fontSize: 11,
          customValues: ticks,
          rotate: layers.length > 6 ? 35 : 0,
          formatter: (at: number) => layers[at] ?? "",
        },
      };
    }),
    yAxis: stages.map((_, i) => ({ ...y, gridIndex: i })),
  };
}

/** The lowest and highest of what is drawn and within reach. */
function extent(series: { data: (Point | (number | undefined)[])[] }[], reach: number): [number, number] {
  const values = series.flatMap((s) => s.data.flatMap((p) => (Array.isArray(p) ? p.slice(1) : [p.value[1]])));
  const within = values.filter((v): v is number => typeof v === "number" && Math.abs(v) <= reach);
  return padded(Math.min(...within), Math.max(...within));
}

/** How far a network's activations go from 0, one standard deviation included. */
function farthest({ diagnosis }: Compared): number {
  const all = diagnosis.stages.flatMap((s) => s.layers.map((l) => Math.abs(l.mean ?? 0) + (l.std ?? 0)));
  return Math.max(0, ...all);
}

/** Ten times as far as half of the networks go: those that blow up would flatten all others. */
function usual(selected: Compared[]): number {
  const sorted = selected.map(farthest).sort((a, b) => a - b);
  const reach = 10 * sorted[Math.floor((sorted.length - 1) / 2)]!;
  return reach > 0 && sorted[sorted.length - 1]! > reach ? reach : Infinity;
}

function yAxis(measure: Measure, theme: Theme, [low, high]: [number, number]): Option {
  const axis = plainAxis("y", measure.axis, theme);
  const label = axis["axisLabel"] as object;
  if (measure.kind === "share")
    return { ...axis, min: 0, max: 1, interval: 0.25, axisLabel: { ...label, formatter: (v: number) => percent(v) } };
  if (measure.kind === "log")
    return {
      ...axis,
      min: low,
      max: high,
      minInterval: 1,
      axisLabel: {
        ...label,
        showMinLabel: false,
        showMaxLabel: false,
        formatter: (v: number) => (Number.isInteger(v) ? number(10 ** v, 2) : ""),
      },
    };
  return { ...axis, min: low, max: high, axisLabel: { ...label, showMinLabel: false, showMaxLabel: false } };
}

/** Where zeros stand on a log axis: a decade below the smallest other value. */
function floorOf(selected: Compared[], measure: Measure): number {
  if (measure.kind !== "log") return 0;
  let least = Infinity;
  for (const { diagnosis } of selected) {
    for (const { layers } of diagnosis.stages)
      for (const layer of layers) {
        const value = measure.of(layer);
        if (value !== null && value > 0 && value < least) least = value;
      }
  }
  return Number.isFinite(least) ? Math.max(-20, Math.floor(Math.log10(least)) - 1) : -1;
}

interface Api {
  value(dimension: number): number;
  coord(point: [number, number]): [number, number];
}

/** From mean − std to mean + std, with caps. */
function errorBars(points: Point[], on: object, color: string) {
  return {
    type: "custom",
    ...on,
    silent: true,
    clip: true,
    data: points.filter((p) => p.low !== undefined).map((p) => [p.value[0], p.low, p.high]),
    encode: { x: 0, y: [1, 2] },
    itemStyle: { color },
    renderItem: (_: unknown, api: Api) => {
      const [x, bottom] = api.coord([api.value(0), api.value(1)]);
      const top = api.coord([api.value(0), api.value(2)])[1];
      const line = (x1: number, y1: number, x2: number, y2: number) => ({
        type: "line",
        shape: { x1, y1, x2, y2 },
        style: { stroke: color, lineWidth: 1.5 },
      });
      return {
        type: "group",
        children: [line(x, bottom, x, top), line(x - 3, bottom, x + 3, bottom), line(x - 3, top, x + 3, top)],
      };
    },
  };
}
