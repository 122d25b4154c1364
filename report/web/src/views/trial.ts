/** One trial: what it is, what it came to, what it left behind. */

import type { Data } from "../data";
import { diagnosisOf, type Trial } from "../document";
import { h, replaceKeepingFocus } from "../dom";
import { choice, duration, number, text, time } from "../format";
import { grid, plainAxis } from "../figure/axis";
import { Figure } from "../figure/figure";
import type { FigureSpec, Open } from "../figure/types";
import { constraintRows, itemTooltip, tip } from "../figure/tooltip";
import { artifactList } from "../kept/artifacts";
import { attempts } from "../kept/attempts";
import { histograms } from "../layers/histograms";
import { layerTable } from "../layers/table";
import { outputPane } from "../output/pane";
import { seconds, stateText } from "../page/columns";
import { trialLink } from "../page/link";
import type { Context, Part } from "../shell/types";
import { steerTrial } from "./steering";
import { valueOf } from "../values";

/** One trial, which it follows as that goes on. A report has no links, and no output. */
export function trial(number: number, context: Context): Part {
  const { store, links, open } = context;
  // What follows the trial is drawn anew with it; files and output stay, with what was loaded and how far it was read.
  const [told, measured] = [h("div"), h("div")];
  const files = artifactList(links);
  const kept = h("section", {}, h("h3", {}, "Artifacts"), files.element);
  const output = links ? outputPane(links) : null;
  const steering = steerTrial(number, context);
  const element = h("div", { class: "trial" }, steering.element, told, kept, output?.element, measured);
  let shown: Trial | null = null;
  let figures: Figure[] = [];

  function draw(trial: Trial, data: Data): void {
    for (const figure of figures) figure.close();
    const [curves, layered] = figuresOf(trial, data).map((specs) => specs.map((spec) => new Figure(spec, store, open)));
    figures = [...curves!, ...layered!];
    replaceKeepingFocus(
      told,
      facts(trial, data, open),
      ...parameters(trial),
      ...attributes(trial),
      ...curves!.map((f) => f.element),
      ...attempts(trial),
    );
    replaceKeepingFocus(measured, ...layered!.map((f) => f.element), layers(trial));
    kept.hidden = (trial.artifacts ?? []).length === 0;
    files.update(number, trial.artifacts ?? []);
    output?.update(trial);
  }

  return {
    element,
    update: (data) => {
      steering.update(data);
      const trial = data.trial(number);
      if (!trial || trial === shown) return;
      shown = trial;
      draw(trial, data);
    },
    close: () => {
      for (const figure of figures) figure.close();
      output?.close();
    },
  };
}

/** The ways to the trials before and after it. */
export function neighbours(number: number, { addresses }: Context): Part {
  const link = (step: number, text: string, label: string) =>
    h(
      "a",
      { class: "tool", href: addresses.to("trials", String(number + step)), "data-replace": true, "data-key": label, title: label, "aria-label": `${label}, ${number + step}` },
      text,
    );
  const [previous, next] = [link(-1, "‹", "Previous trial"), link(1, "›", "Next trial")];
  return {
    element: h("span", { class: "buttons" }, h("a", { class: "tool", href: addresses.to("trials") }, "All trials"), previous, next),
    update: (data) => {
      previous.hidden = !data.trial(number - 1);
      next.hidden = !data.trial(number + 1);
    },
  };
}

function pairs(rows: [string, string | HTMLElement][]): HTMLElement {
  return h("dl", { class: "params" }, ...rows.map(([name, text]) => h("div", {}, h("dt", {}, name), h("dd", {}, text))));
}

function facts(trial: Trial, data: Data, open: Open): HTMLElement {
  // Among all trials, whatever the filter.
  const { whole } = data;
  const rank = data.judged ? whole.rank(trial) : null;
  const to = (other: number, key: string) => trialLink(open, other, key);
  const rows: [string, string | HTMLElement][] = [
    ["state", stateText(trial, data)],
    ...data.study.directions.map((_, i): [string, string] => [data.values.name(i), number(valueOf(trial, i), 6)]),
    ...constraintRows(data, trial, 6),
    ...(rank !== null
      ? ([[`place${data.ofMetric("by")}`, `${rank} of ${whole.ranked.length}`]] as [string, string][])
      : []),
    ...(trial.fail_reason !== null ? ([["reason", reason(trial.fail_reason)]] as [string, HTMLElement][]) : []),
    ...(trial.confirms
      ? ([["confirms", h("span", {}, to(trial.confirms.of, "confirms"), ` under fresh seed ${trial.confirms.seed}`)]] as [string, HTMLElement][])
      : []),
    ...(trial.retry_of !== null ? ([["retries", to(trial.retry_of, "retries")]] as [string, HTMLElement][]) : []),
    ...(trial.warm_start !== undefined ? ([["goes on from", to(trial.warm_start, "goes on from")]] as [string, HTMLElement][]) : []),
    ["worker", trial.worker || "–"],
    ["attempt", String(trial.attempt)],
    ["started", time(trial.start)],
    ["took", duration(seconds(trial))],
  ];
  return h("section", {}, pairs(rows));
}

/** What was said first, and below it the rest, such as a traceback. */
function reason(said: string): HTMLElement {
  const [first = "", ...more] = said.trim().split("\n");
  const rest = more.join("\n").trimEnd();
  return h("div", {}, first || '""', rest === "" ? null : h("pre", { class: "traceback", tabindex: 0, "aria-label": "The whole reason" }, rest));
}

function parameters(trial: Trial): HTMLElement[] {
  return [
    h("h3", {}, "Parameters"),
    pairs(
      Object.entries(trial.params).map(([name, value]) => [name, typeof value === "number" ? number(value, 8) : choice(value)]),
    ),
  ];
}

function attributes(trial: Trial): HTMLElement[] {
  const rows = Object.entries(trial.attributes)
    .filter(([name]) => name !== "diagnosis" || !diagnosisOf(trial))
    .map(([name, value]): [string, string] => [
      name,
      typeof value === "number" ? number(value, 6) : typeof value === "string" ? text(value) : JSON.stringify(value).slice(0, 300),
    ]);
  return rows.length > 0 ? [h("h3", {}, "Attributes"), pairs(rows)] : [];
}

/** Of what it reported, and of its layers. */
function figuresOf(trial: Trial, data: Data): [FigureSpec[], FigureSpec[]] {
  return [
    data.study.directions.flatMap((_, i) => (data.curve(trial, i).length > 0 ? [curve(trial, data, i)] : [])),
    diagnosisOf(trial) ? [{ ...histograms(`trial-${trial.number}-layers`, () => trial), addressed: false }] : [],
  ];
}

function curve(trial: Trial, data: Data, objective: number): FigureSpec {
  const name = data.values.name(objective);
  const points = data.curve(trial, objective);
  return {
    key: `trial-${trial.number}-curve${data.several ? `-${objective}` : ""}`,
    addressed: false,
    title: `Learning curve${data.several ? ` of ${name}` : ""}`,
    hint: "What the trial reported, step by step.",
    wide: true,
    zoom: "xy",
    height: 240,
    draw: ({ theme }) => ({
      option: {
        grid: grid({ top: 30 }),
        tooltip: itemTooltip(theme, (p: { value: [number, number] }) =>
          tip(`Step ${p.value[0]}`, [[name, number(p.value[1], 6)]]),
        ),
        xAxis: { ...plainAxis("x", "step", theme), minInterval: 1, splitLine: { show: false } },
        yAxis: plainAxis("y", "reported value", theme),
        series: [
          {
            type: "line",
            data: points.map((value) => ({ value })),
            symbol: "circle",
            symbolSize: 6,
            showAllSymbol: true,
            lineStyle: { color: theme.accent, width: 2 },
            itemStyle: { color: theme.accent },
          },
        ],
      },
      label: `Learning curve of trial ${trial.number}: ${points.slice(-1).map(([s, v]) => `${number(v)} at step ${s}`)}.`,
    }),
  };
}

function layers(trial: Trial): HTMLElement {
  const diagnosis = diagnosisOf(trial);
  return diagnosis ? h("section", {}, h("h3", {}, "Layers"), layerTable(diagnosis)) : h("section");
}
