/** What is going on: state, progress, rate, the best so far. */

import type { Data } from "../data";
import type { Counts } from "../document";
import { h, replaceKeepingFocus, setText } from "../dom";
import { count, duration, number, percent, time } from "../format";
import type { Open } from "../figure/types";
import type { Part } from "../shell/types";
import { bestCard, bestOf } from "./best";
import { failuresOf } from "./failures";

export const PARTS: { key: keyof Counts; text: string; class: string }[] = [
  { key: "complete", text: "complete", class: "is-complete" },
  { key: "pruned", text: "pruned", class: "is-pruned" },
  { key: "fail", text: "failed", class: "is-fail" },
  { key: "running", text: "running", class: "is-running" },
];

/** What kind of study it is, in a line. */
export function facts(live: boolean): Part {
  const line = h("p", { class: "facts" });
  return {
    element: line,
    update: ({ study, values, document: { generated } }) => {
      const kind = (config: unknown) => String((config as { kind?: unknown } | null)?.kind ?? "").replace(/_/g, " ");
      const plan = [
        study.objective.kind,
        kind(study.sampler) && `sampler ${kind(study.sampler)}`,
        kind(study.pruner) && kind(study.pruner) !== "none" && `pruner ${kind(study.pruner)}`,
        `seed ${study.seed}`,
      ];
      const parts = [
        String(values),
        values.constraints.length > 0 && `feasible if ${values.constraints.map((name) => `${name} ≤ 0`).join(", ")}`,
        ...(study.external ? ["driven by Optuna's clients"] : plan),
        `created ${time(study.created)}`,
        !live && `report of ${time(generated)}`,
      ];
      setText(line, parts.filter(Boolean).join(" · "));
    },
  };
}

export function progress(open: Open): Part {
  const bar = h("div", { class: "bar", role: "progressbar", "aria-label": "Finished trials", "aria-valuemin": 0 });
  const key = h("ul", { class: "key" });
  const cards = h("dl", { class: "cards" });
  const best = h("div", { class: "best" });
  const failures = h("div", { class: "failures" });
  return {
    element: h("div", { class: "progress" }, cards, bar, key, failures, best),
    update: (data) => {
      const { study } = data;
      const total = study.budget + study.confirmations;
      const done = study.counts.complete + study.counts.pruned + study.counts.fail;
      bar.setAttribute("aria-valuemax", String(total));
      bar.setAttribute("aria-valuenow", String(Math.min(done, total)));
      bar.replaceChildren(
        ...PARTS.map((part) =>
          h("span", { class: part.class, style: `width: ${(100 * study.counts[part.key]) / Math.max(total, 1)}%` }),
        ),
      );
      if (study.confirmations > 0) {
        bar.append(
          h("i", { style: `left: ${(100 * study.budget) / total}%`, title: "Here the search ends and confirmation begins" }),
        );
      }
      const waiting = Math.max(0, total - done - study.counts.running);
      key.replaceChildren(
        ...PARTS.filter((p) => study.counts[p.key] > 0).map((p) =>
          h("li", { class: p.class }, `${count(study.counts[p.key])} ${p.text}`),
        ),
        ...(waiting > 0 ? [h("li", { class: "is-waiting" }, `${count(waiting)} to come`)] : []),
      );
      const card = (name: string, value: string, more = "") =>
        h("div", {}, h("dt", {}, name), h("dd", {}, value, more && h("small", {}, more)));
      const most = study.confirmations_known ? "" : "up to ";
      const confirmations = study.confirmations > 0 ? ` and ${most}${count(study.confirmations)} to confirm` : "";
      cards.replaceChildren(
        study.external
          ? card("Trials", count(total), `${count(done)} finished`)
          : card(
              "Trials",
              `${count(done)} of ${count(total)}`,
              `${percent(done / Math.max(total, 1))} · ${count(study.budget)} to search${confirmations}`,
            ),
        card(...bestCard(data)),
        ...(ended(study.state) || study.external
          ? [card("Took", duration(took(data)), "first start to last end")]
          : [
              card("Rate", study.trials_per_hour === null ? "–" : `${number(study.trials_per_hour, 3)} / h`, "trials"),
              card("Time left", duration(study.seconds_left), study.state === "PAUSED" ? "paused" : "at this rate"),
            ]),
      );
      replaceKeepingFocus(failures, ...failuresOf(study, open));
      const drawBest = () => replaceKeepingFocus(best, ...bestOf(data, open, drawBest));
      drawBest();
    },
  };
}

/** From the first trial's start to the last one's end, in seconds. */
function took({ trials }: Data): number | null {
  let [first, last] = [Infinity, -Infinity];
  for (const { start, complete } of trials) {
    if (start !== null && start < first) first = start;
    if (complete !== null && complete > last) last = complete;
  }
  return last > first ? (last - first) / 1000 : null;
}

function ended(state: string): boolean {
  return state === "FINISHED" || state === "STOPPED";
}
