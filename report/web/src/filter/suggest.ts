/** What may come next in a filter that is being written. */

import type { Trial } from "../document";
import { type Field, STATES } from "./fields";
import { type Token, tokens } from "./lexer";
import { type Names, quote, spellValue } from "./names";
import { Problem } from "./problem";
import { oneLine } from "./reason";

/** So many are offered. */
const MOST = 12;
/** So many different values are gathered from trials. */
const VALUES = 200;

export interface Suggestion {
  text: string;
  /** What it is, in a word or two. */
  what: string;
}

export interface Suggestions {
  /** The part of the text that a suggestion takes the place of. */
  from: number;
  to: number;
  all: Suggestion[];
}

/** `caret` counts UTF-16 units, as browsers do. */
export function suggest(text: string, caret: number, names: Names, trials: readonly Trial[]): Suggestions {
  const before = text.slice(0, caret);
  const { done, partial } = split(before);
  const expected = expect(done);
  const all = optionsFor(expected, names, trials);
  const wanted = plain(partial).toLowerCase();
  const begins = (text: string) => text.startsWith(wanted) || text.slice(text.indexOf(".") + 1).startsWith(wanted);
  const starts = all.filter((s) => begins(plain(s.text).toLowerCase()));
  const contains = all.filter((s) => !starts.includes(s) && plain(s.text).toLowerCase().includes(wanted));
  const found = [...starts, ...contains].filter((s) => s.text !== partial).slice(0, MOST);
  return { from: before.length - partial.length, to: caret, all: found };
}

function plain(text: string): string {
  return text.replace(/["']/g, "");
}

/** The tokens that are whole, and the beginning of one that is not. */
function split(text: string): { done: Token[]; partial: string } {
  const all = known(text);
  if (all === null) return { done: [], partial: text };
  const last = all.tokens[all.tokens.length - 1];
  const chars = [...text];
  if (all.open !== null) {
    // `attr."ep` is one name, whose quote is open.
    const joined = last && last.kind === "word" && last.text.endsWith(".") && last.at + last.length === all.open;
    const from = joined ? last.at : all.open;
    return { done: joined ? all.tokens.slice(0, -1) : all.tokens, partial: chars.slice(from).join("") };
  }
  const touches = last && last.kind === "word" && last.at + last.length === chars.length;
  return touches ? { done: all.tokens.slice(0, -1), partial: last.text } : { done: all.tokens, partial: "" };
}

/** Tokens as far as they can be told, and where a quote is open. */
function known(text: string): { tokens: Token[]; open: number | null } | null {
  try {
    return { tokens: tokens(text).slice(0, -1), open: null };
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    const chars = [...text];
    if (!['"', "'"].includes(chars[error.span.at] ?? "")) return null;
    const before = known(chars.slice(0, error.span.at).join(""));
    return before && { tokens: before.tokens, open: error.span.at };
  }
}

type Expected =
  | { what: "name" | "join" | "list" | "missing" }
  | { what: "operator" | "value" | "comma"; name: Token; inList: boolean };

/** What the grammar wants behind these. Where they make no sense, a name. */
function expect(done: Token[]): Expected {
  let now: Expected = { what: "name" };
  let name: Token | null = null;
  for (const token of done) {
    const word = token.kind === "word" ? token.text.toLowerCase() : "";
    if (now.what === "name") {
      if (word === "not" || token.text === "(") continue;
      // The quoted part of `attr."a name"`.
      name = token;
      now = { what: "operator", name, inList: false };
    } else if (now.what === "operator") {
      const { name: known } = now as { name: Token };
      if (token.kind === "quoted" && known.text.endsWith(".")) {
        name = { ...token, text: known.text + quote(token.text) };
        now = { what: "operator", name, inList: false };
      } else if (word === "is") now = { what: "missing" };
      else if (word === "in") now = { what: "list" };
      else if (word !== "not") now = { what: "value", name: now.name, inList: false };
    } else if (now.what === "list") now = name ? { what: "value", name, inList: true } : { what: "name" };
    else if (now.what === "value") now = now.inList ? { what: "comma", name: now.name, inList: true } : { what: "join" };
    else if (now.what === "comma") now = token.text === "," ? { what: "value", name: now.name, inList: true } : { what: "join" };
    else if (now.what === "missing") now = word === "not" ? now : { what: "join" };
    else if (token.text !== ")") now = { what: "name" };
  }
  return now;
}

function optionsFor(expected: Expected, names: Names, trials: readonly Trial[]): Suggestion[] {
  const words = (all: string[], what: string) => all.map((text) => ({ text, what }));
  switch (expected.what) {
    case "name":
      return [...names.fields.map((field) => ({ text: names.spell(field), what: kindText(field) })), ...words(["not"], "turns it round")];
    case "join":
      return words(["and", "or"], "");
    case "comma":
      return words([",", ")"], "");
    case "list":
      return words(["("], "a list");
    case "missing":
      return words(["missing", "not missing"], "");
    case "operator":
      return operators(fieldOf(expected.name, names));
    case "value":
      return values(fieldOf(expected.name, names), trials);
  }
}

function fieldOf(name: Token, names: Names): Field | null {
  return names.fields.find((field) => field.name === name.text || names.spell(field) === name.text) ?? null;
}

const GROUP_TEXT: Record<Field["group"], string> = {
  trial: "of every trial",
  param: "parameter",
  metric: "metric",
  constraint: "constraint",
  attr: "attribute",
};

function kindText(field: Field): string {
  return GROUP_TEXT[field.group];
}

function operators(field: Field | null): Suggestion[] {
  const all: [string, string][] = [
    ["=", "is"],
    ["!=", "is another"],
    ["<", "less than"],
    ["<=", "at most"],
    [">", "more than"],
    [">=", "at least"],
    ["in (", "one of"],
    ["not in (", "none of"],
    ["contains", "a part of the text"],
    ["is missing", "there is none"],
    ["is not missing", "there is one"],
  ];
  const numeric = field === null || ["number", "seconds", "anything"].includes(field.kind) || (field.choices ?? []).some((c) => typeof c === "number");
  const textual = field === null || ["text", "reason", "tags", "choice", "anything"].includes(field.kind);
  return all
    .filter(([sign]) => (numeric || !/[<>]/.test(sign)) && (textual || sign !== "contains"))
    .map(([text, what]) => ({ text, what }));
}

function values(field: Field | null, trials: readonly Trial[]): Suggestion[] {
  if (!field) return [];
  const offer = (all: readonly string[], what = "") => all.map((text) => ({ text, what }));
  if (field.kind === "state") return offer(Object.keys(STATES));
  if (field.kind === "truth") return offer(["true", "false"]);
  if (field.choices) return offer(field.choices.map(spellValue), "choice");
  if (field.kind === "number" || field.kind === "seconds") return [];
  const found = new Map<string, number>();
  for (const trial of trials) {
    const value = field.of(trial);
    for (const one of Array.isArray(value) ? (value as string[]) : [value as string | undefined]) {
      if (one === undefined || one === null || (found.size >= VALUES && !found.has(String(one)))) continue;
      const text = field.kind === "reason" ? quote(oneLine(one).slice(0, 120)) : spellValue(one);
      found.set(text, (found.get(text) ?? 0) + 1);
    }
  }
  return [...found].sort((a, b) => b[1] - a[1]).map(([text, n]) => ({ text, what: `${n}×` }));
}
