/** Who looks at the page. */

import { saidBy } from "../read";

export interface Me {
  may_change: boolean;
  /** Whose token it is: "client", "viewer", or "anyone" where none is needed. */
  holder: string;
  version: string;
  /** Why nobody could say who it is. */
  problem?: string;
}

/** A report's reader. */
export const READER: Me = { may_change: false, holder: "viewer", version: "" };

const PATIENCE = 5000;

/** Asks the coordinator. While it cannot say, nothing is changed: whose token it is is not known then. */
export async function whoAmI(): Promise<Me> {
  try {
    const answer = await fetch("/api/me", { signal: AbortSignal.timeout(PATIENCE) });
    return answer.ok ? ((await answer.json()) as Me) : unknown(await saidBy(answer));
  } catch {
    return unknown("the coordinator does not answer");
  }
}

function unknown(problem: string): Me {
  return { may_change: false, holder: "unknown", version: "", problem };
}
