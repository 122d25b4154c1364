/** Retries failed trials: one, all, or all that failed for one reason, and says what came of each. */

import type { Data } from "../data";
import type { Trial } from "../document";
import { h } from "../dom";
import { kindOf, oneLine } from "../filter/reason";
import { count, plural } from "../format";
import { change, requestId, type Retried } from "./api";
import { Outcome } from "./outcome";
import { sheet } from "./sheet";
import { SAYS, unretried } from "./state";
import type { Steering } from "./steering";

/** So many in one call. */
const AT_ONCE = 1000;

/** So many lines are shown of what came of them. */
const SHOWN = 200;

export function retrySheet(steering: Steering, data: Data, reason?: string): void {
  const failed = unretried(data.trials);
  const line = new Outcome();
  const outcome = h("div", { class: "retried" });
  const groups = byReason(failed);
  // One reason needs no choice.
  const apart = groups.length > 1 ? groups : [];
  const names = ["all", ...apart.map((_, i) => String(i))];
  const chosen = () => inside.querySelector<HTMLInputElement>("input:checked")?.value ?? "all";
  const wanted = () => apart[Number(chosen())]?.[1] ?? failed;
  // The same for the same choice: whoever sends it twice gets the first answer again.
  const id = requestId();
  const first = reason === undefined ? -1 : apart.findIndex(([text]) => kindOf(text) === kindOf(reason));
  const because = groups.length === 1 ? `: ${groups[0]![0]}` : "";
  const choices = [`All ${plural(failed.length, "failed trial")}${because}`, ...apart.map(([text, trials]) => `${count(trials.length)} × ${text}`)];
  const add = h("button", { type: "submit", class: "tool primary" }, "Retry");
  const inside = h(
    "form",
    {
      onsubmit: async (event: Event) => {
        event.preventDefault();
        const answer = await retry(steering, wanted(), `${id}-${chosen()}`, line);
        if (!answer) return;
        add.hidden = inside.querySelector("fieldset")!.disabled = true;
        outcome.replaceChildren(...outcomes(answer, (trial) => (close(), steering.open(trial))));
      },
    },
    h("p", { class: "hint" }, `${SAYS.retry} The budget grows by one for each. Those that were retried before are left out.`),
    h(
      "fieldset",
      { class: "choices" },
      h("legend", {}, "Which ones"),
      ...choices.map((text, i) => {
        const radio = h("input", { type: "radio", name: "which", value: names[i], checked: i === first + 1 });
        return h("label", { class: "option" }, radio, h("span", {}, text));
      }),
    ),
    h("div", { class: "sheet-actions" }, add, h("button", { type: "button", class: "tool", onclick: () => close() }, "Close")),
    line.element,
    outcome,
  );
  const { close } = sheet("Retry failed trials", [inside]);
}

/** Retries these. Null if it was refused. A repeated id adds nothing. */
export async function retry({ study }: Steering, trials: readonly Trial[], id: string, line: Outcome): Promise<Retried | null> {
  const numbers = trials.map((t) => t.number);
  const all: Retried = { retried: [], refused: [] };
  const work = async () => {
    for (let i = 0; i < numbers.length; i += AT_ONCE) {
      const some = numbers.slice(i, i + AT_ONCE);
      const answer = await change(study, { do: "retry", trials: some, request_id: `${id}-${i}` });
      const { retried, refused } = answer as unknown as Retried;
      all.retried.push(...retried);
      all.refused.push(...refused);
    }
    return all;
  };
  return line.of(`Retrying ${plural(numbers.length, "trial")}`, work, ({ retried, refused }) => {
    const not = refused.length > 0 ? ` ${count(refused.length)} refused${refused.length === 1 ? `: ${refused[0]![1]}` : ""}.` : "";
    if (retried.length === 1) return `It is retried as trial ${retried[0]![1]}.${not}`;
    return `${plural(retried.length, "trial")} added.${not}`;
  });
}

/** Reasons that differ only in numbers are one, as everywhere on the page; the most frequent first. */
function byReason(failed: readonly Trial[]): [string, Trial[]][] {
  const groups = new Map<string, [string, Trial[]]>();
  for (const trial of failed) {
    const reason = trial.fail_reason || "no reason given";
    const known = groups.get(kindOf(reason));
    if (known) known[1].push(trial);
    else groups.set(kindOf(reason), [oneLine(reason), [trial]]);
  }
  return [...groups.values()].sort((a, b) => b[1].length - a[1].length);
}

function outcomes({ retried, refused }: Retried, open: (trial: number) => void): Node[] {
  const link = (trial: number) => h("button", { type: "button", class: "plain", onclick: () => open(trial) }, `trial ${trial}`);
  const lines = [
    ...refused.map(([old, why]) => [old, h("td", { class: "refused" }, `refused: ${why}`)] as const),
    ...retried.map(([old, now]) => [old, h("td", {}, "is retried as ", link(now))] as const),
  ];
  const rows = lines.slice(0, SHOWN).map(([old, cell]) => h("tr", {}, h("th", { scope: "row" }, `trial ${old}`), cell));
  const more = lines.length - rows.length;
  return [
    h("div", { class: "scroll" }, h("table", {}, h("caption", { class: "hidden" }, "What came of each"), h("tbody", {}, ...rows))),
    ...(more > 0 ? [h("p", { class: "hint" }, `and ${plural(more, "other")}`)] : []),
  ];
}
