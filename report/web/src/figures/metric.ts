/** The drop-down that says which objective all figures are about: one choice for the whole page, kept in its address. */

import { select } from "../dom";
import type { Store } from "../store";

const lists = new Set<WeakRef<HTMLSelectElement>>();

/** Nothing if there is one objective only. */
export function metricPicker(store: Store): HTMLElement[] {
  const data = store.data;
  if (!data?.several) return [];
  const options = data.study.directions.map((_, i) => ({ value: String(i), text: data.values.name(i) }));
  const label = select("Metric", options, String(store.metric), (metric) => {
    store.metric = Number(metric);
  });
  label.classList.add("metric");
  lists.add(new WeakRef(label.querySelector("select")!));
  if (lists.size === 1) store.subscribe(() => show(store));
  return [label];
}

function show(store: Store): void {
  for (const list of lists) {
    const element = list.deref();
    if (!element) lists.delete(list);
    else if (element.value !== String(store.metric)) element.value = String(store.metric);
  }
}
