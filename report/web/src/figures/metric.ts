/** The drop-down that says what all figures are about: one choice for the whole page, kept in its address. */

import type { Data } from "../data";
import { h } from "../dom";
import type { Store } from "../store";

/** Objectives first; behind them the other numbers of trials. */
export function metricPicker(store: Store): { element: HTMLElement; update: (data: Data) => void } {
  const list = h("select", {
    onchange: () => {
      store.metric = list.value;
    },
  });
  let known = "";
  return {
    element: h("label", { class: "pick metric" }, h("span", {}, "Metric"), list),
    update: (data) => {
      // Attributes come as trials end.
      const now = JSON.stringify(data.measures.map((m) => m.key));
      if (now !== known) list.replaceChildren(...options(data));
      known = now;
      if (list.value !== data.measure.key) list.value = data.measure.key;
    },
  };
}

function options(data: Data): HTMLElement[] {
  const some = (objective: boolean) =>
    data.measures.filter((m) => (m.objective !== null) === objective).map((m) => h("option", { value: m.key }, m.name));
  return [
    h("optgroup", { label: data.several ? "Objectives" : "Objective" }, ...some(true)),
    h("optgroup", { label: "Also reported" }, ...some(false)),
  ];
}
