/** The page on which studies are made. */

import { h } from "../dom";
import { studyAddress } from "../shell/addresses";
import type { Me } from "../shell/me";
import { createForm } from "../steer/create";
import { banner } from "./banner";

export function newPage(me: Me): void {
  document.title = "New study · Kindling";
  document.body.replaceChildren(
    h("a", { class: "skip", href: "#study-file" }, "Skip to the content"),
    h("header", { class: "top" }, banner(true), h("div", { class: "head" }, h("h1", {}, "New study"))),
    h("main", { id: "main", tabindex: -1 }, createForm(me, (name) => location.assign(studyAddress(name)))),
    h("footer", {}, "Made by Kindling."),
  );
}
