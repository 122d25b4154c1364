/** What trials that failed for one reason have in common that others have not. */

import type { Data } from "../data";
import type { Param, Trial } from "../document";
import { spellValue } from "../filter/names";
import { positionOf, scaleOf } from "../figure/axis";
import { atOnce } from "../turns";
import { type Reason, reasonsOf } from "./reasons";

/** A condition that more of a reason's trials meet than chance explains. */
export interface Common {
  /** As a filter. */
  filter: string;
  /** Of the reason's trials. */
  met: number;
  of: number;
  /** Of the other trials that were looked at. */
  others: number;
  ofOthers: number;
}

/** How unlikely a condition must be by chance, all that were looked at taken together. */
const CHANCE = 0.01;
/** With fewer trials, nearly anything may be common to them. */
const LEAST = 3;
/** So many values of parameters are looked at: of more trials, some. */
const VALUES = 80_000;
/** So many places on a numeric parameter's range at which it may be cut. */
const CUTS = 12;

/**
 * For each reason the choice, or the range at one end, that its trials have most clearly more often than all other trials that ended: by
 * Fisher's exact test, with Bonferroni's correction for all the conditions that were looked at. Null where nothing stands out.
 */
export function commonOf(data: Data, reasons: Reason[]): (Common | null)[] {
  return atOnce(commonSteps(data, reasons));
}

/** The same in steps, each of them short: with hundreds of parameters it takes a second. */
export function* commonSteps(data: Data, reasons: Reason[]): Generator<void, (Common | null)[]> {
  const trials = looked(data);
  const columns: Column[] = [];
  for (const param of data.study.space) {
    columns.push(...[columnOf(data, param, trials) ?? []].flat());
    yield;
  }
  const tests = columns.reduce((sum, c) => sum + c.conditions.length, 0);
  const table = logFactorials(trials.length);
  const found: (Common | null)[] = [];
  for (const reason of reasons) {
    const own = new Set(reason.trials);
    const mine = trials.map((t) => own.has(t));
    const drawn = mine.filter(Boolean).length;
    found.push(null);
    if (drawn < LEAST || drawn === trials.length) continue;
    let best: { common: Common; p: number } | null = null;
    for (const column of columns) {
      yield;
      const counts = countsOf(column, mine);
      for (const { filter, from, to } of column.conditions) {
        const met = sum(counts.mine, from, to);
        // What half of them do not share is nothing that they have in common.
        if (2 * met < drawn) continue;
        const others = sum(counts.others, from, to);
        const p = byChance(table, trials.length, met + others, drawn, met);
        if (!best || p < best.p) best = { p, common: { filter, met, of: drawn, others, ofOthers: trials.length - drawn } };
      }
    }
    if (best && best.p * tests < CHANCE) found[found.length - 1] = best.common;
  }
  return found;
}

/** Trials that ended. Of too many, the failed ones first, then others from all over the study. */
function looked(data: Data): Trial[] {
  const most = Math.floor(VALUES / Math.max(1, data.study.space.length));
  const failed = reasonsOf(data)
    .flatMap((r) => r.trials)
    .slice(0, most / 2);
  const others = data.trials.filter((t) => t.state === "COMPLETE" || t.state === "PRUNED");
  const room = most - failed.length;
  if (others.length <= room) return [...failed, ...others];
  return [...failed, ...Array.from({ length: room }, (_, i) => others[Math.floor((i * others.length) / room)]!)];
}

interface Column {
  /** The cell of each trial; -1 where the parameter does not count. */
  cells: Int32Array;
  size: number;
  /** Each is met by the cells from one to another. */
  conditions: { filter: string; from: number; to: number }[];
}

function columnOf(data: Data, param: Param, trials: Trial[]): Column | null {
  const spelled = data.names.of("param", param.name);
  const scale = scaleOf(param);
  const places = trials.map((t) => positionOf(scale, t));
  if (param.type === "categorical") {
    const choices = param.choices ?? [];
    return {
      cells: Int32Array.from(places, (at) => at ?? -1),
      size: choices.length,
      conditions: choices.map((c, i) => ({ filter: `${spelled} = ${spellValue(c)}`, from: i, to: i + 1 })),
    };
  }
  const sorted = Float64Array.from(places.filter((at) => at !== null)).sort();
  if (sorted.length === 0) return null;
  const at = (i: number) => sorted[Math.floor((i * sorted.length) / CUTS)]!;
  const round = (place: number) => Number((scale.log ? 10 ** place : place).toPrecision(3));
  const cuts = [...new Set(Array.from({ length: CUTS - 1 }, (_, i) => round(at(i + 1))))].sort((a, b) => a - b);
  const cell = (trial: Trial) => {
    const value = trial.params[param.name];
    if (typeof value !== "number") return -1;
    let place = 0;
    while (place < cuts.length && value >= cuts[place]!) place += 1;
    return place;
  };
  return {
    cells: Int32Array.from(trials, cell),
    size: cuts.length + 1,
    conditions: cuts.flatMap((cut, i) => [
      { filter: `${spelled} < ${cut}`, from: 0, to: i + 1 },
      { filter: `${spelled} >= ${cut}`, from: i + 1, to: cuts.length + 1 },
    ]),
  };
}

function countsOf({ cells, size }: Column, mine: boolean[]): { mine: Float64Array; others: Float64Array } {
  const counts = { mine: new Float64Array(size), others: new Float64Array(size) };
  for (let i = 0; i < cells.length; i += 1) if (cells[i]! >= 0) (mine[i] ? counts.mine : counts.others)[cells[i]!]! += 1;
  return counts;
}

function sum(counts: Float64Array, from: number, to: number): number {
  let all = 0;
  for (let i = from; i < to; i += 1) all += counts[i]!;
  return all;
}

function logFactorials(n: number): Float64Array {
  const table = new Float64Array(n + 1);
  for (let i = 1; i <= n; i += 1) table[i] = table[i - 1]! + Math.log(i);
  return table;
}

/** How likely it is that at least `met` of `drawn` trials are among the `marked` ones of `all`. */
export function byChance(table: Float64Array, all: number, marked: number, drawn: number, met: number): number {
  const choose = (n: number, k: number) => table[n]! - table[k]! - table[n - k]!;
  let p = 0;
  for (let k = met; k <= Math.min(drawn, marked); k += 1) {
    if (drawn - k > all - marked) continue;
    p += Math.exp(choose(marked, k) + choose(all - marked, drawn - k) - choose(all, drawn));
  }
  return Math.min(1, p);
}
