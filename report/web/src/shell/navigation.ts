/** The way from view to view: a row of links, which on a phone lies at the lower edge. */

import { h, setText } from "../dom";
import { still } from "../theme";
import type { Addresses } from "./addresses";
import type { Part, View } from "./types";

export function navigation(views: readonly View[], addresses: Addresses): Part & { mark: (view: string) => void } {
  const links = views.map((view) => ({ view, link: h("a", { href: "", "data-view": view.id, "data-key": `view ${view.id}` }, view.title), item: h("li", { hidden: true }) }));
  for (const { link, item } of links) item.append(link);
  const list = h("ul", {}, ...links.map(({ item }) => item));
  return {
    element: h("nav", { "aria-label": "Views of this study" }, list),
    update: (data) => {
      for (const { view, link, item } of links) {
        // What has been shown stays: nothing vanishes under the reader's eyes.
        if (item.hidden) item.hidden = !view.shown(data);
        link.setAttribute("href", addresses.to(view.id));
        setText(link, view.title);
      }
    },
    mark: (open) => {
      for (const { view, link, item } of links) {
        if (view.id !== open) {
          link.removeAttribute("aria-current");
          continue;
        }
        link.setAttribute("aria-current", "page");
        item.hidden = false;
        list.scrollTo({ left: item.offsetLeft - (list.clientWidth - item.offsetWidth) / 2, behavior: still.matches ? "auto" : "smooth" });
      }
    },
  };
}
