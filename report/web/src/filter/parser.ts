/** A filter's text as a tree. What its names mean is not looked at here. */

import { type Token, tokens } from "./lexer";
import { Problem, type Span } from "./problem";

/** How deep parentheses and `not` may nest; `FILTER_DEPTH` in proto/src/limits.rs. */
export const DEEPEST = 32;

export type Order = "<" | "<=" | ">" | ">=";

/** What a field is held against. */
export interface Literal extends Span {
  text: string;
  /** Quotes make a text of anything. */
  quoted: boolean;
}

/** What stands to the left. A quoted name is one that somebody gave, never one of our own words. */
export interface Name extends Span {
  text: string;
  /** The word before the point, if what is behind it is quoted. */
  group: string | null;
  quoted: boolean;
}

export type Test =
  | { kind: "equal"; negated: boolean; values: Literal[] }
  | { kind: "order"; sign: Order; value: Literal; span: Span }
  | { kind: "contains"; value: Literal; span: Span }
  | { kind: "missing"; negated: boolean };

export type Node =
  | { kind: "all" | "any"; parts: Node[] }
  | { kind: "not"; part: Node }
  | { kind: "test"; name: Name; test: Test };

/** Words that are no names unless they are quoted. */
export const KEYWORDS = ["and", "or", "not", "in", "is", "contains"];

/** Null if nothing is asked. */
export function parse(text: string): Node | null {
  const parser = new Parser(tokens(text));
  return parser.whole();
}

class Parser {
  private place = 0;
  private depth = 0;

  constructor(private readonly all: Token[]) {}

  whole(): Node | null {
    if (this.over) return null;
    const node = this.any();
    if (this.over) return node;
    if (this.now.text === ")" && this.now.kind === "sign") throw new Problem("this parenthesis was not opened", this.now);
    throw new Problem("two conditions need a word between them", this.now, "write `and` or `or`");
  }

  private get now(): Token {
    return this.all[this.place]!;
  }

  private get over(): boolean {
    return this.now.kind === "end";
  }

  private next(): Token {
    const token = this.now;
    if (token.kind !== "end") this.place += 1;
    return token;
  }

  /** Whether the next token is this word, and if so, it is taken. */
  private word(text: string): boolean {
    const found = this.now.kind === "word" && this.now.text.toLowerCase() === text;
    if (found) this.place += 1;
    return found;
  }

  private sign(text: string): boolean {
    const found = this.now.kind === "sign" && this.now.text === text;
    if (found) this.place += 1;
    return found;
  }

  private any(): Node {
    const parts = [this.every()];
    while (this.word("or")) parts.push(this.every());
    return parts.length === 1 ? parts[0]! : { kind: "any", parts };
  }

  private every(): Node {
    const parts = [this.one()];
    while (this.word("and")) parts.push(this.one());
    return parts.length === 1 ? parts[0]! : { kind: "all", parts };
  }

  private one(): Node {
    const opening = this.now;
    if (this.word("not")) return this.deeper(opening, () => ({ kind: "not", part: this.one() }));
    if (!this.sign("(")) return this.test();
    const inner = this.deeper(opening, () => this.any());
    if (this.sign(")")) return inner;
    if (this.over) throw new Problem("this parenthesis is not closed", opening);
    throw new Problem("two conditions need a word between them", this.now, "write `and` or `or`");
  }

  private deeper(opening: Token, make: () => Node): Node {
    this.depth += 1;
    if (this.depth > DEEPEST) throw new Problem(`a filter nests at most ${DEEPEST} deep`, opening);
    const node = make();
    this.depth -= 1;
    return node;
  }

  private test(): Node {
    const name = this.name();
    const token = this.now;
    if (token.kind === "sign" && ["<", "<=", ">", ">="].includes(token.text)) {
      this.next();
      return { kind: "test", name, test: { kind: "order", sign: token.text as Order, value: this.value(), span: token } };
    }
    if (this.sign("=")) return { kind: "test", name, test: { kind: "equal", negated: false, values: [this.value()] } };
    if (this.sign("!=")) return { kind: "test", name, test: { kind: "equal", negated: true, values: [this.value()] } };
    if (this.word("contains")) return { kind: "test", name, test: { kind: "contains", value: this.value(), span: token } };
    if (this.word("is")) return { kind: "test", name, test: { kind: "missing", negated: this.missing() } };
    const negated = this.word("not");
    if (this.word("in")) return { kind: "test", name, test: { kind: "equal", negated, values: this.list() } };
    if (negated) throw new Problem("behind `not` comes `in`", this.now, "write `not` before the name to turn a comparison round");
    throw new Problem(
      `a comparison is missing behind \`${name.text}\``,
      this.now,
      "`=`, `!=`, `<`, `<=`, `>`, `>=`, `in (…)`, `contains` or `is missing`",
    );
  }

  private name(): Name {
    const token = this.next();
    const isKeyword = token.kind === "word" && KEYWORDS.includes(token.text.toLowerCase());
    if ((token.kind !== "word" && token.kind !== "quoted") || isKeyword)
      throw new Problem("a name is missing here", token, "a parameter, a metric, or a word such as `state`");
    const behind = this.now;
    const joined = token.kind === "word" && token.text.endsWith(".") && behind.kind === "quoted";
    if (joined && behind.at === token.at + token.length) {
      this.next();
      return { text: behind.text, group: token.text.slice(0, -1), quoted: true, at: token.at, length: token.length + behind.length };
    }
    return { text: token.text, group: null, quoted: token.kind === "quoted", at: token.at, length: token.length };
  }

  private value(): Literal {
    const token = this.next();
    if (token.kind !== "word" && token.kind !== "quoted")
      throw new Problem("a value is missing here", token, "a number, a word, or a text in quotes");
    return { text: token.text, quoted: token.kind === "quoted", at: token.at, length: token.length };
  }

  private list(): Literal[] {
    const opening = this.now;
    if (!this.sign("(")) throw new Problem("a list is missing here", this.now, "write `in (a, b)`");
    const values = [this.value()];
    while (this.sign(",")) values.push(this.value());
    if (this.sign(")")) return values;
    if (this.over) throw new Problem("this parenthesis is not closed", opening);
    throw new Problem("two values need a comma between them", this.now);
  }

  private missing(): boolean {
    const negated = this.word("not");
    if (this.word("missing")) return negated;
    throw new Problem("behind `is` comes `missing` or `not missing`", this.now, "write `=` to compare");
  }
}
