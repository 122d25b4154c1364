/** The page at an address where there is nothing. */

import { h } from "../dom";
import { visible } from "../read";
import { banner } from "./banner";

export function missingPage(said: string): void {
  document.title = "Not found · Kindling";
  document.body.replaceChildren(
    h("header", { class: "top" }, banner(true), h("div", { class: "head" }, h("h1", {}, "There is nothing here"))),
    h(
      "main",
      { id: "main" },
      h("div", { class: "card" }, h("p", {}, visible(said)), h("p", { class: "more" }, h("a", { href: "/" }, "All studies"))),
    ),
  );
}
