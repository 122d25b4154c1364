/** Who looks at the page. */

export interface Me {
  may_change: boolean;
  /** Whose token it is: "client", "viewer", or "anyone" where none is needed. */
  holder: string;
  version: string;
}

/** A report's reader, and whoever the coordinator does not know. */
export const READER: Me = { may_change: false, holder: "viewer", version: "" };

const PATIENCE = 5000;

/** Asks the coordinator. One that cannot say lets nobody change anything. */
export async function whoAmI(): Promise<Me> {
  try {
    const answer = await fetch("/api/me", { signal: AbortSignal.timeout(PATIENCE) });
    return answer.ok ? ((await answer.json()) as Me) : READER;
  } catch {
    return READER;
  }
}
