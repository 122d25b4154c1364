/** The figures of a comparison: best values so far over trials and over time, and all values. */

import { h, select } from "../dom";
import { grid, plainAxis } from "../figure/axis";
import { legend } from "../figure/legend";
import { mark } from "../figure/mark";
import { itemTooltip, tip } from "../figure/tooltip";
import type { Context, Drawing, FigureSpec } from "../figure/types";
import { duration, listing, number, plural } from "../format";
import { DASHES, type Theme } from "../theme";
import { type Across, band, bestSoFar, repeated } from "./series";
import { dataOf, type Subject } from "./subject";

export interface Comparison {
  subjects: readonly Subject[];
  metric: string | null;
}

interface Mark {
  value: [number, number];
  trial: number;
  study: string;
}

export function figuresOf(comparison: () => Comparison): FigureSpec[] {
  return [best(comparison, "trials"), best(comparison, "time"), values(comparison)];
}

function best(comparison: () => Comparison, across: Across): FigureSpec {
  let looks: "bands" | "each" = "bands";
  const title = across === "trials" ? "Best so far over trials" : "Best so far over time";
  return {
    key: `best-over-${across}`,
    title,
    heading: () => `${title}${ofMetric(comparison())}`,
    hint:
      across === "trials"
        ? "The best feasible value after so many trials of the search had ended."
        : "The same over the time since the study's first trial began, pauses included.",
    wide: true,
    addressed: false,
    zoom: "xy",
    height: 380,
    empty: "No trial of these studies has completed with this metric yet.",
    controls: (figure) => [
      select("Repeated searches", [{ value: "bands", text: "as a band" }, { value: "each", text: "each alone" }], looks, (now) => {
        looks = now;
        figure.restart();
      }),
    ],
    draw: (context) => drawBest(context, comparison(), across, looks === "bands"),
    table: () => bestTable(comparison(), across),
  };
}

function ofMetric({ metric }: Comparison): string {
  return metric === null ? ": each study's first metric" : metric === "value" ? "" : `: ${metric}`;
}

function drawBest({ theme, width }: Context, { subjects, metric }: Comparison, across: Across, bands: boolean): Drawing | null {
  const all = subjects.map((subject) => dataOf(subject, metric));
  const lines = all.map((data) => (data ? bestSoFar(data, across) : { steps: [], end: 0 }));
  if (lines.every(({ steps }) => steps.length === 0)) return null;
  const groups = bands ? repeated(all.map((data) => data?.study ?? null)).map((places) => places.filter((p) => lines[p]!.steps.length > 0)) : [];
  const banded = groups.filter((places) => places.length > 1 && band(places.map((p) => lines[p]!)).length > 0);
  const within = new Set(banded.flat());
  const unit = across === "time" ? timeUnit(Math.max(...lines.map(({ end }) => end))) : { name: "ended trials", size: 1 };
  const series = [
    ...banded.flatMap((places) => bandSeries(places, subjects, lines, unit.size, theme)),
    ...subjects.flatMap((subject, i) => {
      const { steps, end } = lines[i]!;
      if (steps.length === 0) return [];
      const looks = mark(theme, subject.place, within.has(i) ? 4 : 6);
      const last = steps.at(-1)!;
      const points: Mark[] = steps.map(({ at, value, trial }) => ({ value: [at / unit.size, value], trial, study: subject.name }));
      if (end > last.at) points.push({ value: [end / unit.size, last.value], trial: last.trial, study: subject.name });
      return [
        {
          type: "line",
          name: subject.shown,
          data: points,
          step: "end",
          ...looks,
          showAllSymbol: points.length < 60,
          lineStyle: { color: looks.color, width: within.has(i) ? 1 : 2, type: DASHES[subject.place], opacity: within.has(i) ? 0.55 : 1 },
          z: within.has(i) ? 3 : 5,
        },
      ];
    }),
  ];
  const names = series.map(({ name }) => name).filter((name, i, found) => name !== "" && found.indexOf(name) === i);
  const key = legend(theme, names, width);
  return {
    option: {
      grid: grid({ top: key.height + 28 }),
      legend: key.legend,
      tooltip: itemTooltip(theme, (point: Mark, name: string) =>
        tip(name, [
          ["best so far", number(point.value[1], 6)],
          ["trial", String(point.trial)],
          [across === "time" ? "after" : "ended trials", across === "time" ? duration(point.value[0] * unit.size) : String(point.value[0])],
        ]),
      ),
      xAxis: { ...plainAxis("x", unit.name, theme), min: 0, splitLine: { show: false }, ...(across === "trials" ? { minInterval: 1 } : {}) },
      yAxis: plainAxis("y", axisName(all, metric), theme),
      series,
    },
    note: [directions(subjects, metric), banded.length > 0 ? "A band reaches from the lower to the upper quartile of studies that differ only in their seed; the line in it is the median. It ends where the first of them does." : ""].filter(Boolean).join(" "),
    label: `Best so far of ${plural(series.length, "line")}: ${subjects.flatMap((s, i) => (lines[i]!.steps.length > 0 ? [`${s.shown} ${number(lines[i]!.steps.at(-1)!.value)}`] : [])).join(", ")}.`,
  };
}

interface Api {
  coord(point: [number, number]): [number, number];
}

function bandSeries(places: number[], subjects: readonly Subject[], lines: ReturnType<typeof bestSoFar>[], size: number, theme: Theme) {
  const steps = band(places.map((p) => lines[p]!));
  const { color } = mark(theme, subjects[places[0]!]!.place, 6);
  const name = `median of ${listing(places.map((p) => subjects[p]!.shown))}`;
  const outline = (api: Api, of: "low" | "high") =>
    steps.flatMap((step, i) => {
      const here = api.coord([step.at / size, step[of]]);
      const before = steps[i - 1];
      return before ? [api.coord([step.at / size, before[of]]), here] : [here];
    });
  return [
    {
      type: "custom",
      name,
      data: [[steps[0]!.at / size, steps[0]!.median]],
      silent: true,
      clip: true,
      renderItem: (_: unknown, api: Api) => ({
        type: "polygon",
        shape: { points: [...outline(api, "low"), ...outline(api, "high").reverse()] },
        style: { fill: color, opacity: 0.2 },
      }),
      itemStyle: { color },
      z: 1,
    },
    {
      type: "line",
      name,
      data: steps.map(({ at, median }) => [at / size, median]),
      step: "end",
      symbol: "none",
      lineStyle: { color, width: 3 },
      itemStyle: { color },
      silent: true,
      z: 6,
    },
  ];
}

function timeUnit(seconds: number): { name: string; size: number } {
  if (seconds < 300) return { name: "seconds", size: 1 };
  if (seconds < 3 * 3600) return { name: "minutes", size: 60 };
  return seconds < 4 * 86_400 ? { name: "hours", size: 3600 } : { name: "days", size: 86_400 };
}

function axisName(all: (ReturnType<typeof dataOf>)[], metric: string | null): string {
  const labels = [...new Set(all.flatMap((data) => (data ? [data.values.label(data.metric)] : [])))];
  return labels.length === 1 ? labels[0]! : (metric ?? "first metric");
}

/** Said where one study wants more of what another wants less of. */
export function directions(subjects: readonly Subject[], metric: string | null): string {
  const by = (sign: number) => subjects.filter((s) => dataOf(s, metric)?.sign === sign).map((s) => s.shown);
  const [up, down] = [by(1), by(-1)];
  return up.length > 0 && down.length > 0 ? `Higher is better for ${listing(up)}, lower is better for ${listing(down)}.` : "";
}

function bestTable({ subjects, metric }: Comparison, across: Across): HTMLElement {
  const rows = subjects.flatMap((subject) => {
    const data = dataOf(subject, metric);
    return data ? bestSoFar(data, across).steps.map((step) => ({ subject, step })) : [];
  });
  const at = (x: number) => (across === "time" ? duration(x) : String(x));
  return h(
    "table",
    {},
    h("thead", {}, h("tr", {}, ...["Study", across === "time" ? "After" : "Ended trials", "Best so far", "Trial"].map((t, i) => h("th", { scope: "col", class: i > 0 ? "num" : "" }, t)))),
    h(
      "tbody",
      {},
      ...rows.map(({ subject, step }) =>
        h("tr", {}, h("th", { scope: "row" }, subject.shown), h("td", { class: "num" }, at(step.at)), h("td", { class: "num" }, number(step.value, 6)), h("td", { class: "num" }, step.trial)),
      ),
    ),
  );
}

function values(comparison: () => Comparison): FigureSpec {
  return {
    key: "values-of-all",
    title: "Value over trials",
    heading: () => `Value over trials${ofMetric(comparison())}`,
    hint: "Each mark is a completed trial of the search, by its number. Click one to open it.",
    wide: true,
    addressed: false,
    zoom: "xy",
    height: 380,
    empty: "No trial of these studies has completed with this metric yet.",
    draw: (context) => drawValues(context, comparison()),
  };
}

function drawValues({ theme, width }: Context, { subjects, metric }: Comparison): Drawing | null {
  const all = subjects.map((subject) => dataOf(subject, metric));
  const total = all.reduce((n, data) => n + (data?.feasible.length ?? 0), 0);
  if (total === 0) return null;
  const series = subjects.flatMap((subject, i) => {
    const data = all[i];
    if (!data || data.feasible.length === 0) return [];
    const { symbol, symbolSize, itemStyle } = mark(theme, subject.place, total > 2000 ? 4 : 7);
    const points = data.feasible.map((t): Mark => ({ value: [t.number, data.value(t)!], trial: t.number, study: subject.name }));
    return [{ type: "scatter", name: subject.shown, data: points, symbol, symbolSize, itemStyle, large: points.length > 2000, largeThreshold: 100 }];
  });
  const key = legend(theme, series.map(({ name }) => name), width);
  const infeasible = all.reduce((n, data) => n + (data?.infeasible.length ?? 0), 0);
  return {
    option: {
      grid: grid({ top: key.height + 28 }),
      legend: key.legend,
      tooltip: itemTooltip(theme, (point: Mark, name: string) => tip(`Trial ${point.trial} of ${name}`, [[metric ?? "value", number(point.value[1], 6)]])),
      xAxis: { ...plainAxis("x", "trial", theme), min: 0, minInterval: 1, splitLine: { show: false } },
      yAxis: plainAxis("y", axisName(all, metric), theme),
      series,
    },
    note: [directions(subjects, metric), infeasible > 0 ? `${plural(infeasible, "infeasible trial is", "infeasible trials are")} not shown.` : ""].filter(Boolean).join(" "),
    label: `Values of ${plural(total, "trial")} of ${plural(series.length, "study", "studies")}.`,
  };
}
