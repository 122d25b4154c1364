/** Where the open view is. There is only one at a time, and only it follows the data. */

import type { Data } from "../data";
import { h, setText } from "../dom";
import { type Place, START } from "./addresses";
import type { Context, Part, View } from "./types";

export interface Stage {
  element: HTMLElement;
  heading: HTMLElement;
  /** The view of this place takes the place of the one before. */
  show(place: Place, data: Data): void;
  update(data: Data): void;
}

interface Shown extends Part {
  title: (data: Data) => string;
  hint?: string | undefined;
  tools?: Part | undefined;
  /** It said that there is nothing here; there may be later. */
  missing?: boolean;
}

export function stage(views: readonly View[], context: Context): Stage {
  const heading = h("h2", { tabindex: -1, id: "view-title" });
  const tools = h("div", { class: "view-tools" });
  const hint = h("p", { class: "hint section-hint" });
  const body = h("div");
  const element = h("section", { class: "view", "aria-labelledby": "view-title" }, h("div", { class: "view-head" }, heading, tools), hint, body);
  let place: Place = { view: START, item: null };
  let shown: Shown | null = null;

  function close(): void {
    shown?.close?.();
    shown?.tools?.close?.();
    shown = null;
  }

  function make(data: Data): Shown {
    const { view: id, item } = place;
    const view = views.find((v) => v.id === id);
    if (!view) return nothing("No such view", `There is nothing at this address: no view is called “${id}”.`, START);
    if (item === null) return { ...view.make(context), title: () => view.title, hint: view.hint };
    if (!view.item) return nothing("Nothing here", `There is nothing below ${view.title.toLowerCase()} called “${item}”.`, id);
    if (!view.item.known(item, data, context)) return nothing("Nothing here", view.item.missing(item), id);
    const { title, tools: beside, make: made } = view.item;
    return { ...made(item, context), title: (now) => title(item, now, context), tools: beside?.(item, context) };
  }

  function nothing(title: string, said: string, back: string): Shown {
    const name = views.find((v) => v.id === back)!.title;
    const element = h("div", { class: "card" }, h("p", {}, said), h("p", { class: "more" }, h("a", { href: context.addresses.to(back) }, `Back to ${name.toLowerCase()}`)));
    return { element, update: () => undefined, title: () => title, missing: true };
  }

  function open(data: Data): void {
    close();
    const now = make(data);
    shown = now;
    element.dataset["view"] = place.view;
    body.replaceChildren(now.element);
    tools.replaceChildren(...(now.tools ? [now.tools.element] : []));
    hint.hidden = !now.hint;
    setText(hint, now.hint ?? "");
  }

  function update(data: Data): void {
    if (!shown) return;
    // What was not there may have come, such as a trial.
    if (shown.missing && place.item !== null && views.find((v) => v.id === place.view)?.item?.known(place.item, data, context)) open(data);
    shown.update(data);
    shown.tools?.update(data);
    const title = shown.title(data);
    setText(heading, title);
    document.title = `${title} · ${data.study.name} · Kindling`;
  }

  return {
    element,
    heading,
    show: (wanted, data) => {
      place = wanted;
      open(data);
      update(data);
    },
    update,
  };
}
