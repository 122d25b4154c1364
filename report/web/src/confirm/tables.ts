/** Ranking and comparisons in numbers. */

import type { Comparison } from "../document";
import { h } from "../dom";
import type { Open } from "../figure/types";
import { decimalsFor, fixed, pValue } from "../format";
import { trialLink } from "../page/link";
import { between, differsFromBest, type Field } from "./arms";

export function ranking(field: Field, open: Open): HTMLElement {
  const decimals = intervalDecimals(field);
  const tests = field.arms.some(({ arm }) => arm.test_mean !== null);
  const heads = [
    "Place",
    field.param ?? "Configuration",
    "Mean",
    "95 % interval",
    "Seeds",
    ...(tests ? ["Test mean"] : []),
    "Against the best",
    "From",
  ];
  const numeric = (i: number) => i === 2 || i === 3 || i === 4 || (tests && i === 5);
  return h(
    "table",
    {},
    h("caption", {}, "Ranking by mean"),
    h("thead", {}, h("tr", {}, ...heads.map((text, i) => h("th", { scope: "col", class: numeric(i) ? "num" : "" }, text)))),
    h(
      "tbody",
      {},
      ...field.arms.map(({ arm, name }, i) =>
        h(
          "tr",
          {},
          h("td", { class: "num" }, i + 1),
          h("th", { scope: "row" }, name),
          h("td", { class: "num" }, fixed(arm.mean, decimals)),
          h("td", { class: "num" }, arm.low === null ? "–" : `${fixed(arm.low, decimals)} to ${fixed(arm.high, decimals)}`),
          h(
            "td",
            { class: "num" },
            `${arm.values.length} of ${arm.planned}`,
            arm.failed > 0 ? `, ${arm.failed} failed` : "",
            arm.few ? h("span", { class: "chip warn" }, "few") : null,
          ),
          tests ? h("td", { class: "num" }, fixed(arm.test_mean, decimals)) : null,
          h("td", {}, verdict(field, arm.of, i)),
          h(
            "td",
            {},
            trialLink(open, arm.of, `arm ${arm.of}`),
          ),
        ),
      ),
    ),
  );
}

/** Two digits of half the best arm's interval: more would be noise. */
function intervalDecimals(field: Field): number {
  const best = field.arms.find(({ arm }) => arm.low !== null && arm.high !== null && arm.high > arm.low)?.arm;
  return best ? Math.max(0, decimalsFor([0, (best.high! - best.low!) / 2]) - 1) : 4;
}

function verdict(field: Field, of: number, place: number): string {
  if (place === 0) return "the best mean";
  const differs = differsFromBest(field, of);
  return differs === null ? "–" : differs ? "≠ worse" : "≈ cannot be told apart";
}

/** Row less column, with Holm's p below. */
export function matrix(field: Field): HTMLElement {
  const decimals = intervalDecimals(field);
  const cell = (a: number, b: number) => {
    if (a === b) return h("td", { class: "self" });
    const c = between(field.comparisons, a, b);
    if (!c) return h("td", { class: "num" }, "–");
    const range = c.low === null ? "" : ` (${fixed(c.low, decimals)} to ${fixed(c.high, decimals)})`;
    const title = `difference ${fixed(c.difference, decimals)}${range}; ${c.pairs} pairs; p: paired t ${pValue(c.p_t)}, Wilcoxon ${pValue(c.p_wilcoxon)}, Holm ${pValue(c.p_holm)}`;
    const sign = c.difference > 0 ? "+" : "";
    return h(
      "td",
      { class: c.differs ? "num differs" : "num", title },
      h("span", {}, `${c.differs ? "≠ " : "≈ "}${sign}${fixed(c.difference, decimals)}`),
      h("small", {}, `p ${pValue(c.p_holm)}`),
    );
  };
  return h(
    "table",
    { class: "matrix" },
    h(
      "caption",
      {},
      "Comparisons: the mean of the row less that of the column, over the same seeds; p of the paired t test after Holm’s correction; ≠ where it is below 0.05, ≈ where it is not",
    ),
    h(
      "thead",
      {},
      h(
        "tr",
        {},
        h("td", {}),
        ...field.arms.map(({ name }, i) =>
          h("th", { scope: "col", class: "num", title: name }, `${i + 1}.`, h("span", { class: "hidden" }, ` ${name}`)),
        ),
      ),
    ),
    h(
      "tbody",
      {},
      ...field.arms.map(({ arm, name }, i) =>
        h("tr", {}, h("th", { scope: "row" }, `${i + 1}. ${name}`), ...field.arms.map((other) => cell(arm.of, other.arm.of))),
      ),
    ),
  );
}

/** Every comparison in full. */
export function comparisonList(field: Field): HTMLElement {
  const decimals = intervalDecimals(field);
  const names = new Map(field.arms.map(({ arm, name }) => [arm.of, name]));
  const heads = ["Mean of", "less that of", "Difference", "95 % interval", "Pairs", "p, paired t", "p, Wilcoxon", "p after Holm"];
  const row = (c: Comparison) =>
    h(
      "tr",
      {},
      h("th", { scope: "row" }, names.get(c.a) ?? `trial ${c.a}`),
      h("td", {}, names.get(c.b) ?? `trial ${c.b}`),
      h("td", { class: "num" }, fixed(c.difference, decimals)),
      h("td", { class: "num" }, c.low === null ? "–" : `${fixed(c.low, decimals)} to ${fixed(c.high, decimals)}`),
      h("td", { class: "num" }, c.pairs),
      ...[c.p_t, c.p_wilcoxon].map((p) => h("td", { class: "num" }, pValue(p))),
      h("td", { class: c.differs ? "num differs" : "num" }, `${c.differs ? "≠ " : ""}${pValue(c.p_holm)}`),
    );
  return h(
    "table",
    { class: "matrix" },
    h("caption", {}, "The same in full"),
    h("thead", {}, h("tr", {}, ...heads.map((text, i) => h("th", { scope: "col", class: i > 1 ? "num" : "" }, text)))),
    h("tbody", {}, ...field.comparisons.map(row)),
  );
}
