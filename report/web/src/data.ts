/** What the figures share about a document: computed once for each of its versions, and only if asked for. */

import type { Document, Param, PerObjective, Study, Trial } from "./document";
import { type Field, fieldsOf, plainNames } from "./filter/fields";
import { type Compiled, compileWith } from "./filter/filter";
import { Names } from "./filter/names";
import { type Changed, Lists } from "./lists";
import { attributeMeasures, type Measure, objectives, otherMeasures } from "./measures";
import { FIRST, valueOf, Values } from "./values";

/** Which part of the search's values the value axes show. */
export type Part = "all" | "half" | "quarter" | "tenth";

export const PARTS: readonly { value: Part; text: string; share: number }[] = [
  { value: "all", text: "all", share: 1 },
  { value: "half", text: "best half", share: 0.5 },
  { value: "quarter", text: "best quarter", share: 0.25 },
  { value: "tenth", text: "best tenth", share: 0.1 },
];

/** What the reader chose for all figures and tables. */
export interface Chosen {
  /** What figures are about, by its key; the first objective if there is nothing of that name. */
  metric?: string | null;
  /** Which trials they are about. */
  filter?: string;
}

/** What there was before the newest changes: what has not changed needs not be worked out again. */
export interface After {
  before: Data;
  changes: readonly Changed[];
}

const NO_FILTER: Compiled = { matches: null, problem: null };

export class Data {
  readonly study: Study;
  /** Those that the filter lets through. */
  readonly trials: readonly Trial[];
  /** Says which values are better. */
  readonly values: Values;
  /** The same without a filter: what is said of the study itself is said of all trials. */
  readonly whole: Data;
  /** What the filter asks, or what is wrong with it: then all trials are there. */
  readonly filter: Compiled;
  readonly measure: Measure;
  /** The objective by which trials are compared: the chosen one, or the first if another number was chosen. */
  readonly metric: number;
  private cache = new Map<string, unknown>();
  /** The lists of its trials, once somebody has asked for them. */
  private known: Lists | null = null;

  constructor(
    readonly document: Document,
    private readonly chosen: Chosen = {},
    after: After | null = null,
  ) {
    this.study = document.study;
    this.values = new Values(document.study.directions, document.study.metrics, document.study.constraints);
    const follows = after?.before.document.trials === document.trials ? after : null;
    const asked = (chosen.filter ?? "").trim() !== "";
    this.whole = asked ? new Data(document, { ...chosen, filter: "" }, follows && { ...follows, before: follows.before.whole }) : this;
    if (follows && !asked) this.keepFields(follows);
    this.filter = asked ? compileWith(chosen.filter!, this.whole.names) : NO_FILTER;
    this.measure = this.whole.find(chosen.metric ?? null);
    this.metric = this.measure.objective ?? FIRST;
    const { before, changes } = follows ?? {};
    if (before?.known && before.rules === this.rules) {
      this.known = before.known;
      this.known.change(changes!);
    }
    this.trials = this.filter.matches ? this.lists.shown : document.trials;
  }

  private get lists(): Lists {
    return (this.known ??= new Lists(this.document.trials, {
      lets: this.filter.matches,
      value: (trial) => this.measure.of(trial),
      values: this.values,
      metric: this.metric,
    }));
  }

  /** What decides which lists a trial is in. */
  private get rules(): string {
    const { measure, filter, study } = this;
    return JSON.stringify([measure.key, this.chosen.filter ?? "", filter.matches !== null, study.directions, study.constraints]);
  }

  /** Fields follow from the study and from which attributes there are. */
  private keepFields({ before, changes }: After): void {
    const fields = before.cache.get("fields") as Field[] | undefined;
    const shape = ({ space, metrics, directions, constraints }: Study) => JSON.stringify([space, metrics, directions, constraints]);
    if (!fields || shape(before.study) !== shape(this.study)) return;
    const known = new Set(fields.filter((f) => f.group === "attr").map((f) => f.name));
    const same = ({ before: old, now }: Changed) => {
      const names = plainNames(now.attributes);
      return names.every((name) => known.has(name)) && (!old || plainNames(old.attributes).every((name) => names.includes(name)));
    };
    if (!changes.every(same)) return;
    for (const key of ["fields", "names"]) if (before.cache.has(key)) this.cache.set(key, before.cache.get(key));
  }

  /** Whether some trials may be left out. */
  get filtered(): boolean {
    return this.filter.matches !== null;
  }

  /** What filters can ask. */
  get fields(): readonly Field[] {
    return this.whole.once("fields", () => fieldsOf(this.study, this.document.trials));
  }

  get names(): Names {
    return this.whole.once("names", () => new Names(this.fields));
  }

  /** All that figures can be about, the objectives first. */
  get measures(): Measure[] {
    return this.whole.once("measures", () => [
      ...objectives(this.values),
      ...this.attributes,
      ...otherMeasures(this.fields, this.names),
    ]);
  }

  /** The numbers that trials told of their own accord, `epochs` first. */
  get attributes(): Measure[] {
    return this.whole.once("attributes", () => attributeMeasures(this.fields, this.names, this.document.trials));
  }

  private find(key: string | null): Measure {
    const [first] = objectives(this.values);
    if (key === null || key === first!.key) return first!;
    return this.measures.find((m) => m.key === key) ?? first!;
  }

  /** The chosen measure's value; null while there is none. */
  value(trial: Trial | null | undefined): number | null {
    return trial ? this.measure.of(trial) : null;
  }

  /** Whether somebody said which way the chosen measure is better. */
  get judged(): boolean {
    return this.measure.objective !== null;
  }

  /** The chosen objective's intermediate values: step, value. */
  curve(trial: Trial, metric = this.metric): [number, number][] {
    return metric === this.study.curve_objective ? trial.curve : (trial.other_curves?.[metric] ?? []);
  }

  /** What the chosen measure is called. */
  get name(): string {
    return this.measure.name;
  }

  /** The same on an axis, and which way is better if that is known. */
  get label(): string {
    return this.judged ? this.values.label(this.metric) : this.name;
  }

  /** The same at the start of a title. */
  get subject(): string {
    // An objective is called as somebody called it.
    return this.judged && this.name !== "value" ? this.name : this.name.charAt(0).toUpperCase() + this.name.slice(1);
  }

  /** Of several objectives: " of" the chosen one. */
  ofMetric(word = "of"): string {
    return this.several ? ` ${word} ${this.name}` : "";
  }

  /** Whether there are several objectives. */
  get several(): boolean {
    return this.values.count > 1;
  }

  /** 1 if higher is better for the chosen measure, or if nobody knows; else -1. */
  get sign(): 1 | -1 {
    return this.judged ? this.values.sign(this.metric) : 1;
  }

  /** What the analysis says of the chosen objective, from all trials; nothing of other measures. */
  get analysis(): PerObjective {
    const { analysis } = this.document;
    if (!this.judged) return { importance: null, combinations: [] };
    return this.metric === FIRST ? analysis : (analysis.others?.[this.metric - 1] ?? { importance: null, combinations: [] });
  }

  private once<T>(key: string, compute: () => T): T {
    if (!this.cache.has(key)) this.cache.set(key, compute());
    return this.cache.get(key) as T;
  }

  /** The search's trials, without those that confirm. */
  get search(): readonly Trial[] {
    return this.lists.search;
  }

  /** The search's trials that completed with a value of the chosen measure. */
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
      return numbers
        .flatMap((number) => this.trial(number) ?? [])
        .filter((t) => t.values.length === this.values.count && this.lets(t));
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
    return `${this.complete.length} of ${this.study.name} by ${this.measure.key} if ${this.chosen.filter ?? ""}`;
  }

  /** The feasible ones, or all if none is, by the chosen objective: best first; of equals the earlier one. */
  get ranked(): readonly Trial[] {
    return this.feasible.length > 0 ? this.lists.rankedFeasible : this.lists.rankedComplete;
  }

  /** The best feasible one. Of one objective the one that the coordinator names, if its result is here already. */
  get best(): Trial | null {
    const named = this.several || this.study.best === null ? undefined : this.trial(this.study.best);
    if (named && valueOf(named) !== null && this.lets(named)) return named;
    return this.feasible.length > 0 ? (this.ranked[0] ?? null) : null;
  }

  /** Whether the filter lets it through. */
  lets(trial: Trial): boolean {
    return this.filter.matches?.(trial) ?? true;
  }

  /** A trial's place among the feasible ones of the search, from 1; null if it is none of them. */
  rank(trial: Trial): number | null {
    const place = this.feasible.length > 0 ? this.ranked.indexOf(trial) : -1;
    return place < 0 ? null : place + 1;
  }

  /** Any trial of the study, whatever the filter. */
  trial(number: number): Trial | undefined {
    const all = this.document.trials;
    const guess = all[number];
    if (guess?.number === number) return guess;
    return this.whole.once("numbers", () => new Map(all.map((t) => [t.number, t]))).get(number);
  }

  get categorical(): Param[] {
    return this.study.space.filter((p) => p.type === "categorical");
  }

  get numeric(): Param[] {
    return this.study.space.filter((p) => p.type !== "categorical");
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
    if (this.complete.length < 8 || !this.judged) return "all";
    return this.lists.once(2 ** Math.floor(Math.log2(this.complete.length)), (first) => this.partOf(first));
  }

  private partOf(first: readonly Trial[]): Part {
    const values = first.map((t) => this.value(t)!).sort((a, b) => this.values.order(a, b, this.metric));
    const spread = (share: number) => Math.abs(values[Math.round(share * (values.length - 1))]! - values[0]!);
    const all = spread(1);
    if (all === 0) return "all";
    return (["half", "quarter"] as const).find((part) => spread(shareOf(part)) < (2 / 3) * shareOf(part) * all) ?? "all";
  }

  /** The range of the chosen measure's values of a part, with some room on both sides. */
  range(part: Part): [number, number] {
    if (this.judged) return this.rangeOf(part, this.metric);
    return this.once("range", () => {
      const values = this.complete.map((t) => this.value(t)!);
      return values.length === 0 ? [0, 1] : padded(least(values), most(values));
    });
  }

  /** The same of any objective; wide enough for the front, if that is asked for. */
  rangeOf(part: Part, metric: number, withFront = false): [number, number] {
    return this.once(`range ${part} ${metric} ${withFront}`, () => {
      const whole = part === "all" || this.feasible.length === 0;
      const own = whole ? this.lists.rankedComplete : this.lists.rankedFeasible;
      const ranked = metric === this.metric ? own : this.values.ranked(whole ? this.complete : this.feasible, metric);
      if (ranked.length === 0) return [0, 1];
      const last = Math.round(shareOf(part) * (ranked.length - 1));
      const ends = [ranked[0]!, ranked[last]!, ...(withFront ? this.front : [])].map((t) => valueOf(t, metric)!);
      return padded(least(ends), most(ends));
    });
  }
}

function least(values: number[]): number {
  return values.reduce((a, b) => Math.min(a, b));
}

function most(values: number[]): number {
  return values.reduce((a, b) => Math.max(a, b));
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
