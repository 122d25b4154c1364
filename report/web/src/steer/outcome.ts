/** One line that says that something is under way, and then what came of it; screen readers read it out. */

import { append, h } from "../dom";
import { Refused } from "./api";
import { introduced } from "./introduce";

type Said = string | Node;

export class Outcome {
  readonly element = h("p", { class: "outcome", role: "status" });
  private busy = false;

  /**
   * Does one thing at a time: what is asked for meanwhile, as by a double click, is not done. Returns what came of it, or null if it was
   * refused, or not done.
   */
  async of<T>(doing: string, work: () => Promise<T>, done: (result: T) => Said): Promise<T | null> {
    if (this.busy) return null;
    this.busy = true;
    try {
      if (!(await introduced())) return null;
      this.say("busy", `${doing} …`);
      const result = await work();
      this.say("done", done(result));
      return result;
    } catch (error) {
      this.refuse(error);
      return null;
    } finally {
      this.busy = false;
    }
  }

  clear(): void {
    this.say("", "");
  }

  done(text: Said): void {
    this.say("done", text);
  }

  refuse(error: unknown): void {
    const message = error instanceof Error ? error.message : String(error);
    const hint = error instanceof Refused ? error.hint : "";
    this.say("refused", sentence(message), hint && h("span", { class: "outcome-hint" }, ` ${sentence(hint)}`));
  }

  private say(kind: string, ...said: (Said | "")[]): void {
    this.element.dataset["kind"] = kind;
    this.element.replaceChildren();
    append(this.element, said);
  }
}

/** Messages of the coordinator are written small and without a full stop, as commands print them. */
export function sentence(text: string): string {
  const words = text.trim();
  if (words === "") return "";
  const end = /[.!?…:]$/.test(words) ? "" : ".";
  // A name in quotes or a path keeps its first letter.
  return `${/^[a-z][a-z']* /.test(words) ? words[0]!.toUpperCase() + words.slice(1) : words}${end}`;
}
