/** A text of many lines with their numbers, one of which may be marked as wrong. */

import { h } from "../dom";
import { placeOf } from "./lines";

export interface Code {
  element: HTMLElement;
  field: HTMLTextAreaElement;
  /** Marks a line; null marks none. */
  mark: (line: number | null) => void;
  /** Puts the cursor there. */
  go: (line: number, column: number | null) => void;
  set: (text: string) => void;
}

/** The field is at least so high. */
const FEWEST = 16;

export function code(label: string, id: string, changed: () => void): Code {
  const numbers = h("div", { class: "code-numbers", "aria-hidden": "true" });
  const wrong = h("div", { class: "code-wrong", "aria-hidden": "true", hidden: true });
  const field = h("textarea", { id, "aria-label": label, wrap: "off", spellcheck: false, autocomplete: "off", autocapitalize: "off" });
  const element = h("div", { class: "code" }, numbers, h("div", { class: "code-text" }, wrong, field));
  let marked: number | null = null;

  /** All lines are there, so that only the page scrolls up and down. */
  function number(): void {
    const lines = field.value.split("\n").length;
    field.rows = Math.max(FEWEST, lines);
    while (numbers.childElementCount > lines) numbers.lastElementChild!.remove();
    for (let i = numbers.childElementCount + 1; i <= lines; i += 1) numbers.append(h("span", {}, i));
  }

  function mark(line: number | null): void {
    if (marked !== null) numbers.children[marked - 1]?.removeAttribute("data-wrong");
    marked = line;
    wrong.hidden = line === null;
    if (line === null) return;
    numbers.children[line - 1]?.setAttribute("data-wrong", "");
    wrong.style.setProperty("--line", String(line - 1));
  }

  field.addEventListener("input", () => {
    number();
    changed();
  });
  number();
  return {
    element,
    field,
    mark,
    go: (line, column) => {
      const place = placeOf(field.value, line, column);
      field.focus();
      field.setSelectionRange(place, place);
      numbers.children[line - 1]?.scrollIntoView({ block: "center" });
    },
    set: (text) => {
      field.value = text;
      number();
      changed();
    },
  };
}
