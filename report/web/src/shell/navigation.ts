/** The way from view to view: a row of links, which on a phone lies at the lower edge. */

import { h, setText } from "../dom";
import { still } from "../theme";
import type { Addresses } from "./addresses";
import type { Part, View } from "./types";

export function navigation(views: readonly View[], addresses: Addresses): Part & { mark: (view: string) => void } {
  const links = views.map((view) => ({ view, link: h("a", { href: "", "data-view": view.id, "data-key": `view ${view.id}` }, view.title), item: h("li", { hidden: true }) }));
  for (const { link, item } of links) item.append(link);
  const list = h("ul", {}, ...links.map(({ item }) => item));
  let current: HTMLElement | null = null;
  /** Where there is no room for all links, that of the open view is in sight. */
  const show = (behavior: ScrollBehavior) => {
    if (current) list.scrollTo({ left: current.offsetLeft - (list.clientWidth - current.offsetWidth) / 2, behavior });
  };
  return {
    element: h("nav", { "aria-label": "Views of this study" }, list),
    update: (data) => {
      let isNew = false;
      for (const { view, link, item } of links) {
        // What has been shown stays: nothing vanishes under the reader's eyes.
        if (item.hidden && view.shown(data)) {
          item.hidden = false;
          isNew = true;
        }
        link.setAttribute("href", addresses.to(view.id));
        setText(link, view.title);
      }
      // A new link moves the others.
      if (isNew) show("auto");
    },
    mark: (open) => {
      for (const { view, link, item } of links) {
        if (view.id !== open) {
          link.removeAttribute("aria-current");
          continue;
        }
        link.setAttribute("aria-current", "page");
        item.hidden = false;
        current = item;
        show(still.matches ? "auto" : "smooth");
      }
    },
  };
}
