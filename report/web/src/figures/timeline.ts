/** Which worker ran which trial, and when. */

import type { Data } from "../data";
import type { Trial, TrialState } from "../document";
import { select } from "../dom";
import { duration, number, plural, time } from "../format";
import { grid, plainAxis } from "../figure/axis";
import type { Context, Drawing, FigureSpec } from "../figure/types";
import { legend } from "../figure/legend";
import { itemTooltip, trialTip, valueRows } from "../figure/tooltip";
import { seconds } from "../page/columns";
import { ramp, type Theme } from "../theme";

const KINDS = ["search", "confirmation", "pruned", "failed", "running"] as const;
type Kind = (typeof KINDS)[number];

type Colour = "state" | "metric";

export function timeline(): FigureSpec {
  let colour: Colour = "state";
  return {
  key: "timeline",
  title: "Trials over workers",
  hint: "Each bar is a trial, in the row of the worker that ran it. Gaps are idle time; rows of equal look mean an evenly shared load.",
  wide: true,
  zoom: "xy",
  height: (data) => Math.min(720, 110 + 22 * Math.max(2, lanes(data).rows.length)),
  controls: (figure) => [
    select<Colour>("Colour", [{ value: "state", text: "what became of it" }, { value: "metric", text: "the metric" }], colour, (wanted) => {
      colour = wanted;
      figure.redraw();
    }),
  ],
  empty: "No trial has started yet.",
  draw: (context) => draw(context, colour),
  };
}

interface Bar {
  value: [start: number, end: number, row: number];
  trial: number;
  /** For how many others it stands, too. */
  more: number;
  itemStyle?: { color: string };
}

function draw({ data, theme, width, window, range }: Context, colour: Colour): Drawing | null {
  const { rows, bars } = lanes(data);
  if (bars.length === 0) return null;
  const origin = data.study.created;
  const end = Math.max(1, (bars.reduce((last, b) => Math.max(last, b.end), origin) - origin) / 1000);
  const ticks = timeTicks(window.x ?? [0, end]);
  /** How good a trial is, as a colour; null if it has no value. */
  const shade = (trial: Trial): string | null => {
    const value = colour === "metric" && trial.state === "COMPLETE" ? data.value(trial) : null;
    if (value === null) return null;
    const share = (value - range[0]) / (range[1] - range[0] || 1);
    return ramp(data.sign > 0 ? share : 1 - share, theme.dark);
  };
  const shown = thinned(bars, (1000 * ((window.x?.[1] ?? end) - (window.x?.[0] ?? 0))) / width);
  const series = KINDS.map((kind) => ({
    type: "custom",
    name: kind,
    data: shown
      .filter((b) => kindOf(b.trial) === kind)
      .map((b): Bar => ({
        value: [(b.start - origin) / 1000, (b.end - origin) / 1000, b.row],
        trial: b.trial.number,
        more: b.more,
        ...(colour === "metric" ? { itemStyle: { color: shade(b.trial) ?? theme.line } } : {}),
      })),
    itemStyle: { color: color(kind, theme) },
    renderItem: (_: unknown, api: Api) => rectangle(api, kind, theme),
    encode: { x: [0, 1], y: 2 },
    clip: true,
    progressive: 2000,
  })).filter((s) => s.data.length > 0);
  const key = legend(
    theme,
    series.map((s) => s.name),
    width,
  );
  return {
    option: {
      grid: grid({ top: key.height + 8 }),
      legend: key.legend,
      tooltip: itemTooltip(theme, (bar: Bar) => {
        const trial = data.trial(bar.trial);
        if (!trial) return "";
        return trialTip(trial, [
          ...valueRows(data, trial),
          ["worker", trial.worker],
          ["started", time(trial.start)],
          ["took", duration(seconds(trial) ?? bar.value[1] - bar.value[0])],
          ...(bar.more > 0 ? [["here, too", `${plural(bar.more, "trial")}; zoom in`] as [string, string]] : []),
        ]);
      }),
      xAxis: {
        ...plainAxis("x", "since the study was created", theme),
        min: 0,
        max: end,
        splitLine: { show: false },
        axisTick: { customValues: ticks, lineStyle: { color: theme.line } },
        axisLabel: { color: theme.muted, fontSize: 11, hideOverlap: true, customValues: ticks, formatter: short },
      },
      yAxis: {
        type: "category",
        data: rows,
        inverse: true,
        axisLine: { lineStyle: { color: theme.line } },
        axisTick: { show: false },
        splitArea: {
          show: true,
          areaStyle: { color: ["transparent", theme.dark ? "rgba(255,255,255,0.03)" : "rgba(0,0,0,0.025)"] },
        },
        axisLabel: { color: theme.text, fontSize: 11, overflow: "truncate", width: Math.min(180, width * 0.3) },
      },
      series,
    },
    note: [
      bars.length < data.trials.length ? `${plural(bars.length, "trial")} that started.` : "",
      shown.length < bars.length ? "Where bars are narrower than a dot of the screen, one stands for several." : "",
      colour === "metric"
        ? `Colour tells ${data.name}, from ${number(range[0], 3)} to ${number(range[1], 3)}: ${data.judged ? "what is good" : "what is large"} stands out. Grey has none.`
        : "",
    ]
      .filter(Boolean)
      .join(" "),
    label: `Timeline of ${plural(bars.length, "trial")} over ${plural(rows.length, "row")} of workers.`,
  };
}

interface Placed {
  trial: Trial;
  start: number;
  end: number;
  row: number;
}

/** Bars of a kind that follow each other within a dot of the screen, which is so many milliseconds, become one. */
export function thinned(bars: readonly Placed[], dot: number): (Placed & { more: number })[] {
  const last = new Map<string, Placed & { more: number }>();
  const kept: (Placed & { more: number })[] = [];
  for (const bar of bars) {
    const key = `${bar.row} ${kindOf(bar.trial)}`;
    const before = last.get(key);
    if (before && bar.end - before.start < dot) {
      before.end = Math.max(before.end, bar.end);
      before.more += 1;
      continue;
    }
    const own = { ...bar, more: 0 };
    last.set(key, own);
    kept.push(own);
  }
  return kept;
}

function kindOf(trial: Trial): Kind {
  const states: Partial<Record<TrialState, Kind>> = { RUNNING: "running", PRUNED: "pruned", FAIL: "failed" };
  return states[trial.state] ?? (trial.confirms ? "confirmation" : "search");
}

function color(kind: Kind, theme: Theme): string {
  const [blue, , green] = theme.categories;
  return { search: blue!, confirmation: green!, pruned: theme.neutral, failed: theme.bad, running: theme.best }[kind];
}

interface Api {
  value(dimension: number): number;
  coord(point: [number, number]): [number, number];
  size(size: [number, number]): [number, number];
  visual(name: string): string;
}

/** Kinds differ in height and outline, too, not in colour alone. */
function rectangle(api: Api, kind: Kind, theme: Theme) {
  const [left, y] = api.coord([api.value(0), api.value(2)]);
  const [right] = api.coord([api.value(1), api.value(2)]);
  const band = api.size([0, 1])[1];
  const height = Math.min(18, band * { search: 0.8, confirmation: 0.8, pruned: 0.4, failed: 0.55, running: 0.8 }[kind]);
  const hollow = kind === "running" || kind === "confirmation";
  const fill = api.visual("color");
  // Around a sliver, an outline would be all that is seen.
  const framed = kind === "failed" && right - left > 5;
  return {
    type: "rect",
    shape: { x: left, y: y - height / 2, width: Math.max(1.5, right - left - 0.5), height, r: 1.5 },
    style: {
      fill,
      fillOpacity: hollow ? 0.35 : 0.9,
      stroke: hollow ? fill : framed ? theme.text : "none",
      lineWidth: hollow || framed ? 1 : 0,
      ...(kind === "running" ? { lineDash: [3, 2] } : {}),
    },
  };
}

interface Lanes {
  rows: string[];
  bars: { trial: Trial; start: number; end: number; row: number }[];
}

const known = new WeakMap<Data, Lanes>();

/** Trials of a worker that overlap get rows of their own: as many as it has slots. */
function lanes(data: Data): Lanes {
  const found = known.get(data);
  if (found) return found;
  const started = data.trials.filter((t) => t.start !== null && t.worker !== "").sort((a, b) => a.start! - b.start!);
  const free = new Map<string, number[]>();
  const placed = started.map((trial) => {
    const end = trial.complete ?? (trial.state === "RUNNING" ? Math.max(data.document.generated, trial.start!) : trial.start!);
    const ends = free.get(trial.worker) ?? [];
    free.set(trial.worker, ends);
    const at = ends.findIndex((e) => e <= trial.start!);
    const lane = at < 0 ? ends.length : at;
    ends[lane] = end;
    return { trial, start: trial.start!, end, lane };
  });
  const rows: string[] = [];
  const first = new Map<string, number>();
  for (const worker of [...free.keys()].sort((a, b) => a.localeCompare(b, "en", { numeric: true }))) {
    first.set(worker, rows.length);
    const n = free.get(worker)!.length;
    for (let lane = 0; lane < n; lane += 1) rows.push(n === 1 ? worker : `${worker} · ${lane + 1}`);
  }
  const bars = placed.map(({ lane, ...bar }) => ({ ...bar, row: first.get(bar.trial.worker)! + lane }));
  const result = { rows, bars };
  known.set(data, result);
  return result;
}

const STEPS = [1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14_400, 21_600, 43_200, 86_400, 172_800, 604_800];

/** Round times, in seconds: about six of them. */
function timeTicks([from, to]: [number, number]): number[] {
  const rough = (to - from) / 6;
  const step = rough < 1 ? rough : (STEPS.find((s) => s >= rough) ?? rough);
  return Array.from(
    { length: Math.floor(to / step) - Math.ceil(from / step) + 1 },
    (_, i) => (Math.ceil(from / step) + i) * step,
  );
}

/** A time on the axis. */
function short(seconds: number): string {
  if (seconds < 120) return `${number(seconds, 3)} s`;
  if (seconds < 7200) return `${number(seconds / 60, 3)} min`;
  if (seconds < 259_200) return `${number(seconds / 3600, 3)} h`;
  return `${number(seconds / 86_400, 3)} d`;
}
