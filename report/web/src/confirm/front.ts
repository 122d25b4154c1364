/** Several objectives under fresh seeds: means with intervals, and which trials are still on the front. */

import { type Data, padded } from "../data";
import type { AgainArm, Estimate } from "../document";
import { h, replaceKeepingFocus } from "../dom";
import { decimalsFor, fixed, listing, number, plural } from "../format";
import { grid, valueAxis } from "../figure/axis";
import { Figure } from "../figure/figure";
import { legend } from "../figure/legend";
import { filled, hollow } from "../figure/mark";
import { itemTooltip, tip } from "../figure/tooltip";
import type { Context, Drawing, FigureSpec, Open } from "../figure/types";
import { axisChoosers } from "../figures/axes";
import { stairsOf } from "../figures/stairs";
import { trialLink } from "../page/link";
import type { Part } from "../shell/types";
import type { Store } from "../store";

export function frontAnswer(store: Store, open: Open): Part {
  const intro = h("p", { class: "hint" });
  const verdict = h("div", { class: "verdict" });
  const figure = new Figure(means(store.data!.values.count), store, open);
  const scroll = h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "The front under fresh seeds" });
  return {
    close: () => figure.close(),
    element: h("div", {}, intro, h("div", { class: "block" }, verdict, figure.element, h("div", { class: "card wide" }, scroll))),
    update: (data) => {
      intro.textContent = explain(data);
      verdict.replaceChildren(...sentences(armsOf(data)).map((text, i) => h("p", { class: i === 0 ? "lead" : "" }, text)));
      replaceKeepingFocus(scroll, table(data, open));
      figure.update();
    },
  };
}

function armsOf(data: Data): AgainArm[] {
  return data.document.analysis.confirmed_front?.arms ?? [];
}

function explain({ study, trials }: Data): string {
  const confirming = trials.filter((t) => t.confirms !== null);
  const done = confirming.filter((t) => t.complete !== null).length;
  const seeds = study.confirm ? `${plural(study.confirm.seeds, "fresh seed")} each` : "fresh seeds";
  return `A search puts the luckiest trials on its front as well as the best. So trials of the front were run again under ${seeds}, in trials that the sampler does not learn from: ${done} of ${Math.max(study.confirmations, confirming.length)} are done.`;
}

/** Which of them are really on the front, and which are not. */
export function sentences(arms: AgainArm[]): string[] {
  const known = arms.filter((arm) => arm.on_front !== null);
  if (known.length === 0) return [];
  const names = (some: AgainArm[]) => `trial${some.length === 1 ? "" : "s"} ${listing(some.map((arm) => String(arm.of)))}`;
  const on = known.filter((arm) => arm.on_front);
  const broken = known.filter((arm) => arm.feasible === false);
  const off = known.filter((arm) => !arm.on_front && arm.feasible);
  const said = [
    on.length > 0
      ? `On the front of the means: ${names(on)}.`
      : "None of them is feasible by the means of its constraints.",
  ];
  if (off.length > 0) said.push(`No longer on it: ${names(off)}. Where intervals overlap, that may be chance.`);
  if (broken.length > 0 && on.length > 0)
    said.push(`Infeasible by the means of the constraints: ${names(broken)}.`);
  const few = known.filter((arm) => arm.few);
  if (few.length > 0) said.push(`${few.length === known.length ? "All rest" : `${names(few).replace(/^t/, "T")} rest${few.length === 1 ? "s" : ""}`} on few runs so far.`);
  return said;
}

function onFront(arm: AgainArm): string {
  if (arm.on_front === null) return "–";
  return arm.on_front ? "yes" : arm.feasible ? "no" : "no, infeasible";
}

function table(data: Data, open: Open): HTMLElement {
  const { values, study } = data;
  const arms = armsOf(data);
  const decimals = study.directions.map((_, i) => digits(arms.flatMap((arm) => arm.objectives[i] ?? [])));
  const mean = (estimate: Estimate | undefined, i: number) =>
    estimate
      ? `${fixed(estimate.mean, decimals[i]!)}${estimate.low === null ? "" : ` (${fixed(estimate.low, decimals[i]!)} to ${fixed(estimate.high, decimals[i]!)})`}`
      : "–";
  const constraints = Math.max(0, ...arms.map((arm) => arm.constraints.length));
  const heads = [
    "Trial",
    ...study.directions.map((_, i) => values.name(i)),
    ...Array.from({ length: constraints }, (_, i) => `${values.constraint(i)} ≤ 0`),
    "Runs",
    "On the front of the means",
  ];
  const numeric = (i: number) => i < heads.length - 1;
  return h(
    "table",
    {},
    h("caption", {}, "Means under fresh seeds, with their 95 % intervals"),
    h("thead", {}, h("tr", {}, ...heads.map((text, i) => h("th", { scope: "col", class: numeric(i) ? "num" : "" }, text)))),
    h(
      "tbody",
      {},
      ...arms.map((arm) =>
        h(
          "tr",
          {},
          h(
            "th",
            { scope: "row", class: "num" },
            trialLink(open, arm.of, `again ${arm.of}`),
          ),
          ...study.directions.map((_, i) => h("td", { class: "num" }, mean(arm.objectives[i], i))),
          ...Array.from({ length: constraints }, (_, i) => h("td", { class: "num" }, number(arm.constraints[i], 4))),
          h(
            "td",
            { class: "num" },
            `${arm.runs.length} of ${arm.planned}`,
            arm.failed > 0 ? `, ${arm.failed} failed` : "",
            arm.few ? h("span", { class: "chip warn" }, "few") : null,
          ),
          h("td", {}, onFront(arm)),
        ),
      ),
    ),
  );
}

/** Two digits of half the narrowest interval: more would be noise. */
function digits(estimates: Estimate[]): number {
  const widths = estimates.flatMap((e) => (e.low !== null && e.high !== null && e.high > e.low ? [(e.high - e.low) / 2] : []));
  if (widths.length === 0) return decimalsFor(estimates.map((e) => e.mean));
  return Math.max(0, decimalsFor([0, Math.min(...widths)]) - 1);
}

interface Mean {
  value: [number, number];
  trial: number;
}

export function means(objectives: number): FigureSpec {
  const { chosen, controls } = axisChoosers(objectives);
  return {
    key: "confirmed-front",
    title: "The front under fresh seeds",
    hint: "The mark is the mean over fresh seeds, the bars its 95 % intervals. Diamonds are on the front of the means.",
    wide: true,
    zoom: "xy",
    height: 360,
    controls,
    empty: "No confirmation trial has completed yet.",
    draw: (context) => draw(context, chosen.x, chosen.y),
  };
}

function draw({ data, theme, width }: Context, x: number, y: number): Drawing | null {
  const arms = armsOf(data).filter((arm) => arm.objectives.length > 0);
  if (arms.length === 0) return null;
  const { values } = data;
  const at = (arm: AgainArm): [number, number] => [arm.objectives[x]!.mean, arm.objectives[y]!.mean];
  const marks = (name: string, some: AgainArm[], looks: object) => ({
    type: "scatter",
    name,
    data: some.map((arm): Mean => ({ value: at(arm), trial: arm.of })),
    ...looks,
    z: 6,
  });
  const on = arms.filter((arm) => arm.on_front);
  const groups = [
    marks("on the front of the means", on, filled("diamond", theme.best, 10)),
    marks("not on it", arms.filter((arm) => !arm.on_front && arm.feasible), filled("circle", theme.neutral, 8)),
    marks("infeasible", arms.filter((arm) => !arm.feasible), hollow("rect", theme.bad, 8, theme)),
  ].filter((s) => s.data.length > 0);
  const key = legend(
    theme,
    groups.map((s) => s.name),
    width,
  );
  const range = (i: number) => {
    const ends = arms.flatMap(({ objectives }) => [objectives[i]!.mean, objectives[i]!.low ?? objectives[i]!.mean, objectives[i]!.high ?? objectives[i]!.mean]);
    return padded(Math.min(...ends), Math.max(...ends), 0.05);
  };
  return {
    option: {
      grid: grid({ top: key.height + 28 }),
      legend: key.legend,
      tooltip: itemTooltip(theme, (p: Mean) => {
        const arm = arms.find((a) => a.of === p.trial);
        return arm ? tip(`Configuration of trial ${arm.of}`, rows(data, arm)) : "";
      }),
      xAxis: valueAxis("x", values.label(x), range(x), theme),
      yAxis: valueAxis("y", values.label(y), range(y), theme),
      series: [
        {
          type: "custom",
          data: arms.map((arm) => at(arm)),
          silent: true,
          clip: true,
          renderItem: (params: { dataIndex: number }, api: Api) => bars(arms[params.dataIndex]!, x, y, api, theme.muted),
          encode: { x: 0, y: 1 },
          z: 5,
        },
        ...(values.count === 2
          ? [
              {
                type: "line",
                name: "front",
                data: stairsOf(on.map(at), (a, b, objective) => values.better(a, b, objective)),
                symbol: "none",
                lineStyle: { color: theme.best, width: 1.5 },
                silent: true,
                z: 4,
              },
            ]
          : []),
        ...groups,
      ],
    },
    label: `${plural(arms.length, "configuration")} under fresh seeds by ${values.name(x)} and ${values.name(y)}; the table below has the same numbers.`,
  };
}

function rows(data: Data, arm: AgainArm): [string, string][] {
  const { values } = data;
  return [
    ...arm.objectives.map((e, i): [string, string] => [
      values.name(i),
      `${number(e.mean, 5)}${e.low === null ? "" : ` (${number(e.low, 5)} to ${number(e.high, 5)})`}`,
    ]),
    ...arm.constraints.map((mean, i): [string, string] => [values.constraint(i), number(mean, 4)]),
    ["runs", `${arm.runs.length} of ${arm.planned}`],
    ["on the front", onFront(arm)],
  ];
}

interface Api {
  coord(point: [number, number]): [number, number];
}

function bars(arm: AgainArm, x: number, y: number, api: Api, stroke: string) {
  const [ex, ey] = [arm.objectives[x]!, arm.objectives[y]!];
  const line = (from: [number, number], to: [number, number]) => {
    const [[x1, y1], [x2, y2]] = [api.coord(from), api.coord(to)];
    return { type: "line", shape: { x1, y1, x2, y2 }, style: { stroke, lineWidth: 1.5 } };
  };
  return {
    type: "group",
    children: [
      ...(ex.low === null ? [] : [line([ex.low, ey.mean], [ex.high!, ey.mean])]),
      ...(ey.low === null ? [] : [line([ex.mean, ey.low], [ex.mean, ey.high!])]),
    ],
  };
}
