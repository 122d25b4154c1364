/** Figures beside and below each other. */

import { h, setText } from "../dom";
import { Figure } from "../figure/figure";
import type { FigureSpec } from "../figure/types";
import type { Context, Part } from "../shell/types";
import { type Group, specsOf } from "./figure-list";

/** So many figures are made at a time: a space of 80 choices has thousands of pairs, and nobody reads them all. */
const AT_ONCE = 24;

/** The group's figures, which are made anew only if their shape changes. The first ones; more if somebody asks for more. */
export function figureGrid(context: Context, group: Group): Part {
  const grid = h("div", { class: "figures" });
  const button = h("button", { type: "button", class: "tool more", onclick: () => more() });
  // Who comes back finds as many as they had asked for.
  const asked = context.remember(`figures asked for in ${group.id}`, () => ({ most: AT_ONCE }));
  let made: Figure[] = [];
  let all: FigureSpec[] = [];
  let now = "";
  const show = () => {
    const next = all.slice(made.length, asked.most).map((spec) => new Figure(spec, context.store, context.open));
    made.push(...next);
    grid.append(...next.map((f) => f.element));
    const left = all.length - made.length;
    button.hidden = left === 0;
    setText(button, `Show ${Math.min(left, AT_ONCE)} more of ${left} figures`);
  };
  const more = () => {
    asked.most += AT_ONCE;
    show();
  };
  const close = () => {
    for (const figure of made) figure.close();
    made = [];
  };
  return {
    element: h("div", { id: group.id }, grid, button),
    update: (data) => {
      const { shape, specs } = specsOf(context, group, data);
      if (shape !== now) {
        now = shape;
        close();
        grid.replaceChildren();
        all = specs;
        show();
      } else for (const figure of made) figure.update();
    },
    close,
  };
}
