/** Which trials' layers are compared. */

import type { Data } from "../data";
import { type Choice, type Diagnosis, diagnosisOf, type Param, type Trial } from "../document";
import { choice, number } from "../format";
import { valueOf } from "../values";

/** One representative for each choice of a parameter, or the trials that the reader names. */
export type Selection = { by: string } | { trials: number[] };

export interface Compared {
  name: string;
  trial: Trial;
  diagnosis: Diagnosis;
  /** Its place among all, for its colour and mark. */
  index: number;
}

/** More lines than this nobody can tell apart. */
export const MOST = 8;

export function hasDiagnosis(data: Data): boolean {
  return data.trials.some((t) => diagnosisOf(t) !== null);
}

export function compared(data: Data, selection: Selection): Compared[] {
  const named = (trial: Trial, name: string, index: number): Compared[] => {
    const diagnosis = diagnosisOf(trial);
    return diagnosis ? [{ name, trial, diagnosis, index }] : [];
  };
  if ("trials" in selection) {
    return selection.trials.slice(0, MOST).flatMap((number, i) => {
      const trial = data.trial(number);
      return trial ? named(trial, configuration(data, trial), i) : [];
    });
  }
  const param = data.study.space.find((p) => p.name === selection.by);
  return (param?.choices ?? []).flatMap((c, i) => {
    const trial = representative(data, param!, c);
    return trial ? named(trial, `${detailed(data, trial, param!)} · #${trial.number}`, i) : [];
  });
}

/**
 * The best trial with a choice and a diagnosis, preferably one that shares its other choices with the study's best trial, so that
 * only this choice differs.
 */
function representative(data: Data, param: Param, wanted: unknown): Trial | undefined {
  const best = data.best;
  const others = data.categorical.filter((p) => p !== param);
  const like = (trial: Trial) => others.filter((p) => trial.params[p.name] === best?.params[p.name]).length;
  const able = data.trials.filter(
    (t) => t.params[param.name] === wanted && valueOf(t, data.metric) !== null && diagnosisOf(t),
  );
  const rank = (t: Trial) => [Number(t.confirms === null), like(t), -data.values.loss(valueOf(t, data.metric)!, data.metric)];
  return able.reduce<Trial | undefined>((first, t) => (first && !later(rank(t), rank(first)) ? first : t), undefined);
}

function later(a: number[], b: number[]): boolean {
  for (const [i, x] of a.entries()) if (x !== b[i]) return x > b[i]!;
  return false;
}

export function configuration(data: Data, trial: Trial): string {
  const choices = data.categorical.flatMap((p) => (trial.params[p.name] === undefined ? [] : [detailed(data, trial, p)]));
  return [choices.join(" + "), `#${trial.number}`].filter(Boolean).join(" · ");
}

/** Whether a parameter counts where another has this choice. */
function needs(child: Param, parent: Param, chosen: Choice): boolean {
  const needed = child.when[parent.name];
  return Array.isArray(needed) && needed.includes(chosen);
}

/** A choice with what counts only for it: "gaussian (0.34)". */
function detailed(data: Data, trial: Trial, param: Param): string {
  const chosen = trial.params[param.name]!;
  const own = data.numeric.filter((p) => needs(p, param, chosen)).map((p) => trial.params[p.name]);
  const numbers = own.filter((v): v is number => typeof v === "number");
  return choice(chosen) + (numbers.length > 0 ? ` (${numbers.map((v) => number(v, 3)).join(", ")})` : "");
}
