/** Studies beside each other. */

import type { Document } from "../document";
import { h, replaceKeepingFocus, setText } from "../dom";
import { Figure } from "../figure/figure";
import type { Open } from "../figure/types";
import { brand, themeButton } from "../page/banner";
import { visible } from "../read";
import { Entries, restore } from "../shell/entries";
import { Store } from "../store";
import { compareAddress, comparedStudies, MOST } from "./address";
import { chooser } from "./chooser";
import { type Comparison, directions, figuresOf } from "./figures";
import { load } from "./load";
import { addressOf, dataOf, metricsOf, type Subject } from "./subject";
import { answers, facts, parameters } from "./tables";

const EACH_FIRST = "\u0000first";

export function comparePage(): void {
  const query = new URLSearchParams(location.search);
  const { names, more } = comparedStudies(query);
  const subjects = names.map((name, place): Subject => ({ name, shown: visible(name), place, document: null, problem: null }));
  const entries = new Entries(() => undefined);
  let wanted = query.get("metric");
  /** Null: each study's first one. */
  let metric: string | null = wanted;
  const comparison = (): Comparison => ({ subjects, metric });

  const open: Open = Object.assign(
    (trial: number, study?: string) => {
      if (study !== undefined) location.assign(addressOf({ name: study } as Subject, "trials", String(trial)));
    },
    { trial: () => "", figure: () => null },
  );
  // Figures ask a store when to draw; the studies are this page's own.
  const store = new Store();
  store.replace(NOTHING);
  const figures = figuresOf(comparison).map((spec) => new Figure(spec, store, open));

  const metrics = h("select", { onchange: () => choose(metrics.value) });
  const picker = h("label", { class: "pick", hidden: true }, h("span", {}, "Metric"), metrics);
  const list = h("ul", { class: "compared" });
  const said = h("p", { class: "hint", role: "status" });
  const [fact, params, told] = [scroll("Studies beside each other"), scroll("Parameters beside each other"), h("div")];
  const content = h(
    "div",
    { hidden: true },
    section("Studies", fact),
    section("Values", h("div", { class: "figures" }, ...figures.map((figure) => figure.element))),
    section("Parameters", h("p", { class: "hint section-hint" }, "In the best trial, and where they were searched."), params),
    section("Answers", told),
  );
  document.title = `Compare ${subjects.map((s) => s.shown).join(", ")} · Kindling`;
  document.body.replaceChildren(
    h("a", { class: "skip", href: "#main" }, "Skip to the content"),
    h(
      "header",
      { class: "sticky of-compare" },
      h("div", { class: "bar-line" }, brand(true), h("h1", {}, "Compare"), h("span", { class: "spring" }), h("span", { class: "pickers" }, picker), themeButton()),
    ),
    h("main", { id: "main", tabindex: -1 }, list, chooser(names, (name) => compareAddress([...names, name], wanted)), said, content),
    h("footer", {}, "Made by Kindling. Figures are drawn with Apache ECharts."),
  );

  function choose(value: string): void {
    wanted = value === EACH_FIRST ? null : value;
    metric = wanted;
    history.replaceState(history.state, "", compareAddress(names, wanted));
    draw();
    for (const figure of figures) figure.restart();
  }

  function offer(): void {
    const all = metricsOf(subjects);
    // What the address names holds, unless it is clear that no study has it.
    const loading = subjects.some(({ document, problem }) => document === null && problem === null);
    metric = wanted !== null && (loading || all.includes(wanted)) ? wanted : (all[0] ?? null);
    picker.hidden = all.length < 2;
    const options = all.map((name) => h("option", { value: name ?? EACH_FIRST }, name ?? "the first of each"));
    if (metrics.options.length !== options.length || options.some((option, i) => option.value !== metrics.options[i]!.value)) metrics.replaceChildren(...options);
    metrics.value = metric ?? EACH_FIRST;
  }

  function draw(): void {
    offer();
    const there = subjects.filter(({ document }) => document !== null);
    content.hidden = there.length === 0;
    replaceKeepingFocus(list, ...subjects.map((subject) => entry(subject, names, wanted, metric)));
    setText(said, [advice(names, more), directions(there, metric)].filter(Boolean).join(" "));
    const now = { subjects: there, metric };
    replaceKeepingFocus(fact, facts(now));
    replaceKeepingFocus(params, parameters(now));
    replaceKeepingFocus(told, answers(now));
    for (const figure of figures) figure.update();
  }

  draw();
  let restored = false;
  void load(subjects, () => {
    draw();
    const all = subjects.every(({ document, problem }) => document !== null || problem !== null);
    if (all && !restored) restore(entries.mark);
    restored ||= all;
  });
}

function advice(names: readonly string[], more: number): string {
  if (names.length === 0) return "Choose studies to compare.";
  if (names.length === 1) return "Choose one more study to compare it with.";
  return more > 0 ? `At most ${MOST} studies can be compared: ${more} of those in the address ${more === 1 ? "is" : "are"} left out.` : "";
}

function entry(subject: Subject, names: readonly string[], wanted: string | null, metric: string | null): HTMLElement {
  const without = compareAddress(names.filter((name) => name !== subject.name), wanted);
  const lacks = subject.document && dataOf(subject, metric) === null ? "It has no such metric." : null;
  const said = subject.problem ?? lacks ?? (subject.document ? null : "Loading …");
  return h(
    "li",
    { "data-place": subject.place },
    h("a", { href: addressOf(subject), "data-key": `study ${subject.place}` }, subject.shown),
    said ? h("span", { class: "hint" }, said) : null,
    h("a", { href: without, class: "tool", "aria-label": `Leave out ${subject.shown}`, title: "Leave out" }, "✕"),
  );
}

function scroll(label: string): HTMLElement {
  return h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": label });
}

function section(title: string, ...content: HTMLElement[]): HTMLElement {
  return h("section", { class: "compare-part" }, h("h2", {}, title), ...content);
}

/** No study's data. */
const NOTHING: Document = {
  version: 0,
  generated: 0,
  study: {
    name: "compare",
    external: false,
    directions: ["minimize"],
    metrics: ["value"],
    curve_objective: 0,
    constraints: [],
    front: [],
    front_size: 0,
    state: "ACTIVE",
    budget: 0,
    confirmations: 0,
    confirmations_known: true,
    seed: "",
    created: 0,
    counts: { waiting: 0, running: 0, complete: 0, pruned: 0, fail: 0 },
    trials_per_hour: null,
    seconds_left: null,
    failures: [],
    pause_reason: null,
    best: null,
    sampler: null,
    pruner: null,
    objective: { kind: "", settings: null },
    space: [],
    confirm: null,
  },
  workers: [],
  trials: [],
  analysis: { importance: null, combinations: [], confirm: null },
};
