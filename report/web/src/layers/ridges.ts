/** The distribution of activations in each layer, a row for each trial that is compared. */

import type { Layer } from "../document";
import { select } from "../dom";
import { number } from "../format";
import { grid } from "../figure/axis";
import type { Context, Drawing, FigureSpec } from "../figure/types";
import { itemTooltip, tip } from "../figure/tooltip";
import type { Compared } from "./selection";

const ROW = 62;

export function ridges(selected: () => Compared[]): FigureSpec {
  let chosen = "0";
  return {
    key: "layers-distributions",
    addressed: false,
    title: "Distribution of activations, layer by layer",
    hint: "Each small shape is a histogram over its own range, which the numbers below it give. One spike is a layer that says the same to every image; spikes at both ends of 0 to 1 are a saturated one.",
    wide: true,
    zoom: "y",
    height: () => 40 + ROW * Math.max(2, selected().length),
    controls: (figure) => {
      const stages = selected()[0]?.diagnosis.stages ?? [];
      if (stages.length < 2) return [];
      return [
        select(
          "When",
          stages.map((s, i) => ({ value: String(i), text: s.stage })),
          chosen,
          (at) => {
            chosen = at;
            figure.redraw();
          },
        ),
      ];
    },
    empty: "None of these trials has a diagnosis.",
    draw: (context) => draw(context, selected(), Number(chosen)),
  };
}

interface Item {
  value: [column: number, row: number];
  layer: Layer;
  name: string;
}

interface Api {
  value(dimension: number): number;
  coord(point: [number, number]): [number, number];
  size(size: [number, number]): [number, number];
}

function draw({ theme, width }: Context, selected: Compared[], stage: number): Drawing | null {
  const first = selected[0];
  if (!first) return null;
  const layersOf = (one: Compared) => one.diagnosis.stages[Math.min(stage, one.diagnosis.stages.length - 1)]!.layers;
  const names = layersOf(first).map((l) => l.name);
  const items = selected.flatMap((one, row) =>
    layersOf(one)
      .slice(0, names.length)
      .map((layer, i): Item => ({ value: [i, row], layer, name: one.name })),
  );
  const narrow = width < 620;
  return {
    option: {
      grid: grid({ top: 10, bottom: 8, left: 4, right: 8 }),
      tooltip: itemTooltip(theme, ({ layer, name }: Item) =>
        tip(`${name}: ${layer.name} (${layer.activation})`, [
          ["range", `${number(layer.histogram.low, 3)} to ${number(layer.histogram.high, 3)}`],
          ["mean", number(layer.mean, 3)],
          ["standard deviation", number(layer.std, 3)],
        ]),
      ),
      xAxis: {
        type: "category",
        data: names,
        position: "bottom",
        axisLine: { show: false },
        axisTick: { show: false },
        axisLabel: { color: theme.text, fontSize: narrow ? 9 : 12, interval: 0, rotate: narrow ? 45 : 0 },
      },
      yAxis: {
        type: "category",
        inverse: true,
        data: selected.map((s) => s.name),
        axisLine: { show: false },
        axisTick: { show: false },
        splitLine: { show: true, lineStyle: { color: theme.grid } },
        axisLabel: {
          color: theme.text,
          fontSize: narrow ? 10 : 12,
          interval: 0,
          overflow: "break",
          width: narrow ? 64 : 160,
          lineHeight: 13,
        },
      },
      series: [
        {
          type: "custom",
          data: items,
          encode: { x: 0, y: 1 },
          clip: true,
          renderItem: (params: { dataIndex: number }, api: Api) => {
            const { layer } = items[params.dataIndex]!;
            const [cw, ch] = api.size([1, 1]);
            const [x, y] = api.coord([api.value(0), api.value(1)]);
            const [left, base, w, h] = [x - 0.44 * cw, y + ch / 2 - (narrow ? 4 : 16), 0.88 * cw, ch - (narrow ? 10 : 24)];
            const range = `${number(layer.histogram.low, 2)} … ${number(layer.histogram.high, 2)}`;
            const fill = layer.kind === "conv" ? theme.categories[0] : theme.categories[2];
            return {
              type: "group",
              children: [
                {
                  type: "rect",
                  shape: { x: left, y: base - h, width: w, height: h + ch / 2 - (base - y) },
                  style: { fill: "transparent" },
                },
                {
                  type: "polygon",
                  shape: { points: outline(layer, left, base, w, h) },
                  style: { fill, fillOpacity: 0.7, stroke: fill, lineWidth: 1 },
                },
                {
                  type: "line",
                  shape: { x1: left, y1: base, x2: left + w, y2: base },
                  style: { stroke: theme.line, lineWidth: 1 },
                },
                ...(narrow
                  ? []
                  : [
                      {
                        type: "text",
                        x,
                        y: base + 7,
                        silent: true,
                        style: {
                          text: range,
                          fill: theme.muted,
                          fontSize: 10,
                          align: "center",
                          verticalAlign: "middle",
                          width: cw - 2,
                          overflow: "truncate",
                        },
                      },
                    ]),
              ],
            };
          },
        },
      ],
    },
    note: narrow ? "Point at a shape to see its range." : "",
    label: `Distributions of activations of ${selected.map((s) => s.name).join(", ")} in layers ${names.join(", ")}.`,
  };
}

/** A histogram's outline; its highest bin reaches the top. */
function outline(layer: Layer, left: number, base: number, width: number, height: number): [number, number][] {
  const { counts } = layer.histogram;
  const most = Math.max(1, ...counts);
  const step = width / Math.max(1, counts.length);
  const points: [number, number][] = [[left, base]];
  counts.forEach((n, i) => {
    const y = base - (height * n) / most;
    points.push([left + i * step, y], [left + (i + 1) * step, y]);
  });
  points.push([left + width, base]);
  return points;
}
