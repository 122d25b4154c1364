/** Whether a study came to anything, and why its trials failed. */

import type { Study } from "../document";
import { h } from "../dom";
import type { Open } from "../figure/types";
import { count, plural } from "../format";
import { trialLink } from "./link";

/** A study's state as a chip: one that is over without a single value has failed. */
export function stateOf(study: Pick<Study, "state" | "counts">): { text: string; look: string } {
  if (study.state === "FINISHED" && study.counts.complete === 0) return { text: "finished, nothing completed", look: "FAILED" };
  return { text: study.state.toLowerCase(), look: study.state };
}

/** Why it is paused, and the reasons with how many trials failed for each; nothing if none did. */
export function failuresOf(study: Study, open: Open): (HTMLElement | null)[] {
  if (study.counts.fail === 0) return [];
  const told = study.failures.reduce((sum, failure) => sum + failure.trials, 0);
  const others = study.counts.fail - told;
  return [
    study.pause_reason ? h("p", { class: "lead" }, `Paused: ${study.pause_reason}`) : null,
    h("h3", {}, `Why ${plural(study.counts.fail, "trial")} failed`),
    h(
      "ul",
      {},
      ...study.failures.map((failure) =>
        h(
          "li",
          {},
          `${count(failure.trials)} × `,
          h("code", {}, failure.reason),
          " – ",
          trialLink(open, failure.newest, `failed ${failure.newest}`),
        ),
      ),
      others > 0 ? h("li", {}, `${count(others)} × other reasons`) : null,
    ),
  ];
}
