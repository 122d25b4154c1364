/** A filter's text as words, quoted texts and signs. */

import { Problem } from "./problem";

/** The longest filter, in characters; `FILTER` in proto/src/limits.rs. */
export const LONGEST = 2000;

export type Sign = "(" | ")" | "," | "=" | "!=" | "<" | "<=" | ">" | ">=";

export interface Token {
  kind: "word" | "quoted" | "sign" | "end";
  /** What a quoted text holds; a sign in its plain spelling. */
  text: string;
  at: number;
  length: number;
}

const SPACE = new Set([" ", "\t", "\n", "\r", "\u00a0"]);
/** What ends a word. */
const STOPS = new Set([...SPACE, "(", ")", ",", '"', "'", "=", "!", "<", ">", "≤", "≥", "≠"]);
const SIGNS: Record<string, Sign> = { "(": "(", ")": ")", ",": ",", "≤": "<=", "≥": ">=", "≠": "!=" };

/** Whether a text can stand without quotes: as one word. */
export function isWord(text: string): boolean {
  return text !== "" && [...text].every((c) => !STOPS.has(c));
}

/** All tokens; the last one is the end. */
export function tokens(text: string): Token[] {
  const chars = [...text];
  if (chars.length > LONGEST)
    throw new Problem(`a filter has at most ${LONGEST} characters`, { at: LONGEST, length: chars.length - LONGEST });
  const found: Token[] = [];
  let at = 0;
  while (at < chars.length) {
    const c = chars[at]!;
    if (SPACE.has(c)) {
      at += 1;
      continue;
    }
    const token = c === '"' || c === "'" ? quoted(chars, at) : STOPS.has(c) ? sign(chars, at) : word(chars, at);
    found.push(token);
    at += token.length;
  }
  return [...found, { kind: "end", text: "", at: chars.length, length: 0 }];
}

function word(chars: string[], at: number): Token {
  let end = at;
  while (end < chars.length && !STOPS.has(chars[end]!)) end += 1;
  return { kind: "word", text: chars.slice(at, end).join(""), at, length: end - at };
}

/** A backslash takes the character behind it as it is. */
function quoted(chars: string[], at: number): Token {
  let text = "";
  for (let i = at + 1; i < chars.length; i += 1) {
    if (chars[i] === chars[at]) return { kind: "quoted", text, at, length: i + 1 - at };
    if (chars[i] === "\\" && i + 1 < chars.length) i += 1;
    text += chars[i]!;
  }
  throw new Problem("this quote is not closed", { at, length: chars.length - at });
}

function sign(chars: string[], at: number): Token {
  const c = chars[at]!;
  const token = (text: Sign, length: number): Token => ({ kind: "sign", text, at, length });
  const known = SIGNS[c];
  if (known) return token(known, 1);
  const equals = chars[at + 1] === "=";
  if (c === "=") return token("=", equals ? 2 : 1);
  if (c === "!" && !equals) throw new Problem("`!` stands only in `!=`", { at, length: 1 }, "write `not`");
  return token((equals ? `${c}=` : c) as Sign, equals ? 2 : 1);
}
