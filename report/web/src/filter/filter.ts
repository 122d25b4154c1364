/** Filters as expressions: `lr < 0.001 and optimizer = adam`. docs/reference/filters.md has the grammar. */

import type { Study, Trial } from "../document";
import { check, type Predicate } from "./check";
import { fieldsOf } from "./fields";
import { Names } from "./names";
import { parse } from "./parser";
import { Problem } from "./problem";

export type Compiled = { matches: Predicate | null; problem: null } | { matches: null; problem: Problem };

/** What a filter asks of the trials of a study; nothing, if it is empty. */
export function compile(text: string, study: Study, trials: readonly Trial[]): Compiled {
  return compileWith(text, new Names(fieldsOf(study, trials)));
}

export function compileWith(text: string, names: Names): Compiled {
  try {
    const node = parse(text);
    return { matches: node && check(node, names), problem: null };
  } catch (error) {
    if (error instanceof Problem) return { matches: null, problem: error };
    throw error;
  }
}
