/**
 * A line as a program wrote it for a terminal, as text that is safe to show. Colours and the like become looks, each from a short list;
 * all other commands to the terminal are left out, and characters that nobody sees are shown by their numbers.
 */

import { visible } from "../read";

/** Text of one look; a look is a list of classes. */
export interface Run {
  text: string;
  look: string;
}

/** A line of more parts than this goes on in one look, so that no line keeps the browser busy. */
const MOST_RUNS = 100;
const MOST_CODES = 32;

/** Commands of control sequences, whole strings for the terminal, and short escapes. What is cut off is no command. */
const COMMAND = /\x1b\[([0-?]*)[ -/]*([@-~])|\x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[ -/]*[0-~]/g;

/** Black and white are the reader's own text, whichever of the two that is. */
const COLORS = ["", "red", "green", "yellow", "blue", "magenta", "cyan", ""];
const GREY = "grey";

export function runs(line: string): Run[] {
  const text = overwritten(line);
  const look = new Look();
  const found: Run[] = [];
  const add = (part: string) => {
    if (part === "") return;
    const last = found[found.length - 1];
    const now = String(look);
    if (last && (last.look === now || found.length >= MOST_RUNS)) last.text += part;
    else found.push({ text: part, look: now });
  };
  let at = 0;
  for (const match of text.matchAll(COMMAND)) {
    add(text.slice(at, match.index));
    at = match.index + match[0].length;
    // With one of <=>? it is a private command.
    if (match[2] === "m" && !/[<=>?]/.test(match[1]!)) look.apply(codes(match[1]!));
  }
  add(text.slice(at));
  return found.map(({ text, look }) => ({ text: shown(text), look }));
}

/** A carriage return begins the line anew: of a progress bar the last state counts. */
function overwritten(line: string): string {
  const text = line.replace(/\r+$/, "");
  return text.slice(text.lastIndexOf("\r") + 1);
}

/** A line has no breaks in it; whatever made one would look like another line. */
function shown(text: string): string {
  return visible(text).replace(/\n/g, "⟨U+000A⟩");
}

/** The numbers of a command for looks; of those with parts, as in `38:5:1`, each part. */
function codes(text: string): number[] {
  return text
    .split(";")
    .slice(0, MOST_CODES)
    .flatMap((code) => (code.includes(":") ? code.split(":").filter((part) => part !== "") : [code]))
    .map(Number);
}

/** Which colour and weight text has. Backgrounds, and what hides text or swaps its colours, are ignored: all of it stays readable. */
class Look {
  private color = "";
  private styles = new Set<string>();

  apply(all: number[]): void {
    for (let i = 0; i < all.length; i += 1) {
      const code = all[i]!;
      if (code === 38 || code === 48) {
        const size = all[i + 1] === 5 ? 1 : all[i + 1] === 2 ? 3 : 0;
        const values = all.slice(i + 2, i + 2 + size);
        if (code === 38 && size > 0 && values.length === size) this.color = size === 1 ? indexed(values[0]!) : nearest(values);
        i += 1 + size;
      } else this.one(code);
    }
  }

  private one(code: number): void {
    if (code === 0) {
      this.color = "";
      this.styles.clear();
    } else if (code === 1) this.styles.add("bold");
    else if (code === 2) this.styles.add("dim");
    else if (code === 3) this.styles.add("italic");
    else if (code === 4) this.styles.add("underline");
    else if (code === 22) ["bold", "dim"].forEach((style) => this.styles.delete(style));
    else if (code === 23) this.styles.delete("italic");
    else if (code === 24) this.styles.delete("underline");
    else if (code === 39) this.color = "";
    else if (code >= 30 && code <= 37) this.color = COLORS[code - 30]!;
    else if (code >= 90 && code <= 97) this.color = code === 90 ? GREY : COLORS[code - 90]!;
  }

  toString(): string {
    return [this.color && `ansi-${this.color}`, ...[...this.styles].sort().map((style) => `ansi-${style}`)].filter(Boolean).join(" ");
  }
}

/** Of 256 colours: 16 that have names, a cube of 6 × 6 × 6, and greys. */
function indexed(index: number): string {
  if (index === 8) return GREY;
  if (index < 16) return COLORS[index % 8] ?? "";
  if (index > 231) return "";
  const cube = index - 16;
  return nearest([Math.floor(cube / 36), Math.floor(cube / 6) % 6, cube % 6].map((part) => part * 51));
}

/** The named colour of the same hue, which can be read on light and on dark; none for greys. */
function nearest(rgb: number[]): string {
  const [high, low] = [Math.max(...rgb), Math.min(...rgb)];
  if (!(high - low > 40)) return "";
  const middle = (high + low) / 2;
  const bits = rgb.reduce((sum, part, i) => sum + (part > middle ? 1 << i : 0), 0);
  return COLORS[bits] ?? "";
}
