/** What is wrong with a filter, and where: positions count characters from 0. `report/src/filter/` says the same in the same words. */

export interface Span {
  at: number;
  length: number;
}

export class Problem extends Error {
  constructor(
    message: string,
    readonly span: Span,
    readonly hint: string | null = null,
  ) {
    super(message);
  }
}

/** "`a`, `b` or `c`". */
export function oneOf(words: readonly string[]): string {
  const quoted = words.map((word) => `\`${word}\``);
  if (quoted.length < 2) return quoted.join("");
  return `${quoted.slice(0, -1).join(", ")} or ${quoted[quoted.length - 1]}`;
}

/** So many names stand in a message. */
export const SOME = 8;

/** The first of many names, so that a message stays short. */
export function some(words: readonly string[]): string {
  const first = words.slice(0, SOME).map((word) => `\`${word}\``);
  return first.join(", ") + (words.length > SOME ? ", …" : "");
}
