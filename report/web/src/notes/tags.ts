/** Tags of a study or a trial, as chips: added by typing, removed by their buttons or by the keyboard. */

import { h, replaceKeepingFocus } from "../dom";
import { change } from "../steer/api";
import { Outcome } from "../steer/outcome";
import { original } from "../steer/values";
import type { Noted } from "./note";

/** So long after a change, in milliseconds, the tags from before it are old news. */
const OLD_NEWS = 5000;

/** As the coordinator has it. */
const MOST = 32;
const LONGEST = 64;

export interface TagsPart {
  element: HTMLElement;
  /** Says what came of a change; null for those who only look. */
  line: HTMLElement | null;
  /** `known` are those that others have, to choose from. */
  update: (tags: readonly string[], known: readonly string[]) => void;
}

/** Chips to look at. */
export function chips(tags: readonly string[]): HTMLElement[] {
  return tags.map((tag) => h("span", { class: "tag" }, tag));
}

let lists = 0;

export function tagsPart({ study, trial, me }: Noted): TagsPart {
  const id = `tags-${(lists += 1)}`;
  const of = trial === undefined ? "the study" : `trial ${trial}`;
  const list = h("ul", { class: "tags", "aria-label": `Tags of ${of}` });
  if (!me.may_change) {
    return { element: list, line: null, update: (tags) => list.replaceChildren(...chips(tags).map((chip) => h("li", {}, chip))) };
  }
  const line = new Outcome();
  const others = h("datalist", { id: `${id}-known` });
  const field = h("input", {
    id,
    list: others.id,
    maxlength: LONGEST,
    autocomplete: "off",
    placeholder: "Add a tag",
    "aria-label": `Add a tag to ${of}`,
    onkeydown: typed,
  });
  const add = h("button", { type: "button", class: "tool", onclick: () => void added() }, "Add");
  let tags: readonly string[] = [];
  let drawn = "";
  /** What was there before the reader's own change, which what was sent earlier may still tell; and until when. */
  let former = { tags: "", until: -Infinity };

  function draw(): void {
    const now = JSON.stringify(tags);
    if (now === drawn) return;
    drawn = now;
    replaceKeepingFocus(list, ...tags.map(item));
  }

  function item(tag: string): HTMLElement {
    const remove = h(
      "button",
      {
        type: "button",
        "data-key": `${id} ${tag}`,
        "aria-label": `Remove the tag ${tag}`,
        onclick: () => void removed(tag),
        onkeydown: (event: KeyboardEvent) => {
          if (event.key === "Delete" || event.key === "Backspace") {
            event.preventDefault();
            void removed(tag);
          }
        },
      },
      "✕",
    );
    return h("li", {}, h("span", { class: "tag" }, tag, remove));
  }

  function typed(event: KeyboardEvent): void {
    if (event.key === "Enter" || event.key === ",") {
      event.preventDefault();
      void added();
    }
    // Back over what was typed before: to the last tag, which the next key removes.
    if (event.key === "Backspace" && field.value === "") list.querySelector<HTMLElement>("li:last-child button")?.focus();
  }

  async function added(): Promise<void> {
    const tag = field.value.trim();
    if (tag === "") return;
    if (tags.includes(tag)) line.done(`It has the tag ${tag} already.`);
    else if (tags.length >= MOST) line.refuse(new Error(`At most ${MOST} tags`));
    else if (!(await set([...tags, tag], `The tag ${tag} is added.`))) return;
    field.value = "";
    field.focus();
  }

  async function removed(tag: string): Promise<void> {
    const at = tags.indexOf(tag);
    if (!(await set(tags.filter((t) => t !== tag), `The tag ${tag} is removed.`))) return;
    const buttons = list.querySelectorAll<HTMLElement>("button");
    (buttons[Math.min(at, buttons.length - 1)] ?? field).focus();
  }

  async function set(wanted: string[], said: string): Promise<boolean> {
    const call = { do: "tags" as const, ...(trial === undefined ? {} : { trial }), tags: wanted.map(original) };
    const done = await line.of("Saving", () => change(study, call), () => said);
    if (!done) return false;
    former = { tags: JSON.stringify(tags), until: performance.now() + OLD_NEWS };
    tags = wanted;
    draw();
    return true;
  }

  return {
    element: h("div", { class: "tags-part" }, list, h("div", { class: "tools" }, field, add, others)),
    line: line.element,
    update: (now, known) => {
      others.replaceChildren(...known.filter((tag) => !now.includes(tag)).map((tag) => h("option", { value: tag })));
      if (performance.now() < former.until && JSON.stringify(now) === former.tags) return;
      tags = now;
      draw();
    },
  };
}
