/** Best and mean of each pair of choices, with the number of trials behind it. */

import type { Cell, Choice, Combinations } from "../document";
import { h } from "../dom";
import { choice, fixed, decimalsFor, plural } from "../format";
import { grid } from "../figure/axis";
import type { Context, Drawing, FigureSpec } from "../figure/types";
import { itemTooltip, tip } from "../figure/tooltip";
import { inkOn, ramp } from "../theme";
import { valuePickers } from "./part";

type Measure = "best" | "mean";

export function combinations(pair: [string, string], measure: Measure): FigureSpec {
  const [a, b] = pair;
  const name = measure === "best" ? "Best" : "Mean";
  return {
    key: `${measure}-${a}-${b}`,
    title: `${name} value by ${a} and ${b}`,
    heading: (data) => `${name} ${data.name} by ${a} and ${b}`,
    hint: `Each cell: the ${measure} of its trials, and how many they are. A dashed cell has fewer than 5: it may be luck, and so may a best of many.`,
    zoom: "xy",
    height: (data, width) => 128 + (width < 460 ? 44 : 48) * (find(data.analysis.combinations, pair)?.rows.length ?? 3),
    controls: valuePickers,
    empty: "No trial has completed yet.",
    draw: (context) => draw(context, pair, measure),
    table: (data) => {
      const found = find(data.analysis.combinations, pair);
      return found ? table(found, pair) : null;
    },
  };
}

interface Found {
  cells: Cell[];
  columns: Choice[];
  rows: Choice[];
}

/** The cells of a pair, and the choices that occur, in the order in which they first do. */
function find(all: Combinations[], [a, b]: [string, string]): Found | null {
  const cells = all.find((c) => c.params[0] === a && c.params[1] === b)?.cells.filter((c) => c.trials > 0) ?? [];
  if (cells.length === 0) return null;
  const side = (i: 0 | 1) => [...new Set(cells.map((c) => c.choices[i]))];
  return { cells, rows: side(0), columns: side(1) };
}

function draw({ data, theme, range, width }: Context, pair: [string, string], measure: Measure): Drawing | null {
  const found = find(data.analysis.combinations, pair);
  if (!found) return null;
  const order = (param: string, present: Choice[]) => {
    const all = data.study.space.find((p) => p.name === param)?.choices ?? present;
    return all.length > 0 ? all : present;
  };
  const [rows, columns] = [order(pair[0], found.rows), order(pair[1], found.columns)];
  const decimals = Math.min(4, decimalsFor(range));
  const share = (value: number) => {
    const x = (value - range[0]) / (range[1] - range[0] || 1);
    return data.sign > 0 ? x : 1 - x;
  };
  const small = width / (columns.length + 2) < 62;
  const items = found.cells.map((cell) => {
    const color = ramp(share(cell[measure]), theme.dark);
    // Where there is little room, a leading zero says nothing.
    const text = fixed(cell[measure], small ? Math.min(3, decimals) : decimals).replace(/^0\./, small ? "." : "0.");
    return {
      text,
      value: [columns.indexOf(cell.choices[1]), rows.indexOf(cell.choices[0]), cell[measure]],
      cell,
      color,
      ink: inkOn(color),
    };
  });
  return {
    option: {
      grid: grid({ top: 28, left: 4, right: 8 }),
      tooltip: itemTooltip(theme, ({ cell }: { cell: Cell }) =>
        tip(`${choice(cell.choices[0])} with ${choice(cell.choices[1])}`, [
          ["trials", `${cell.trials}${cell.few ? " (few)" : ""}`],
          ["best", fixed(cell.best, decimals + 1)],
          ["mean", fixed(cell.mean, decimals + 1)],
          ["standard deviation", fixed(cell.sd, decimals + 1)],
        ]),
      ),
      xAxis: category(columns.map(choice), pair[1], "x"),
      yAxis: { ...category(rows.map(choice), pair[0], "y"), inverse: true },
      series: [
        {
          type: "custom",
          data: items,
          clip: true,
          encode: { x: 0, y: 1 },
          renderItem: (params: { dataIndex: number }, api: Api) => {
            const item = items[params.dataIndex]!;
            const [cw, ch] = api.size([1, 1]);
            const [x, y] = api.coord([api.value(0), api.value(1)]);
            const { cell, color, ink } = item;
            const text = (dy: number, size: number, weight: number, content: string) => ({
              type: "text",
              x,
              y: y + dy,
              silent: true,
              style: { text: content, fill: ink, fontSize: size, fontWeight: weight, align: "center", verticalAlign: "middle" },
            });
            return {
              type: "group",
              children: [
                {
                  type: "rect",
                  shape: { x: x - cw / 2 + 1, y: y - ch / 2 + 1, width: cw - 2, height: ch - 2, r: 3 },
                  style: { fill: color, ...(cell.few ? { stroke: theme.text, lineWidth: 1.5, lineDash: [4, 3] } : {}) },
                },
                text(-7, small ? 10 : 13, 600, item.text),
                text(
                  9,
                  small ? 9 : 11,
                  400,
                  small ? `${cell.trials}${cell.few ? "!" : ""}` : `n = ${cell.trials}${cell.few ? " few" : ""}`,
                ),
              ],
            };
          },
        },
      ],
    },
    note: `${plural(found.cells.length, "pair")} of ${rows.length * columns.length} tried; ${found.cells.filter((c) => c.few).length} of them with fewer than 5 trials.${data.constrained ? " Infeasible trials are left out." : ""}${small ? " The lower number is that of trials; ! marks few." : ""}`,
    label: `${measure === "best" ? "Best" : "Mean"} ${data.name} for each pair of ${pair[0]} and ${pair[1]}; the table below has the same numbers.`,
  };

  function category(names: string[], name: string, side: "x" | "y") {
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
}

interface Api {
  value(dimension: number): number;
  coord(point: [number, number]): [number, number];
  size(size: [number, number]): [number, number];
}

function table(found: Found, [a, b]: [string, string]): HTMLElement {
  const decimals = Math.min(5, decimalsFor(found.cells.map((c) => c.best)) + 1);
  const heads = [a, b, "Trials", "Best", "Mean", "Standard deviation"];
  return h(
    "table",
    {},
    h("thead", {}, h("tr", {}, ...heads.map((text, i) => h("th", { scope: "col", class: i > 1 ? "num" : "" }, text)))),
    h(
      "tbody",
      {},
      ...found.cells.map((cell) =>
        h(
          "tr",
          {},
          h("th", { scope: "row" }, choice(cell.choices[0])),
          h("td", {}, choice(cell.choices[1])),
          h("td", { class: "num" }, `${cell.trials}${cell.few ? " (few)" : ""}`),
          ...[cell.best, cell.mean, cell.sd].map((v) => h("td", { class: "num" }, fixed(v, decimals))),
        ),
      ),
    ),
  );
}
