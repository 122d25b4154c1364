/** The controls of a study that are used often, with a line that says what came of them. */

import { h, replaceKeepingFocus } from "../dom";
import type { Me } from "../shell/me";
import type { Part } from "../shell/types";
import { begin, button } from "./doing";
import { Outcome } from "./outcome";
import { type Doing, possible, unretried } from "./state";
import type { Steering } from "./steering";

/** The others are rare. */
const OFTEN: readonly Doing[] = ["pause", "resume", "budget", "enqueue", "retry"];

export interface Bar extends Part {
  /** Says what came of them. */
  line: HTMLElement | null;
}

/** `more` opens all of them. */
export function steerBar(steering: Steering, me: Me, more: () => void): Bar {
  if (!me.may_change) return { element: h("p", { class: "hint steer looks-only" }, looksOnly(me)), line: null, update: () => undefined };
  const line = new Outcome();
  const buttons = h("div", { class: "steer-buttons", role: "group", "aria-label": "Steer this study" });
  let drawn = "";
  return {
    element: buttons,
    line: line.element,
    update: (data) => {
      const failed = unretried(data.trials).length;
      const doings = possible(data.study, failed).filter((doing) => OFTEN.includes(doing));
      const now = JSON.stringify([doings, failed]);
      if (now === drawn) return;
      drawn = now;
      replaceKeepingFocus(
        buttons,
        ...doings.map((doing) => button(doing, data, "bar", () => begin(doing, steering, line))),
        h("button", { type: "button", class: "tool", "data-key": "bar more", onclick: more }, "More …"),
      );
    },
  };
}

/** Why there are no controls. */
export function looksOnly({ holder, problem }: Me): string {
  if (problem !== undefined) return `Who you are could not be found out, so nothing can be changed from here: ${problem}. Load the page again.`;
  return holder === "viewer" ? "You are logged in as a viewer, who may look and change nothing." : "Nothing can be changed from here.";
}
