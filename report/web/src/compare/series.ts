/** The best value so far of each study, and of several that differ only in their seed the median and the quartiles. */

import type { Data } from "../data";
import type { Study } from "../document";

export type Across = "trials" | "time";

export interface Step {
  /** How many trials of the search had ended, or how many seconds had passed since the first began. */
  at: number;
  value: number;
  trial: number;
}

/** The steps at which the best feasible value got better, and where the study has come to. */
export function bestSoFar(data: Data, across: Across): { steps: Step[]; end: number } {
  const ended = data.search
    .filter((trial) => trial.state !== "WAITING" && trial.state !== "RUNNING")
    .sort((a, b) => (a.complete ?? Infinity) - (b.complete ?? Infinity) || a.number - b.number);
  const begin = data.search.reduce((least, { start }) => (start === null ? least : Math.min(least, start)), Infinity);
  const steps: Step[] = [];
  let end = 0;
  ended.forEach((trial, i) => {
    const at = across === "trials" ? i + 1 : trial.complete === null ? null : Math.max(0, (trial.complete - begin) / 1000);
    if (at === null || !Number.isFinite(at)) return;
    end = at;
    const value = data.value(trial);
    if (trial.state !== "COMPLETE" || value === null || !data.values.feasible(trial)) return;
    const last = steps.at(-1);
    if (!last || data.values.better(value, last.value, data.metric)) steps.push({ at, value, trial: trial.number });
  });
  return { steps, end };
}

/** What a study is but for its seed: those that share this are the same search, repeated. */
export function searchOf(study: Study): string {
  const { directions, metrics, constraints, space, sampler, pruner, objective, budget, external } = study;
  return JSON.stringify([directions, metrics, constraints, space, sampler, pruner, objective, budget, external && study.name]);
}

/** Those of at least two, by their places. */
export function repeated(studies: readonly (Study | null)[]): number[][] {
  const groups = new Map<string, number[]>();
  studies.forEach((study, place) => {
    if (study) groups.set(searchOf(study), [...(groups.get(searchOf(study)) ?? []), place]);
  });
  return [...groups.values()].filter((places) => places.length > 1);
}

export interface Band {
  at: number;
  low: number;
  median: number;
  high: number;
}

/** From where all have a value to where the first of them ends. */
export function band(lines: readonly { steps: Step[]; end: number }[]): Band[] {
  const from = Math.max(...lines.map(({ steps }) => steps[0]?.at ?? Infinity));
  const to = Math.min(...lines.map(({ end }) => end));
  if (!(from <= to)) return [];
  const places = new Set([from, to]);
  for (const { steps } of lines) for (const { at } of steps) if (at > from && at < to) places.add(at);
  const reached = lines.map(() => 0);
  return [...places]
    .sort((a, b) => a - b)
    .map((at) => {
      const values = lines.map(({ steps }, i) => {
        while (reached[i]! + 1 < steps.length && steps[reached[i]! + 1]!.at <= at) reached[i]! += 1;
        return steps[reached[i]!]!.value;
      });
      values.sort((a, b) => a - b);
      return { at, low: quantile(values, 0.25), median: quantile(values, 0.5), high: quantile(values, 0.75) };
    });
}

/** Of sorted values; between two of them it lies on the line. */
export function quantile(sorted: readonly number[], share: number): number {
  const at = share * (sorted.length - 1);
  const low = Math.floor(at);
  return sorted[low]! + (at - low) * ((sorted[low + 1] ?? sorted[low]!) - sorted[low]!);
}
