/** All that can be done to a study in its state, each with what it does, in a dialog. */

import type { Data } from "../data";
import { h, replaceKeepingFocus, setText } from "../dom";
import { begin, button } from "./doing";
import { askName } from "./introduce";
import { Outcome } from "./outcome";
import { sheet } from "./sheet";
import { type Doing, possible, SAYS, unretried } from "./state";
import type { Steering } from "./steering";
import { userName } from "./user";

export interface Panel {
  open: () => void;
  update: (data: Data) => void;
}

export function steerPanel(steering: Steering): Panel {
  let shown: ((data: Data) => void) | null = null;

  function open(): void {
    const data = steering.data();
    if (!data) return;
    const line = new Outcome();
    const list = h("div", { class: "doings" });
    let drawn = "";
    const row = (doing: Doing, now: Data) => {
      const act = button(doing, now, "panel", () => begin(doing, steering, line));
      act.removeAttribute("title");
      act.setAttribute("aria-describedby", `does-${doing}`);
      return h("div", { class: "doing" }, act, h("p", { id: `does-${doing}` }, SAYS[doing]));
    };
    shown = (now) => {
      const failed = unretried(now.trials).length;
      const doings = possible(now.study, failed);
      const state = JSON.stringify([doings, failed]);
      if (state === drawn) return;
      drawn = state;
      replaceKeepingFocus(list, ...doings.map((doing) => row(doing, now)));
      // What had the focus may be possible no more.
      if (document.activeElement === document.body) list.querySelector<HTMLElement>("button")?.focus();
    };
    shown(data);
    sheet(`Steer ${data.study.name}`, [list, line.element, you()], { closed: () => (shown = null) });
  }

  return { open, update: (data) => shown?.(data) };
}

/** Under which name one's changes are noted. */
export function you(): HTMLElement {
  const name = h("strong");
  const show = () => setText(name, userName() || "somebody");
  show();
  const ask = async () => {
    await askName();
    show();
  };
  const button = h("button", { type: "button", class: "plain", onclick: () => void ask() }, "Change the name");
  return h("p", { class: "hint you" }, "Your changes are noted as made by ", name, ". ", button);
}
