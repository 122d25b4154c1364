/** Any outcome against any parameter, by any choice. */

import { type Data, VALUE } from "../data";
import type { Param } from "../document";
import { select } from "../dom";
import type { Controlled, FigureSpec } from "../figure/types";
import { drawByChoice } from "./by-choice";
import { valuePickers } from "./part";

export function explorer(data: Data): FigureSpec | null {
  const first = data.numeric[0];
  if (!first) return null;
  const chosen = { x: first.name, y: VALUE, color: data.categorical[0]?.name ?? "" };
  const param = (name: string): Param | null => data.study.space.find((p) => p.name === name) ?? null;
  const pick = (figure: Controlled, label: string, key: keyof typeof chosen, names: string[], none?: string) =>
    select(
      label,
      [...names.map((n) => ({ value: n, text: n === VALUE && data.several ? "the metric" : n })), ...(none ? [{ value: "", text: none }] : [])],
      chosen[key],
      (name) => {
        chosen[key] = name;
        figure.restart();
      },
    );
  return {
    key: "explorer",
    title: "Anything against any parameter",
    hint: "Each mark is a completed trial; choose what to see against which parameter, and what shape and colour tell.",
    wide: true,
    zoom: "xy",
    height: 420,
    controls: (figure) => [
      pick(
        figure,
        "Across",
        "x",
        data.numeric.map((p) => p.name),
      ),
      pick(
        figure,
        "Up",
        "y",
        (figure.store.data ?? data).outcomes.map((o) => o.key),
      ),
      pick(
        figure,
        "Colour",
        "color",
        data.categorical.map((p) => p.name),
        "none",
      ),
      ...valuePickers(figure),
    ],
    empty: "No trial with this parameter has completed yet.",
    depends: (data) => data.progress,
    draw: (context) => drawByChoice(context, { x: param(chosen.x) ?? first, y: chosen.y, color: param(chosen.color) }),
  };
}
