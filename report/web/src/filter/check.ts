/** Turns a tree into a question that each trial answers with yes or no. */

import type { Choice, Trial } from "../document";
import { type Field, STATES } from "./fields";
import type { Names } from "./names";
import { nearest } from "./nearest";
import type { Literal, Node, Order, Test } from "./parser";
import { oneOf, Problem, SOME, some } from "./problem";
import { kindOf } from "./reason";

export type Predicate = (trial: Trial) => boolean;

export function check(node: Node, names: Names): Predicate {
  if (node.kind === "test") return ofTest(names.find(node.name), node.test);
  if (node.kind === "not") {
    const part = check(node.part, names);
    return (trial) => !part(trial);
  }
  const parts = node.parts.map((part) => check(part, names));
  return node.kind === "all" ? (trial) => parts.every((p) => p(trial)) : (trial) => parts.some((p) => p(trial));
}

function ofTest(field: Field, test: Test): Predicate {
  if (field.kind === "tags") return ofTags(field, test);
  const holds = ofValue(field, test);
  const missing = test.kind === "missing" && !test.negated;
  return (trial) => {
    const value = field.of(trial) as Choice | undefined;
    return value === undefined ? missing : holds(value);
  };
}

/** For a value that is there: none of these holds for one that is not. */
function ofValue(field: Field, test: Test): (value: Choice) => boolean {
  switch (test.kind) {
    case "missing":
      return () => test.negated;
    case "order": {
      if (!["number", "seconds", "choice", "anything"].includes(field.kind))
        throw new Problem(`\`${field.name}\` is no number`, test.span, "only numbers are larger or smaller; write `=`, `!=` or `in`");
      const limit = numeric(field, test.value);
      return (value) => typeof value === "number" && compare(value, test.sign, limit);
    }
    case "contains": {
      if (["number", "seconds", "truth", "state"].includes(field.kind))
        throw new Problem(`\`${field.name}\` is no text`, test.span, "only texts contain something; write `=`, `!=` or `in`");
      const part = test.value.text.toLowerCase();
      return (value) => typeof value === "string" && value.toLowerCase().includes(part);
    }
    case "equal": {
      const equals = test.values.map((literal) => equal(field, literal));
      return (value) => equals.some((e) => e(value)) !== test.negated;
    }
  }
}

function compare(value: number, sign: Order, limit: number): boolean {
  if (sign === "<") return value < limit;
  if (sign === "<=") return value <= limit;
  return sign === ">" ? value > limit : value >= limit;
}

function equal(field: Field, literal: Literal): (value: Choice) => boolean {
  const { text, quoted } = literal;
  switch (field.kind) {
    case "number":
    case "seconds": {
      const number = numeric(field, literal);
      return (value) => value === number;
    }
    case "state": {
      const word = text.toLowerCase() === "fail" ? "failed" : text.toLowerCase();
      if (!Object.hasOwn(STATES, word)) throw unknownWord("state", literal, Object.keys(STATES));
      return (value) => value === word;
    }
    case "truth": {
      if (text !== "true" && text !== "false") throw unknownWord(field.name, literal, ["true", "false"]);
      return (value) => String(value) === text;
    }
    case "reason": {
      const kind = kindOf(text);
      return (value) => kindOf(String(value)) === kind;
    }
    default: {
      const same = likeWritten(text, quoted);
      const { choices } = field;
      if (choices && !choices.some(same)) throw unknownWord(field.name, literal, choices.map(String));
      return same;
    }
  }
}

/** A word equals a number, a truth or a text that is written so; a quoted text only a text. */
function likeWritten(text: string, quoted: boolean): (value: Choice) => boolean {
  const number = quoted ? null : numberOf(text);
  return (value) => {
    if (typeof value === "string") return value === text;
    if (typeof value === "number") return value === number;
    return !quoted && String(value) === text;
  };
}

function unknownWord(name: string, literal: Literal, known: string[]): Problem {
  const near = nearest(literal.text, known);
  const hint = near === null ? (known.length > SOME ? `there are ${some(known)}` : `write ${oneOf(known)}`) : `did you mean \`${near}\`?`;
  return new Problem(`\`${name}\` is never \`${literal.text}\``, literal, hint);
}

const NUMBER = /^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$/;
const UNITS: Record<string, number> = { ms: 0.001, s: 1, min: 60, h: 3600, d: 86_400 };

/** A number as people write it, also with the minus that the page shows; null if it is none. */
export function numberOf(text: string): number | null {
  const plain = text.replace("\u2212", "-");
  return NUMBER.test(plain) ? Number(plain) : null;
}

function numeric(field: Field, literal: Literal): number {
  const { text, quoted } = literal;
  const unit = field.kind === "seconds" ? /(ms|s|min|h|d)$/.exec(text)?.[1] : undefined;
  const number = quoted ? null : numberOf(unit ? text.slice(0, -unit.length) : text);
  if (number !== null) return unit ? number * UNITS[unit]! : number;
  throw new Problem(
    `\`${field.name}\` is held against numbers, and \`${text}\` is none`,
    literal,
    field.kind === "seconds" ? "write seconds, or `500ms`, `30s`, `5min`, `2h`, `1d`" : "write a number such as `0.1` or `1e-3`",
  );
}

function ofTags(field: Field, test: Test): Predicate {
  const tags = (trial: Trial) => field.of(trial) as readonly string[];
  switch (test.kind) {
    case "missing":
      return (trial) => (tags(trial).length === 0) !== test.negated;
    case "order":
      throw new Problem("`tag` is no number", test.span, "only numbers are larger or smaller; write `=`, `!=` or `in`");
    case "contains": {
      const part = test.value.text.toLowerCase();
      return (trial) => tags(trial).some((tag) => tag.toLowerCase().includes(part));
    }
    case "equal": {
      const wanted = new Set(test.values.map((v) => v.text));
      return (trial) => tags(trial).some((tag) => wanted.has(tag)) !== test.negated;
    }
  }
}
