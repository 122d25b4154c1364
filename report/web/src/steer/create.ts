/** Makes a study from a file that is dropped, chosen, pasted or written here; it is checked as it is written. */

import { append, h } from "../dom";
import { bytes } from "../format";
import { create, type Fault } from "./api";
import type { Me } from "../shell/me";
import { looksOnly } from "./bar";
import { code } from "./code";
import { Outcome, sentence } from "./outcome";
import { STARTER } from "./starter";

/** After the last key, in milliseconds. */
const PAUSE = 350;

/** No study file is larger. */
const LARGEST = 256 * 1024;

/** What is written stays while one looks at something else. */
const DRAFT = "kindling-new-study";

export function createForm(me: Me, opened: (study: string) => void): HTMLElement {
  if (!me.may_change) return h("p", { class: "vacant looks-only" }, looksOnly(me));
  const verdict = h("p", { class: "verdict-line", role: "status", id: "study-verdict" });
  const line = new Outcome();
  const editor = code("Study file", "study-file", changed);
  editor.field.setAttribute("aria-describedby", verdict.id);
  const file = h("input", { type: "file", id: "study-upload", "aria-label": "A study file", class: "hidden", accept: ".toml,text/plain", tabindex: -1, onchange: () => void take(file.files?.[0]) });
  const make = h("button", { type: "submit", class: "tool primary" }, "Create the study");
  let timer = 0;
  let asked = 0;

  function changed(): void {
    keep(editor.field.value);
    line.clear();
    window.clearTimeout(timer);
    timer = window.setTimeout(() => void check(), PAUSE);
  }

  /** Says what is wrong with what is there now. */
  async function check(): Promise<void> {
    const [text, question] = [editor.field.value, (asked += 1)];
    if (text.trim() === "") return judge("", []);
    if (text.length > LARGEST) return judge("wrong", [tooLarge(text.length)]);
    try {
      const answer = await create(text, true);
      // Another text is there by now.
      if (question !== asked) return;
      if ("error" in answer) fault(answer);
      else if (answer.created) judge("right", [`This makes the study “${answer.name}”.`]);
      else judge("right", [`There is a study “${answer.name}” just like this already.`]);
    } catch (error) {
      judge("unknown", ["It could not be checked. "]);
      line.refuse(error);
    }
  }

  function fault({ error, line: at, column }: Fault): void {
    const go = at !== null && h("button", { type: "button", class: "plain", onclick: () => editor.go(at, column) }, `Line ${at}`);
    judge("wrong", [go, go && ": ", sentence(error)], at);
  }

  function judge(kind: string, said: (Node | string | false | null)[], at: number | null = null): void {
    verdict.dataset["kind"] = kind;
    verdict.replaceChildren();
    append(verdict, said);
    editor.field.setAttribute("aria-invalid", String(kind === "wrong"));
    editor.mark(at);
  }

  async function take(chosen: File | undefined): Promise<void> {
    file.value = "";
    if (!chosen) return;
    if (chosen.size > LARGEST) return judge("wrong", [tooLarge(chosen.size)]);
    editor.set(await chosen.text());
    editor.field.focus();
  }

  async function send(): Promise<void> {
    const text = editor.field.value;
    await line.of("Creating", () => create(text, false), (answer) => {
      if ("error" in answer) {
        fault(answer);
        if (answer.line !== null) editor.go(answer.line, answer.column);
        return "It is not created.";
      }
      keep("");
      opened(answer.name);
      return answer.created ? "Created." : "It was there already.";
    });
  }

  const element = h(
    "form",
    {
      class: "card wide create",
      onsubmit: (event: Event) => {
        event.preventDefault();
        void send();
      },
      onkeydown: (event: KeyboardEvent) => {
        if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
        // Else the key goes on to the question that this may ask, and answers it.
        event.preventDefault();
        void send();
      },
      ondragover: (event: DragEvent) => {
        event.preventDefault();
        element.classList.add("dropping");
      },
      ondragleave: (event: DragEvent) => {
        if (!element.contains(event.relatedTarget as Node | null)) element.classList.remove("dropping");
      },
      ondrop: (event: DragEvent) => {
        event.preventDefault();
        element.classList.remove("dropping");
        void take(event.dataTransfer?.files[0]);
      },
    },
    h("p", { class: "hint" }, "Write or paste a study file, or drop one here. It is checked as you write, as “kindling study create” would."),
    h(
      "div",
      { class: "tools" },
      h("button", { type: "button", class: "tool", onclick: () => file.click() }, "Choose a file …"),
      file,
      h("button", { type: "button", class: "tool", onclick: () => (editor.set(STARTER), editor.field.focus()) }, "Begin with an example"),
    ),
    editor.element,
    h("div", { class: "create-foot" }, verdict, h("div", { class: "sheet-actions" }, make, h("span", { class: "hint" }, "or Ctrl+Enter")), line.element),
  );
  editor.set(kept() || STARTER);
  return element;
}

function tooLarge(size: number): string {
  return `A study file has at most ${bytes(LARGEST)}; this has ${bytes(size)}.`;
}

function keep(text: string): void {
  try {
    sessionStorage.setItem(DRAFT, text === STARTER ? "" : text);
  } catch {
    // Then it does not stay.
  }
}

function kept(): string {
  try {
    return sessionStorage.getItem(DRAFT) ?? "";
  } catch {
    return "";
  }
}
