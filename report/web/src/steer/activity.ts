/** Who did what, from where and when. */

import { h, setText } from "../dom";
import { time } from "../format";
import { activities, type Activity, Refused } from "./api";
import type { Me } from "../shell/me";
import { type History, joined } from "./history";
import { you } from "./panel";

interface Options {
  /** The study's true name; null for all of the coordinator's. */
  study: string | null;
  me: Me;
  open?: (trial: number) => void;
  /** The address of a study. */
  address: (study: string) => string;
}

const DID: Record<string, string> = {
  create: "created it",
  pause: "paused it",
  resume: "resumed it",
  stop: "stopped it",
  budget: "changed the budget",
  confirm: "changed what is confirmed",
  enqueue: "added a trial",
  retry: "retried failed trials",
  artifact: "changed the files",
  delete: "deleted it",
  note: "wrote the note",
  tags: "changed the tags",
  archive: "archived it",
  unarchive: "took it out of the archive",
};

/** New lines are looked for no more often, in milliseconds. */
const PACE = 3000;

/** `update` looks for what is new. */
export function activity(options: Options): { element: HTMLElement; update: () => void; close: () => void } {
  let have: History = { activities: [], next: null };
  let loaded = -Infinity;
  let timer = 0;
  const body = h("tbody", { role: "rowgroup" });
  const said = h("p", { class: "vacant", role: "status" }, "Loading …");
  const older = h("button", { type: "button", class: "tool more", hidden: true, onclick: () => void load(have.next) }, "Show older ones");
  const heads = ["When", "Who", "What", ...(options.study === null ? ["Study"] : []), "Details", "From"];
  const table = h(
    "table",
    // On a phone it is laid out otherwise, and is a table all the same.
    { class: "activity", role: "table", "aria-label": "Activity, newest first" },
    h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, ...heads.map((text) => h("th", { role: "columnheader", scope: "col" }, text)))),
    body,
  );

  async function load(before: string | null): Promise<void> {
    try {
      const page = await activities(options.study, before);
      have = before === null ? joined(have, page) : { activities: [...have.activities, ...page.activities], next: page.next };
      draw();
    } catch (error) {
      said.hidden = false;
      setText(said, error instanceof Refused ? `${error.message} ${error.hint}` : String(error));
    }
  }

  function draw(): void {
    body.replaceChildren(...have.activities.map((line) => row(line, options)));
    older.hidden = have.next === null;
    said.hidden = have.activities.length > 0;
    setText(said, have.activities.length > 0 ? "" : "Nothing was done yet since activity is kept.");
  }

  /** Looks now, or a little later, for what is new. */
  function update(): void {
    if (timer) return;
    timer = window.setTimeout(() => {
      [timer, loaded] = [0, performance.now()];
      void load(null);
    }, Math.max(0, loaded + PACE - performance.now()));
  }

  const element = h(
    "div",
    { class: "card wide" },
    h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Table of activity" }, table),
    said,
    older,
    options.me.may_change && you(),
  );
  update();
  return { element, update, close: () => window.clearTimeout(timer) };
}

function row(line: Activity, { study, open, address }: Options): HTMLElement {
  const cell = (kind: string, ...inside: (Node | string)[]) => h("td", { role: "cell", class: kind }, ...inside);
  const what = cell("what", DID[line.what] ?? line.what);
  if (line.trial !== null) {
    const { trial } = line;
    what.append(": ", open ? h("button", { type: "button", class: "plain", onclick: () => open(trial) }, `trial ${trial}`) : `trial ${trial}`);
  }
  return h(
    "tr",
    { role: "row", "data-what": line.what },
    cell("when", time(line.time)),
    h("th", { role: "rowheader", scope: "row" }, line.who || "somebody"),
    what,
    study === null && cell("of", h("a", { href: address(line.study) }, line.study)),
    cell("details", line.details),
    cell("from", line.from),
  );
}
