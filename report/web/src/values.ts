/**
 * Values: what a trial reached, which of two is better, and in which order trials come. Figures and tables ask here; none compares values
 * by itself. `report/src/shown/values.rs` says the same.
 */

/** Which way is better. */
export type Direction = "maximize" | "minimize";

/** What has a value for each objective, or none yet. */
export interface Valued {
  values: number[];
}

/** What was found for the constraints, in the study's order; empty if nothing was. Feasible is what is at or below 0. */
export interface Constrained {
  constraints: (number | null)[];
}

/** The objective that figures, tables and statistics are about until another is chosen, by its place in the study. */
export const FIRST = 0;

/** The value of an objective; null while there is none. */
export function valueOf(trial: Valued | null | undefined, objective = FIRST): number | null {
  return trial?.values[objective] ?? null;
}

/** Compares the values of a study. */
export class Values {
  constructor(
    private readonly directions: readonly Direction[],
    private readonly names: readonly string[] = [],
    /** The names of the constraints. */
    readonly constraints: readonly string[] = [],
  ) {}

  /** How many objectives there are. */
  get count(): number {
    return this.directions.length;
  }

  /** Whether all constraints were told and hold. */
  feasible({ constraints }: Constrained): boolean {
    return constraints.length >= this.constraints.length && constraints.every((value) => value !== null && value <= 0);
  }

  /** 1 if higher is better, else -1. */
  sign(objective = FIRST): 1 | -1 {
    return this.directions[objective] === "minimize" ? -1 : 1;
  }

  /** The value to minimise, in either direction. */
  loss(value: number, objective = FIRST): number {
    return -this.sign(objective) * value;
  }

  better(a: number, b: number, objective = FIRST): boolean {
    return this.loss(a, objective) < this.loss(b, objective);
  }

  /** Below 0 if `a` is better, so that sorting puts the best first. */
  order(a: number, b: number, objective = FIRST): number {
    return this.loss(a, objective) - this.loss(b, objective);
  }

  /** Those that have a value, best first; of equals the earlier one. */
  ranked<T extends Valued & { number: number }>(trials: readonly T[], objective = FIRST): T[] {
    const of = (trial: T) => valueOf(trial, objective);
    return trials
      .filter((trial) => of(trial) !== null)
      .sort((a, b) => this.order(of(a)!, of(b)!, objective) || a.number - b.number);
  }

  /** What an axis or a column of values is called. */
  name(objective = FIRST): string {
    return this.names[objective] ?? (this.count > 1 ? `objective ${objective}` : "value");
  }

  /** The same, and which way is better. */
  label(objective = FIRST): string {
    return `${this.name(objective)} (${this.sign(objective) > 0 ? "higher" : "lower"} is better)`;
  }

  /** What a constraint is called: some programs give them no names. */
  constraint(index: number): string {
    return this.constraints[index] ?? `constraint ${index}`;
  }

  /** The directions, as a study's file has them; of several objectives with their names. */
  toString(): string {
    return this.directions.map((direction, i) => (this.count > 1 ? `${direction} ${this.name(i)}` : direction)).join(", ");
  }
}
