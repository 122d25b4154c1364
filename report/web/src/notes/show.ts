/** A note as elements. */

import { h } from "../dom";
import { visible } from "../read";
import { parse, type Shown } from "./markdown";

/** A table scrolls sideways by itself; links open elsewhere and tell nobody where they were followed. */
function element(shown: Shown): Node {
  // Also those that stood in the note as numbers: &#x202e; turns the text around.
  if (typeof shown === "string") return document.createTextNode(visible(shown));
  const { tag, href, start, inside } = shown;
  const link = href === undefined ? {} : { href, rel: "noopener noreferrer nofollow", target: "_blank" };
  const made = h(tag, { ...link, start: tag === "ol" ? start : undefined }, ...inside.map(element));
  return tag === "table" ? h("div", { class: "scroll" }, made) : made;
}

export function markdown(text: string): HTMLElement {
  return h("div", { class: "markdown" }, ...parse(text).map(element));
}
