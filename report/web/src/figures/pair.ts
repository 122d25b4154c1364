/** A heat map of the value over any two parameters. */

import type { Data } from "../data";
import type { Param } from "../document";
import { select } from "../dom";
import { number, plural } from "../format";
import { grid, paramAxis, positionOf, type Scale, scaleOf } from "../figure/axis";
import type { Context, Controlled, Drawing, FigureSpec } from "../figure/types";
import { itemTooltip, tip, trialTip, valueRows } from "../figure/tooltip";
import { rampColors } from "../theme";
import { cellTable, drawCells, type Say } from "./cells";
import { type Grid, surface } from "./surface";
import { jitter, STAR } from "./slice";
import { partPicker } from "./part";

/** Cells along a numeric axis, and the width over which a trial counts, in cells. */
const CELLS = 40;
const BLUR = 2;

/** `others` are what the parameter can be seen with; the first of them is, to begin with. */
export function pair(param: Param, others: Param[]): FigureSpec {
  const chosen = { other: others[0]!, say: "mean" as Say };
  const cells = () => param.type === "categorical" && chosen.other.type === "categorical";
  const controls = (figure: Controlled) => {
    const names = others.map((p) => ({ value: p.name, text: p.name }));
    const say = select<Say>("Cells", SAYS, chosen.say, (wanted) => {
      chosen.say = wanted;
      figure.redraw();
    });
    say.hidden = !cells();
    const other = select("With", names, chosen.other.name, (name) => {
      chosen.other = others.find((p) => p.name === name)!;
      say.hidden = !cells();
      figure.restart();
    });
    return [other, say, partPicker(figure)];
  };
  return {
    key: `pair-${param.name}`,
    title: `Value by ${param.name} and another parameter`,
    heading: (data) => `${data.subject} by ${param.name} and another parameter`,
    hint: "What is good stands out. Of two choices: the mean or the best of each pair, and of how many trials; a dashed cell has fewer than 5. Else colour is the mean of the trials near by, dots are the trials, the star the best one; where there are none, the map is empty.",
    wide: true,
    zoom: "xy",
    height: (_, width) => (cells() ? 128 + (width < 460 ? 44 : 48) * Math.max(2, chosen.other.choices?.length ?? 0) : width < 500 ? 380 : 460),
    controls,
    empty: "No trial has completed yet with both parameters.",
    depends: (data) => data.progress,
    draw: (context) => (cells() ? drawCells(context, param, chosen.other, chosen.say) : draw(context, param, chosen.other)),
    table: (data) => (cells() ? cellTable(data, param, chosen.other) : null),
  };
}

const SAYS: { value: Say; text: string }[] = [
  { value: "mean", text: "mean" },
  { value: "best", text: "best" },
];

interface Dot {
  value: [number, number];
  trial: number;
}

interface Patch {
  value: [x0: number, x1: number, y0: number, y1: number, mean: number];
}

function draw({ data, theme, range, window, width }: Context, px: Param, py: Param): Drawing | null {
  const [x, y] = [scaleOf(px), scaleOf(py)];
  const dots = dotsOf(data, x, y);
  if (dots.length === 0) return null;
  const [bx, by] = [bins(x), bins(y)];
  const samples = dots.map((dot) => ({ x: bx.at(dot.place[0]), y: by.at(dot.place[1]), value: data.value(data.trial(dot.trial))! }));
  const map = surface(samples, bx.n, by.n, x.choices ? 0 : BLUR, y.choices ? 0 : BLUR);
  const best = data.best;
  const series = [
    {
      type: "custom",
      name: "mean",
      data: patches(map, bx, by),
      renderItem: patch,
      encode: { x: [0, 1], y: [2, 3] },
      clip: true,
      progressive: 0,
      ...hidden(x, y),
    },
    {
      type: "scatter",
      name: "trials",
      data: dots.filter((d) => d.trial !== best?.number),
      symbolSize: dots.length > 1500 ? 2.5 : 5,
      itemStyle: {
        color: theme.surface,
        borderColor: theme.text,
        borderWidth: dots.length > 1500 ? 0 : 1,
        opacity: dots.length > 1500 ? 0.6 : 0.9,
      },
      ...hidden(x, y),
    },
    {
      type: "scatter",
      name: "best",
      data: dots.filter((d) => d.trial === best?.number),
      symbol: STAR,
      symbolSize: 18,
      itemStyle: { color: theme.best, borderColor: theme.surface, borderWidth: 1.5 },
      z: 5,
      ...hidden(x, y),
    },
  ];
  return {
    option: {
      grid: grid({ top: 30, right: width < 500 ? 18 : 84 }),
      tooltip: itemTooltip(theme, (item: Dot | Patch) => {
        if ("trial" in item) {
          const trial = data.trial(item.trial);
          return trial ? trialTip(trial, valueRows(data, trial)) : "";
        }
        const [x0, x1, y0, y1, mean] = item.value;
        return tip("Near here", [
          [`mean ${data.name}`, number(mean, 5)],
          [x.name, x.text((x0 + x1) / 2)],
          [y.name, y.text((y0 + y1) / 2)],
        ]);
      }),
      visualMap: {
        type: "continuous",
        seriesIndex: 0,
        dimension: 4,
        min: range[0],
        max: range[1],
        precision: 4,
        calculable: false,
        show: width >= 500,
        right: 0,
        top: "middle",
        itemHeight: 180,
        itemWidth: 14,
        text: [number(range[1], 3), number(range[0], 3)],
        textStyle: { color: theme.muted, fontSize: 11 },
        inRange: { color: rampColors(theme.dark, data.sign) },
      },
      xAxis: axes("x", x),
      yAxis: axes("y", y),
      series,
    },
    note: `${plural(dots.length, "trial")}. ${width < 500 ? `From ${number(range[0], 3)} to ${number(range[1], 3)}; what is good stands out. ` : ""}Values outside that range have the colour of its nearer end.`,
    label: `Mean ${data.name} over ${px.name} and ${py.name}, from ${plural(dots.length, "trial")}.`,
  };

  /** Choices get a plain axis behind the named one, on which dots can be spread. */
  function axes(side: "x" | "y", scale: Scale) {
    const named = paramAxis(side, scale, theme, side === "x" ? window.x : window.y);
    if (!scale.choices) return [{ ...named, min: scale.low ?? undefined, max: scale.high ?? undefined }];
    return [named, { type: "value", min: -0.5, max: scale.choices.length - 0.5, show: false }];
  }
}

function hidden(x: Scale, y: Scale) {
  return { xAxisIndex: x.choices ? 1 : 0, yAxisIndex: y.choices ? 1 : 0 };
}

function dotsOf(data: Data, x: Scale, y: Scale): (Dot & { place: [number, number] })[] {
  return data.complete.flatMap((trial) => {
    const [a, b] = [positionOf(x, trial), positionOf(y, trial)];
    if (a === null || b === null) return [];
    const spread = (scale: Scale, at: number, along: "x" | "y") => (scale.choices ? at + 1.3 * jitter(trial.number, along) : at);
    return [{ value: [spread(x, a, "x"), spread(y, b, "y")], place: [a, b], trial: trial.number }];
  });
}

interface Bins {
  n: number;
  at: (position: number) => number;
  edge: (i: number) => number;
}

function bins(scale: Scale): Bins {
  if (scale.choices) return { n: scale.choices.length, at: (p) => p, edge: (i) => i - 0.5 };
  const [low, high] = [scale.low ?? 0, scale.high ?? 1];
  const step = (high - low) / CELLS || 1;
  return { n: CELLS, at: (p) => Math.min(CELLS - 1, Math.max(0, Math.floor((p - low) / step))), edge: (i) => low + i * step };
}

function patches(map: Grid, bx: Bins, by: Bins): Patch[] {
  return map.mean.flatMap((mean, i) => {
    if (mean === null) return [];
    const [cx, cy] = [i % map.nx, Math.floor(i / map.nx)];
    return [{ value: [bx.edge(cx), bx.edge(cx + 1), by.edge(cy), by.edge(cy + 1), mean] }];
  });
}

interface Api {
  value(dimension: number): number;
  coord(point: [number, number]): [number, number];
  visual(name: string): string;
}

function patch(_: unknown, api: Api) {
  const [left, top] = api.coord([api.value(0), api.value(3)]);
  const [right, bottom] = api.coord([api.value(1), api.value(2)]);
  // Half a pixel more, or the gaps between cells would show.
  return {
    type: "rect",
    shape: { x: left, y: top, width: right - left + 0.5, height: bottom - top + 0.5 },
    style: { fill: api.visual("color") },
  };
}
