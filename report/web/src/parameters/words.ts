/** What can be said of a parameter: its values, when it counts, how much it matters and how surely. */

import type { Data } from "../data";
import type { Param, Share } from "../document";
import { choice, condition, listing, number, percent, plural } from "../format";

const CHOICES = 6;

/** "1e-5 to 0.1, log scale"; "adam, sgd or rmsprop". */
export function valuesOf(param: Param): string {
  if (param.type === "categorical") {
    const all = (param.choices ?? []).map(choice);
    if (all.length > CHOICES) return `${all.slice(0, CHOICES).join(", ")} and ${all.length - CHOICES} more`;
    return all.length < 2 ? all.join("") : `${all.slice(0, -1).join(", ")} or ${all[all.length - 1]}`;
  }
  const step = param.step && !(param.type === "int" && param.step === 1) ? `, in steps of ${number(param.step)}` : "";
  const whole = param.type === "int" ? ", whole numbers" : "";
  return `${number(param.low)} to ${number(param.high)}${whole}${step}${param.log ? ", on a log scale" : ""}`;
}

/** "optimizer = adam"; empty if it counts always. */
export function conditionsOf(param: Param): string {
  return listing(Object.entries(param.when).map(([name, needs]) => condition(name, needs)));
}

export interface Weight {
  share: Share;
  /** From 1. */
  place: number;
  of: number;
  /** Which places its interval leaves open; null if there is none. */
  places: [number, number] | null;
}

/** How much a parameter matters; null if nobody knows. */
export function weightOf(data: Data, name: string): Weight | null {
  const all = data.analysis.importance?.params ?? [];
  const place = all.findIndex((p) => p.name === name);
  if (place < 0) return null;
  const share = all[place]!;
  return { share, place: place + 1, of: all.length, places: placesOf(all, share) };
}

function placesOf(all: readonly Share[], { low, high, name }: Share): [number, number] | null {
  if (low === null || low === undefined || high === null || high === undefined) return null;
  const others = all.filter((p) => p.name !== name);
  const above = others.filter((p) => (p.low ?? p.importance) > high).length;
  const reach = others.filter((p) => (p.high ?? p.importance) >= low).length;
  return [above + 1, reach + 1];
}

/** "34 % (21 – 47 %)". */
export function shareText({ importance, low, high }: Share): string {
  const digits = importance < 0.1 ? 1 : 0;
  const range = typeof low === "number" && typeof high === "number" ? ` (${(100 * low).toFixed(0)} – ${percent(high)})` : "";
  return percent(importance, digits) + range;
}

/** How much a parameter matters and how surely, in sentences. */
export function importanceText(data: Data, name: string): string {
  const found = data.analysis.importance;
  if (!data.judged) return `Nobody said which way ${data.name} is better, so no importance is known.`;
  const weight = found && weightOf(data, name);
  if (!weight) return "Too few trials have completed to tell how much it matters.";
  const { share, place, of, places } = weight;
  const first = `It decides ${shareText(share)} of what sets the best tenth of trials apart: place ${place} of ${of}, judged by ${plural(found.trials, "trial")}${data.filtered ? ", whatever the filter" : ""}.`;
  if (!places) return `${first} With so few trials that is a hint.`;
  const [best, worst] = places;
  return best === worst ? `${first} Its place is settled.` : `${first} With other trials it might as well be at any place from ${best} to ${worst}.`;
}

/** All parameters, the most important first; those of which nobody knows stand behind, as in the study. */
export function byImportance(data: Data): Param[] {
  const places = new Map((data.analysis.importance?.params ?? []).map((p, i) => [p.name, i]));
  const place = (param: Param) => places.get(param.name) ?? Infinity;
  return [...data.study.space].sort((a, b) => (place(a) === place(b) ? 0 : place(a) - place(b)));
}
