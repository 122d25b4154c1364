/** What a filter can ask about the trials of a study, by name. */

import type { Choice, Param, Study, Trial } from "../document";
import { Values, valueOf } from "../values";

/** Whose name it is: one of our words, or what somebody called a parameter, an objective, a constraint or an attribute. */
export type Group = "trial" | "param" | "metric" | "constraint" | "attr";

export const GROUPS: Record<Group, string> = {
  trial: "a word of filters",
  param: "a parameter",
  metric: "a metric",
  constraint: "a constraint",
  attr: "an attribute",
};

/** What a field may be held against, and how. */
export type Kind = "number" | "seconds" | "choice" | "state" | "text" | "reason" | "tags" | "truth" | "anything";

export interface Field {
  group: Group;
  name: string;
  kind: Kind;
  /** Fields that are the same under two names. */
  same?: string;
  choices?: readonly Choice[];
  /** Null is a choice; undefined says that the trial has none. Of tags, all of them. */
  of: (trial: Trial) => Choice | undefined | readonly string[];
}

export const STATES: Record<string, Trial["state"]> = {
  waiting: "WAITING",
  running: "RUNNING",
  complete: "COMPLETE",
  pruned: "PRUNED",
  failed: "FAIL",
};

/** All of them but attributes. */
function fixedFields(study: Study): Field[] {
  const values = new Values(study.directions, study.metrics, study.constraints);
  const own = (name: string, kind: Kind, of: Field["of"], same?: string): Field => ({
    group: "trial",
    name,
    kind,
    of,
    ...(same ? { same } : {}),
  });
  const state = new Map(Object.entries(STATES).map(([word, state]) => [state, word]));
  return [
    own("number", "number", (t) => t.number),
    own("state", "state", (t) => state.get(t.state)),
    ...(values.count === 1 ? [own("value", "number", (t) => valueOf(t) ?? undefined, "metric 0")] : []),
    own("reported", "number", (t) => t.curve.at(-1)?.[1]),
    own("step", "number", (t) => t.curve.at(-1)?.[0]),
    own("duration", "seconds", (t) => (t.start === null || t.complete === null ? undefined : (t.complete - t.start) / 1000)),
    own("worker", "text", (t) => t.worker || undefined),
    own("attempt", "number", (t) => t.attempt || undefined),
    own("reason", "reason", (t) => t.fail_reason ?? undefined),
    own("tag", "tags", (t) => t.tags ?? []),
    own("feasible", "truth", (t) => (t.state === "COMPLETE" ? values.feasible(t) : undefined)),
    own("confirms", "number", (t) => t.confirms?.of),
    own("retry_of", "number", (t) => t.retry_of ?? undefined),
    ...study.space.map(ofParam),
    ...study.directions.map(
      (_, i): Field => ({
        group: "metric",
        name: values.name(i),
        kind: "number",
        same: `metric ${i}`,
        of: (t) => valueOf(t, i) ?? undefined,
      }),
    ),
    ...study.constraints.map(
      (name, i): Field => ({ group: "constraint", name, kind: "number", of: (t) => t.constraints[i] ?? undefined }),
    ),
  ];
}

function ofParam(param: Param): Field {
  const of = (trial: Trial) => trial.params[param.name];
  const field = { group: "param", name: param.name, of } as const;
  return param.type === "categorical" ? { ...field, kind: "choice", choices: param.choices ?? [] } : { ...field, kind: "number" };
}

/** The attributes that are no lists and no tables, by name. */
function attributeFields(trials: readonly Trial[]): Field[] {
  const names = new Set<string>();
  for (const { attributes } of trials) for (const name of plainNames(attributes)) names.add(name);
  return [...names].sort().map((name) => ({
    group: "attr",
    name,
    kind: "anything",
    of: ({ attributes }) => {
      const value = attributes[name];
      return isPlain(value) ? value : undefined;
    },
  }));
}

/** The names of those that a filter can ask for. */
export function plainNames(attributes: Trial["attributes"]): string[] {
  return Object.keys(attributes).filter((name) => isPlain(attributes[name]));
}

function isPlain(value: unknown): value is string | number | boolean {
  return typeof value === "string" || typeof value === "number" || typeof value === "boolean";
}

export function fieldsOf(study: Study, trials: readonly Trial[]): Field[] {
  return [...fixedFields(study), ...attributeFields(trials)];
}
