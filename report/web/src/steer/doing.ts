/** Begins what somebody wants to do: at once, or after asking for what must be known. */

import type { Data } from "../data";
import { h } from "../dom";
import { count } from "../format";
import { change, type Change } from "./api";
import { enqueueSheet } from "./enqueue";
import type { Outcome } from "./outcome";
import { budgetSheet, deleteSheet, stopSheet } from "./questions";
import { retrySheet } from "./retry";
import { type Doing, NAMES, SAYS, unretried } from "./state";
import type { Steering } from "./steering";

/** What is said meanwhile, and what afterwards. */
const AT_ONCE: Partial<Record<Doing, [string, Change, string]>> = {
  pause: ["Pausing", { do: "pause" }, "Paused. Trials that run go on to their end."],
  resume: ["Resuming", { do: "resume" }, "Resumed."],
  archive: ["Archiving", { do: "archive", archived: true }, "Archived."],
  unarchive: ["Taking it out of the archive", { do: "archive", archived: false }, "Taken out of the archive."],
};

export function begin(doing: Doing, steering: Steering, line: Outcome): void {
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

/** A button that says what it does; `place` tells it apart from others for the same. */
export function button(doing: Doing, data: Data, place: string, act: () => void): HTMLButtonElement {
  return h(
    "button",
    { type: "button", class: "tool", "data-key": `${place} ${doing}`, "data-do": doing, title: SAYS[doing], onclick: act },
    label(doing, data),
  );
}

/** A dialog comes up where there are dots. */
function label(doing: Doing, data: Data): string {
  if (doing === "retry") return `Retry ${count(unretried(data.trials).length)} failed …`;
  return AT_ONCE[doing] ? NAMES[doing] : `${NAMES[doing]} …`;
}
