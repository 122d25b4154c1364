/** Which objectives a figure of several shows across and up, and the choosers for more than two. */

import { select } from "../dom";
import type { Controlled } from "../figure/types";

/** By index. */
export interface Chosen {
  x: number;
  y: number;
}

export function axisChoosers(objectives: number): { chosen: Chosen; controls: (figure: Controlled) => HTMLElement[] } {
  const chosen = { x: 0, y: 1 };
  const pick = (figure: Controlled, side: "x" | "y") => {
    const { values } = figure.store.data!;
    const options = Array.from({ length: objectives }, (_, i) => ({ value: String(i), text: values.name(i) }));
    return select(side === "x" ? "Across" : "Up", options, String(chosen[side]), (index) => {
      chosen[side] = Number(index);
      figure.restart();
    });
  };
  return { chosen, controls: (figure) => (objectives > 2 ? [pick(figure, "x"), pick(figure, "y")] : []) };
}
