/** The answer: what the confirmation trials say. */

import type { Data } from "../data";
import { h, replaceKeepingFocus } from "../dom";
import { plural } from "../format";
import { Figure } from "../figure/figure";
import type { FigureSpec, Open } from "../figure/types";
import type { Part } from "../shell/types";
import type { Store } from "../store";
import { type Field, fieldsOf, sentences } from "./arms";
import { forest } from "./forest";
import { comparisonList, matrix, ranking } from "./tables";

export function answer(store: Store, open: Open): Part {
  const intro = h("p", { class: "hint" });
  const blocks = h("div");
  const element = h("div", {}, intro, blocks);
  let shape = "";
  let parts: { key: string; update: (field: Field) => void; figure: Figure }[] = [];
  function build(fields: Field[]): void {
    for (const part of parts) part.figure.close();
    parts = [];
    blocks.replaceChildren(
      ...fields.map((field) => {
        const verdict = h("div", { class: "verdict" });
        const title = titleOf(field);
        const rank = h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": `Ranking: ${title}` });
        const pairs = h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": `Comparisons: ${title}` });
        const figure = new Figure(forestOf(store, field), store, open);
        parts.push({
          key: field.key,
          figure,
          update: (now) => {
            verdict.replaceChildren(...sentences(now).map((text, i) => h("p", { class: i === 0 ? "lead" : "" }, text)));
            replaceKeepingFocus(rank, ranking(now, open));
            pairs.replaceChildren(matrix(now), comparisonList(now));
            figure.update();
          },
        });
        const heading = field.param === null ? "The best combinations" : `Each ${field.param} at its best`;
        return h(
          "section",
          { class: "block" },
          h("h3", {}, heading),
          verdict,
          figure.element,
          h("div", { class: "card wide" }, rank),
          h("details", { class: "card wide" }, h("summary", {}, "All comparisons"), pairs),
        );
      }),
    );
  }

  return {
    element,
    close: () => parts.forEach((part) => part.figure.close()),
    update: (data) => {
      const confirm = data.document.analysis.confirm;
      const fields = confirm ? fieldsOf(confirm, data.study) : [];
      const now = fields.map((f) => f.key).join("\n");
      if (now !== shape) build(fields);
      shape = now;
      intro.textContent = explain(data);
      for (const part of parts) {
        const field = fields.find((f) => f.key === part.key);
        if (field) part.update(field);
      }
    },
  };
}

function titleOf(field: Field): string {
  return field.param === null ? "Combinations under fresh seeds" : `Choices of ${field.param} under fresh seeds`;
}

/** The figure of a field, as that is now. */
function forestOf(store: Store, { key, ...field }: Field): FigureSpec {
  const current = (): Field | null => {
    const data = store.data;
    const confirm = data?.document.analysis.confirm;
    return (confirm && fieldsOf(confirm, data.study).find((f) => f.key === key)) ?? null;
  };
  return forest(current, key, titleOf({ key, ...field }));
}

/** The figures of all fields. */
export function forests(store: Store, { document: { analysis }, study }: Data): FigureSpec[] {
  return analysis.confirm ? fieldsOf(analysis.confirm, study).map((field) => forestOf(store, field)) : [];
}

function explain({ study, trials }: Data): string {
  const confirming = trials.filter((t) => t.confirms !== null);
  const done = confirming.filter((t) => t.complete !== null).length;
  const seeds = study.confirm ? `${plural(study.confirm.seeds, "fresh seed")} each` : "fresh seeds";
  return `A search finds the luckiest trial as well as the best method. So the best configurations were run again under ${seeds}, in trials that the sampler does not learn from: ${done} of ${Math.max(study.confirmations, confirming.length)} are done.`;
}
