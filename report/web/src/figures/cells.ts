/** Best or mean of each pair of choices, with the number of trials behind it. */

import type { Data } from "../data";
import type { Choice, Param } from "../document";
import { h } from "../dom";
import { choice, decimalsFor, fixed, plural } from "../format";
import { grid } from "../figure/axis";
import { itemTooltip, tip } from "../figure/tooltip";
import type { Context, Drawing, Option } from "../figure/types";
import { inkOn, ramp, type Theme } from "../theme";
import { type Cell, cellsOf, FEW } from "./pairs";

export type Say = "mean" | "best";

interface Item {
  value: [number, number, number];
  cell: Cell;
}

export function drawCells({ data, theme, range, width }: Context, px: Param, py: Param, say: Say): Drawing | null {
  const cells = cellsOf(data, px, py);
  if (cells.length === 0) return null;
  const [columns, rows] = [px.choices ?? [], py.choices ?? []];
  const decimals = Math.min(4, decimalsFor(range));
  const small = width / (columns.length + 2) < 62;
  const items: Item[] = cells.map((cell) => ({ value: [cell.x, cell.y, cell[say]], cell }));
  const few = cells.filter((c) => c.trials < FEW).length;
  return {
    option: {
      grid: grid({ top: 28, left: 4, right: 8 }),
      tooltip: itemTooltip(theme, ({ cell }: Item) =>
        tip(`${choice(columns[cell.x])} with ${choice(rows[cell.y])}`, [
          ["trials", `${cell.trials}${cell.trials < FEW ? " (few)" : ""}`],
          ["mean", fixed(cell.mean, decimals + 1)],
          [bestName(data), fixed(cell.best, decimals + 1)],
          ["standard deviation", fixed(cell.sd, decimals + 1)],
        ]),
      ),
      xAxis: axis(columns.map(choice), px.name, "x", theme, width, small),
      yAxis: { ...axis(rows.map(choice), py.name, "y", theme, width, small), inverse: true },
      series: [
        {
          type: "custom",
          name: say,
          data: items,
          clip: true,
          encode: { x: 0, y: 1 },
          renderItem: (params: { dataIndex: number }, api: Api) => {
            const { cell } = items[params.dataIndex]!;
            return drawn(api, cell, ramp(share(cell[say], range, data.sign), theme.dark), written(cell, say, decimals, small), theme, small);
          },
        },
      ],
    },
    note: [
      `${plural(cells.length, "pair")} of ${rows.length * columns.length} tried; ${few} of them with fewer than ${FEW} trials.`,
      data.ranked.length < data.complete.length ? "Infeasible trials are left out." : "",
      small ? "The lower number is that of trials; ! marks few." : "",
    ]
      .filter(Boolean)
      .join(" "),
    label: `${say === "mean" ? "Mean" : "Best"} ${data.name} for each pair of ${px.name} and ${py.name}; the table below has the same numbers.`,
  };
}

/** Of what nobody called better, the larger is just that. */
function bestName(data: Data): string {
  return data.judged ? "best" : "largest";
}

function share(value: number, [low, high]: [number, number], sign: 1 | -1): number {
  const x = (value - low) / (high - low || 1);
  return sign > 0 ? x : 1 - x;
}

/** The value, and how many trials it is of. Where there is little room, a leading zero says nothing. */
function written(cell: Cell, say: Say, decimals: number, small: boolean): [string, string] {
  const value = fixed(cell[say], small ? Math.min(3, decimals) : decimals).replace(/^0\./, small ? "." : "0.");
  const few = cell.trials < FEW;
  return [value, small ? `${cell.trials}${few ? "!" : ""}` : `n = ${cell.trials}${few ? " few" : ""}`];
}

interface Api {
  value(dimension: number): number;
  coord(point: [number, number]): [number, number];
  size(size: [number, number]): [number, number];
}

function drawn(api: Api, cell: Cell, color: string, [value, trials]: [string, string], theme: Theme, small: boolean) {
  const [cw, ch] = api.size([1, 1]);
  const [x, y] = api.coord([api.value(0), api.value(1)]);
  const text = (dy: number, size: number, weight: number, content: string) => ({
    type: "text",
    x,
    y: y + dy,
    silent: true,
    style: { text: content, fill: inkOn(color), fontSize: size, fontWeight: weight, align: "center", verticalAlign: "middle" },
  });
  const dashed = cell.trials < FEW ? { stroke: theme.text, lineWidth: 1.5, lineDash: [4, 3] } : {};
  return {
    type: "group",
    children: [
      {
        type: "rect",
        shape: { x: x - cw / 2 + 1, y: y - ch / 2 + 1, width: cw - 2, height: ch - 2, r: 3 },
        style: { fill: color, ...dashed },
      },
      text(-7, small ? 10 : 13, 600, value),
      text(9, small ? 9 : 11, 400, trials),
    ],
  };
}

function axis(names: string[], name: string, side: "x" | "y", theme: Theme, width: number, small: boolean): Option {
  const widest = Math.max(...names.map((n) => n.length)) * 6.8;
  const rotate = side === "x" && (small || widest > (width - 170) / names.length) ? 40 : 0;
  return {
    type: "category",
    data: names,
    name,
    nameLocation: side === "x" ? "middle" : "start",
    nameGap: rotate > 0 || side === "y" ? 8 : 28,
    nameMoveOverlap: side === "x",
    nameTextStyle: { color: theme.muted, fontSize: 12, ...(side === "y" ? { align: "right" } : {}) },
    axisLine: { show: false },
    axisTick: { show: false },
    splitArea: { show: true, areaStyle: { color: ["transparent"] } },
    axisLabel: {
      color: theme.text,
      fontSize: small ? 10 : 12,
      interval: 0,
      overflow: "truncate",
      ...(side === "x" ? { rotate, width: 100 } : { width: small ? 72 : 130 }),
    },
  };
}

export function cellTable(data: Data, px: Param, py: Param): HTMLElement | null {
  const cells = cellsOf(data, px, py).sort((a, b) => a.y - b.y || a.x - b.x);
  if (cells.length === 0) return null;
  const decimals = Math.min(5, decimalsFor(cells.map((c) => c.best)) + 1);
  const of = (param: Param, i: number): Choice | undefined => param.choices?.[i];
  const heads = [px.name, py.name, "Trials", "Mean", data.judged ? "Best" : "Largest", "Standard deviation"];
  return h(
    "table",
    {},
    h("thead", {}, h("tr", {}, ...heads.map((text, i) => h("th", { scope: "col", class: i > 1 ? "num" : "" }, text)))),
    h(
      "tbody",
      {},
      ...cells.map((cell) =>
        h(
          "tr",
          {},
          h("th", { scope: "row" }, choice(of(px, cell.x))),
          h("td", {}, choice(of(py, cell.y))),
          h("td", { class: "num" }, `${cell.trials}${cell.trials < FEW ? " (few)" : ""}`),
          ...[cell.mean, cell.best, cell.sd].map((v) => h("td", { class: "num" }, fixed(v, decimals))),
        ),
      ),
    ),
  );
}
