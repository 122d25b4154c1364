/** What the trials of each pair of choices came to. */

import type { Data } from "../data";
import type { Param } from "../document";

/** With fewer trials than this, a mean says little. */
export const FEW = 5;

export interface Cell {
  /** The indices of the two choices. */
  x: number;
  y: number;
  trials: number;
  mean: number;
  best: number;
  sd: number | null;
}

/** The cells in which trials are: feasible ones, or all if none is. */
export function cellsOf(data: Data, px: Param, py: Param): Cell[] {
  const places = (param: Param) => new Map((param.choices ?? []).map((c, i) => [c, i]));
  const [xs, ys] = [places(px), places(py)];
  const found = new Map<number, number[]>();
  for (const trial of data.ranked) {
    const x = xs.get(trial.params[px.name]!);
    const y = ys.get(trial.params[py.name]!);
    if (x === undefined || y === undefined) continue;
    const at = y * xs.size + x;
    const values = found.get(at);
    if (values) values.push(data.value(trial)!);
    else found.set(at, [data.value(trial)!]);
  }
  return [...found].map(([at, values]) => {
    const mean = values.reduce((sum, v) => sum + v, 0) / values.length;
    const spread = values.reduce((sum, v) => sum + (v - mean) ** 2, 0);
    const best = values.reduce((a, b) => (data.sign * b > data.sign * a ? b : a));
    const sd = values.length > 1 ? Math.sqrt(spread / (values.length - 1)) : null;
    return { x: at % xs.size, y: Math.floor(at / xs.size), trials: values.length, mean, best, sd };
  });
}
