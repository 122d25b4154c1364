/** The drop-down that says which part of the values the axes show: one choice for all figures. */

import { type Part, PARTS } from "../data";
import { select } from "../dom";
import type { Controlled } from "../figure/types";
import type { Store } from "../store";

const lists = new Set<WeakRef<HTMLSelectElement>>();

/** Which part of the values is shown. What they are of is chosen above, for the whole page. */
export function partPicker(figure: Controlled): HTMLElement {
  const { store } = figure;
  const label = select<Part>("Values", PARTS, store.part, (part) => {
    store.part = part;
    show(store);
  });
  lists.add(new WeakRef(label.querySelector("select")!));
  if (lists.size === 1) store.subscribe(() => show(store));
  show(store);
  return label;
}

function show(store: Store): void {
  for (const list of lists) {
    const element = list.deref();
    if (!element) {
      lists.delete(list);
      continue;
    }
    if (element.value !== store.part) element.value = store.part;
    // Of what nobody called better or worse there is no best half.
    element.closest("label")!.hidden = store.data?.judged === false;
  }
}

/** Whether a point lies in the range of values: others are not worth drawing, since the axis ends there. */
export function inside([low, high]: [number, number]): (point: { value: [unknown, number] }) => boolean {
  return ({ value: [, y] }) => y >= low && y <= high;
}

/** How many of these lie outside the range, as a sentence. */
export function outside(values: Iterable<number | null>, [low, high]: [number, number]): string {
  let n = 0;
  for (const v of values) if (v !== null && (v < low || v > high)) n += 1;
  return outsideOf(n);
}

export function outsideOf(n: number): string {
  return n === 0
    ? ""
    : `${n} ${n === 1 ? "trial lies" : "trials lie"} outside the values shown; choose “Values: all” to see ${n === 1 ? "it" : "them"}.`;
}
