/** Points that stand for trials, as the library takes them. */

import type { Option } from "./types";

export interface Point {
  value: [number, number];
  trial: number;
}

/** Where there are many, so many of a kind are drawn as one. */
export const TOGETHER = 100;

/** The third of the numbers that a point drawn with others has. */
const TRIAL = "trial";

/**
 * Data of a series whose marks are drawn as one, which takes far less than each by itself. They are three numbers each in one list: of objects the
 * library would copy every one, and look through it for looks of its own.
 */
export function asOne(points: readonly Point[]): Option {
  const data = new Float64Array(3 * points.length);
  points.forEach(({ value, trial }, i) => data.set([...value, trial], 3 * i));
  return { data, dimensions: ["x", "y", TRIAL], large: true, largeThreshold: 1 };
}

/** What an event of the library is about, however the data are kept. */
export function subject({ data, dimensionNames }: { data?: unknown; dimensionNames?: string[] }): unknown {
  if (!Array.isArray(data) || dimensionNames?.[2] !== TRIAL) return data;
  const [x, y, trial] = data as [number, number, number];
  return { value: [x, y], trial } satisfies Point;
}
