/** What the confirmation trials say. */

import { frontAnswer } from "../confirm/front";
import { answer } from "../confirm/section";
import type { View } from "../shell/types";

export const answerView: View = {
  id: "answer",
  title: "Answer",
  shown: ({ document: { analysis } }) => analysis.confirm !== null || analysis.confirmed_front !== undefined,
  make: ({ store, open }) => (store.data!.several ? frontAnswer : answer)(store, open),
};
