/** Values for a trial that somebody adds: what was typed, checked against the space, and what depends on what. */

import type { Choice, Needs, Param } from "../document";
import { number } from "../format";
import type { Value } from "./api";

/** What is fixed so far, by name: a number, or a choice as the document has it. What is not here is the sampler's. */
export type Fixed = ReadonlyMap<string, Choice>;

export type Checked = { value: Choice } | { error: string } | null;

/** What was typed for a number; null if nothing was, so that it is left to the sampler. */
export function checked(param: Param, typed: string): Checked {
  const text = typed.trim().replace(/\u2212/g, "-");
  if (text === "") return null;
  const value = Number(text);
  if (!Number.isFinite(value)) return { error: "Not a number." };
  const { low = -Infinity, high = Infinity, step } = param;
  if (param.type === "int" && !Number.isSafeInteger(value)) return { error: "Not a whole number." };
  if (value < low || value > high) return { error: `Not from ${number(low, 8)} to ${number(high, 8)}.` };
  if (step && !onGrid(value, low, step)) return { error: `Not on the grid: ${number(nearest(value, low, high, step), 8)} is the nearest.` };
  return { value };
}

/** The same tolerance as the coordinator's. */
function onGrid(value: number, low: number, step: number): boolean {
  const k = (value - low) / step;
  return Math.abs(k - Math.round(k)) < 1e-6;
}

function nearest(value: number, low: number, high: number, step: number): number {
  const last = Math.floor((high - low) / step + 1e-6);
  // As many digits as the step has; the rest is rounding.
  return Number((low + step * Math.min(last, Math.max(0, Math.round((value - low) / step)))).toPrecision(12));
}

/** Which numbers a parameter takes: "0.0005 to 0.01, on a log scale". */
export function range(param: Param): string {
  const { low, high, log, step } = param;
  const scale = log ? ", on a log scale" : step && !(param.type === "int" && step === 1) ? `, in steps of ${number(step, 8)}` : "";
  return `${param.type === "int" ? "whole numbers " : ""}${number(low, 8)} to ${number(high, 8)}${scale}`;
}

/** The parameters that are active whatever the sampler chooses for the rest. Parents come before their children. */
export function active(space: readonly Param[], fixed: Fixed): Param[] {
  const sure = new Set<string>();
  const isSure = ({ when }: Param) =>
    Object.entries(when).every(([parent, needs]) => sure.has(parent) && fixed.has(parent) && satisfies(fixed.get(parent)!, needs));
  for (const param of space) if (isSure(param)) sure.add(param.name);
  return space.filter((param) => sure.has(param.name));
}

function satisfies(value: Choice, needs: Needs): boolean {
  if (Array.isArray(needs)) return needs.includes(value);
  const { at_least, at_most } = needs;
  return typeof value === "number" && (at_least === null || value >= at_least) && (at_most === null || value <= at_most);
}

/** The values as the coordinator takes them: of active parameters only, and lists and tables as themselves. */
export function sent(space: readonly Param[], fixed: Fixed): Record<string, Value> {
  const values = Object.create(null) as Record<string, Value>;
  for (const param of active(space, fixed)) {
    if (fixed.has(param.name)) values[original(param.name)] = asSent(fixed.get(param.name)!);
  }
  return values;
}

/** The document has lists and tables as the text of their JSON. */
function asSent(choice: Choice): Value {
  if (typeof choice !== "string") return choice;
  if (/^[[{]/.test(choice)) {
    try {
      return JSON.parse(choice, (_, value: unknown) => (typeof value === "string" ? original(value) : value)) as Value;
    } catch {
      // It is a word that begins like one.
    }
  }
  return original(choice);
}

/** A text as it was before its hidden characters were made visible for the page (`read.ts`). */
export function original(text: string): string {
  if (text === "__proto__\u2060") return "__proto__";
  return text.replace(/⟨U\+([0-9A-F]{4,6})⟩/g, (whole, code: string) => {
    const point = parseInt(code, 16);
    return point <= 0x10ffff ? String.fromCodePoint(point) : whole;
  });
}
