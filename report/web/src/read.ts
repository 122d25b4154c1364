/** JSON from outside. Whoever names parameters, attributes and choices does not choose what the page does. */

import type { Analysis, Study, Trial } from "./document";
import { Names } from "./params";

/** Characters that nobody sees, or that turn the ones around them: all but line breaks, tabs and joiners. */
const HIDDEN = /(?![\n\t\u200c\u200d])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\u115f\u1160\u3164\uffa0]/gu;

/** All others are easily told from them: it takes a fraction of the time to find that there is nothing else. */
const UNUSUAL = /[^\n\t\x20-\x7e]/;

/** The text with such characters as their numbers: ⟨U+202E⟩. */
export function visible(text: string): string {
  return text.replace(HIDDEN, (c) => `⟨U+${c.codePointAt(0)!.toString(16).toUpperCase().padStart(4, "0")}⟩`);
}

/**
 * The one name that finds a prototype where it is looked up in a plain object, as the library of the figures does with labels. It is kept
 * apart by a character without width, everywhere in the same way.
 */
const PROTO = "__proto__";

function harmless(text: string): string {
  return text === PROTO ? `${PROTO}\u2060` : visible(text);
}

/** Parses JSON. All texts and names in it are visible then; that takes a while, and is done only if it may change anything. */
export function read<T>(text: string): T {
  const hides = text.includes("\\u") || text.includes(PROTO) || (UNUSUAL.test(text) && text.search(HIDDEN) >= 0);
  return JSON.parse(text, hides ? (_, value: unknown) => shown(value) : undefined) as T;
}

function shown(value: unknown): unknown {
  if (typeof value === "string") return harmless(value);
  if (value === null || typeof value !== "object" || Array.isArray(value)) return value;
  // With a prototype, as the library of the figures expects it; no name here can find it.
  const named: Record<string, unknown> = {};
  for (const [name, held] of Object.entries(value)) named[harmless(name)] = held;
  return named;
}

/** What an answer says that is no success: an error with what to do, if it is ours, or a line of text. */
export async function saidBy(answer: Response): Promise<string> {
  const text = visible((await answer.text()).slice(0, 2000).trim());
  try {
    const { error, hint } = JSON.parse(text) as Record<string, unknown>;
    if (typeof error === "string") return typeof hint === "string" ? `${error}; ${hint}` : error;
  } catch {
    // Whatever stands between the page and the coordinator has words of its own, or pages.
  }
  return text === "" || text.startsWith("<") ? `${answer.status} ${answer.statusText}` : text.slice(0, 300);
}

/** Without a prototype an object has no `constructor` and the like unless somebody gave it one. */
function bare<T extends object>(names: T): T {
  return Object.setPrototypeOf(names, null) as T;
}

/** What is looked up by the names that people gave; parameters take less room, too. */
export function bareTrials(trials: Trial[], names = new Names()): void {
  for (const trial of trials) {
    trial.params = names.pack(trial.params);
    bare(trial.attributes);
  }
}

export function bareStudy({ space }: Study): void {
  for (const param of space) bare(param.when);
}

export function bareAnalysis({ confirm, confirmed_front }: Analysis): void {
  for (const { params } of confirmed_front?.arms ?? []) bare(params);
  for (const { params, roles } of confirm?.arms ?? []) {
    bare(params);
    for (const role of roles) if (role.kind === "combination") bare(role.params);
  }
}
