/** A dialog over the page: one title, one thing to do. Escape and the cross close it, and the focus goes back to where it was. */

import { h } from "../dom";

interface Options {
  small?: boolean;
  closed?: () => void;
}

let opened = 0;

export function sheet(title: string, content: Node[], { small = false, closed }: Options = {}): { element: HTMLDialogElement; close: () => void } {
  const before = document.activeElement as HTMLElement | null;
  const key = before?.closest("[data-key]")?.getAttribute("data-key");
  const id = `sheet-${(opened += 1)}`;
  const close = () => element.close();
  const element = h(
    "dialog",
    { class: small ? "sheet small" : "sheet", "aria-labelledby": id },
    h(
      "header",
      {},
      h("h2", { id, tabindex: -1 }, title),
      h("span", { class: "spring" }),
      h("button", { type: "button", class: "tool", "aria-label": "Close", onclick: close }, "✕"),
    ),
    h("div", { class: "sheet-body" }, ...content),
  );
  element.addEventListener("close", (event) => {
    // A dialog within this one tells of its end here, too.
    if (event.target !== element) return;
    element.remove();
    // What had the focus may have been drawn anew, or have gone.
    const again = before?.isConnected ? before : key ? document.querySelector<HTMLElement>(`[data-key="${CSS.escape(key)}"]`) : null;
    (again ?? document.getElementById("main"))?.focus({ preventScroll: true });
    closed?.();
  });
  document.body.append(element);
  element.showModal();
  element.querySelector<HTMLElement>("h2")?.focus();
  return { element, close };
}
