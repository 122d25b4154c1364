/** Adds a study to those that are compared. */

import { h } from "../dom";
import { visible } from "../read";
import { MOST } from "./address";

/** `address` says where the comparison with one more is. */
export function chooser(chosen: readonly string[], address: (name: string) => string): HTMLElement {
  const list = h("select", {}, h("option", { value: "" }, "…"));
  list.addEventListener("change", () => list.value !== "" && location.assign(address(list.value)));
  const element = h("label", { class: "pick add-study", hidden: true }, h("span", {}, "Add a study"), list);
  if (chosen.length < MOST) void offer();

  async function offer(): Promise<void> {
    const answer = await fetch("/api/studies").catch(() => null);
    if (!answer?.ok) return;
    const all = (await answer.json()) as { name: string; archived?: boolean }[];
    const names = all.filter((line) => !line.archived && !chosen.includes(line.name)).map((line) => line.name);
    names.sort(new Intl.Collator("en", { numeric: true }).compare);
    list.append(...names.map((name) => h("option", { value: name }, visible(name))));
    element.hidden = names.length === 0;
  }
  return element;
}
