/** A note on a study or a trial: shown, and edited by whoever may change it. */

import { h } from "../dom";
import type { Me } from "../shell/me";
import { change, Refused } from "../steer/api";
import { Outcome } from "../steer/outcome";
import { original } from "../steer/values";
import { conflict, type Theirs } from "./conflict";
import { markdown } from "./show";

/** The note as it is, and which version that is. */
export interface Note {
  text: string;
  version: number;
}

export interface Noted {
  /** The study's true name. */
  study: string;
  /** Absent if the note is the study's own. */
  trial?: number;
  me: Me;
}

export interface NotePart {
  element: HTMLElement;
  /** Begins to edit; it stands where the caller puts it. */
  edit: HTMLElement;
  update: (note: Note) => void;
}

/** In bytes, as the coordinator counts. */
const LONGEST = 64 * 1024;

/** The preview follows so long after the last key, in milliseconds. */
const PAUSE = 200;

export function notePart(noted: Noted): NotePart {
  const line = new Outcome();
  const shown = h("div");
  const edit = h("button", { type: "button", class: "tool", onclick: begin, hidden: !noted.me.may_change });
  const place = h("div");
  const of = noted.trial === undefined ? "the study" : `trial ${noted.trial}`;
  let note: Note | null = null;
  let editor: Editor | null = null;

  function draw(): void {
    const text = note?.text ?? "";
    shown.replaceChildren(...(text.trim() === "" ? [] : [markdown(text)]));
    edit.textContent = text.trim() === "" ? "Write a note" : "Edit the note";
  }

  function begin(): void {
    if (!note || editor) return;
    line.clear();
    editor = noteEditor(`Note on ${of}`, note, save, end);
    place.replaceChildren(editor.element);
    shown.hidden = edit.hidden = true;
    editor.field.focus();
  }

  function end(): void {
    editor = null;
    place.replaceChildren();
    shown.hidden = edit.hidden = false;
    edit.focus();
  }

  /** Saves what is written, as what follows this version. */
  async function save(text: string, version: number): Promise<void> {
    if (new TextEncoder().encode(text).length > LONGEST) return line.refuse(new Error("A note has at most 64 KiB"));
    const { study, trial } = noted;
    const work = async () => {
      try {
        return await change(study, { do: "note", ...(trial === undefined ? {} : { trial }), text, version });
      } catch (error) {
        const theirs = error instanceof Refused && error.status === 409 ? theirsOf(error, note) : null;
        if (!theirs) throw error;
        editor?.conflict(theirs);
        throw error;
      }
    };
    const answer = await line.of("Saving", work, () => "Saved.");
    if (!answer) return;
    const now = answer["note_version"];
    note = { text, version: typeof now === "number" ? now : version + 1 };
    draw();
    end();
  }

  return {
    element: h("div", { class: "note-part" }, shown, place, line.element),
    edit,
    update: (now) => {
      // What was just saved may come back later than an older state of it.
      if (note && now.version < note.version) return;
      const differs = note?.version !== now.version || note.text !== now.text;
      note = now;
      if (differs) draw();
    },
  };
}

/** What somebody else has written meanwhile: as the refusal says, or else as the page has it. */
function theirsOf({ said }: Refused, known: Note | null): Theirs | null {
  if (typeof said["note"] === "string" && typeof said["note_version"] === "number")
    return { text: said["note"], version: said["note_version"] };
  return known;
}

interface Editor {
  element: HTMLElement;
  field: HTMLTextAreaElement;
  conflict: (theirs: Theirs) => void;
}

let editors = 0;

function noteEditor(label: string, note: Note, save: (text: string, version: number) => Promise<void>, end: () => void): Editor {
  const id = `note-${(editors += 1)}`;
  let { version } = note;
  let timer = 0;
  const field = h("textarea", { id, class: "note-text", rows: 8, spellcheck: true, "aria-describedby": `${id}-how` });
  field.value = original(note.text);
  const preview = h("div", { class: "note-preview", role: "region", "aria-label": "Preview", tabindex: 0 });
  const clash = h("div");
  const look = () => preview.replaceChildren(field.value.trim() === "" ? h("p", { class: "hint" }, "A preview comes here.") : markdown(field.value));
  field.addEventListener("input", () => {
    window.clearTimeout(timer);
    timer = window.setTimeout(look, PAUSE);
  });
  look();
  const element = h(
    "form",
    {
      class: "note-editor",
      onsubmit: (event: Event) => {
        event.preventDefault();
        void save(field.value, version);
      },
      onkeydown: (event: KeyboardEvent) => {
        if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
        event.preventDefault();
        void save(field.value, version);
      },
    },
    h("div", { class: "note-sides" }, h("div", {}, h("label", { for: id }, label), field), h("div", {}, h("span", { class: "label" }, "Preview"), preview)),
    h("p", { class: "hint", id: `${id}-how` }, "Markdown: **bold**, lists, tables, `code`, links. HTML is shown as text, and pictures as links. Ctrl+Enter saves."),
    clash,
    h(
      "div",
      { class: "sheet-actions" },
      h("button", { type: "submit", class: "tool primary" }, "Save the note"),
      h("button", { type: "button", class: "tool", onclick: end }, "Cancel"),
    ),
  );
  return {
    element,
    field,
    conflict: (theirs) => {
      clash.replaceChildren(
        conflict(theirs, field, () => {
          // From now on it is theirs that is replaced.
          version = theirs.version;
          look();
        }),
      );
    },
  };
}
