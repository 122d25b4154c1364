/** The figures of a study by groups. Each has an address by its key. */

import { fieldsOf } from "../confirm/arms";
import { means } from "../confirm/front";
import { forests } from "../confirm/section";
import type { Data } from "../data";
import type { Param } from "../document";
import { failures } from "../failures/figure";
import type { FigureSpec } from "../figure/types";
import { curves } from "../figures/curves";
import { front } from "../figures/front";
import { history } from "../figures/history";
import { hypervolume } from "../figures/hypervolume";
import { importance, interactions } from "../figures/importance";
import { pair } from "../figures/pair";
import { parallel } from "../figures/parallel";
import { slice } from "../figures/slice";
import { timeline } from "../figures/timeline";
import { tried } from "../figures/tried";
import { byImportance } from "../parameters/words";
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
  specs: (d) => [...(d.several ? [front(d.values.count), hypervolume] : []), history, curves(), timeline()],
  shape: never,
};

/** What several parameters do together. */
export const PARAMETERS: Group = {
  id: "together",
  title: "Together",
  shown: (d) => d.study.space.length > 1,
  specs: () => [interactions, parallel],
  shape: never,
};

/** Why trials failed. */
export const FAILURES: Group = {
  id: "failed",
  title: "Failures",
  shown: (d) => d.document.study.counts.fail > 0,
  specs: () => [failures],
  shape: never,
};

/** Shown elsewhere as a list; a figure of their own at their address. */
const ALONE: Group = { id: "alone", title: "", shown: (d) => d.study.space.length > 0, specs: () => [importance], shape: never };

/** What the answer shows; it makes its own. */
const ANSWER: Group = {
  id: "answer",
  title: "Answer",
  shown: ({ document: { analysis } }) => analysis.confirm !== null || analysis.confirmed_front !== undefined,
  specs: (d, store) => (d.several ? [means(d.values.count)] : forests(store, d)),
  shape: ({ document: { analysis: { confirm } }, study }) => (confirm ? fieldsOf(confirm, study).map((f) => f.key) : 0),
};

export const GROUPS: readonly Group[] = [PROGRESS, PARAMETERS, FAILURES, ALONE, ANSWER];

/** What one parameter does. */
export function parameterSpecs({ remember }: Context, data: Data, name: string): FigureSpec[] {
  const { space } = data.study;
  const param = space.find((p) => p.name === name);
  if (!param) return [];
  // A parameter that changes, as Optuna's clients may let it, is drawn anew.
  return remember(`figures of ${JSON.stringify([param, space.length])}`, () => {
    const partners = partnersOf(data, name);
    return [slice(param, space), tried(param), ...(partners.length > 0 ? [pair(param, partners)] : [])];
  });
}

/** The other parameters, first those with which it matters together most, then the most important ones. */
function partnersOf(data: Data, name: string): Param[] {
  const together = (data.analysis.importance?.interactions ?? [])
    .filter((i) => (i.a === name || i.b === name) && i.strength > 0)
    .sort((p, q) => q.strength - p.strength)
    .map((i) => (i.a === name ? i.b : i.a));
  const ranked = byImportance(data).map((p) => p.name);
  const names = new Set([...together, ...ranked]);
  names.delete(name);
  return [...names].flatMap((n) => data.study.space.find((p) => p.name === n) ?? []);
}

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
  const name = /^(?:slice|tried|pair)-(.*)$/s.exec(key)?.[1];
  return (name !== undefined && parameterSpecs(context, data, name).find((spec) => spec.key === key)) || null;
}
