/** What is going on, what is best, why trials failed, and the study's own files. */

import { h } from "../dom";
import { artifactList } from "../kept/artifacts";
import { facts, progress } from "../page/overview";
import type { Context, Part, View } from "../shell/types";
import { block, stack } from "./stack";
import { steerStudy } from "./steering";

export const overviewView: View = {
  id: "overview",
  title: "Overview",
  shown: () => true,
  make: (context) =>
    stack(
      facts(context.links !== null),
      steerStudy(context),
      progress(context.open),
      block("Artifacts", (data) => (data.document.artifacts ?? []).length > 0, () => artifacts(context)),
    ),
};

/** Files that the study itself keeps; those of a trial are with it. */
function artifacts({ links }: Context): Part {
  const { element, update } = artifactList(links);
  return { element: h("div", { class: "card wide" }, element), update: (data) => update(null, data.document.artifacts ?? []) };
}
