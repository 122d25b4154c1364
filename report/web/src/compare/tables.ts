/** The studies beside each other: what they are, what they came to, parameters, answers. */

import { fieldsOf, sentences } from "../confirm/arms";
import { sentences as frontSentences } from "../confirm/front";
import type { Param, Study } from "../document";
import { h } from "../dom";
import { choice, condition, count, duration, number, plural, time } from "../format";
import { stateOf } from "../page/failures";
import type { Comparison } from "./figures";
import { addressOf, dataOf, type Subject } from "./subject";

type Cell = string | HTMLElement;

/** A table with a column for each study. Rows that differ say so. */
function beside(caption: string, subjects: readonly Subject[], rows: { name: string; cells: Cell[]; compare?: boolean }[]): HTMLElement {
  return h(
    "table",
    { class: "beside" },
    h("caption", { class: "hidden" }, caption),
    h("thead", {}, h("tr", {}, h("td", {}), ...subjects.map((s) => h("th", { scope: "col" }, h("a", { href: addressOf(s) }, s.shown))))),
    h(
      "tbody",
      {},
      ...rows.map(({ name, cells, compare }) => {
        const differs = compare === true && new Set(cells.map((cell) => (typeof cell === "string" ? cell : cell.textContent))).size > 1;
        return h(
          "tr",
          { class: differs ? "differs" : "" },
          h("th", { scope: "row" }, name, differs ? h("span", { class: "sign", title: "they differ" }, " ≠") : null),
          ...cells.map((cell) => h("td", {}, cell)),
        );
      }),
    ),
  );
}

function each(subjects: readonly Subject[], tell: (study: Study, subject: Subject) => Cell): Cell[] {
  return subjects.map((subject) => (subject.document ? tell(subject.document.study, subject) : "–"));
}

export function facts({ subjects, metric }: Comparison): HTMLElement {
  const by = (tell: (study: Study, subject: Subject) => Cell) => each(subjects, tell);
  const kind = (config: unknown) => String((config as { kind?: unknown } | null)?.kind ?? "–").replace(/_/g, " ");
  return beside("What the studies are and came to", subjects, [
    { name: "state", cells: by((study) => stateOf(study).text) },
    { name: "trials ended", cells: by(({ counts, budget, confirmations, external }) => `${count(counts.complete + counts.pruned + counts.fail)}${external ? "" : ` of ${count(budget + confirmations)}`}`) },
    { name: "failed", cells: by(({ counts, failures }) => (counts.fail === 0 ? "0" : `${count(counts.fail)}${failures[0] ? `: ${failures[0].reason.slice(0, 80)}` : ""}`)) },
    { name: metric === null ? "best by its first metric" : `best ${metric}`, cells: by((_, subject) => best(subject, metric)) },
    { name: "took", cells: by((_, subject) => took(subject)) },
    { name: "created", cells: by(({ created }) => time(created)) },
    { name: "direction", cells: by((study, subject) => (dataOf(subject, metric) ? study.directions[dataOf(subject, metric)!.metric]! : "no such metric")), compare: true },
    { name: "objective", cells: by(({ objective }) => objective.kind || "–"), compare: true },
    { name: "sampler", cells: by((study) => (study.external ? "Optuna's clients" : kind(study.sampler))), compare: true },
    { name: "pruner", cells: by((study) => (study.external ? "Optuna's clients" : kind(study.pruner))), compare: true },
    { name: "trials to search", cells: by(({ budget }) => count(budget)), compare: true },
    { name: "seed", cells: by((study) => (study.external ? "–" : study.seed)), compare: true },
  ]);
}

function best(subject: Subject, metric: string | null): Cell {
  const data = dataOf(subject, metric);
  if (!data) return "no such metric";
  const trial = data.several ? (data.feasible.length > 0 ? data.ranked[0] : null) : data.best;
  if (!trial) return "–";
  return h("span", {}, `${number(data.value(trial), 6)} `, h("a", { href: addressOf(subject, "trials", String(trial.number)) }, `trial ${trial.number}`));
}

function took(subject: Subject): string {
  let [first, last] = [Infinity, -Infinity];
  for (const { start, complete } of subject.document!.trials) {
    if (start !== null && start < first) first = start;
    if (complete !== null && complete > last) last = complete;
  }
  return duration(last > first ? (last - first) / 1000 : null);
}

/** Each parameter's space, and its value in the best trial. */
export function parameters({ subjects, metric }: Comparison): HTMLElement {
  const names = [...new Set(subjects.flatMap(({ document }) => document?.study.space.map(({ name }) => name) ?? []))];
  const all = subjects.map((subject) => dataOf(subject, metric));
  const rows = names.map((name) => ({
    name,
    compare: true,
    cells: subjects.map((subject, i): Cell => {
      const param = subject.document?.study.space.find((p) => p.name === name);
      if (!param) return "–";
      const best = all[i]?.several ? all[i]!.ranked[0] : all[i]?.best;
      const value = best?.params[name];
      return h("span", {}, h("strong", {}, typeof value === "number" ? number(value, 6) : choice(value)), h("small", {}, ` ${space(param)}`));
    }),
  }));
  return beside("The parameters in the best trial, and their spaces", subjects, rows);
}

function space(param: Param): string {
  const needs = Object.entries(param.when).map(([parent, of]) => condition(parent, of));
  const range =
    param.type === "categorical"
      ? `of ${plural(param.choices?.length ?? 0, "choice")}: ${(param.choices ?? []).slice(0, 8).map((c) => choice(c)).join(", ")}${(param.choices?.length ?? 0) > 8 ? ", …" : ""}`
      : `${param.type} ${number(param.low, 6)} to ${number(param.high, 6)}${param.log ? ", log" : ""}${param.step ? `, step ${number(param.step, 6)}` : ""}`;
  return needs.length > 0 ? `${range}; if ${needs.join(" and ")}` : range;
}

/** What the confirmation of each study says. */
export function answers({ subjects }: Comparison): HTMLElement {
  return h(
    "div",
    { class: "answers" },
    ...subjects.map((subject) =>
      h("article", { class: "card" }, h("h3", {}, h("a", { href: addressOf(subject) }, subject.shown)), ...answer(subject)),
    ),
  );
}

function answer(subject: Subject): HTMLElement[] {
  const { document } = subject;
  const line = (text: string, name = "") => h("p", { class: name }, text);
  if (!document) return [line("–")];
  const { confirm, confirmed_front: front } = document.analysis;
  const more = h("p", { class: "more" }, h("a", { href: addressOf(subject, "answer") }, "The whole answer"));
  if (front) return [...frontSentences(front.arms).map((text) => line(text)), more];
  if (!confirm) return [line(document.study.confirmations > 0 ? "Not yet: the search is not over." : "No trial of it is run again under fresh seeds.", "hint")];
  const arm = confirm.arms.find(({ of }) => of === confirm.best);
  const told = arm
    ? [
        line(`${number(arm.mean, 5)}${arm.low === null ? "" : ` (95 % of the mean: ${number(arm.low, 5)} to ${number(arm.high, 5)})`}`, "lead"),
        line(`The mean of trial ${arm.of} under ${plural(arm.values.length, "fresh seed")}.`, "hint"),
      ]
    : [line("Not all of it has been run again yet.", "hint")];
  const [field] = fieldsOf(confirm, document.study);
  return [...told, ...(field ? sentences(field).map((text) => line(text)) : []), more];
}
