/** A forest plot: the mean of each configuration with its interval, and every seed's value. */

import { padded } from "../data";
import { select } from "../dom";
import { fixed, decimalsFor, number } from "../format";
import { grid, plainAxis } from "../figure/axis";
import type { Context, Drawing, FigureSpec } from "../figure/types";
import { legend } from "../figure/legend";
import { filled, hollow } from "../figure/mark";
import { itemTooltip, tip } from "../figure/tooltip";
import { differsFromBest, type Field } from "./arms";

interface Row {
  value: [mean: number, row: number];
  low: number | null;
  high: number | null;
  row: number;
  trial: number;
}

interface Seed {
  value: [number, number];
  trial: number;
  seed: number;
}

export function forest(field: () => Field | null, key: string, title: string): FigureSpec {
  let close = true;
  return {
    key: `confirm-${key}`,
    title,
    hint: "The mark is the mean over fresh seeds, the bar its 95 % interval, small rings the single seeds. Filled marks cannot be told apart from the best mean.",
    wide: true,
    zoom: "x",
    height: (_, width) => 80 + (width < 460 ? 52 : 42) * Math.max(2, field()?.arms.length ?? 0),
    controls: (figure) => [
      select(
        "Values",
        [
          { value: "close", text: "near the best" },
          { value: "all", text: "all" },
        ] as const,
        "close",
        (value) => {
          close = value === "close";
          figure.redraw();
        },
      ),
    ],
    empty: "No confirmation trial has completed yet.",
    draw: (context) => draw(context, field(), close),
  };
}

function draw({ data, theme, width }: Context, field: Field | null, close: boolean): Drawing | null {
  if (!field || field.arms.every((a) => a.arm.values.length === 0)) return null;
  const { arms } = field;
  const range = close
    ? near(field)
    : padded(
        ...extremes(
          field.arms.map((_, i) => i),
          field,
        ),
        0.05,
      );
  const decimals = decimalsFor(range);
  const rows = arms.flatMap(({ arm }, row): Row[] =>
    arm.mean === null ? [] : [{ value: [arm.mean, row], low: arm.low, high: arm.high, row, trial: arm.of }],
  );
  const runs = new Map(data.trials.map((t) => [`${t.confirms?.of} ${t.confirms?.seed}`, t.number]));
  const seeds = arms.flatMap(({ arm }, row) =>
    arm.values.map((v, i): Seed => ({
      value: [v.value, row + 0.26 + 0.05 * ((i % 3) - 1)],
      trial: runs.get(`${arm.of} ${v.seed}`) ?? arm.of,
      seed: v.seed,
    })),
  );
  const hidden = rows.filter((r) => r.value[0] < range[0] || r.value[0] > range[1]).length;
  const told = (r: Row) => differsFromBest(field, arms[r.row]!.arm.of) === true;
  const color = theme.categories[0]!;
  const bar = (stroke: string) => (params: { dataIndex: number }, api: Api) => {
    const row = rows[params.dataIndex]!;
    if (row.low === null || row.high === null) return null;
    const [x1, y] = api.coord([row.low, row.row]);
    const [x2] = api.coord([row.high, row.row]);
    const line = (a: number, b: number, c: number, d: number) => ({
      type: "line",
      shape: { x1: a, y1: b, x2: c, y2: d },
      style: { stroke, lineWidth: 2 },
    });
    return { type: "group", children: [line(x1, y, x2, y), line(x1, y - 5, x1, y + 5), line(x2, y - 5, x2, y + 5)] };
  };
  const on = { yAxisIndex: 1 };
  const mean = (name: string, points: Row[], looks: object) => ({ type: "scatter", name, data: points, ...on, ...looks, z: 6 });
  const key = legend(theme, ["as good as the best", "told apart from it", "one seed"], width);
  return {
    option: {
      grid: grid({ top: key.height + 8 }),
      legend: key.legend,
      tooltip: itemTooltip(theme, (p: Row | Seed) => {
        const found = arms["row" in p ? p.row : Math.floor(p.value[1])];
        if (!found) return "";
        if ("seed" in p) return tip(found.name, [[`seed ${p.seed}`, number(p.value[0], 6)]]);
        const { arm } = found;
        return tip(found.name, [
          ["mean", fixed(arm.mean, decimals + 1)],
          ["95 % interval", `${fixed(arm.low, decimals + 1)} to ${fixed(arm.high, decimals + 1)}`],
          ["seeds", `${arm.values.length} of ${arm.planned}`],
          ["standard deviation", number(arm.sd, 3)],
          ["test", fixed(arm.test_mean, decimals + 1)],
          ["configuration of", `trial ${arm.of}`],
        ]);
      }),
      xAxis: {
        ...plainAxis("x", data.name, theme),
        min: range[0],
        max: range[1],
        axisLabel: {
          color: theme.muted,
          fontSize: 11,
          hideOverlap: true,
          showMinLabel: false,
          showMaxLabel: false,
          formatter: (v: number) => number(v, 5),
        },
      },
      yAxis: [
        {
          type: "category",
          inverse: true,
          data: arms.map(({ name, arm }) => (arm.few ? `${name}\n(few seeds: ${arm.values.length})` : name)),
          axisLine: { show: false },
          axisTick: { show: false },
          axisLabel: {
            color: theme.text,
            fontSize: width < 460 ? 10 : 12,
            interval: 0,
            overflow: "break",
            lineHeight: 13,
            width: width < 460 ? 92 : 230,
          },
          splitLine: { show: false },
        },
        // Seeds lie below their mean, which categories do not allow.
        { type: "value", inverse: true, min: -0.5, max: arms.length - 0.5, show: false, splitLine: { show: false } },
      ],
      series: [
        { type: "scatter", name: "one seed", data: seeds, ...on, ...hollow("circle", theme.neutral, 6, theme), z: 3 },
        {
          type: "custom",
          data: rows.map((r) => [r.value[0], r.row]),
          ...on,
          silent: true,
          clip: true,
          renderItem: bar(color),
          encode: { x: 0, y: 1 },
          itemStyle: { color },
          z: 5,
        },
        mean(
          "as good as the best",
          rows.filter((r) => !told(r)),
          filled("diamond", color, 11),
        ),
        mean("told apart from it", rows.filter(told), hollow("diamond", color, 10, theme)),
      ],
    },
    note:
      hidden > 0
        ? `${hidden} ${hidden === 1 ? "mean lies" : "means lie"} beyond the values shown; choose “Values: all” to see ${hidden === 1 ? "it" : "them"}.`
        : "",
    label: `Forest plot, best first: ${arms.map(({ name, arm }) => `${name} ${fixed(arm.mean, decimals)}, ${fixed(arm.low, decimals)} to ${fixed(arm.high, decimals)}`).join("; ")}.`,
  };
}

interface Api {
  coord(point: [number, number]): [number, number];
}

/** From the worst to the best of what belongs to some rows. */
function extremes(rows: number[], field: Field): [number, number] {
  let [low, high] = [Infinity, -Infinity];
  for (const row of rows) {
    const { arm } = field.arms[row]!;
    for (const v of [arm.low, arm.high, arm.mean, ...arm.values.map((x) => x.value)]) {
      if (v === null) continue;
      low = Math.min(low, v);
      high = Math.max(high, v);
    }
  }
  return [low, high];
}

/** Room for the best arms, and for more of them as long as that does not widen the axis more than threefold. */
function near(field: Field): [number, number] {
  const means = field.arms.map((a) => a.arm.mean);
  const some = means.map((_, i) => i).filter((i) => means[i] !== null);
  let rows = some.slice(0, Math.max(2, Math.ceil(some.length / 3)));
  let range = extremes(rows, field);
  for (const row of some.slice(rows.length)) {
    const wider = extremes([...rows, row], field);
    if (wider[1] - wider[0] > 3 * (range[1] - range[0])) break;
    rows = [...rows, row];
    range = wider;
  }
  return padded(...range, 0.05);
}
