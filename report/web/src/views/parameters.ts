/** What parameters do: all of them, and one. */

import { oneParameter, others } from "../parameters/one";
import { parameterList } from "../parameters/list";
import type { View } from "../shell/types";
import { PARAMETERS, parameterSpecs } from "./figure-list";
import { figureGrid } from "./grid";
import { block, stack } from "./stack";

export const parametersView: View = {
  id: "parameters",
  title: "Parameters",
  shown: (d) => d.study.space.length > 0,
  make: (context) => stack(parameterList(context), block("Together", PARAMETERS.shown, () => figureGrid(context, PARAMETERS))),
  item: {
    title: (name) => name,
    known: (name, data) => data.study.space.some((p) => p.name === name),
    tools: (name, context) => others(paramOf(name, context), context),
    make: (name, context) => oneParameter(paramOf(name, context), parameterSpecs(context, context.store.data!, name), context),
    missing: (name) => `This study has no parameter “${name}” so far.`,
  },
};

function paramOf(name: string, { store }: Parameters<View["make"]>[0]) {
  return store.data!.study.space.find((p) => p.name === name)!;
}
