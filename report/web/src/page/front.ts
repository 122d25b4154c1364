/** The front as a table: values by name, parameters, constraints; best first by the first objective. */

import type { Data } from "../data";
import type { Trial } from "../document";
import { h } from "../dom";
import type { Open } from "../figure/types";
import { choice, count, decimalsFor, fixed, number, plural } from "../format";
import { trialLink } from "./link";

/** So many rows at first; more if somebody asks for them. */
const ROWS = 10;
const MORE = 50;

let shown = ROWS;

/** What there is to say of several objectives in place of a best trial. */
export function frontOf(data: Data, open: Open, redraw: () => void): (HTMLElement | null)[] {
  if (data.complete.length === 0) return [];
  if (data.front.length === 0)
    return [h("h3", {}, "Front"), h("p", { class: "lead" }, data.noneFeasible || "The front has not been computed yet.")];
  const size = Math.max(data.front.length, data.study.front_size);
  const rows = data.front.slice(0, shown);
  const left = data.front.length - rows.length;
  return [
    h("h3", {}, `Front: ${plural(size, "trial")}`),
    h("p", { class: "hint" }, explain(data)),
    h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Trials on the front" }, table(data, rows, open)),
    left > 0
      ? h(
          "button",
          {
            type: "button",
            class: "tool more",
            "data-key": "more of the front",
            onclick: () => {
              shown += MORE;
              redraw();
            },
          },
          `Show ${count(Math.min(left, MORE))} more of ${count(left)} trials`,
        )
      : null,
    caution(data),
  ];
}

function explain(data: Data): string {
  const { values } = data;
  const constrained = data.constrained ? "feasible " : "";
  return `No ${constrained}trial is better than one of these in one objective without being worse in another. Sorted by ${values.name(0)}.`;
}

function caution(data: Data): HTMLElement | null {
  if (data.study.external || data.complete.length < 2) return null;
  if (data.document.analysis.confirmed_front) return null;
  const luck = "Each trial ran once: part of where it stands is luck.";
  const more = data.study.confirmations === 0 ? " [confirm] in the study file runs the front again under fresh seeds." : "";
  return h("p", { class: "hint" }, luck + more);
}

function table(data: Data, trials: Trial[], open: Open): HTMLElement {
  const { values, study } = data;
  const params = study.space.map((p) => p.name);
  const constraints = Math.max(values.constraints.length, ...trials.map((t) => t.constraints.length));
  const head = (text: string, numeric: boolean) => h("th", { scope: "col", class: numeric ? "num" : "" }, text);
  const numeric = new Set(data.numeric.map((p) => p.name));
  const decimals = study.directions.map((_, i) => Math.min(6, decimalsFor(data.front.map((t) => t.values[i]!)) + 1));
  return h(
    "table",
    { class: "front" },
    h("caption", { class: "hidden" }, "Trials on the front"),
    h(
      "thead",
      {},
      h(
        "tr",
        {},
        head("Trial", true),
        ...study.directions.map((_, i) => head(values.name(i), true)),
        ...Array.from({ length: constraints }, (_, i) => head(`${values.constraint(i)} ≤ 0`, true)),
        ...params.map((name) => head(name, numeric.has(name))),
      ),
    ),
    h(
      "tbody",
      {},
      ...trials.map((trial) =>
        h(
          "tr",
          { "data-trial": trial.number },
          h("th", { scope: "row", class: "num" }, trialLink(open, trial.number, `front ${trial.number}`, String(trial.number))),
          ...trial.values.map((value, i) => h("td", { class: "num" }, fixed(value, decimals[i]!))),
          ...Array.from({ length: constraints }, (_, i) => h("td", { class: "num" }, number(trial.constraints[i], 4))),
          ...params.map((name) => h("td", { class: numeric.has(name) ? "num" : "" }, choice(trial.params[name]))),
        ),
      ),
    ),
  );
}
