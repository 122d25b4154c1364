/** The input for the filter of all figures and tables, with suggestions by keyboard, and how many trials match. */

import type { Data } from "../data";
import { h, setText } from "../dom";
import { count, plural } from "../format";
import type { Store } from "../store";
import { compileWith } from "./filter";
import { spellValue } from "./names";
import type { Problem } from "./problem";
import { type Suggestion, type Suggestions, suggest } from "./suggest";

/** How long to wait for more before figures are drawn anew, and before something is called wrong. */
const PAUSE = 300;
const PATIENCE = 900;

export function filterBar(store: Store): { element: HTMLElement; update: (data: Data) => void } {
  const input = h("input", {
    type: "text",
    id: "filter",
    role: "combobox",
    "aria-autocomplete": "list",
    "aria-expanded": "false",
    "aria-controls": "filter-suggestions",
    "aria-describedby": "filter-said",
    autocomplete: "off",
    autocapitalize: "off",
    spellcheck: "false",
    enterkeyhint: "done",
  });
  // Browsers let Tab stop at what scrolls: from the input it would go into the list, which closes then.
  const list = h("ul", { id: "filter-suggestions", role: "listbox", "aria-label": "Suggestions", tabindex: -1, hidden: true });
  const said = h("span", { id: "filter-said", class: "filter-said", role: "status" });
  const clear = h("button", { type: "button", class: "tool", hidden: true, "aria-label": "Clear the filter", title: "Clear the filter" }, "✕");
  const element = h(
    "div",
    { class: "filter-bar", role: "search", "aria-label": "Filter of all figures and tables" },
    h("label", { class: "pick", for: "filter" }, h("span", {}, "Filter")),
    h("div", { class: "filter-field" }, input, list),
    clear,
    said,
  );

  let offered: Suggestions = { from: 0, to: 0, all: [] };
  let active = -1;
  let [applying, complaining] = [0, 0];

  /** Applies what is written, if it makes sense; says what does not, now or after a while. */
  function take(now: boolean): void {
    window.clearTimeout(applying);
    window.clearTimeout(complaining);
    const { data } = store;
    if (!data) return;
    const { problem } = compileWith(input.value, data.names);
    clear.hidden = input.value === "";
    if (!problem) {
      input.removeAttribute("aria-invalid");
      if (now) store.filter = input.value;
      else applying = window.setTimeout(() => take(true), PAUSE);
      say(store.data!);
      return;
    }
    if (now) complain(problem);
    else complaining = window.setTimeout(() => complain(problem), PATIENCE);
  }

  function complain(problem: Problem): void {
    input.setAttribute("aria-invalid", "true");
    said.dataset["state"] = "wrong";
    setText(said, inWords(problem, input.value));
  }

  function say(data: Data): void {
    if (input.getAttribute("aria-invalid") === "true") return;
    const all = data.document.trials.length;
    delete said.dataset["state"];
    if (data.filter.problem) {
      said.dataset["state"] = "wrong";
      setText(said, `${inWords(data.filter.problem, store.filter)} All trials are shown.`);
    } else setText(said, data.filtered ? `${count(data.trials.length)} of ${plural(all, "trial")}` : "");
  }

  function offer(): void {
    const { data } = store;
    if (!data) return;
    offered = suggest(input.value, input.selectionStart ?? input.value.length, data.names, data.document.trials);
    active = -1;
    draw();
  }

  function draw(): void {
    const open = offered.all.length > 0 && document.activeElement === input;
    list.hidden = !open;
    input.setAttribute("aria-expanded", String(open));
    list.replaceChildren(...offered.all.map(line));
    mark();
  }

  function line(suggestion: Suggestion, i: number): HTMLElement {
    return h(
      "li",
      {
        id: `filter-suggestion-${i}`,
        role: "option",
        "aria-selected": "false",
        // Before the input loses the focus.
        onpointerdown: (event: PointerEvent) => {
          event.preventDefault();
          accept(suggestion);
        },
      },
      h("span", {}, suggestion.text),
      h("small", {}, suggestion.what),
    );
  }

  function mark(): void {
    for (const [i, item] of [...list.children].entries()) item.setAttribute("aria-selected", String(i === active));
    if (active < 0) input.removeAttribute("aria-activedescendant");
    else {
      input.setAttribute("aria-activedescendant", `filter-suggestion-${active}`);
      list.children[active]!.scrollIntoView({ block: "nearest" });
    }
  }

  function accept({ text }: Suggestion): void {
    const { from, to } = offered;
    const behind = input.value.slice(to);
    const glued = text.endsWith("(") || behind.startsWith(" ");
    const head = input.value.slice(0, from) + text + (glued ? "" : " ");
    input.value = head + behind;
    input.setSelectionRange(head.length, head.length);
    take(false);
    offer();
  }

  function close(): void {
    offered = { from: 0, to: 0, all: [] };
    active = -1;
    draw();
  }

  input.addEventListener("input", () => {
    input.removeAttribute("aria-invalid");
    take(false);
    offer();
  });
  input.addEventListener("focus", offer);
  input.addEventListener("click", () => list.hidden && offer());
  input.addEventListener("blur", () => {
    close();
    take(true);
  });
  input.addEventListener("keydown", (event) => {
    const n = offered.all.length;
    if ((event.key === "ArrowDown" || event.key === "ArrowUp") && n > 0) {
      active = (active + (event.key === "ArrowDown" ? 1 : active < 0 ? n : n - 1) + n) % n;
      if (list.hidden) draw();
      mark();
    } else if (event.key === "ArrowDown") offer();
    else if ((event.key === "Enter" || event.key === "Tab") && active >= 0) accept(offered.all[active]!);
    else if (event.key === "Enter") {
      close();
      take(true);
    } else if (event.key === "Escape" && !list.hidden) close();
    else return;
    event.preventDefault();
  });
  clear.addEventListener("click", () => {
    input.value = "";
    input.removeAttribute("aria-invalid");
    take(true);
    input.focus();
  });

  return {
    element,
    update: (data) => {
      // What somebody is writing is left alone.
      if (document.activeElement !== input && input.value !== store.filter && !input.hasAttribute("aria-invalid")) input.value = store.filter;
      clear.hidden = input.value === "";
      input.placeholder = example(data);
      say(data);
    },
  };
}

/** "At character 12: `optimizer` is never `adm`; did you mean `adam`?" */
function inWords({ message, span, hint }: Problem, text: string): string {
  const where = span.at >= [...text].length ? "At the end" : `At character ${span.at + 1}`;
  return `${where}: ${message}${hint ? `; ${hint}` : ""}${hint?.endsWith("?") ? "" : "."}`;
}

/** A filter that this study could have. */
function example({ study, names }: Data): string {
  const param = study.space.find((p) => p.type !== "categorical") ?? study.space[0];
  if (!param) return "state = complete";
  const { low = 0, high = 1 } = param;
  const middle = param.log && low > 0 ? Math.sqrt(low * high) : (low + high) / 2;
  const test = param.type === "categorical" ? `= ${spellValue(param.choices?.[0] ?? null)}` : `< ${Number(middle.toPrecision(1))}`;
  return `${names.of("param", param.name)} ${test} and state = complete`;
}
