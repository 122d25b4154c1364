/** A link to a trial. */

import { h } from "../dom";
import type { Open } from "../figure/types";

/** `key` tells it apart from others on the page: the focus comes back to it. */
export function trialLink(open: Open, trial: number, key: string, text = `trial ${trial}`): HTMLElement {
  return h("a", { href: open.trial(trial), "data-key": key, "aria-label": text === String(trial) ? `Open trial ${trial}` : null }, text);
}
