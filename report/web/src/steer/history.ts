/** What was done, as far as it is loaded. */

import type { Activity } from "./api";

export interface History {
  /** Newest first. */
  activities: Activity[];
  /** Where older ones begin; null if there are none. */
  next: string | null;
}

/** The newest lines put before those that are there. If they do not meet, too much has happened: then they stand alone. */
export function joined(have: History, newest: History): History {
  const first = have.activities[0];
  const known = first && JSON.stringify(first);
  const at = newest.activities.findIndex((line) => JSON.stringify(line) === known);
  return at < 0 ? newest : { activities: [...newest.activities.slice(0, at), ...have.activities], next: have.next };
}
