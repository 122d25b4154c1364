/** The figures of a study by groups. Each has an address by its key. */

import { fieldsOf } from "../confirm/arms";
import { means } from "../confirm/front";
import { forests } from "../confirm/section";
import type { Data } from "../data";
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
import type { Context } from "../shell/types";
import type { Store } from "../store";

export interface Group {
  id: string;
  title: string;
  /** Whether there is anything to show. */
  shown: (data: Data) => boolean;
  specs: (data: Data, store: Store) => (FigureSpec | null)[];
  /** The figures are made anew if this changes. */
  shape: (data: Data) => unknown;
}

const always = () => true;
const never = () => 0;

export const PROGRESS: Group = {
  id: "progress",
  title: "Progress",
  shown: always,
  specs: (d) => [...(d.several ? [front(d.values.count), hypervolume] : []), history, curves(), timeline],
  shape: never,
};

export const PARAMETERS: Group = {
  id: "parameters",
  title: "Parameters",
  shown: (d) => d.study.space.length > 0,
  specs: (d) => [
    importance,
    ...(d.study.space.length > 1 ? [interactions, parallel, pair(d.study.space, firstPair(d))] : []),
    ...d.study.space.map(slice),
  ],
  shape: never,
};

export const PAIRS: Group = {
  id: "pairs",
  title: "Pairs",
  shown: (d) => d.analysis.combinations.length > 0,
  specs: (d) => pairsOf(d).flatMap((p) => [combinations(p, "best"), combinations(p, "mean")]),
  shape: pairsOf,
};

export const OUTCOMES: Group = {
  id: "outcomes",
  title: "Outcomes",
  shown: (d) => d.numeric.length > 0,
  specs: (d) => [...usual(d).slice(0, 16).map(byChoice), explorer(d)],
  shape: (d) => d.outcomes.map((o) => o.key),
};

/** What the answer shows; it makes its own. */
const ANSWER: Group = {
  id: "answer",
  title: "Answer",
  shown: ({ document: { analysis } }) => analysis.confirm !== null || analysis.confirmed_front !== undefined,
  specs: (d, store) => (d.several ? [means(d.values.count)] : forests(store, d)),
  shape: ({ document: { analysis: { confirm } }, study }) => (confirm ? fieldsOf(confirm, study).map((f) => f.key) : 0),
};

export const GROUPS: readonly Group[] = [PROGRESS, PARAMETERS, PAIRS, OUTCOMES, ANSWER];

/** The group's figures, the same ones while their shape stays: what was chosen in them stays chosen. */
export function specsOf({ remember, store }: Context, group: Group, data: Data): { shape: string; specs: FigureSpec[] } {
  const known = remember(`figures ${group.id}`, () => ({ shape: "", specs: [] as FigureSpec[] }));
  const shape = JSON.stringify(group.shape(data));
  if (shape !== known.shape) {
    known.shape = shape;
    known.specs = group.specs(data, store).filter((spec) => spec !== null);
  }
  return known;
}

/** The figure of this key. */
export function figureOf(context: Context, data: Data, key: string): FigureSpec | null {
  for (const group of GROUPS) {
    const found = group.shown(data) && specsOf(context, group, data).specs.find((spec) => spec.key === key);
    if (found) return found;
  }
  return null;
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
