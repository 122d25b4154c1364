/** What the figures share about a document: computed once for each of its versions, and only if asked for. */

import type { Document, Param, Study, Trial } from "./document";
import { valueOf, Values } from "./values";

/** Which part of the search's values the value axes show. */
export type Part = "all" | "half" | "quarter" | "tenth";

export const PARTS: readonly { value: Part; text: string; share: number }[] = [
  { value: "all", text: "all", share: 1 },
  { value: "half", text: "best half", share: 0.5 },
  { value: "quarter", text: "best quarter", share: 0.25 },
  { value: "tenth", text: "best tenth", share: 0.1 },
];

/** An outcome of a trial: its value or a numeric attribute of it. */
export interface Outcome {
  key: string;
  of: (trial: Trial) => number | null;
  /** Whether it is the objective's value, so that the chosen part applies. */
  value: boolean;
}

export const VALUE: Outcome = { key: "value", of: (trial) => valueOf(trial), value: true };

export class Data {
  readonly study: Study;
  readonly trials: Trial[];
  /** Says which values are better. */
  readonly values: Values;
  private cache = new Map<string, unknown>();

  constructor(readonly document: Document) {
    this.study = document.study;
    this.trials = document.trials;
    this.values = new Values(document.study.directions);
  }

  private once<T>(key: string, compute: () => T): T {
    if (!this.cache.has(key)) this.cache.set(key, compute());
    return this.cache.get(key) as T;
  }

  /** The search's trials, without those that confirm. */
  get search(): Trial[] {
    return this.once("search", () => this.trials.filter((t) => t.confirms === null));
  }

  /** The search's trials that completed with a value. */
  get complete(): Trial[] {
    return this.once("complete", () => this.search.filter((t) => valueOf(t) !== null));
  }

  /** Changes whenever another trial of the search has completed; one that has never changes. */
  get progress(): string {
    return `${this.complete.length} of ${this.study.name}`;
  }

  /** The completed ones, best first; of equals the earlier one. */
  get ranked(): Trial[] {
    return this.once("ranked", () => this.values.ranked(this.complete));
  }

  /** The best one: the one that the coordinator names, if its result is here already. */
  get best(): Trial | null {
    const named = this.study.best === null ? undefined : this.trial(this.study.best);
    return named && valueOf(named) !== null ? named : (this.ranked[0] ?? null);
  }

  /** A trial's place among the completed ones of the search, from 1; null if it is none of them. */
  rank(trial: Trial): number | null {
    const place = this.ranked.indexOf(trial);
    return place < 0 ? null : place + 1;
  }

  trial(number: number): Trial | undefined {
    const guess = this.trials[number];
    if (guess?.number === number) return guess;
    return this.once("numbers", () => new Map(this.trials.map((t) => [t.number, t]))).get(number);
  }

  get categorical(): Param[] {
    return this.study.space.filter((p) => p.type === "categorical");
  }

  get numeric(): Param[] {
    return this.study.space.filter((p) => p.type !== "categorical");
  }

  /** The value and the numeric attributes, `epochs` before the others. */
  get outcomes(): Outcome[] {
    return this.once("outcomes", () => {
      const names = new Set<string>();
      for (const trial of this.complete) {
        for (const name in trial.attributes) {
          if (!names.has(name) && typeof trial.attributes[name] === "number") names.add(name);
        }
      }
      const sorted = [...names].sort((a, b) => Number(b === "epochs") - Number(a === "epochs") || a.localeCompare(b));
      return [VALUE, ...sorted.map(attribute)];
    });
  }

  outcome(key: string): Outcome {
    return this.outcomes.find((o) => o.key === key) ?? VALUE;
  }

  /**
   * The part by which good trials can be told apart: the best half or quarter, if the rest is so much worse that this part would
   * get less than two thirds of its fair share of an axis; else all. Judged by the first 8, 16, 32, … trials, so that axes do not
   * jump with every result.
   */
  get usualPart(): Part {
    if (this.complete.length < 8) return "all";
    const first = this.complete.slice(0, 2 ** Math.floor(Math.log2(this.complete.length)));
    const values = first.map((t) => valueOf(t)!).sort((a, b) => this.values.order(a, b));
    const spread = (share: number) => Math.abs(values[Math.round(share * (values.length - 1))]! - values[0]!);
    const all = spread(1);
    if (all === 0) return "all";
    return (["half", "quarter"] as const).find((part) => spread(shareOf(part)) < (2 / 3) * shareOf(part) * all) ?? "all";
  }

  /** The value that a share of the completed trials reach. */
  private valueAt(share: number): number {
    const ranked = this.ranked;
    return valueOf(ranked[Math.round(share * (ranked.length - 1))]) ?? 0;
  }

  /** The range of values of a part, with some room on both sides. */
  range(part: Part): [number, number] {
    return this.once(`range ${part}`, () => {
      if (this.ranked.length === 0) return [0, 1];
      return padded(this.valueAt(0), this.valueAt(shareOf(part)));
    });
  }
}

export function attribute(name: string): Outcome {
  const of = (trial: Trial) => {
    const found = trial.attributes[name];
    return typeof found === "number" ? found : null;
  };
  return { key: name, of, value: false };
}

function shareOf(part: Part): number {
  return PARTS.find((p) => p.value === part)!.share;
}

/** A range around two values, a little wider than they are apart. */
export function padded(a: number, b: number, room = 0.06): [number, number] {
  const [low, high] = [Math.min(a, b), Math.max(a, b)];
  const pad = high > low ? room * (high - low) : Math.abs(high) * 0.05 || 0.5;
  return [low - pad, high + pad];
}
