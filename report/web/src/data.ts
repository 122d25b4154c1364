/** What the figures share about a document: computed once for each of its versions, and only if asked for. */

import type { Document, Param, PerObjective, Study, Trial } from "./document";
import { Lists } from "./lists";
import { FIRST, valueOf, Values } from "./values";

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

/** The key of the value of the chosen objective among outcomes. */
export const VALUE = "value";

export class Data {
  readonly study: Study;
  readonly trials: Trial[];
  /** Says which values are better. */
  readonly values: Values;
  private cache = new Map<string, unknown>();

  /** `metric` is the objective that figures are about, by its index; `lists` those of the trials, if somebody has them already. */
  constructor(
    readonly document: Document,
    readonly metric = FIRST,
    private known: Lists | null = null,
  ) {
    this.study = document.study;
    this.trials = document.trials;
    this.values = new Values(document.study.directions, document.study.metrics, document.study.constraints);
  }

  /** The chosen objective's value; null while there is none. */
  value(trial: Trial | null | undefined): number | null {
    return valueOf(trial, this.metric);
  }

  /** The chosen objective's intermediate values: step, value. */
  curve(trial: Trial, metric = this.metric): [number, number][] {
    return metric === this.study.curve_objective ? trial.curve : (trial.other_curves?.[metric] ?? []);
  }

  /** What the chosen objective is called. */
  get name(): string {
    return this.values.name(this.metric);
  }

  /** The same at the start of a title. */
  get subject(): string {
    return this.name === "value" ? "Value" : this.name;
  }

  /** Of several objectives: " of" the chosen one. */
  ofMetric(word = "of"): string {
    return this.several ? ` ${word} ${this.name}` : "";
  }

  /** Whether there are several objectives. */
  get several(): boolean {
    return this.values.count > 1;
  }

  /** 1 if higher is better for the chosen objective, else -1. */
  get sign(): 1 | -1 {
    return this.values.sign(this.metric);
  }

  /** What the analysis says of the chosen objective. */
  get analysis(): PerObjective {
    const { analysis } = this.document;
    return this.metric === FIRST ? analysis : (analysis.others?.[this.metric - 1] ?? { importance: null, combinations: [] });
  }

  private once<T>(key: string, compute: () => T): T {
    if (!this.cache.has(key)) this.cache.set(key, compute());
    return this.cache.get(key) as T;
  }

  private get lists(): Lists {
    return (this.known ??= new Lists(this.trials, this.values, this.metric));
  }

  /** The search's trials, without those that confirm. */
  get search(): readonly Trial[] {
    return this.lists.search;
  }

  /** The search's trials that completed with a value. */
  get complete(): readonly Trial[] {
    return this.lists.complete;
  }

  /** Those of them that keep to the constraints: all, if there is none. */
  get feasible(): readonly Trial[] {
    return this.lists.feasible;
  }

  /** Those that do not. */
  get infeasible(): readonly Trial[] {
    return this.lists.infeasible;
  }

  /** Whether trials can be infeasible. */
  get constrained(): boolean {
    return this.study.constraints.length > 0 || this.infeasible.length > 0;
  }

  /** The names of all constraints that some trial told, or should have. */
  get constraints(): string[] {
    return this.once("constraints", () => {
      const most = this.trials.reduce((n, t) => Math.max(n, t.constraints.length), this.study.constraints.length);
      return Array.from({ length: most }, (_, i) => this.values.constraint(i));
    });
  }

  /** Of several objectives, the feasible trials that no other dominates, best first by the first. */
  get front(): Trial[] {
    return this.once("front", () => {
      if (!this.several) return [];
      // The coordinator lists a small front at once; a large one comes with the next analysis.
      const { front, front_size } = this.study;
      const analysed = this.document.analysis.front?.trials ?? [];
      const numbers = front_size > 0 && front_size === front.length ? front : analysed;
      return numbers.flatMap((number) => this.trial(number) ?? []).filter((t) => t.values.length === this.values.count);
    });
  }

  onFront(trial: Trial): boolean {
    return this.once("on front", () => new Set(this.front)).has(trial);
  }

  /** Why there is no best trial yet, where some have completed but none is feasible. */
  get noneFeasible(): string {
    if (this.complete.length === 0 || this.feasible.length > 0) return "";
    return "No trial is feasible yet: every completed trial breaks a constraint or did not say.";
  }

  /** Changes whenever another trial of the search has completed; one that has never changes. */
  get progress(): string {
    return `${this.complete.length} of ${this.study.name} by ${this.metric}`;
  }

  /** The feasible ones, or all if none is, by the chosen objective: best first; of equals the earlier one. */
  get ranked(): readonly Trial[] {
    return this.feasible.length > 0 ? this.lists.rankedFeasible : this.lists.rankedComplete;
  }

  /** The best feasible one. Of one objective the one that the coordinator names, if its result is here already. */
  get best(): Trial | null {
    const named = this.several || this.study.best === null ? undefined : this.trial(this.study.best);
    if (named && this.value(named) !== null) return named;
    return this.feasible.length > 0 ? (this.ranked[0] ?? null) : null;
  }

  /** A trial's place among the feasible ones of the search, from 1; null if it is none of them. */
  rank(trial: Trial): number | null {
    const place = this.feasible.length > 0 ? this.ranked.indexOf(trial) : -1;
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
      const sorted = [...this.lists.attributes].sort((a, b) => Number(b === "epochs") - Number(a === "epochs") || a.localeCompare(b));
      return [this.objective, ...sorted.map(attribute)];
    });
  }

  /** The value of the chosen objective. */
  private get objective(): Outcome {
    return { key: VALUE, of: (trial) => this.value(trial), value: true };
  }

  outcome(key: string): Outcome {
    return this.outcomes.find((o) => o.key === key) ?? this.objective;
  }

  /**
   * The part by which good trials can be told apart: the best half or quarter, if the rest is so much worse that this part would
   * get less than two thirds of its fair share of an axis; else all. Judged by the first 8, 16, 32, … trials, so that axes do not
   * jump with every result.
   */
  get usualPart(): Part {
    return this.once("usual part", () => this.judgePart());
  }

  private judgePart(): Part {
    if (this.complete.length < 8) return "all";
    return this.lists.once(2 ** Math.floor(Math.log2(this.complete.length)), (first) => this.partOf(first));
  }

  private partOf(first: readonly Trial[]): Part {
    const values = first.map((t) => this.value(t)!).sort((a, b) => this.values.order(a, b, this.metric));
    const spread = (share: number) => Math.abs(values[Math.round(share * (values.length - 1))]! - values[0]!);
    const all = spread(1);
    if (all === 0) return "all";
    return (["half", "quarter"] as const).find((part) => spread(shareOf(part)) < (2 / 3) * shareOf(part) * all) ?? "all";
  }

  /** The range of the chosen objective's values of a part, with some room on both sides. */
  range(part: Part): [number, number] {
    return this.rangeOf(part, this.metric);
  }

  /** The same of any objective; wide enough for the front, if that is asked for. */
  rangeOf(part: Part, metric: number, withFront = false): [number, number] {
    return this.once(`range ${part} ${metric} ${withFront}`, () => {
      const whole = part === "all" || this.feasible.length === 0;
      const ranked =
        metric !== this.metric
          ? this.values.ranked(whole ? this.complete : this.feasible, metric)
          : whole
            ? this.lists.rankedComplete
            : this.lists.rankedFeasible;
      if (ranked.length === 0) return [0, 1];
      const last = Math.round(shareOf(part) * (ranked.length - 1));
      const ends = [ranked[0]!, ranked[last]!, ...(withFront ? this.front : [])].map((t) => valueOf(t, metric)!);
      return padded(ends.reduce((a, b) => Math.min(a, b)), ends.reduce((a, b) => Math.max(a, b)));
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
