/** Two people wrote the same note: both texts are there until one of them decides. */

import { h } from "../dom";
import type { Note } from "../steer/api";

/** `mine` stays as it is unless the reader takes theirs. `decided` is told that the next save replaces theirs. */
export function conflict(theirs: Note, mine: HTMLTextAreaElement, decided: () => void): HTMLElement {
  const other = h("textarea", { class: "note-text", rows: 6, readonly: true, "aria-label": "What somebody else has saved" });
  other.value = theirs.text;
  const said = h("p", { role: "status", class: "hint" });
  const use = (text: string, what: string) => {
    mine.value = text;
    said.textContent = `${what} Save to keep it; what the other one saved stays below until then.`;
    decided();
    mine.focus();
  };
  const own = mine.value;
  const both = `${own.trimEnd()}\n\n${theirs.text}`;
  const button = (text: string, take: () => void) => h("button", { type: "button", class: "tool", onclick: take }, text);
  return h(
    "div",
    { class: "conflict", role: "group", "aria-label": "Two versions" },
    h("p", { class: "lead" }, "Somebody else has changed this note since you began. Yours is above, theirs is here:"),
    other,
    h(
      "div",
      { class: "tools" },
      button("Keep mine", () => use(own, "Your text.")),
      button("Take theirs", () => use(theirs.text, "Their text.")),
      button("Put both together", () => use(both, "Your text, then theirs.")),
    ),
    said,
  );
}
