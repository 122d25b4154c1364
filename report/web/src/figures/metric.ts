/** The drop-down that says what all figures are about: one choice for the whole page, kept in its address. */

import type { Data } from "../data";
import { h } from "../dom";
import type { Store } from "../store";

const lists = new Set<WeakRef<HTMLSelectElement>>();

/** Objectives first; behind them the other numbers of trials. */
export function metricPicker(store: Store): HTMLElement[] {
  const list = h("select", {
    onchange: () => {
      store.metric = list.value;
    },
  });
  if (store.data) fill(list, store.data);
  lists.add(new WeakRef(list));
  if (lists.size === 1) store.subscribe(showAll);
  return [h("label", { class: "pick metric" }, h("span", {}, "Metric"), list)];
}

function showAll(data: Data): void {
  for (const known of lists) {
    const list = known.deref();
    if (list) fill(list, data);
    else lists.delete(known);
  }
}

/** Attributes come as trials end. */
function fill(list: HTMLSelectElement, data: Data): void {
  const known = JSON.stringify(data.measures.map((m) => m.key));
  if (list.dataset["known"] !== known) {
    list.dataset["known"] = known;
    const options = (objective: boolean) =>
      data.measures.filter((m) => (m.objective !== null) === objective).map((m) => h("option", { value: m.key }, m.name));
    const named = (label: string, of: HTMLElement[]) => h("optgroup", { label }, ...of);
    list.replaceChildren(named(data.several ? "Objectives" : "Objective", options(true)), named("Also reported", options(false)));
  }
  if (list.value !== data.measure.key) list.value = data.measure.key;
}
