/** The reasons for failures as a table: how many trials, since when, what they have in common, and the way to them. */

import type { Data } from "../data";
import { h, replaceKeepingFocus } from "../dom";
import { count, percent, plural } from "../format";
import { inTurns } from "../turns";
import { type Common, commonSteps } from "./common";
import { short } from "./figure";
import { filterOf, last, type Reason, reasonsOf } from "./reasons";

/** So many reasons are listed. */
const MOST = 50;
/** For so many of them it is worked out what their trials have in common. */
const COMPARED = 12;
const PAUSES = 20;

export interface Ways {
  /** Opens the table of trials with this filter. */
  trials: (filter: string) => void;
  open: (trial: number) => void;
}

export function reasonList(ways: Ways): { element: HTMLElement; update: (data: Data) => void } {
  const element = h("div", { class: "card wide failure-list" });
  let basis = "";
  /** What trials have in common, by reason, and when it may be worked out again: for at most a twentieth of the time. */
  const known = new Map<string, Common | null>();
  let again = 0;
  let newest: { data: Data; reasons: Reason[] } | null = null;
  let busy = false;
  const compare = async (data: Data, reasons: Reason[]) => {
    newest = { data, reasons };
    if (busy) return;
    busy = true;
    await new Promise((done) => window.setTimeout(done, Math.max(0, again - performance.now())));
    const { data: now, reasons: wanted } = newest;
    const start = performance.now();
    const common = await inTurns(commonSteps(now, wanted), () => element.isConnected);
    again = performance.now() + PAUSES * (performance.now() - start);
    busy = false;
    if (!common) return;
    wanted.forEach((reason, i) => known.set(reason.kind, common[i] ?? null));
    replaceKeepingFocus(element, ...drawn(now, reasonsOf(now), reasonsOf(now).map((r) => known.get(r.kind) ?? null), ways));
    if (newest.data !== now) void compare(newest.data, newest.reasons);
  };
  return {
    element,
    update: (data) => {
      const reasons = reasonsOf(data);
      const now = JSON.stringify([data.trials.length, data.progress, reasons.map((r) => [r.kind, last(r).number, r.trials.length])]);
      if (now === basis) return;
      basis = now;
      replaceKeepingFocus(element, ...drawn(data, reasons, reasons.map((r) => known.get(r.kind) ?? null), ways));
      void compare(data, reasons.slice(0, COMPARED));
    },
  };
}

function drawn(data: Data, reasons: Reason[], common: (Common | null)[], ways: Ways): HTMLElement[] {
  const heads = ["Reason", "Trials", "From – to", "In common", "See"];
  const rows = reasons.slice(0, MOST).map((reason, i) => row(data, reason, common[i] ?? null, ways));
  const more = reasons.length - rows.length;
  return [
    h(
      "div",
      { class: "scroll", tabindex: 0, role: "region", "aria-label": "Reasons for failures" },
      h(
        "table",
        { class: "reasons" },
        h("thead", {}, h("tr", {}, ...heads.map((text) => h("th", { scope: "col", class: text === "Trials" ? "num" : "" }, text)))),
        h("tbody", {}, ...rows),
      ),
    ),
    h(
      "p",
      { class: "note" },
      `${more > 0 ? `And ${plural(more, "rarer reason")}. ` : ""}“In common” is the choice or range that the trials of a reason have most clearly more often than all others, if chance hardly explains it (Fisher’s exact test, 1 % for all that were compared). It need not be the cause.`,
    ),
  ];
}

function row(data: Data, reason: Reason, common: Common | null, ways: Ways): HTMLElement {
  const [first, newest] = [reason.trials[0]!.number, last(reason).number];
  const button = (key: string, text: string, act: () => void, label = text) =>
    h("button", { type: "button", class: "plain", "data-key": `${key} ${newest}`, "aria-label": label, onclick: act }, text);
  const show = () => ways.trials(filterOf(data, reason));
  return h(
    "tr",
    {},
    h("th", { scope: "row", class: "reason" }, h("code", {}, short(reason.text, 300))),
    h("td", { class: "num" }, count(reason.trials.length)),
    h("td", {}, first === newest ? String(first) : `${first} – ${newest}`),
    h("td", { class: "common" }, ...(common ? said(common, () => ways.trials(common.filter), newest) : ["–"])),
    h(
      "td",
      {},
      button("reason", plural(reason.trials.length, "trial"), show, `Show the ${plural(reason.trials.length, "trial")} that failed so`),
      " · ",
      button("newest", `newest: ${newest}`, () => ways.open(newest), `newest: ${newest}, open this trial`),
    ),
  );
}

/** "9 of 12 have `optimizer = sgd`; of 88 others 20 (23 %)." */
function said({ filter, met, of, others, ofOthers }: Common, show: () => void, newest: number): (HTMLElement | string)[] {
  const which = h("button", { type: "button", class: "plain", "data-key": `common ${newest}`, onclick: show }, h("code", {}, filter));
  return [`${met} of ${of} have `, which, `; of ${count(ofOthers)} others ${count(others)} (${percent(others / ofOthers)})`];
}
