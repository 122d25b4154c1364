/** What is going on, what is best, why trials failed, how it went so far, and the study's own files. */

import { h } from "../dom";
import { Figure } from "../figure/figure";
import { artifactList } from "../kept/artifacts";
import { facts, progress } from "../page/overview";
import type { Context, Part, View } from "../shell/types";
import { PROGRESS, specsOf } from "./figure-list";
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
      leading(context),
      block("Artifacts", (data) => (data.document.artifacts ?? []).length > 0, () => artifacts(context)),
    ),
};

/** The first of the figures: who opens a study wants to see how it goes. */
function leading(context: Context): Part {
  const element = h("div", { class: "figures leading" });
  let figure: Figure | null = null;
  return {
    element,
    update: (data) => {
      if (figure) figure.update();
      else {
        figure = new Figure(specsOf(context, PROGRESS, data).specs[0]!, context.store, context.open);
        element.append(figure.element);
      }
    },
    close: () => figure?.close(),
  };
}

/** Files that the study itself keeps; those of a trial are with it. */
function artifacts({ links }: Context): Part {
  const { element, update } = artifactList(links);
  return { element: h("div", { class: "card wide" }, element), update: (data) => update(null, data.document.artifacts ?? []) };
}
