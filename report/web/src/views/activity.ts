/** Who did what to the study. */

import { studyAddress } from "../shell/addresses";
import type { View } from "../shell/types";
import { activity } from "../steer/activity";

export const activityView: View = {
  id: "activity",
  title: "Activity",
  hint: "What people and programs did to this study, newest first.",
  live: true,
  shown: () => true,
  make: ({ study, me, open }) => activity({ study, me, open, address: (name) => studyAddress(name) }),
};
