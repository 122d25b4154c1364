/** What one parameter does: in words, its slice, what was tried, and with another parameter. */

import type { Data } from "../data";
import type { Param } from "../document";
import { h, replaceKeepingFocus, select } from "../dom";
import { condition, listing, plural } from "../format";
import { Figure } from "../figure/figure";
import type { FigureSpec } from "../figure/types";
import { begun, binsOf, hardly } from "../figures/coverage";
import type { Context, Part } from "../shell/types";
import { byImportance, importanceText, valuesOf } from "./words";

export function oneParameter(param: Param, specs: FigureSpec[], { store, open, addresses }: Context): Part {
  const facts = h("div", { class: "card wide parameter-facts" });
  const figures = specs.map((spec) => new Figure(spec, store, open));
  return {
    element: h("div", { class: "parameter" }, facts, h("div", { class: "figures" }, ...figures.map((f) => f.element))),
    update: (data) => {
      replaceKeepingFocus(facts, ...told(data, param, (name) => addresses.to("parameters", name)));
      for (const figure of figures) figure.update();
    },
    close: () => figures.forEach((figure) => figure.close()),
  };
}

function told(data: Data, param: Param, address: (name: string) => string): HTMLElement[] {
  const line = (name: string, ...text: (string | HTMLElement)[]) => h("div", {}, h("dt", {}, name), h("dd", {}, ...text));
  const trials = begun(data, param).length;
  const all = data.search.filter((t) => t.state !== "WAITING").length;
  const tried = hardly(param, binsOf(data, param));
  const parents = Object.entries(param.when).flatMap(([name, needs], i) => [
    ...(i > 0 ? [" and "] : []),
    h("a", { href: address(name), "data-key": `parent ${name}` }, condition(name, needs)),
  ]);
  const children = data.study.space.filter((p) => Object.hasOwn(p.when, param.name)).map((p) => p.name);
  return [
    h(
      "dl",
      { class: "facts-list" },
      line("Values", valuesOf(param)),
      ...(parents.length > 0
        ? [line("Counts", "only where ", ...parents, `: for ${trials} of ${plural(all, "trial")}. The others are gaps below, no values.`)]
        : []),
      ...(children.length > 0 ? [line("Decides", `whether ${listing(children.slice(0, 8))}${children.length > 8 ? " and others" : ""} ${children.length === 1 ? "counts" : "count"}`)] : []),
      line("Importance", importanceText(data, param.name)),
      line("Tried", tried.length > 0 ? tried.join(" ") : trials === 0 ? "By no trial yet." : `By ${plural(trials, "trial")}, all over its ${param.type === "categorical" ? "choices" : "range"}.`),
    ),
  ];
}

/** The way to another parameter: a list, and the ones before and after by importance. */
export function others(param: Param, { go, addresses, store }: Context): Part {
  const element = h("span", { class: "buttons" });
  let shown = "";
  return {
    element,
    update: (data) => {
      const all = byImportance(data).map((p) => p.name);
      const now = JSON.stringify([all, store.metric, store.filter]);
      if (now === shown || element.contains(document.activeElement)) return;
      shown = now;
      const at = all.indexOf(param.name);
      const link = (name: string | undefined, text: string, label: string) =>
        name === undefined
          ? null
          : h("a", { class: "tool", href: addresses.to("parameters", name), "data-replace": true, "data-key": label, "aria-label": `${label}: ${name}`, title: `${label}: ${name}` }, text);
      const options = all.map((name) => ({ value: name, text: name }));
      element.replaceChildren(
        h("a", { class: "tool", href: addresses.to("parameters") }, "All parameters"),
        select("Parameter", options, param.name, (name) => go("parameters", name, { replace: true })),
        ...[link(all[at - 1], "‹", "More important"), link(all[at + 1], "›", "Less important")].filter((l) => l !== null),
      );
    },
  };
}
