/** What parameters do. */

import type { View } from "../shell/types";
import { PARAMETERS } from "./figure-list";
import { figureGrid } from "./grid";

export const parametersView: View = {
  id: "parameters",
  title: "Parameters",
  shown: PARAMETERS.shown,
  make: (context) => figureGrid(context, PARAMETERS),
};
