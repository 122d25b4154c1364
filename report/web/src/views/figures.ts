/** How the study went, and each figure alone. */

import type { View } from "../shell/types";
import { figureOf, OUTCOMES, PAIRS, PROGRESS } from "./figure-list";
import { copyAddress, figureAlone } from "./figure";
import { figureGrid } from "./grid";
import { block, stack } from "./stack";

export const figuresView: View = {
  id: "figures",
  title: "Figures",
  hint: "In every figure: point at something to see what it is, click it to open its trial, drag a rectangle to zoom, double-click to see all.",
  shown: () => true,
  make: (context) =>
    stack(
      figureGrid(context, PROGRESS),
      ...[PAIRS, OUTCOMES].map((group) => block(group.title, group.shown, () => figureGrid(context, group))),
    ),
  item: {
    title: (key, data, context) => {
      const spec = figureOf(context, data, key)!;
      return spec.heading?.(data) ?? spec.title;
    },
    known: (key, data, context) => figureOf(context, data, key) !== null,
    tools: copyAddress,
    make: (key, context) => figureAlone(figureOf(context, context.store.data!, key)!, context),
    missing: (key) => `There is no figure “${key}” in this study.`,
  },
};
