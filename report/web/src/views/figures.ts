/** How the study went, why trials failed, and each figure alone. */

import type { Context, Part, View } from "../shell/types";
import { reasonList } from "../failures/list";
import { FAILURES, figureOf, PROGRESS } from "./figure-list";
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
      block(FAILURES.title, FAILURES.shown, () => stack(figureGrid(context, FAILURES), reasons(context))),
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

/** The reasons as a table, with the way to their trials. */
function reasons({ go, open, store }: Context): Part {
  return reasonList({
    open,
    trials: (filter) => {
      go("trials", null, { query: { filter } });
      // A browser may refuse to keep it in the address.
      store.filter = filter;
    },
  });
}
