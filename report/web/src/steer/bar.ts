/** The controls in the head of a study's page: those that the state allows, and in a dialog all of them with what they do. */

import type { Data } from "../data";
import { h, replaceKeepingFocus } from "../dom";
import { count } from "../format";
import { change, type Change, type Me } from "./api";
import { enqueueSheet } from "./enqueue";
import { askName } from "./introduce";
import { Outcome } from "./outcome";
import { budgetSheet, deleteSheet, stopSheet } from "./questions";
import { retrySheet } from "./retry";
import { sheet } from "./sheet";
import { type Doing, NAMES, possible, SAYS, unretried } from "./state";
import type { Steering } from "./steering";
import { userName } from "./user";

/** What is done at once: what is said meanwhile, and what afterwards. */
const AT_ONCE: Partial<Record<Doing, [string, Change, string]>> = {
  pause: ["Pausing", { do: "pause" }, "Paused. Trials that run go on to their end."],
  resume: ["Resuming", { do: "resume" }, "Resumed."],
  archive: ["Archiving", { do: "archive", archived: true }, "Archived."],
  unarchive: ["Taking it out of the archive", { do: "archive", archived: false }, "Taken out of the archive."],
};

/** Those that stand in the head; the others are rare. */
const OFTEN: readonly Doing[] = ["pause", "resume", "budget", "enqueue", "retry"];

export interface Bar {
  element: HTMLElement;
  update: (data: Data) => void;
}

export function steerBar(steering: Steering, me: Me): Bar {
  if (!me.may_change) return { element: h("p", { class: "hint steer" }, looksOnly(me)), update: () => undefined };
  const line = new Outcome();
  const buttons = h("div", { class: "steer-buttons", role: "group", "aria-label": "Steer this study" });
  let drawn = "";
  const begin = (doing: Doing) => start(doing, steering, line);
  const button = (doing: Doing, data: Data) =>
    h(
      "button",
      { type: "button", class: "tool", "data-key": `steer ${doing}`, "data-do": doing, title: SAYS[doing], onclick: () => begin(doing) },
      label(doing, data),
    );

  function more(): void {
    const data = steering.data();
    if (!data) return;
    const rows = possible(data.study, unretried(data.trials).length).map((doing) => {
      const act = button(doing, data);
      act.removeAttribute("title");
      act.setAttribute("aria-describedby", `does-${doing}`);
      // The line that says what came of it is behind this dialog.
      act.addEventListener("click", close, { capture: true });
      return h("div", { class: "doing" }, act, h("p", { id: `does-${doing}` }, SAYS[doing]));
    });
    const name = userName();
    const you = h("p", { class: "hint" }, name ? `Changes are noted as made by ${name}. ` : "Changes are noted without a name. ");
    you.append(h("button", { type: "button", class: "plain", onclick: () => (close(), void askName()) }, "Change the name"));
    const opened = sheet(`Steer ${data.study.name}`, [h("div", { class: "doings" }, ...rows), you]);
    function close(): void {
      opened.close();
    }
  }

  return {
    element: h("div", { class: "steer" }, buttons, line.element),
    update: (data) => {
      const failed = unretried(data.trials).length;
      const doings = possible(data.study, failed).filter((doing) => OFTEN.includes(doing));
      const now = JSON.stringify([doings, failed]);
      if (now === drawn) return;
      drawn = now;
      const others = h("button", { type: "button", class: "tool", "data-key": "steer more", onclick: more }, "More …");
      replaceKeepingFocus(buttons, ...doings.map((doing) => button(doing, data)), others);
    },
  };
}

/** Why there are no controls. */
export function looksOnly({ holder }: Me): string {
  return holder === "viewer" ? "You are logged in as a viewer, who may look and change nothing." : "Nothing can be changed from here.";
}

/** A sheet comes up where there are dots. */
function label(doing: Doing, data: Data): string {
  if (doing === "retry") return `Retry ${count(unretried(data.trials).length)} failed …`;
  return AT_ONCE[doing] ? NAMES[doing] : `${NAMES[doing]} …`;
}

/** Does it at once, or asks first for what must be known. What came of it is said in the line. */
export function start(doing: Doing, steering: Steering, line: Outcome): void {
  const data = steering.data();
  if (!data) return;
  const simple = AT_ONCE[doing];
  if (simple) void line.of(simple[0], () => change(steering.study, simple[1]), () => simple[2]);
  if (doing === "stop") stopSheet(steering, data, line);
  if (doing === "budget") budgetSheet(steering, data, line);
  if (doing === "delete") deleteSheet(steering, data);
  if (doing === "enqueue") enqueueSheet(steering, data);
  if (doing === "retry") retrySheet(steering, data);
}
