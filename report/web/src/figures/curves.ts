/** Learning curves: the values that trials report on their way. */

import { type Data, padded, type Part } from "../data";
import type { Trial } from "../document";
import { select } from "../dom";
import { number, plural } from "../format";
import { grid, plainAxis, valueAxis } from "../figure/axis";
import type { Context, Drawing, FigureSpec } from "../figure/types";
import { hollow } from "../figure/mark";
import { itemTooltip, trialTip, valueRows } from "../figure/tooltip";
import { ramp } from "../theme";
import { valueOf } from "../values";
import { outside, partPicker } from "./part";

type Choice = "best50" | "best10" | "latest50" | "spread";

const CHOICES: { value: Choice; text: string }[] = [
  { value: "best50", text: "50 best and 10 latest" },
  { value: "best10", text: "10 best" },
  { value: "latest50", text: "50 latest" },
  { value: "spread", text: "60 from best to worst" },
];

export function curves(): FigureSpec {
  let chosen: Choice = "best50";
  return {
    key: "learning-curves",
    title: "Learning curves",
    heading: (data) => `Learning curves${data.several ? ` of ${data.values.name(data.metric)}` : ""}`,
    hint: "Each line is a trial's reported value step by step: the bolder, the better it ended. A triangle ends a pruned trial, a ring one that runs.",
    wide: true,
    zoom: "xy",
    height: 360,
    controls: (figure) => [
      select("Trials", CHOICES, chosen, (choice) => {
        chosen = choice;
        figure.redraw();
      }),
      partPicker(figure),
    ],
    empty: "No trial has reported a value on its way yet.",
    draw: (context) => draw(context, chosen),
  };
}

interface Point {
  value: [number, number];
  trial: number;
}

function draw({ data, theme, part }: Context, choice: Choice): Drawing | null {
  const withCurve = data.search.filter((t) => data.curve(t).length > 0);
  if (withCurve.length === 0) return null;
  const shown = chosen(data, withCurve, choice);
  const range = rangeOf(data, shown, part);
  const final = (t: Trial) => valueOf(t, data.metric) ?? data.curve(t).at(-1)![1];
  // Worst first, so that the best lie on top.
  const sorted = [...shown].sort((a, b) => data.values.order(final(b), final(a), data.metric));
  const series = sorted.map((trial, i) => {
    const share = sorted.length > 1 ? i / (sorted.length - 1) : 1;
    const color = ramp(0.25 + 0.75 * share, theme.dark);
    const best = i === sorted.length - 1;
    const points: Point[] = data.curve(trial).map((value) => ({ value, trial: trial.number }));
    const end = points[points.length - 1]!;
    if (trial.state !== "COMPLETE") Object.assign(end, hollow(trial.state === "PRUNED" ? "triangle" : "circle", color, 8, theme));
    return {
      type: "line",
      id: String(trial.number),
      name: `trial ${trial.number}`,
      data: points,
      symbol: "circle",
      symbolSize: points.length > 1 ? 3 : 6,
      showAllSymbol: true,
      lineStyle: { color, width: best ? 3 : 1 + share, opacity: best ? 1 : 0.5 + 0.4 * share },
      itemStyle: { color },
      emphasis: { focus: "series", lineStyle: { width: 3 } },
      triggerLineEvent: true,
    };
  });
  return {
    option: {
      grid: grid({ top: 26 }),
      tooltip: itemTooltip(theme, (point: Point | undefined, name) => {
        const trial = data.trial(point?.trial ?? Number(name.replace("trial ", "")));
        if (!trial) return "";
        const at: [string, string][] = point ? [[`step ${point.value[0]}`, number(point.value[1], 6)]] : [];
        return trialTip(trial, [...at, ...valueRows(data, trial)]);
      }),
      xAxis: { ...plainAxis("x", "step", theme), splitLine: { show: false }, minInterval: 1 },
      yAxis: valueAxis("y", data.several ? `reported ${data.values.name(data.metric)}` : "reported value", range, theme),
      series,
    },
    note: [
      shown.length < withCurve.length ? `${shown.length} of ${plural(withCurve.length, "trial")} shown.` : "",
      outside(shown.map(final), range),
    ]
      .join(" ")
      .trim(),
    label: `Learning curves of ${plural(shown.length, "trial")}.`,
  };
}

/** The share of reported values that curves are shown for. The worst, of first steps mostly, may be anything. */
const WORTH = 0.9;

/** Wide enough for the curves of the trials that end in this part, and not only for their ends. */
function rangeOf(data: Data, shown: Trial[], part: Part): [number, number] {
  const [low, high] = data.rangeOf(part, data.metric);
  const within = shown.filter((trial) => {
    const value = valueOf(trial, data.metric);
    return part === "all" || (value !== null && value >= low && value <= high);
  });
  const losses = Float64Array.from(within.flatMap((trial) => data.curve(trial).map(([, value]) => data.values.loss(value, data.metric)))).sort();
  if (losses.length === 0) return [low, high];
  const last = losses[part === "all" ? losses.length - 1 : Math.ceil(WORTH * losses.length) - 1]!;
  const ends = [losses[0]!, last].map((loss) => data.values.loss(loss, data.metric));
  return padded(Math.min(low, ...ends), Math.max(high, ...ends), 0);
}

function chosen(data: Data, withCurve: Trial[], choice: Choice): Trial[] {
  const best = data.ranked.filter((t) => data.curve(t).length > 0);
  if (choice === "best10") return best.slice(0, 10);
  if (choice === "latest50") return withCurve.slice(-50);
  if (choice === "spread") {
    const n = Math.min(60, best.length);
    return Array.from({ length: n }, (_, i) => best[Math.round((i * (best.length - 1)) / Math.max(1, n - 1))]!);
  }
  return [...new Set([...best.slice(0, 50), ...withCurve.slice(-10)])];
}
