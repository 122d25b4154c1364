/** One trial, in a dialog. */

import type { Data } from "../data";
import { diagnosisOf, type Trial } from "../document";
import { h } from "../dom";
import { choice, duration, number, text, time } from "../format";
import { grid, plainAxis } from "../figure/axis";
import { Figure } from "../figure/figure";
import type { FigureSpec } from "../figure/types";
import { constraintRows, itemTooltip, tip } from "../figure/tooltip";
import { artifactList } from "../kept/artifacts";
import { attempts } from "../kept/attempts";
import type { Links } from "../kept/links";
import { histograms } from "../layers/histograms";
import { layerTable } from "../layers/table";
import { outputPane } from "../output/pane";
import type { Store } from "../store";
import { valueOf } from "../values";
import { seconds, stateText } from "./columns";

/** A way to open trials. What is open follows its trial as that goes on. A report has no links, and no output. */
export function trialDialog(store: Store, links: Links | null): { element: HTMLElement; open: (number: number) => void } {
  // What follows the trial is drawn anew with it; files and output stay, with what was loaded and how far it was read.
  const [told, measured] = [h("div"), h("div")];
  const files = artifactList(links);
  const kept = h("section", {}, h("h3", {}, "Artifacts"), files.element);
  const output = links ? outputPane(links) : null;
  const content = h("div", { class: "dialog-body" }, told, kept, output?.element, measured);
  const title = h("h2", { id: "dialog-title", tabindex: -1 });
  const dialog = h("dialog", { "aria-labelledby": "dialog-title", class: "trial-dialog" });
  const close = h("button", { type: "button", class: "tool", "aria-label": "Close", onclick: () => dialog.close() }, "✕");
  const [previous, next] = (
    [
      [-1, "‹", "Previous trial"],
      [1, "›", "Next trial"],
    ] as const
  ).map(([step, text, label]) =>
    h("button", { type: "button", class: "tool", "aria-label": label, title: label, onclick: () => show(number + step) }, text),
  ) as [HTMLButtonElement, HTMLButtonElement];
  dialog.append(h("header", {}, title, h("span", { class: "spring" }), previous, next, close), content);
  // The browser gives the focus back to what had it, unless that was drawn anew: then it is nowhere, or for a moment still
  // in the dialog that nobody sees.
  dialog.addEventListener("close", () => {
    output?.close();
    const lost = document.activeElement === document.body || dialog.contains(document.activeElement);
    if (lost && opener)
      document.querySelector<HTMLElement>(`[data-key="${CSS.escape(opener)}"]`)?.focus();
  });
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close();
  });

  let number = -1;
  let shown: Trial | null = null;
  let figures: Figure[] = [];
  let opener: string | null = null;

  function show(wanted: number): void {
    if (!draw(wanted)) return;
    if (!dialog.open) {
      opener = document.activeElement?.getAttribute("data-key") ?? null;
      dialog.showModal();
    }
    dialog.scrollTop = 0;
    title.focus({ preventScroll: true });
  }

  function draw(wanted: number): boolean {
    const data = store.data;
    const trial = data?.trial(wanted);
    if (!data || !trial) return false;
    number = wanted;
    shown = trial;
    title.textContent = `Trial ${trial.number}`;
    previous.disabled = !data.trial(wanted - 1);
    next.disabled = !data.trial(wanted + 1);
    for (const figure of figures) figure.close();
    const [curves, layered] = figuresOf(trial, data).map((specs) => specs.map((spec) => new Figure(spec, store, () => undefined)));
    figures = [...curves!, ...layered!];
    const lost = told.contains(document.activeElement) || measured.contains(document.activeElement);
    told.replaceChildren(
      facts(trial, data),
      ...parameters(trial),
      ...attributes(trial),
      ...curves!.map((f) => f.element),
      ...attempts(trial),
    );
    measured.replaceChildren(...layered!.map((f) => f.element), layers(trial));
    if (lost) title.focus({ preventScroll: true });
    kept.hidden = (trial.artifacts ?? []).length === 0;
    files.update(number, trial.artifacts ?? []);
    output?.update(trial);
    return true;
  }

  store.subscribe((data) => {
    if (dialog.open && data.trial(number) !== shown) draw(number);
  });
  return { element: dialog, open: show };
}

function pairs(rows: [string, string][]): HTMLElement {
  return h("dl", { class: "params" }, ...rows.map(([name, text]) => h("div", {}, h("dt", {}, name), h("dd", {}, text))));
}

function facts(trial: Trial, data: Data): HTMLElement {
  const rank = data.rank(trial);
  const rows: [string, string][] = [
    ["state", stateText(trial, data)],
    ...data.study.directions.map((_, i): [string, string] => [data.values.name(i), number(valueOf(trial, i), 6)]),
    ...constraintRows(data, trial, 6),
    ...(rank !== null
      ? ([[`place${data.ofMetric("by")}`, `${rank} of ${data.ranked.length}`]] as [string, string][])
      : []),
    ...(trial.fail_reason !== null ? ([["reason", trial.fail_reason || '""']] as [string, string][]) : []),
    ...(trial.confirms
      ? ([["confirms", `trial ${trial.confirms.of} under fresh seed ${trial.confirms.seed}`]] as [string, string][])
      : []),
    ...(trial.retry_of !== null ? ([["retries", `trial ${trial.retry_of}`]] as [string, string][]) : []),
    ...(trial.warm_start !== undefined ? ([["goes on from", `trial ${trial.warm_start}`]] as [string, string][]) : []),
    ["worker", trial.worker || "–"],
    ["attempt", String(trial.attempt)],
    ["started", time(trial.start)],
    ["took", duration(seconds(trial))],
  ];
  return h("section", {}, pairs(rows));
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
    diagnosisOf(trial) ? [histograms(`trial-${trial.number}-layers`, () => trial)] : [],
  ];
}

function curve(trial: Trial, data: Data, objective: number): FigureSpec {
  const name = data.values.name(objective);
  const points = data.curve(trial, objective);
  return {
    key: `trial-${trial.number}-curve${data.several ? `-${objective}` : ""}`,
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
