/** All studies of a coordinator. */

import type { Study } from "../document";
import { h, replaceKeepingFocus } from "../dom";
import { count, number, percent } from "../format";
import { visible } from "../read";
import { studyAddress } from "../shell/addresses";
import { valueOf } from "../values";
import { banner } from "./banner";
import { stateOf } from "./failures";
import { PARTS } from "./overview";

type Row = Pick<Study, "name" | "state" | "counts" | "budget" | "confirmations" | "directions"> & {
  /** Of the best trial; empty if there is none. */
  best_values: number[];
  /** How many trials the front of several objectives has. */
  front_size: number;
};

const EVERY = 5000;

export function listPage(): void {
  const body = h("tbody");
  const note = h("p", { class: "vacant", role: "status" }, "Loading …");
  const heads = ["Study", "State", "Trials", "", "Running", "Best value"];
  const table = h(
    "table",
    { class: "studies" },
    h("caption", { class: "hidden" }, "Studies"),
    h(
      "thead",
      {},
      h(
        "tr",
        {},
        ...heads.map((t, i) =>
          h("th", { scope: "col", class: i >= 4 || i === 2 ? "num" : "" }, t || h("span", { class: "hidden" }, "Progress")),
        ),
      ),
    ),
    body,
  );
  document.title = "Studies · Kindling";
  document.body.replaceChildren(
    h(
      "header",
      { class: "top" },
      banner(false),
      h("div", { class: "head" }, h("div", { class: "title" }, h("h1", {}, "Studies"))),
    ),
    h(
      "main",
      { id: "main" },
      h(
        "div",
        { class: "card wide" },
        h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Studies" }, table),
        note,
      ),
    ),
    h("footer", {}, "Made by Kindling."),
  );
  const refresh = async () => {
    try {
      const answer = await fetch("/api/studies");
      if (!answer.ok) throw new Error(`${answer.status} ${answer.statusText}`);
      const rows = (await answer.json()) as Row[];
      replaceKeepingFocus(body, ...rows.map(row));
      note.hidden = rows.length > 0;
      note.textContent = rows.length > 0 ? "" : "No studies yet. “kindling study create FILE” makes one.";
    } catch (error) {
      note.hidden = false;
      note.textContent = `The coordinator does not answer (${error instanceof Error ? error.message : String(error)}); trying again.`;
    }
    window.setTimeout(refresh, EVERY);
  };
  void refresh();
}

function best(study: Row): string {
  if (study.directions.length === 1) return number(valueOf({ values: study.best_values }), 5);
  return study.front_size === 0 ? "–" : `front of ${count(study.front_size)}`;
}

function row(study: Row): HTMLElement {
  const total = study.budget + study.confirmations;
  const done = study.counts.complete + study.counts.pruned + study.counts.fail;
  const share = done / Math.max(1, total);
  const { text, look } = stateOf(study);
  return h(
    "tr",
    {},
    h("th", { scope: "row" }, h("a", { href: studyAddress(study.name), "data-key": study.name }, visible(study.name))),
    h("td", {}, h("span", { class: "chip", "data-state": look }, text)),
    h("td", { class: "num" }, `${count(done)} of ${count(total)}`),
    h(
      "td",
      {},
      h(
        "div",
        { class: "bar small", "aria-hidden": "true" },
        ...PARTS.filter((part) => part.key !== "running").map((part) =>
          h("span", { class: part.class, style: `width: ${(100 * study.counts[part.key]) / Math.max(1, total)}%` }),
        ),
      ),
      h("span", { class: "hidden" }, percent(share)),
    ),
    h("td", { class: "num" }, count(study.counts.running)),
    h("td", { class: "num" }, best(study)),
  );
}
