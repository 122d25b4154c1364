/** A note on a study or a trial: shown, and edited by whoever may change it. */

import { h } from "../dom";
import type { Me } from "../shell/me";
import { change, type Note, noteOf, Refused } from "../steer/api";
import { Outcome } from "../steer/outcome";
import { conflict } from "./conflict";
import { markdown } from "./show";

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

/** A note that is cut has so much at least: 256 bytes, less what of the last character goes beyond them. */
const IN_SHORT = 250;

/** The preview follows so long after the last key, in milliseconds. */
const PAUSE = 200;

export function notePart(noted: Noted): NotePart {
  const { study, trial, me } = noted;
  const line = new Outcome();
  const shown = h("div");
  const edit = h("button", { type: "button", class: "tool", "data-key": "edit the note", onclick: () => void begin(), hidden: !me.may_change });
  const place = h("div");
  let note: Note | null = null;
  let editor: Editor | null = null;

  function draw(): void {
    const text = note?.text ?? "";
    shown.replaceChildren(...(text.trim() === "" ? [] : [markdown(text)]));
    edit.textContent = text.trim() === "" ? "Write a note" : "Edit the note";
  }

  function set(now: Note): void {
    note = now;
    draw();
  }

  /** Whoever edits begins with the whole note as it is now. */
  async function begin(): Promise<void> {
    if (editor) return;
    line.clear();
    try {
      set(await noteOf(study, trial));
    } catch (error) {
      return line.refuse(error);
    }
    editor = noteEditor(trial === undefined ? "Note on the study" : `Note on trial ${trial}`, note!, save, end);
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
    const work = async () => {
      try {
        return await change(study, { do: "note", ...(trial === undefined ? {} : { trial }), text, version });
      } catch (error) {
        if (error instanceof Refused && error.status === 409) await clash(version);
        throw error;
      }
    };
    const answer = await line.of("Saving", work, () => "Saved.");
    if (!answer) return;
    const now = answer["note_version"];
    set({ text, version: typeof now === "number" ? now : version + 1 });
    end();
  }

  /** Somebody else's note stands beside the one that is written here, if that is why it was refused. */
  async function clash(version: number): Promise<void> {
    const theirs = await noteOf(study, trial);
    if (theirs.version !== version) editor?.conflict(theirs);
  }

  return {
    element: h("div", { class: "note-part" }, shown, place, line.element),
    edit,
    update: (now) => {
      // What was just saved may come back later than an older state of it.
      if (note && (now.version < note.version || (now.version === note.version && note.text !== ""))) return;
      const newer = note === null || now.version > note.version;
      set(now);
      if (newer && begins(now.text) && study !== "") void noteOf(study, trial).then(set, () => undefined);
    },
  };
}

/** Whether there may be more of a note than this. */
function begins(text: string): boolean {
  return new TextEncoder().encode(text).length >= IN_SHORT;
}

interface Editor {
  element: HTMLElement;
  field: HTMLTextAreaElement;
  conflict: (theirs: Note) => void;
}

let editors = 0;

function noteEditor(label: string, note: Note, save: (text: string, version: number) => Promise<void>, end: () => void): Editor {
  const id = `note-${(editors += 1)}`;
  let { version } = note;
  let timer = 0;
  const field = h("textarea", { id, class: "note-text", rows: 8, spellcheck: true, "aria-describedby": `${id}-how` });
  field.value = note.text;
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
