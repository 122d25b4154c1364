/** The parts of a study's page, and which figures they hold. */

import { frontAnswer } from "../confirm/front";
import { answer } from "../confirm/section";
import type { Data } from "../data";
import { diagnosisOf } from "../document";
import { h, setText } from "../dom";
import { Figure } from "../figure/figure";
import type { FigureSpec } from "../figure/types";
import { byChoice, usual } from "../figures/by-choice";
import { combinations } from "../figures/combinations";
import { curves } from "../figures/curves";
import { explorer } from "../figures/explorer";
import { front } from "../figures/front";
import { history } from "../figures/history";
import { hypervolume } from "../figures/hypervolume";
import { importance, interactions } from "../figures/importance";
import { pair } from "../figures/pair";
import { parallel } from "../figures/parallel";
import { slice } from "../figures/slice";
import { timeline } from "../figures/timeline";
import { artifactList } from "../kept/artifacts";
import type { Links } from "../kept/links";
import { layersSection } from "../layers/section";
import type { Store } from "../store";
import { progress, type Part } from "./overview";
import { trials } from "./trials";
import { workers } from "./workers";

export interface Section {
  id: string;
  title: string;
  hint?: string;
  /** Whether there is anything to show. */
  shown: (data: Data) => boolean;
  make: () => Part;
}

export function sectionsOf(store: Store, open: (trial: number) => void, links: Links | null): Section[] {
  const always = () => true;
  const figures =
    (specs: (data: Data) => (FigureSpec | null)[], shape: (data: Data) => unknown = () => 0) =>
    () =>
      figureGrid(store, open, specs, shape);
  return [
    { id: "overview", title: "Overview", shown: always, make: () => progress(open) },
    {
      id: "answer",
      title: "Answer",
      shown: ({ document: { analysis } }) => analysis.confirm !== null || analysis.confirmed_front !== undefined,
      make: () => (store.data!.several ? frontAnswer : answer)(store, open),
    },
    {
      id: "progress",
      title: "Progress",
      hint: "In every figure: point at something to see what it is, click it to open its trial, drag a rectangle to zoom, double-click to see all.",
      shown: always,
      make: figures((d) => [
        ...(d.several ? [front(d.values.count), hypervolume] : []),
        history,
        curves(),
        timeline,
      ]),
    },
    {
      id: "parameters",
      title: "Parameters",
      shown: (d) => d.study.space.length > 0,
      make: figures((d) => [
        importance,
        ...(d.study.space.length > 1 ? [interactions, parallel, pair(d.study.space, firstPair(d))] : []),
        ...d.study.space.map(slice),
      ]),
    },
    {
      id: "pairs",
      title: "Pairs",
      shown: (d) => d.analysis.combinations.length > 0,
      make: figures((d) => pairsOf(d).flatMap((p) => [combinations(p, "best"), combinations(p, "mean")]), pairsOf),
    },
    {
      id: "outcomes",
      title: "Outcomes",
      shown: (d) => d.numeric.length > 0,
      make: figures(
        (d) => [...usual(d).slice(0, 16).map(byChoice), explorer(d)],
        (d) => d.outcomes.map((o) => o.key),
      ),
    },
    {
      id: "layers",
      title: "Layers",
      shown: (d) => d.trials.some((t) => diagnosisOf(t) !== null),
      make: () => {
        const { content, figures: all } = layersSection(store, open);
        return { element: h("div", {}, ...content), update: () => all.forEach((f) => f.update()) };
      },
    },
    { id: "trials", title: "Trials", shown: always, make: () => trials(open) },
    {
      id: "artifacts",
      title: "Artifacts",
      hint: "Files that the study itself keeps. Those of a trial are in its own window.",
      shown: (d) => (d.document.artifacts ?? []).length > 0,
      make: () => {
        const { element, update } = artifactList(links);
        return { element: h("div", { class: "card wide" }, element), update: (d) => update(null, d.document.artifacts ?? []) };
      },
    },
    { id: "workers", title: "Workers", shown: (d) => d.document.workers.length > 0, make: () => workers(open) },
  ];
}

/** The two parameters that matter most. */
function firstPair(data: Data): [string, string] {
  const ranked = data.analysis.importance?.params.map((p) => p.name) ?? [];
  const names = [...new Set([...ranked, ...data.study.space.map((p) => p.name)])].filter((n) =>
    data.study.space.some((p) => p.name === n && Object.keys(p.when).length === 0),
  );
  return [names[0] ?? data.study.space[0]!.name, names[1] ?? data.study.space[1]!.name];
}

function pairsOf(data: Data): [string, string][] {
  return data.analysis.combinations.map((c) => c.params);
}

/** So many figures are made at a time: a space of 80 choices has thousands of pairs, and nobody reads them all. */
const AT_ONCE = 24;

/** Figures that are made anew only if their shape changes. The first ones; more if somebody asks for more. */
function figureGrid(
  store: Store,
  open: (trial: number) => void,
  specs: (data: Data) => (FigureSpec | null)[],
  shape: (data: Data) => unknown,
): Part {
  const grid = h("div", { class: "figures" });
  const button = h("button", { type: "button", class: "tool more", onclick: () => more() });
  let made: Figure[] = [];
  let all: FigureSpec[] = [];
  let now = "";
  const more = () => {
    const next = all.slice(made.length, made.length + AT_ONCE).map((spec) => new Figure(spec, store, open));
    made.push(...next);
    grid.append(...next.map((f) => f.element));
    const left = all.length - made.length;
    button.hidden = left === 0;
    setText(button, `Show ${Math.min(left, AT_ONCE)} more of ${left} figures`);
  };
  return {
    element: h("div", {}, grid, button),
    update: (data) => {
      const next = JSON.stringify(shape(data));
      if (next !== now) {
        now = next;
        for (const figure of made) figure.close();
        made = [];
        grid.replaceChildren();
        all = specs(data).filter((spec) => spec !== null);
        more();
      } else for (const figure of made) figure.update();
    },
  };
}
