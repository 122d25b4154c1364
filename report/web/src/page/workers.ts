/** The workers, and what each of them does. */

import type { Worker } from "../document";
import { h, replaceKeepingFocus } from "../dom";
import { duration, number } from "../format";
import type { Open } from "../figure/types";
import type { Part } from "../shell/types";
import { trialLink } from "./link";

export function workers(open: Open): Part {
  const list = h("ul", { class: "workers" });
  return {
    element: list,
    update: ({ document: { workers: all } }) => {
      const sorted = [...all].sort(
        (a, b) => Number(b.connected) - Number(a.connected) || a.id.localeCompare(b.id, "en", { numeric: true }),
      );
      replaceKeepingFocus(
        list,
        ...(sorted.length > 0 ? sorted.map((w) => worker(w, open)) : [h("li", { class: "vacant" }, "No worker has come yet.")]),
      );
    },
  };
}

function worker(w: Worker, open: Open): HTMLElement {
  const state = !w.connected ? "gone" : w.running.length > 0 ? "busy" : "idle";
  const silent = w.silent_seconds >= 5 ? `, silent for ${duration(w.silent_seconds)}` : "";
  return h(
    "li",
    { class: `worker ${state}` },
    h(
      "div",
      { class: "worker-head" },
      h("strong", {}, w.id),
      h("span", { class: "chip", "data-worker": state }, `${state === "gone" ? "not connected" : state}${silent}`),
    ),
    h(
      "p",
      { class: "hint" },
      [w.host, w.device, `${w.running.length} of ${w.slots} ${w.slots === 1 ? "slot" : "slots"} busy`]
        .filter(Boolean)
        .join(" · "),
    ),
    ...w.running.map((r) =>
      h(
        "p",
        {},
        trialLink(open, r.number, `${w.id} ${r.number}`),
        r.attempt > 1 ? ` (attempt ${r.attempt})` : "",
        r.step === null ? " just begun" : ` at step ${r.step}: ${number(r.value, 5)}`,
      ),
    ),
  );
}
