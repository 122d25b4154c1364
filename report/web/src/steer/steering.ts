/** What the controls of a study need to know of its page. */

import type { Data } from "../data";

export interface Steering {
  /** Its true name, as it was before the page made hidden characters visible. */
  study: string;
  data: () => Data | null;
  open: (trial: number) => void;
  /** Leaves the page of a study that is there no more. */
  leave: () => void;
}
