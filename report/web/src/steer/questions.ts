/** What is asked before a study is stopped, gets another budget, or is deleted. */

import type { Data } from "../data";
import { h, setText } from "../dom";
import { count, plural } from "../format";
import { change } from "./api";
import { Outcome } from "./outcome";
import { sheet } from "./sheet";
import { budgetOf, SAYS } from "./state";
import type { Steering } from "./steering";

/** A form in a dialog: it stays with what was typed if the coordinator refuses. */
function ask(title: string, inside: Node[], button: HTMLButtonElement, send: (line: Outcome) => Promise<boolean>): void {
  const line = new Outcome();
  const form = h(
    "form",
    {
      onsubmit: async (event: Event) => {
        event.preventDefault();
        if (await send(line)) close();
      },
    },
    ...inside,
    h("div", { class: "sheet-actions" }, button, h("button", { type: "button", class: "tool", onclick: () => close() }, "Cancel")),
    line.element,
  );
  const { close } = sheet(title, [form], { small: true });
}

function submit(text: string, kind = "primary"): HTMLButtonElement {
  return h("button", { type: "submit", class: `tool ${kind}` }, text);
}

export function stopSheet({ study }: Steering, data: Data, said: Outcome): void {
  const running = data.study.counts.running;
  const called = running > 0 ? ` ${plural(running, "trial")} will be called back.` : "";
  ask(`Stop ${data.study.name}?`, [h("p", {}, SAYS.stop + called)], submit("Stop it", "danger"), async (line) => {
    const done = await line.of("Stopping", () => change(study, { do: "stop" }), () => "Stopped.");
    if (done) said.done("Stopped.");
    return done !== null;
  });
}

export function budgetSheet({ study }: Steering, data: Data, said: Outcome): void {
  const { budget } = data.study;
  const field = h("input", { id: "budget", autocomplete: "off", spellcheck: false, placeholder: "+50", "aria-describedby": "budget-means" });
  const means = h("p", { class: "hint", id: "budget-means", role: "status" });
  const tell = () => {
    const wanted = budgetOf(field.value, budget);
    if (field.value.trim() === "") setText(means, "A number, or so many more: +50.");
    else setText(means, wanted === null ? "Neither a number of trials, nor so many more, as +50." : `${count(wanted)} trials in all.`);
    field.setAttribute("aria-invalid", String(field.value.trim() !== "" && wanted === null));
  };
  field.addEventListener("input", tell);
  tell();
  const inside = [
    h("p", {}, `${SAYS.budget} Now: ${count(budget)}.`),
    h("label", { class: "field", for: "budget" }, h("span", {}, "New budget"), field),
    means,
  ];
  ask("Budget", inside, submit("Set the budget"), async (line) => {
    const wanted = budgetOf(field.value, budget);
    if (wanted === null) {
      field.focus();
      return false;
    }
    const says = () => `The budget is ${count(wanted)} trials.`;
    const done = await line.of("Setting the budget", () => change(study, { do: "budget", trials: wanted }), says);
    if (done) said.done(says());
    return done !== null;
  });
  field.focus();
}

export function deleteSheet({ study, leave }: Steering, data: Data): void {
  const { name } = data.study;
  const button = submit("Delete it for good", "danger");
  const field = h("input", {
    id: "delete-name",
    autocomplete: "off",
    spellcheck: false,
    oninput: () => button.setAttribute("aria-disabled", String(!typed())),
  });
  // What is shown of a name can be typed, if it has characters that cannot.
  const typed = () => field.value === study || field.value === name;
  button.setAttribute("aria-disabled", "true");
  const inside = [
    h("p", {}, SAYS.delete),
    h("p", {}, `It has ${plural(data.trials.length, "trial")}.`),
    h("label", { class: "field", for: "delete-name" }, h("span", {}, "Its name, to be sure: ", h("code", {}, name)), field),
  ];
  ask(`Delete ${name}?`, inside, button, async (line) => {
    if (!typed()) {
      line.refuse(new Error("This is not its name."));
      field.focus();
      return false;
    }
    const done = await line.of("Deleting", () => change(study, { do: "delete", name: study }), () => "Deleted.");
    if (done) leave();
    return done !== null;
  });
  field.focus();
}
