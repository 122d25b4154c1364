/** What the views of a study offer to whoever may change it. */

import type { Data } from "../data";
import type { Trial } from "../document";
import { h } from "../dom";
import { notePart } from "../notes/note";
import { tagsPart } from "../notes/tags";
import type { Context, Part } from "../shell/types";
import { steerBar } from "../steer/bar";
import { enqueueSheet } from "../steer/enqueue";
import { Outcome } from "../steer/outcome";
import { steerPanel } from "../steer/panel";
import { retry } from "../steer/retry";
import { requestId } from "../steer/api";
import type { Steering } from "../steer/steering";

type Known = Pick<Context, "store" | "study" | "open">;

function steeringOf({ store, study, open }: Known): Steering {
  return { study: study ?? "", data: () => store.data, open, leave: () => location.assign("/") };
}

/** In the page's head: opens all that can be done. Null where nothing can. */
export function steerButton(context: Known & Pick<Context, "me">): Part | null {
  if (context.study === null || !context.me.may_change) return null;
  const panel = steerPanel(steeringOf(context));
  const element = h("button", { type: "button", class: "tool steer-open", "data-key": "steer", "aria-haspopup": "dialog", hidden: true, onclick: panel.open }, "Steer");
  const update = (data: Data) => {
    element.hidden = false;
    panel.update(data);
  };
  return { element, update };
}

/** On the overview: what is done often, tags, and the note. A report shows the last two. */
export function steerStudy(context: Context): Part {
  const { study, me } = context;
  const panel = steerPanel(steeringOf(context));
  const bar = study === null ? null : steerBar(steeringOf(context), me, panel.open);
  const noted = { study: study ?? "", me };
  const [tags, note] = [tagsPart(noted), notePart(noted)];
  return {
    element: h(
      "div",
      { class: "steering" },
      h("div", { class: "steering-line" }, bar?.element, h("div", { class: "noted" }, tags.element, note.edit)),
      bar?.line,
      tags.line,
      note.element,
    ),
    update: (data) => {
      bar?.update(data);
      panel.update(data);
      const { tags: own = [], note: text = "", note_version: version = 0 } = data.study;
      tags.update(own, []);
      note.update({ text, version });
    },
  };
}

/** On a trial: another one like it, the same again if it failed, tags, and the note. */
export function steerTrial(number: number, context: Context): Part {
  const { study, me } = context;
  const steering = steeringOf(context);
  const noted = { study: study ?? "", trial: number, me };
  const [tags, note, line] = [tagsPart(noted), notePart(noted), new Outcome()];
  let trial: Trial | null = null;
  const like = () => {
    const data = context.store.data;
    if (data && trial) enqueueSheet(steering, data, trial);
  };
  const another = h("button", { type: "button", class: "tool", "data-key": "like this", "data-do": "like", onclick: like }, "Like this trial, but …");
  const id = requestId();
  const once = () => void (trial && retry(steering, [trial], id, line));
  const again = h("button", { type: "button", class: "tool", "data-key": "retry this", "data-do": "retry", title: "Adds a trial with the same parameters.", onclick: once }, "Retry");
  const acts = h("div", { class: "steer-buttons", role: "group", "aria-label": `Trial ${number}` }, another, again, note.edit);
  acts.hidden = !me.may_change;
  return {
    element: h("div", { class: "steering" }, h("div", { class: "steering-line" }, acts, tags.element), line.element, tags.line, note.element),
    update: (data) => {
      trial = data.trial(number) ?? null;
      if (!trial) return;
      another.hidden = data.study.external;
      again.hidden = data.study.external || trial.state !== "FAIL";
      tags.update(trial.tags ?? [], tagsOf(data));
      note.update({ text: trial.note ?? "", version: trial.note_version ?? 0 });
    },
  };
}

/** All tags of trials, to choose from. */
function tagsOf({ trials }: Data): string[] {
  return [...new Set(trials.flatMap((t) => t.tags ?? []))].sort();
}
