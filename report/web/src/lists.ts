/**
 * The trials of a study by what they are: of the search, complete, feasible, ranked. A trial that changes takes its place in them, so that a
 * change costs what changed, and not what there is.
 */

import type { Trial } from "./document";
import { valueOf, type Values } from "./values";

/** A trial that took another one's place, or is new. */
export interface Changed {
  before: Trial | undefined;
  now: Trial;
}

/** What decides which lists a trial is in. */
export interface Rules {
  /** Which trials the filter lets through; null: all. */
  lets: ((trial: Trial) => boolean) | null;
  /** What counts as its value. */
  value: (trial: Trial) => number | null;
  values: Values;
  /** The objective by which trials are ranked, by its index. */
  metric: number;
}

type Order = (a: Trial, b: Trial) => number;

const byNumber: Order = (a, b) => a.number - b.number;

export class Lists {
  /** Those that the filter lets through. By ascending number, as the next ones. */
  readonly shown: Trial[];
  /** Without the trials that confirm. */
  readonly search: Trial[];
  /** Those of the search that completed with a value. */
  readonly complete: Trial[];
  /** Those of them that keep to the constraints, and those that do not. */
  readonly feasible: Trial[];
  readonly infeasible: Trial[];
  /** The complete ones and the feasible ones, best first; of equals the earlier one. */
  readonly rankedComplete: Trial[];
  readonly rankedFeasible: Trial[];
  /** What was worked out from the first so many complete trials; forgotten if one of those changes. */
  private readonly early = new Map<number, unknown>();
  private readonly order: Order;

  constructor(
    trials: readonly Trial[],
    private readonly rules: Rules,
  ) {
    const { lets, values, metric } = rules;
    this.order = (a, b) => values.order(valueOf(a, metric)!, valueOf(b, metric)!, metric) || byNumber(a, b);
    this.shown = lets ? trials.filter(lets) : [...trials];
    this.search = this.shown.filter((t) => t.confirms === null);
    this.complete = this.search.filter((t) => this.counts(t));
    this.feasible = this.complete.filter((t) => values.feasible(t));
    this.infeasible = this.complete.filter((t) => !values.feasible(t));
    this.rankedComplete = values.ranked(this.complete, metric);
    this.rankedFeasible = this.rankedComplete.filter((t) => values.feasible(t));
  }

  change(changes: readonly Changed[]): void {
    for (const { before, now } of changes) {
      if (before) this.each(before, take);
      this.each(now, put);
    }
  }

  /** Something that follows from the first `count` complete trials alone. */
  once<T>(count: number, compute: (first: Trial[]) => T): T {
    if (!this.early.has(count)) this.early.set(count, compute(this.complete.slice(0, count)));
    return this.early.get(count) as T;
  }

  private counts(trial: Trial): boolean {
    return trial.state === "COMPLETE" && this.rules.value(trial) !== null;
  }

  private each(trial: Trial, act: (list: Trial[], trial: Trial, order: Order) => number): void {
    const { lets, values, metric } = this.rules;
    if (lets && !lets(trial)) return;
    act(this.shown, trial, byNumber);
    if (trial.confirms !== null) return;
    act(this.search, trial, byNumber);
    if (!this.counts(trial)) return;
    const feasible = values.feasible(trial);
    const at = act(this.complete, trial, byNumber);
    for (const count of this.early.keys()) if (at < count) this.early.delete(count);
    act(feasible ? this.feasible : this.infeasible, trial, byNumber);
    if (valueOf(trial, metric) === null) return;
    act(this.rankedComplete, trial, this.order);
    if (feasible) act(this.rankedFeasible, trial, this.order);
  }
}

/** Where a trial is in a list, or belongs. */
export function place(list: readonly Trial[], trial: Trial, order: Order): number {
  let [low, high] = [0, list.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (order(list[middle]!, trial) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

function put(list: Trial[], trial: Trial, order: Order): number {
  const at = place(list, trial, order);
  list.splice(at, 0, trial);
  return at;
}

function take(list: Trial[], trial: Trial, order: Order): number {
  const at = place(list, trial, order);
  if (list[at] === trial) list.splice(at, 1);
  return at;
}

/** Puts changed and new trials in their places, and says what they replaced. */
export function merge(trials: Trial[], changed: readonly Trial[]): Changed[] {
  return changed.map((now) => {
    const last = trials[trials.length - 1];
    const at = !last || last.number < now.number ? trials.length : place(trials, now, byNumber);
    const before = trials[at]?.number === now.number ? trials[at] : undefined;
    if (before) trials[at] = now;
    else trials.splice(at, 0, now);
    return { before, now };
  });
}
