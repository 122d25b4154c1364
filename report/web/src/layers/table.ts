/** What was measured in each layer, in numbers. */

import type { Diagnosis, Layer } from "../document";
import { h } from "../dom";
import { number, percent } from "../format";

const COLUMNS: [string, (layer: Layer) => string][] = [
  ["Mean", (l) => number(l.mean, 3)],
  ["Std", (l) => number(l.std, 3)],
  ["Saturated", (l) => percent(l.saturated, 1)],
  ["Dead", (l) => percent(l.dead, 1)],
  ["Gradient norm", (l) => number(l.gradient, 3)],
  ["Equal neurons", (l) => percent(l.equal, 1)],
];

export function layerTable(diagnosis: Diagnosis): HTMLElement {
  const heads = ["Layer", "Activation", ...COLUMNS.map(([name]) => name)];
  const parts = diagnosis.stages.map((stage) =>
    h(
      "tbody",
      {},
      h("tr", {}, h("th", { scope: "rowgroup", colspan: heads.length, class: "group" }, stage.stage)),
      ...stage.layers.map((layer) =>
        h(
          "tr",
          {},
          h("th", { scope: "row" }, layer.name),
          h("td", {}, layer.activation),
          ...COLUMNS.map(([, text]) => h("td", { class: "num" }, text(layer))),
        ),
      ),
    ),
  );
  const head = h("thead", {}, h("tr", {}, ...heads.map((name, i) => h("th", { scope: "col", class: i > 1 ? "num" : "" }, name))));
  return h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Layers" }, h("table", {}, head, ...parts));
}
