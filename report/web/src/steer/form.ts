/** A form made from the space: a field for each parameter that is active, each of which may be left to the sampler. */

import type { Choice, Param } from "../document";
import { h, setText } from "../dom";
import { choice, condition, listing, plural } from "../format";
import { active, checked, type Fixed, range } from "./values";

export interface Form {
  element: HTMLElement;
  /** What is fixed; null if something that was typed will not do: that has the focus then. */
  read: () => Fixed | null;
  fill: (params: Record<string, Choice>) => void;
}

interface Field {
  param: Param;
  element: HTMLElement;
  /** What it holds; null if it is left to the sampler, undefined if it will not do. */
  value: () => { value: Choice } | null | undefined;
  set: (value: Choice | undefined) => void;
  focus: () => void;
}

/** From so many parameters on they can be looked for by name. */
const MANY = 12;

export function form(space: readonly Param[], started: Record<string, Choice> = {}): Form {
  const fields = space.map((param, i) => (param.type === "categorical" ? choices : numbers)(param, i, changed));
  const places = new Map(fields.map((field) => [field.param.name, field]));
  const list = h("div", { class: "fields" }, ...fields.map((f) => f.element));
  const asleep = h("p", { class: "hint", role: "status" });
  const find = h("input", { id: "find-param", type: "search", autocomplete: "off", spellcheck: false, oninput: changed });
  const finder = h("label", { class: "pick grow", for: "find-param" }, h("span", {}, "Find a parameter"), find);

  function fixed(): Map<string, Choice> {
    const values = new Map<string, Choice>();
    for (const field of fields) {
      const held = field.value();
      if (held) values.set(field.param.name, held.value);
    }
    return values;
  }

  function changed(): void {
    const there = new Set(active(space, fixed()).map((p) => p.name));
    const word = find.value.trim().toLowerCase();
    for (const { param, element } of fields)
      element.hidden = !there.has(param.name) || !param.name.toLowerCase().includes(word);
    const others = space.filter((p) => !there.has(p.name));
    setText(asleep, others.length === 0 ? "" : `Not here: ${reasons(others)}.`);
  }

  const fill = (params: Record<string, Choice>) => {
    for (const field of fields) field.set(params[field.param.name]);
    changed();
  };
  fill(started);
  return {
    element: h("div", { class: "space-form" }, space.length >= MANY && finder, list, asleep),
    read: () => {
      const values = fixed();
      const wrong = active(space, values).find((p) => places.get(p.name)!.value() === undefined);
      if (!wrong) return values;
      find.value = "";
      changed();
      places.get(wrong.name)!.focus();
      return null;
    },
    fill,
  };
}

/** Why some parameters have no field. */
function reasons(others: Param[]): string {
  const shown = others.slice(0, 3).map(({ name, when }) => {
    const needs = Object.entries(when).map(([parent, of]) => condition(parent, of));
    return `${name} (where ${needs.join(" and ")})`;
  });
  const rest = others.length - shown.length;
  return listing(rest > 0 ? [...shown, plural(rest, "other")] : shown);
}

function numbers(param: Param, index: number, changed: () => void): Field {
  const [id, problem] = [`param-${index}`, h("p", { class: "field-error", id: `param-${index}-error` })];
  const input = h("input", {
    id,
    inputmode: param.type === "int" && (param.low ?? 0) >= 0 ? "numeric" : "text",
    autocomplete: "off",
    spellcheck: false,
    placeholder: "left to the sampler",
    "aria-describedby": `${id}-range ${id}-error`,
  });
  const clear = h(
    "button",
    { type: "button", class: "tool", "aria-label": `Leave ${param.name} to the sampler`, title: "Leave it to the sampler", onclick: () => (set(undefined), changed(), input.focus()) },
    "✕",
  );
  const held = () => checked(param, input.value);
  const judge = () => {
    const result = held();
    const error = result && "error" in result ? result.error : "";
    setText(problem, error);
    input.setAttribute("aria-invalid", String(error !== ""));
    clear.hidden = input.value === "";
  };
  const set = (value: Choice | undefined) => {
    input.value = value === undefined ? "" : String(value);
    judge();
  };
  input.addEventListener("input", () => {
    judge();
    changed();
  });
  return {
    param,
    element: h(
      "div",
      { class: "param-field" },
      h("label", { for: id }, param.name),
      h("div", { class: "with-clear" }, input, clear),
      h("p", { class: "hint", id: `${id}-range` }, range(param)),
      problem,
    ),
    value: () => {
      const result = held();
      return result && "error" in result ? undefined : result;
    },
    set,
    focus: () => input.focus(),
  };
}

function choices(param: Param, index: number, changed: () => void): Field {
  const id = `param-${index}`;
  const all = param.choices ?? [];
  const list = h(
    "select",
    { id, onchange: changed },
    h("option", { value: "" }, "left to the sampler"),
    ...all.map((c, i) => h("option", { value: i }, c === null ? "None" : choice(c))),
  );
  return {
    param,
    element: h("div", { class: "param-field" }, h("label", { for: id }, param.name), list, h("p", { class: "hint" }, plural(all.length, "choice"))),
    value: () => (list.value === "" ? null : { value: all[Number(list.value)]! }),
    set: (value) => {
      const at = value === undefined ? -1 : all.indexOf(value);
      list.value = at < 0 ? "" : String(at);
    },
    focus: () => list.focus(),
  };
}
