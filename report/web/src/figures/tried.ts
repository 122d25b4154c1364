/** How often which values of a parameter were tried, and what became of those trials. */

import type { Data } from "../data";
import type { Param, Trial } from "../document";
import { h } from "../dom";
import { number, percent, plural } from "../format";
import { grid, paramAxis, plainAxis, scaleOf } from "../figure/axis";
import { legend } from "../figure/legend";
import { itemTooltip, tip } from "../figure/tooltip";
import type { Context, Drawing, FigureSpec } from "../figure/types";
import type { Theme } from "../theme";
import { begun, type Bin, binsOf, hardly } from "./coverage";

export function tried(param: Param): FigureSpec {
  return {
    key: `tried-${param.name}`,
    title: `How often ${param.name} was tried where`,
    hint: "Trials of the search that began, whatever became of them. Where few are, the figures above say little.",
    wide: true,
    zoom: param.type === "categorical" ? "y" : "xy",
    height: 220,
    empty: "No trial with this parameter has begun yet.",
    draw: (context) => draw(context, param),
    table: (data) => table(data, param),
  };
}

const KINDS: { name: string; is: (trial: Trial) => boolean }[] = [
  { name: "complete", is: (t) => t.state === "COMPLETE" },
  { name: "pruned", is: (t) => t.state === "PRUNED" },
  { name: "failed", is: (t) => t.state === "FAIL" },
  { name: "running", is: (t) => t.state === "RUNNING" },
];

/** Without the trials themselves, which the library would copy. */
interface Bar {
  value: [from: number, to: number, below: number, above: number];
  name: string;
  kind: string;
  trials: number;
  all: number;
}

function draw({ data, theme, width, window }: Context, param: Param): Drawing | null {
  const bins = binsOf(data, param);
  const all = begun(data, param).length;
  if (all === 0) return null;
  const scale = scaleOf(param);
  const bars = bins.flatMap(barsOf);
  const series = KINDS.map(({ name }) => ({
    type: "custom",
    name,
    data: bars.filter((b) => b.kind === name),
    itemStyle: { color: colorOf(name, theme) },
    renderItem: (_: unknown, api: Api) => bar(api, name, theme),
    encode: { x: [0, 1], y: [2, 3] },
    ...(scale.choices ? { xAxisIndex: 1 } : {}),
    clip: true,
  })).filter((s) => s.data.length > 0);
  const key = legend(
    theme,
    series.map((s) => s.name),
    width,
  );
  const axis = paramAxis("x", scale, theme, window.x);
  const places = { type: "value", min: -0.5, max: (scale.choices?.length ?? 1) - 0.5, show: false };
  return {
    option: {
      grid: grid({ top: key.height + 24 }),
      legend: key.legend,
      tooltip: itemTooltip(theme, ({ name, kind, trials, all }: Bar) =>
        tip(name, [
          [kind, String(trials)],
          ["all", plural(all, "trial")],
        ]),
      ),
      xAxis: scale.choices ? [axis, places] : axis,
      yAxis: { ...plainAxis("y", "trials", theme), scale: false, min: 0, minInterval: 1 },
      series,
    },
    note: hardly(param, bins).join(" "),
    label: `How often ${param.name} was tried where: ${plural(all, "trial")}. ${hardly(param, bins).join(" ")}`,
  };
}

function barsOf(bin: Bin): Bar[] {
  let below = 0;
  return KINDS.flatMap(({ name, is }) => {
    const trials = bin.trials.filter(is).length;
    if (trials === 0) return [];
    const room = 0.04 * (bin.to - bin.from);
    const value: Bar["value"] = [bin.from + room, bin.to - room, below, below + trials];
    below += trials;
    return [{ value, name: bin.name, kind: name, trials, all: bin.trials.length }];
  });
}

function colorOf(kind: string, theme: Theme): string {
  return { complete: theme.categories[0]!, pruned: theme.neutral, failed: theme.bad }[kind] ?? theme.best;
}

interface Api {
  value(dimension: number): number;
  coord(point: [number, number]): [number, number];
  visual(name: string): string;
}

/** Kinds differ in outline, too, not in colour alone. */
function bar(api: Api, kind: string, theme: Theme) {
  const [left, top] = api.coord([api.value(0), api.value(3)]);
  const [right, bottom] = api.coord([api.value(1), api.value(2)]);
  const fill = api.visual("color");
  const hollow = kind === "pruned" || kind === "running";
  return {
    type: "rect",
    shape: { x: left, y: top, width: Math.max(1, right - left), height: bottom - top },
    style: {
      fill,
      fillOpacity: hollow ? 0.3 : 0.85,
      stroke: hollow ? fill : kind === "failed" ? theme.text : "none",
      lineWidth: hollow || kind === "failed" ? 1 : 0,
      ...(kind === "running" ? { lineDash: [3, 2] } : {}),
    },
  };
}

function table(data: Data, param: Param): HTMLElement {
  const heads = [param.name, "Trials", "Complete", "Pruned", "Failed", `Mean ${data.name}`, `${data.judged ? "Best" : "Largest"} ${data.name}`];
  const line = (bin: Bin) => {
    const values = bin.trials.filter((t) => t.state === "COMPLETE").flatMap((t) => data.value(t) ?? []);
    const mean = values.length > 0 ? values.reduce((a, b) => a + b, 0) / values.length : null;
    const best = values.length > 0 ? values.reduce((a, b) => (data.sign * b > data.sign * a ? b : a)) : null;
    const failed = bin.trials.filter((t) => t.state === "FAIL").length;
    const cells = [
      String(bin.trials.length),
      String(bin.trials.filter((t) => t.state === "COMPLETE").length),
      String(bin.trials.filter((t) => t.state === "PRUNED").length),
      failed === 0 ? "0" : `${failed} (${percent(failed / bin.trials.length)})`,
      number(mean, 4),
      number(best, 4),
    ];
    return h("tr", {}, h("th", { scope: "row" }, bin.name), ...cells.map((text) => h("td", { class: "num" }, text)));
  };
  return h(
    "table",
    {},
    h("thead", {}, h("tr", {}, ...heads.map((text, i) => h("th", { scope: "col", class: i > 0 ? "num" : "" }, text)))),
    h("tbody", {}, ...binsOf(data, param).map(line)),
  );
}
