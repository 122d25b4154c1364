/** Several parts as one, below each other. */

import type { Data } from "../data";
import { h } from "../dom";
import type { Part } from "../shell/types";

export function stack(...parts: Part[]): Part {
  return {
    element: h("div", { class: "stack" }, ...parts.map((part) => part.element)),
    update: (data) => parts.forEach((part) => part.update(data)),
    close: () => parts.forEach((part) => part.close?.()),
  };
}

/** A part below a title, while there is anything to show. It is made once there is. */
export function block(title: string, shown: (data: Data) => boolean, make: () => Part): Part {
  const element = h("section", { class: "block", hidden: true }, h("h3", {}, title));
  let part: Part | null = null;
  return {
    element,
    update: (data) => {
      element.hidden = !shown(data);
      if (element.hidden) return;
      if (!part) {
        part = make();
        element.append(part.element);
      }
      part.update(data);
    },
    close: () => part?.close?.(),
  };
}
