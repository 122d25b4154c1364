/** Asks for the name under which changes are noted. */

import { h } from "../dom";
import { sheet } from "./sheet";
import { keepName, LONGEST, userName } from "./user";

/** Asks for the name if nobody did yet. False if the question was closed without an answer, so that nothing is done. */
export async function introduced(): Promise<boolean> {
  return userName() !== null || askName();
}

export function askName(): Promise<boolean> {
  return new Promise((resolve) => {
    const field = h("input", { id: "user-name", name: "user", maxlength: LONGEST, autocomplete: "nickname", value: userName() ?? "" });
    const take = (name: string) => {
      keepName(name);
      answered = true;
      close();
    };
    let answered = false;
    const form = h(
      "form",
      {
        onsubmit: (event: Event) => {
          event.preventDefault();
          take(field.value);
        },
      },
      h("p", {}, "Every change says in the study's activity who made it. It is kept in this browser; you can change it there."),
      h("label", { class: "field", for: "user-name" }, h("span", {}, "Your name"), field),
      h(
        "div",
        { class: "sheet-actions" },
        h("button", { type: "submit", class: "tool primary" }, "Go on"),
        h("button", { type: "button", class: "tool", onclick: () => take("") }, "Go on without a name"),
      ),
    );
    const { close } = sheet("Who are you?", [form], { small: true, closed: () => resolve(answered) });
    field.focus();
  });
}
