/** Names of what was confirmed, and what the comparisons say in words. */

import type { Arm, Comparison, Confirm, Study } from "../document";
import { choice, listing } from "../format";

/** A set of arms that are compared with each other. */
export interface Field {
  key: string;
  /** Null for the best combinations, else the parameter whose choices they are. */
  param: string | null;
  /** Best first. */
  arms: { arm: Arm; name: string }[];
  comparisons: Comparison[];
}

/** The best combinations, then each method on its own. */
export function fieldsOf(confirm: Confirm, study: Study): Field[] {
  const combined = confirm.arms.flatMap((arm) => {
    const role = arm.roles.find((r) => r.kind === "combination");
    return role?.kind === "combination" ? [{ arm, name: combination(role.params, study) }] : [];
  });
  const fields: Field[] =
    combined.length > 0 ? [{ key: "combinations", param: null, arms: combined, comparisons: confirm.comparisons }] : [];
  for (const effect of confirm.effects) {
    const arms = confirm.arms.flatMap((arm) => {
      const role = arm.roles.find((r) => r.kind === "choice" && r.param === effect.param);
      return role?.kind === "choice" && effect.arms.includes(arm.of) ? [{ arm, name: choice(role.choice) }] : [];
    });
    if (arms.length > 0)
      fields.push({ key: `effect-${effect.param}`, param: effect.param, arms, comparisons: effect.comparisons });
  }
  return fields;
}

function combination(params: Record<string, unknown>, study: Study): string {
  const order = study.confirm?.by ?? Object.keys(params);
  return order.map((name) => choice(params[name] as string)).join(" + ");
}

/** The comparison of two arms, seen from the first. */
export function between(comparisons: Comparison[], a: number, b: number): Comparison | null {
  for (const c of comparisons) {
    if (c.a === a && c.b === b) return c;
    if (c.a === b && c.b === a) {
      return {
        ...c,
        a,
        b,
        difference: -c.difference,
        low: c.high === null ? null : -c.high,
        high: c.low === null ? null : -c.low,
      };
    }
  }
  return null;
}

/** Whether an arm can be told apart from the best one; null if nothing says so. */
export function differsFromBest(field: Field, of: number): boolean | null {
  const best = field.arms[0]?.arm.of;
  if (best === undefined || best === of) return null;
  const found = between(field.comparisons, best, of);
  return found === null || found.p_holm === null ? null : found.differs;
}

/** What the comparisons with the best arm say. */
export function sentences(field: Field): string[] {
  const [best, ...others] = field.arms;
  if (!best || best.arm.mean === null) return [];
  if (others.length === 0) return [`Only ${best.name} was run again, so that there is nothing to compare it with.`];
  const told = others.filter((o) => differsFromBest(field, o.arm.of) === true);
  const same = others.filter((o) => differsFromBest(field, o.arm.of) === false);
  const unknown = others.filter((o) => differsFromBest(field, o.arm.of) === null);
  const names = (arms: { name: string }[]) => listing(arms.map((a) => a.name));
  const said: string[] = [];
  if (same.length > 0) {
    said.push(
      `${names([best, ...same])} cannot be told apart: what lies between the best mean, that of ${best.name}, and the other${same.length > 1 ? "s" : ""} may be chance.`,
    );
  } else if (told.length > 0 && unknown.length === 0) {
    said.push(`${best.name} is better than ${["the other", "both others"][told.length - 1] ?? `all ${told.length} others`}.`);
  }
  if (told.length > 0 && (same.length > 0 || unknown.length > 0))
    said.push(`${names(told)} ${told.length === 1 ? "is" : "are"} worse than ${best.name}.`);
  if (unknown.length > 0) said.push(`Of ${names(unknown)} there are too few trials to tell.`);
  const few = field.arms.filter((a) => a.arm.few);
  if (few.length > 0) said.push(`${names(few)} rest${few.length === 1 ? "s" : ""} on few trials so far.`);
  return said;
}
