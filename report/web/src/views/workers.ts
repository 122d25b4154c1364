/** Who works on the study. */

import { workers } from "../page/workers";
import type { View } from "../shell/types";

export const workersView: View = {
  id: "workers",
  title: "Workers",
  shown: (data) => data.document.workers.length > 0,
  make: ({ open }) => workers(open),
};
