/** The headline: which configuration is best, and how sure that is. */

import type { Data } from "../data";
import type { Arm, Choice } from "../document";
import { h } from "../dom";
import type { Open } from "../figure/types";
import { choice, count, number, plural } from "../format";
import { frontOf } from "./front";
import { trialLink } from "./link";

/** What was confirmed to be best; null before everything has been run again. */
export function confirmedBest(data: Data): Arm | null {
  const confirm = data.document.analysis.confirm;
  return confirm?.arms.find((arm) => arm.of === confirm.best) ?? null;
}

/** The card's name, value and small print. */
export function bestCard(data: Data): [string, string, string] {
  if (data.several) return frontCard(data);
  const arm = confirmedBest(data);
  if (arm)
    return ["Best, confirmed", number(arm.mean, 5), `trial ${arm.of}, mean under ${plural(arm.values.length, "fresh seed")}`];
  const none = data.noneFeasible ? "none is feasible yet" : "none yet";
  return ["Best value", number(data.value(data.best), 5), data.best ? `trial ${data.best.number}` : none];
}

function frontCard(data: Data): [string, string, string] {
  const size = Math.max(data.front.length, data.study.front_size);
  const infeasible = data.infeasible.length > 0 ? `, ${count(data.infeasible.length)} infeasible` : "";
  const none = data.noneFeasible ? "no trial is feasible yet" : "none yet";
  return ["Front", plural(size, "trial"), size > 0 ? `of ${count(data.complete.length)} completed${infeasible}` : none];
}

/** The configuration, and what is to be said of it. */
export function bestOf(data: Data, open: Open, redraw: () => void): (HTMLElement | null)[] {
  if (data.several) return frontOf(data, open, redraw);
  if (data.noneFeasible) return [h("p", { class: "lead" }, data.noneFeasible)];
  const arm = confirmedBest(data);
  if (arm) return [title("Best configuration, confirmed: ", arm.of, open), params(arm.params), hint(verdict(data, arm))];
  const trial = data.best;
  return trial ? [title("Best trial: ", trial.number, open), params(trial.params), caution(data)] : [];
}

function title(text: string, trial: number, open: Open): HTMLElement {
  return h("h3", {}, text, trialLink(open, trial, "best"));
}

function params(all: Record<string, Choice>): HTMLElement {
  const shown = Object.entries(all).map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, choice(value))));
  return h("dl", { class: "params" }, ...shown);
}

function hint(text: string): HTMLElement {
  return h("p", { class: "hint" }, text);
}

/** What the search's best came to when it was run again. */
function verdict(data: Data, arm: Arm): string {
  const range = arm.low === null ? "" : ` (95 % of the mean: ${number(arm.low, 5)} to ${number(arm.high, 5)})`;
  const best = data.best;
  if (!best) return "";
  if (best.number === arm.of)
    return `It was the search's best, too: ${number(data.value(best), 5)} there, ${number(arm.mean, 5)} under fresh seeds${range}.`;
  const again = data.document.analysis.confirm?.arms.find((a) => a.of === best.number);
  const became = !again
    ? "was not run again"
    : again.mean === null
      ? "gave no value under fresh seeds"
      : `comes to ${number(again.mean, 5)} under fresh seeds`;
  return `The search's best did not hold: trial ${best.number}, with ${number(data.value(best), 5)}, ${became}. Trial ${arm.of} had ${number(data.value(data.trial(arm.of)), 5)} in the search and comes to ${number(arm.mean, 5)}${range}.`;
}

/** One seed's best is not yet an answer. */
function caution(data: Data): HTMLElement | null {
  if (data.complete.length < 2) return null;
  const luck = `The best of ${plural(data.complete.length, "trial")}, each run once: part of it is luck.`;
  if (data.study.external) return hint(luck);
  if (data.study.confirmations === 0)
    return hint(`${luck} [confirm] in the study file runs the best again under fresh seeds.`);
  const when = data.study.confirmations_known ? "now" : "once the search is over";
  return hint(`${luck} The best run again under fresh seeds ${when}.`);
}
