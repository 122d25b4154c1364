/** The table of trials, and one trial. */

import { trials } from "../page/trials";
import type { View } from "../shell/types";
import { neighbours, trial } from "./trial";

export const trialsView: View = {
  id: "trials",
  title: "Trials",
  shown: () => true,
  make: trials,
  item: {
    title: (number) => `Trial ${number}`,
    known: (number, data) => /^\d{1,9}$/.test(number) && data.trial(Number(number)) !== undefined,
    tools: (number, context) => neighbours(Number(number), context),
    make: (number, context) => trial(Number(number), context),
    missing: (number) => `There is no trial ${number} in this study so far.`,
  },
};
