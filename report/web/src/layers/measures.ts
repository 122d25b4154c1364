/** Layer by layer: spread, saturation, gradients and symmetry, at the start and after the first epoch. */

import type { Layer } from "../document";
import { number, percent } from "../format";
import { padded } from "../data";
import { plainAxis } from "../figure/axis";
import type { Context, Drawing, FigureSpec, Option } from "../figure/figure";
import { legend } from "../figure/legend";
import { mark } from "../figure/mark";
import { itemTooltip, tip } from "../figure/tooltip";
import { DASHES, type Theme } from "../theme";
import type { Compared } from "./selection";

interface Measure {
  key: string;
  title: string;
  hint: string;
  axis: string;
  of: (layer: Layer) => number | null;
  text: (layer: Layer) => string;
  kind: "plain" | "share" | "log";
  bars?: boolean;
}

export const MEASURES: Measure[] = [
  {
    key: "activations",
    title: "Activations: mean and spread",
    hint: "Marks are means, bars one standard deviation each way. Bars that shrink from layer to layer mean that the signal fades.",
    axis: "activation",
    of: (l) => l.mean,
    text: (l) => `${number(l.mean, 3)} ± ${number(l.std, 3)}`,
    kind: "plain",
    bars: true,
  },
  {
    key: "saturated-or-dead",
    title: "Saturated or dead",
    hint: "Sigmoid layers: the share of outputs below 0.05 or above 0.95; ReLU layers: the share of neurons that are always 0. Such neurons hardly learn.",
    axis: "share",
    of: (l) => l.saturated ?? l.dead,
    text: (l) => `${percent(l.saturated ?? l.dead, 1)} ${l.saturated === null ? "dead" : "saturated"}`,
    kind: "share",
  },
  {
    key: "gradients",
    title: "Gradient norm",
    hint: "How strongly the loss pulls at a layer's weights, on a log scale: far below the other layers, it hardly learns; 0, at the lower edge, not at all.",
    axis: "gradient's 2-norm",
    of: (l) => l.gradient,
    text: (l) => number(l.gradient, 3),
    kind: "log",
  },
  {
    key: "equal-neurons",
    title: "Equal neurons",
    hint: "The share of a layer's neurons whose weights are the same as another's: at 100 %, the layer is no more than one neuron.",
    axis: "share",
    of: (l) => l.equal,
    text: (l) => percent(l.equal, 1),
    kind: "share",
  },
];

export function measureFigure(measure: Measure, selected: () => Compared[]): FigureSpec {
  return {
    key: `layers-${measure.key}`,
    title: measure.title,
    hint: measure.hint,
    wide: true,
    zoom: "y",
    height: (_, width) => (width < 620 ? 720 : 370),
    empty: "None of these trials has a diagnosis.",
    draw: (context) => draw(context, measure, selected()),
  };
}

interface Point {
  value: [number, number | null];
  low?: number;
  high?: number;
  text: string;
  place: string;
}

function draw(context: Context, measure: Measure, selected: Compared[]): Drawing | null {
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
        ...(measure.bars ? { low: layer.mean - layer.std, high: layer.mean + layer.std } : {}),
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
  const key = legend(
    theme,
    selected.map((s) => s.name),
    width,
  );
  return {
    option: {
      ...panels(context, stages, layers, key.height, yAxis(measure, theme, extent(series))),
      legend: key.legend,
      tooltip: itemTooltip(theme, (point: Point, name) => tip(name, [[point.place, point.text]])),
      series,
    },
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

/** The lowest and highest of all that is drawn. */
function extent(series: { data: (Point | (number | undefined)[])[] }[]): [number, number] {
  const values = series
    .flatMap((s) => s.data.flatMap((p) => (Array.isArray(p) ? p.slice(1) : [p.value[1]])))
    .filter((v): v is number => typeof v === "number");
  return padded(Math.min(...values), Math.max(...values));
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
    data: points.map((p) => [p.value[0], p.low, p.high]),
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
