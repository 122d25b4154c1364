/**
 * The parameters of trials, in little room. A plain object of 200 names takes four times as much as a list of its values, and a study has
 * ten thousand trials: so each trial keeps a list, and all of a study share the names. From outside it looks like a plain object without a
 * prototype.
 */

import type { Choice } from "./document";

/** The names that a study's trials have, in the order in which they first came. */
export class Names {
  readonly all: string[] = [];
  private readonly places = new Map<string, number>();
  /** One text stands for all that equal it. */
  private readonly texts = new Map<string, string>();

  place(name: string): number | undefined {
    return this.places.get(name);
  }

  /** The same parameters, as a list with the names of this study. */
  pack(params: Record<string, Choice>): Record<string, Choice> {
    const row: (Choice | undefined)[] = [];
    for (const name in params) row[this.placeOf(name)] = this.one(params[name]!);
    // A list with gaps would be kept as a table.
    for (let i = 0; i < row.length; i += 1) if (!(i in row)) row[i] = undefined;
    return new Proxy(new Row(this, row), LOOKS_PLAIN) as unknown as Record<string, Choice>;
  }

  private placeOf(name: string): number {
    const known = this.places.get(name);
    if (known !== undefined) return known;
    this.places.set(name, this.all.length);
    return this.all.push(name) - 1;
  }

  private one(value: Choice): Choice {
    if (typeof value !== "string") return value;
    const known = this.texts.get(value);
    if (known !== undefined) return known;
    this.texts.set(value, value);
    return value;
  }
}

/** Calls with each name and value, many times as quickly as `Object.entries` of a packed one. */
export function eachParam(params: Record<string, Choice>, call: (name: string, value: Choice, place: number) => void): void {
  const row = (params as unknown as Record<symbol, Row | undefined>)[ROW];
  if (!row) return Object.entries(params).forEach(([name, value], place) => call(name, value, place));
  const { names, values } = row;
  for (let i = 0; i < values.length; i += 1) if (values[i] !== undefined) call(names.all[i]!, values[i]!, i);
}

/** Behind this a packed one has its row. */
const ROW = Symbol("row");

/** The values of one trial; undefined where a parameter does not count. */
class Row {
  constructor(
    readonly names: Names,
    readonly values: readonly (Choice | undefined)[],
  ) {}

  value(name: string | symbol): Choice | undefined {
    const place = typeof name === "string" ? this.names.place(name) : undefined;
    return place === undefined ? undefined : this.values[place];
  }
}

/** What a plain object would answer. It cannot be changed. */
const LOOKS_PLAIN: ProxyHandler<Row> = {
  get: (row, name) => (name === ROW ? (row as never) : row.value(name)),
  has: (row, name) => row.value(name) !== undefined,
  ownKeys: ({ names, values }) => names.all.filter((_, i) => values[i] !== undefined),
  getOwnPropertyDescriptor: (row, name) => {
    const value = row.value(name);
    return value === undefined ? undefined : { value, enumerable: true, configurable: true, writable: false };
  },
  getPrototypeOf: () => null,
  set: () => false,
  deleteProperty: () => false,
  defineProperty: () => false,
};
