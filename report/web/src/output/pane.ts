/** What a trial writes, as it does so. The reader stays at the end, unless they have scrolled up. */

import type { Attempt, Trial } from "../document";
import { h, select, setText } from "../dom";
import { bytes, plural } from "../format";
import type { Links } from "../kept/links";
import { type Run, runs } from "./ansi";
import { MOST_LINES, Newest } from "./bounded";
import { type Line, readOutput } from "./stream";

/** Lines that come within this time, in milliseconds, are shown together. */
const GATHER = 80;
/** Of more lines at a time nobody wants to be read all. */
const READ_OUT = 20;
/** So far from the end, in pixels, counts as there. */
const NEAR = 24;

/** Not told by colour alone. */
const MARKS: Record<Line["stream"], string | null> = { stdout: null, stderr: "err", log: "log" };

/** Whether the reader wants to see when lines were written; for all trials. */
let timed = false;

export interface Pane {
  element: HTMLElement;
  /** Shows this trial's output, and goes on with it if it is shown already. */
  update: (trial: Trial) => void;
  /** Reads no more. */
  close: () => void;
}

export function outputPane(links: Links): Pane {
  const note = h("p", { class: "hint", hidden: true });
  const lines = h("div", { class: "lines" });
  const vacant = h("p", { class: "hint" });
  const log = h("div", { role: "log", class: "log", tabindex: 0, onscroll: () => moved() }, note, lines, vacant);
  const chip = h("span", { class: "chip", role: "status" });
  const why = h("p", { class: "hint", role: "status" });
  const chooser = h("span");
  const times = h("input", { type: "checkbox", onchange: () => showTimes() });
  const end = h("button", { type: "button", class: "tool", hidden: true, onclick: () => toEnd() }, "↓ To the end");
  const tools = h("div", { class: "tools" }, chip, chooser, h("label", { class: "pick" }, times, "times"), h("span", { class: "spring" }), end);
  const element = h("section", { class: "output", hidden: true }, h("h3", {}, "Output"), tools, log, why);

  let trial = -1;
  /** Null: all. */
  let attempt: number | null = null;
  let known = "";
  let stop: (() => void) | null = null;
  let timer: number | null = null;
  let following = true;
  /** Whether what comes next takes the place of what is shown. */
  let anew = false;
  const pending = new Newest<Line>();
  let held = new Newest<HTMLElement>();
  let dropped = 0;
  /** How many lines were too many while they waited. */
  let skipped = 0;
  let last = 0;

  function start(): void {
    close();
    clear();
    following = true;
    end.hidden = true;
    status("connecting", "connecting …");
    setText(why, "");
    setText(vacant, "");
    times.checked = timed;
    log.classList.toggle("timed", timed);
    stop = readOutput(links.output(trial, attempt, MOST_LINES), {
      begin: () => {
        anew = true;
        forget();
        status("live", "live");
        setText(why, "");
        soon();
      },
      lines: (found) => {
        for (const line of found) skipped += pending.add(line, line.text.length + 200).length;
        soon();
      },
      end: () => {
        flush();
        status("ended", "ended");
        if (held.size === 0) setText(vacant, "It wrote nothing that is kept.");
      },
      failed: (reason, again) => {
        status("lost", again ? "connection lost, trying again" : "cannot be shown");
        setText(why, reason);
      },
    });
  }

  function close(): void {
    stop?.();
    stop = null;
    if (timer !== null) window.clearTimeout(timer);
    timer = null;
    forget();
  }

  function forget(): void {
    pending.take();
    skipped = 0;
  }

  function soon(): void {
    timer ??= window.setTimeout(flush, GATHER);
  }

  function flush(): void {
    if (timer !== null) window.clearTimeout(timer);
    timer = null;
    // The browser tells of a move later than it makes it.
    if (!anew) look();
    // Nothing is taken away from somebody who reads further up; what has come since waits for them.
    if (!anew && !following && !held.hasRoomFor(pending)) return;
    const place = anew ? log.scrollTop : null;
    if (anew) clear();
    anew = false;
    const found = pending.take();
    setText(vacant, held.size + found.length > 0 ? "" : "Nothing has been written yet.");
    log.setAttribute("aria-live", found.length > READ_OUT || !following ? "off" : "polite");
    const over: HTMLElement[] = [];
    if (held.size === 0) [dropped, skipped] = [skipped, 0];
    const made = found.flatMap((line) => {
      const parts = runs(line.text);
      const shown = [...gaps(line), row(line, parts)];
      shown.forEach((part) => over.push(...held.add(part, 100 + line.text.length + 100 * parts.length)));
      return shown;
    });
    lines.append(...made);
    drop(over);
    if (following) log.scrollTop = log.scrollHeight;
    else if (place !== null) log.scrollTop = place;
  }

  /** What stands between lines: where another attempt begins, and what was left out. */
  function gaps({ attempt, lines_left_out: lines, bytes_left_out: size }: Line): HTMLElement[] {
    const found: string[] = [];
    if (skipped > 0) found.push(`${plural(skipped, "line")} came too fast to be shown`);
    skipped = 0;
    if (attempt !== last) found.push(`attempt ${attempt}`);
    last = attempt;
    if (lines) found.push(`${plural(lines, "line")}${size ? ` (${bytes(size)})` : ""} ${lines === 1 ? "was" : "were"} left out`);
    return found.map((text) => h("div", { class: "gap" }, text));
  }

  /** Takes the oldest away. What the reader looks at stays where it is. */
  function drop(over: HTMLElement[]): void {
    const before = log.scrollHeight;
    // Some may have gone before they were shown.
    for (const part of over) part.remove();
    dropped += over.filter((part) => part.classList.contains("line")).length;
    note.hidden = dropped === 0;
    setText(note, `${plural(dropped, "line")} before these ${dropped === 1 ? "is" : "are"} not shown here any more.`);
    if (!following) log.scrollTop -= before - log.scrollHeight;
  }

  function clear(): void {
    lines.replaceChildren();
    held = new Newest();
    [dropped, last] = [0, 0];
    note.hidden = true;
  }

  function status(link: string, text: string): void {
    chip.dataset["link"] = link;
    setText(chip, text);
  }

  /** Whether the reader is at the end. */
  function look(): void {
    following = log.scrollHeight - log.scrollTop - log.clientHeight < NEAR;
    if (following && document.activeElement === end) log.focus({ preventScroll: true });
    end.hidden = following;
  }

  function moved(): void {
    look();
    if (following && pending.size > 0) soon();
  }

  function toEnd(): void {
    log.scrollTop = log.scrollHeight;
    flush();
    log.focus({ preventScroll: true });
  }

  function showTimes(): void {
    timed = times.checked;
    log.classList.toggle("timed", timed);
    if (following) log.scrollTop = log.scrollHeight;
  }

  /** Only where there are several. */
  function choose(attempts: Attempt[]): void {
    const numbers = attempts.map((one) => one.attempt);
    const next = `${trial} ${numbers}`;
    if (next === known) return;
    known = next;
    const options = [
      { value: "", text: "all attempts" },
      ...[...numbers].reverse().map((number) => ({ value: String(number), text: `attempt ${number}` })),
    ];
    const focused = chooser.contains(document.activeElement);
    const picker = select("", options, attempt === null ? "" : String(attempt), (value) => {
      attempt = value === "" ? null : Number(value);
      start();
    });
    picker.querySelector("select")!.setAttribute("aria-label", "Attempt");
    chooser.replaceChildren(...(numbers.length > 1 ? [picker] : []));
    if (focused) chooser.querySelector("select")?.focus();
  }

  // The pane becomes wider or narrower; its end stays in sight.
  new ResizeObserver(() => following && (log.scrollTop = log.scrollHeight)).observe(log);

  return {
    element,
    update: (now) => {
      const attempts = now.attempts ?? [];
      element.hidden = attempts.length === 0;
      if (now.number !== trial) {
        close();
        [trial, attempt] = [now.number, null];
        log.setAttribute("aria-label", `Output of trial ${trial}`);
      }
      choose(attempts);
      if (attempts.length > 0 && stop === null) start();
    },
    close,
  };
}

function row({ stream, time }: Line, parts: Run[]): HTMLElement {
  const mark = MARKS[stream];
  const said = parts.map(({ text, look }) => (look === "" ? text : h("span", { class: look }, text)));
  return h(
    "div",
    { class: "line", "data-stream": stream },
    h("time", { datetime: new Date(time).toISOString() }, clock(time)),
    mark ? h("span", { class: "mark" }, mark) : null,
    // Whichever way it is written, it stays on its own.
    h("bdi", {}, ...said),
  );
}

function clock(time: number): string {
  const date = new Date(time);
  const digits = (value: number, width: number) => String(value).padStart(width, "0");
  const parts = [date.getHours(), date.getMinutes(), date.getSeconds()].map((part) => digits(part, 2));
  return `${parts.join(":")}.${digits(date.getMilliseconds(), 3)}`;
}
