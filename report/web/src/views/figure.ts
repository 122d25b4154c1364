/** One figure, as large as the window allows. */

import { h, setText } from "../dom";
import { Figure } from "../figure/figure";
import type { FigureSpec } from "../figure/types";
import type { Context, Part } from "../shell/types";

/** What stands above and below a figure, in pixels, and the least height that is left for it. */
const AROUND = 330;
const LEAST = 320;
const SAID = 3000;

export function figureAlone(spec: FigureSpec, { store, open }: Context): Part {
  const height = (data: Parameters<FigureSpec["draw"]>[0]["data"], width: number) => {
    const usual = typeof spec.height === "function" ? spec.height(data, width) : (spec.height ?? 320);
    return Math.max(usual, LEAST, window.innerHeight - AROUND);
  };
  const figure = new Figure({ ...spec, wide: true, addressed: false, height }, store, open);
  return { element: h("div", { class: "alone" }, figure.element), update: () => figure.update(), close: () => figure.close() };
}

/** A button that copies the address of what is open. */
export function copyAddress(): Part {
  const button = h("button", { type: "button", class: "tool", onclick: () => void copy() }, "Copy the address");
  const said = h("span", { class: "hint", role: "status" });
  let timer = 0;
  const copy = async () => {
    let text = "Copied.";
    try {
      await navigator.clipboard.writeText(location.href);
    } catch {
      // Browsers give the clipboard to secure pages only.
      text = location.href;
    }
    setText(said, text);
    window.clearTimeout(timer);
    if (text === "Copied.") timer = window.setTimeout(() => setText(said, ""), SAID);
  };
  return { element: h("span", { class: "copy" }, said, button), update: () => undefined, close: () => window.clearTimeout(timer) };
}
