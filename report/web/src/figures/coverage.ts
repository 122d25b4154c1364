/** How often which values of a parameter were tried, in ranges or by choice, and what hardly was. */

import type { Data } from "../data";
import type { Param, Trial } from "../document";
import { choice, listing, plural } from "../format";
import { positionOf, type Scale, scaleOf } from "../figure/axis";

/** Ranges of a numeric parameter, unless it has fewer values. */
const RANGES = 12;

export interface Bin {
  /** In words: a choice, a whole number, or a range. */
  name: string;
  /** On the scale; of a choice, around its place. */
  from: number;
  to: number;
  /** Whether it is one value, and no range. */
  single: boolean;
  /** Trials of the search that began, whatever became of them. */
  trials: Trial[];
}

/** Trials of the search that have begun and have this parameter. */
export function begun(data: Data, param: Param): Trial[] {
  return data.search.filter((t) => t.state !== "WAITING" && t.params[param.name] !== undefined);
}

export function binsOf(data: Data, param: Param): Bin[] {
  const scale = scaleOf(param);
  const bins = empty(param, scale);
  const ends = bins.map((b) => b.to);
  for (const trial of data.search) {
    const at = trial.state === "WAITING" ? null : positionOf(scale, trial);
    if (at === null || bins.length === 0) continue;
    const place = ends.findIndex((end) => at < end);
    bins[place < 0 ? bins.length - 1 : place]!.trials.push(trial);
  }
  return bins;
}

function empty(param: Param, scale: Scale): Bin[] {
  const bin = (name: string, from: number, to: number, single = true): Bin => ({ name, from, to, single, trials: [] });
  if (param.type === "categorical") return (param.choices ?? []).map((c, i) => bin(choice(c), i - 0.5, i + 0.5));
  const [low, high] = [scale.low ?? 0, scale.high ?? 1];
  const step = param.step ?? (param.type === "int" ? 1 : null);
  const values = step && !scale.log ? Math.round((high - low) / step) + 1 : Infinity;
  if (values <= RANGES)
    return Array.from({ length: values }, (_, i) => bin(scale.text(low + i * step!), low + (i - 0.5) * step!, low + (i + 0.5) * step!));
  if (high <= low) return [bin(scale.text(low), low - 0.5, low + 0.5)];
  const width = (high - low) / RANGES;
  return Array.from({ length: RANGES }, (_, i) => {
    const [from, to] = [low + i * width, low + (i + 1) * width];
    return bin(`${scale.text(from)} – ${scale.text(to)}`, from, to, false);
  });
}

/** A part of the range counts as hardly tried from this share of the range on, up to this share of the trials. */
const PART = 0.2;
const HARDLY = 0.05;
/** With fewer trials everything is hardly tried. */
const LEAST = 10;

/** What was hardly tried, as sentences; none if all was, or if there are too few trials to say. */
export function hardly(param: Param, bins: Bin[]): string[] {
  const all = bins.reduce((sum, b) => sum + b.trials.length, 0);
  if (all < LEAST) return all === 0 ? [] : [`Only ${plural(all, "trial")} so far: too few to say what was hardly tried.`];
  return param.type === "categorical" ? hardlyChosen(bins, all) : hardlyInRange(param, bins, all);
}

function hardlyChosen(bins: Bin[], all: number): string[] {
  const fair = all / bins.length;
  const never = bins.filter((b) => b.trials.length === 0).map((b) => b.name);
  const seldom = bins.filter((b) => b.trials.length > 0 && b.trials.length < Math.min(5, fair / 2));
  return [
    never.length > 0 ? `Never tried: ${named(never)}.` : "",
    seldom.length > 0 ? `Hardly tried: ${named(seldom.map((b) => `${b.name} (${b.trials.length} of ${all})`))}.` : "",
  ].filter(Boolean);
}

const NAMED = 6;

function named(names: string[]): string {
  return names.length > NAMED ? `${names.slice(0, NAMED).join(", ")} and ${names.length - NAMED} more` : listing(names);
}

function hardlyInRange(param: Param, bins: Bin[], all: number): string[] {
  const scale = scaleOf(param);
  const few = HARDLY * all;
  const long = Math.max(1, Math.ceil(PART * bins.length));
  const some = (n: number) => (n === 0 ? `None of ${all} trials is` : `Only ${n} of ${all} trials ${n === 1 ? "is" : "are"}`);
  const upper = run([...bins].reverse(), few);
  const lower = run(bins, few);
  const said: string[] = [];
  const [first, last] = [bins[lower.bins]!, bins[bins.length - upper.bins - 1]!];
  if (lower.bins >= long) said.push(`${some(lower.trials)} below ${first.single ? first.name : scale.text(first.from)}.`);
  if (upper.bins >= long) said.push(`${some(upper.trials)} above ${last.single ? last.name : scale.text(last.to)}.`);
  return [...said, ...gaps(scale, bins.slice(lower.bins, bins.length - upper.bins), long, all)];
}

/** How many ranges from the end have together no more than a few trials. */
function run(bins: Bin[], few: number): { bins: number; trials: number } {
  let [n, trials] = [0, 0];
  for (const bin of bins) {
    if (trials + bin.trials.length > few) break;
    trials += bin.trials.length;
    n += 1;
  }
  return { bins: n, trials };
}

/** Between trials: ranges without any. */
function gaps(scale: Scale, bins: Bin[], long: number, all: number): string[] {
  const said: string[] = [];
  for (let i = 0; i < bins.length; i += 1) {
    let end = i;
    while (end < bins.length && bins[end]!.trials.length === 0) end += 1;
    const [first, last] = [bins[i]!, bins[end - 1]!];
    const where = first.single ? `from ${first.name} to ${last?.name}` : `between ${scale.text(first.from)} and ${scale.text(last?.to ?? 0)}`;
    if (end - i >= long) said.push(`None of ${all} trials is ${where}.`);
    i = Math.max(i, end - 1);
  }
  return said;
}
