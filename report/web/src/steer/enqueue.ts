/** Adds a trial: with values of one's own, or like another one. */

import type { Data } from "../data";
import type { Trial } from "../document";
import { h, setText } from "../dom";
import { count } from "../format";
import { change, requestId } from "./api";
import { form } from "./form";
import { Outcome } from "./outcome";
import { sheet } from "./sheet";
import { room, SAYS } from "./state";
import type { Steering } from "./steering";
import { sent } from "./values";

export function enqueueSheet({ study, open, data: newest }: Steering, data: Data, like?: Trial): void {
  const { space } = data.study;
  let { budget } = data.study;
  const line = new Outcome();
  const values = form(space, like?.params);
  const [grows, growth, growthText] = option("grow", "", true);
  offerGrowth();
  const checkpoint = like?.checkpoints?.at(-1);
  const goesOn = `Go on from the checkpoint of trial ${like?.number}, saved at step ${checkpoint?.step}.`;
  const [warm, warmth] = option("warm", goesOn, false);
  warmth.hidden = !checkpoint;
  const again = h("button", { type: "button", class: "tool", onclick: () => values.fill(like?.params ?? {}) }, `As trial ${like?.number}`);
  const none = h("button", { type: "button", class: "tool", onclick: () => values.fill({}) }, "Leave all to the sampler");
  // One for each trial that is wanted: whoever sends it twice gets one trial.
  let id = requestId();
  let wanted = "";

  /** Where the budget has no room. That may come to be while somebody fills the form. */
  function offerGrowth(): void {
    const now = newest() ?? data;
    budget = now.study.budget;
    growth.hidden = room(now.study, now.trials) > 0;
    setText(growthText, `All ${count(budget)} trials of the budget exist already: raise it by one.`);
  }

  async function send(): Promise<void> {
    const fixed = values.read();
    if (!fixed) return;
    const params = sent(space, fixed);
    const warm_start = warm.checked && like ? { warm_start: like.number } : {};
    const now = JSON.stringify([params, warm_start]);
    if (now !== wanted) id = requestId();
    wanted = now;
    // Others may have raised it since it was offered.
    if (!growth.hidden) offerGrowth();
    const work = async () => {
      // To a number, not by one, so that it grows once however often it is sent.
      if (!growth.hidden && grows.checked) await change(study, { do: "budget", trials: budget + 1 });
      return change(study, { do: "enqueue", params, ...warm_start, request_id: id });
    };
    if (!(await line.of("Adding a trial", work, added))) offerGrowth();
  }

  /** The trial can be opened from here. */
  function added(answer: Record<string, unknown>): Node {
    const number = trialOf(answer);
    const text = h("span", {}, number === null ? "It is added." : "It is added as ");
    if (number !== null)
      text.append(h("button", { type: "button", class: "plain", onclick: () => (close(), open(number)) }, `trial ${number}`), ".");
    return text;
  }

  const inside = h(
    "form",
    {
      onsubmit: (event: Event) => {
        event.preventDefault();
        void send();
      },
    },
    h("p", { class: "hint" }, SAYS.enqueue),
    h("div", { class: "tools" }, like && again, none),
    values.element,
    warmth,
    growth,
    h(
      "div",
      { class: "sheet-actions" },
      h("button", { type: "submit", class: "tool primary" }, "Add the trial"),
      h("button", { type: "button", class: "tool", onclick: () => close() }, "Close"),
    ),
    line.element,
  );
  const { close } = sheet(like ? `Like trial ${like.number}, but …` : "Enqueue a trial", [inside]);
}

function option(id: string, text: string, checked: boolean): [HTMLInputElement, HTMLLabelElement, HTMLElement] {
  const box = h("input", { type: "checkbox", id: `enqueue-${id}`, checked });
  const words = h("span", {}, text);
  return [box, h("label", { class: "option", for: box.id }, box, words), words];
}

/** The number of the new trial, as far as the answer has it. */
function trialOf(answer: Record<string, unknown>): number | null {
  return typeof answer["trial"] === "number" ? answer["trial"] : null;
}
