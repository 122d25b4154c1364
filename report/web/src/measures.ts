/** What figures can be about: the objectives, and every other number that trials report. One of them is chosen for all figures. */

import type { Trial } from "./document";
import type { Field } from "./filter/fields";
import type { Names } from "./filter/names";
import { valueOf, type Values } from "./values";

export interface Measure {
  /** In the page's address: the objective's name, or the name that filters have for it. */
  key: string;
  /** On axes and in titles. */
  name: string;
  of: (trial: Trial) => number | null;
  /** The objective that it is, by its index; null for another number: nobody said which way that is better. */
  objective: number | null;
}

/** Numbers of every trial that say something of how it went. */
const OWN: Record<string, string> = { duration: "duration (s)", reported: "last reported value", step: "last step" };

export function objectives(values: Values): Measure[] {
  return Array.from({ length: values.count }, (_, i) => ({
    key: values.name(i),
    name: values.name(i),
    of: (trial) => valueOf(trial, i),
    objective: i,
  }));
}

function measure(field: Field, name: string, names: Names): Measure {
  const of = (trial: Trial) => {
    const value = field.of(trial);
    return typeof value === "number" ? value : null;
  };
  return { key: names.spell(field), name, of, objective: null };
}

/** Attributes with numbers; `epochs` is asked for most. */
export function attributeMeasures(fields: readonly Field[], names: Names, trials: readonly Trial[]): Measure[] {
  const numeric = ({ group, name }: Field) => group === "attr" && trials.some((t) => typeof t.attributes[name] === "number");
  return fields
    .filter(numeric)
    .sort((a, b) => Number(b.name === "epochs") - Number(a.name === "epochs"))
    .map((field) => measure(field, field.name, names));
}

/** The constraints, and what every trial has. */
export function otherMeasures(fields: readonly Field[], names: Names): Measure[] {
  const isOwn = ({ group, name }: Field) => group === "trial" && Object.hasOwn(OWN, name);
  return [
    ...fields.filter((f) => f.group === "constraint").map((field) => measure(field, field.name, names)),
    ...fields.filter(isOwn).map((field) => measure(field, OWN[field.name]!, names)),
  ];
}
