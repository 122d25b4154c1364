/** All parameters, the most important first: how much each matters and how surely, its slice in small, and what was hardly tried. */

import type { Data } from "../data";
import type { Param } from "../document";
import { h, setText } from "../dom";
import { count, percent, plural } from "../format";
import { begun, binsOf, hardly } from "../figures/coverage";
import { onlyObjectives } from "../figures/importance";
import type { Context, Part } from "../shell/types";
import { Mini } from "./mini";
import { byImportance, conditionsOf, shareText, valuesOf, weightOf } from "./words";

/** So many are shown until somebody asks for more. */
const AT_ONCE = 20;
const MORE = 100;

interface Row {
  param: Param;
  element: HTMLElement;
  bar: HTMLElement;
  weight: HTMLElement;
  mini: Mini;
}

export function parameterList(context: Context): Part {
  const { store, addresses, remember } = context;
  const looks = remember("parameters", () => ({ text: "", most: AT_ONCE }));
  const rows = new Map<string, Row>();
  let data: Data | null = null;
  let order: Param[] = [];
  const search = h("input", { type: "search", id: "parameter-search", placeholder: "part of a name", autocomplete: "off", spellcheck: "false" });
  search.value = looks.text;
  search.addEventListener("input", () => {
    looks.text = search.value;
    place();
  });
  const list = h("ol", { class: "parameters" });
  const said = h("p", { class: "note", role: "status" });
  const more = h("button", { type: "button", class: "tool more" });
  more.addEventListener("click", () => {
    looks.most += MORE;
    place();
  });

  function row(param: Param): Row {
    const known = rows.get(param.name);
    if (known) return known;
    const bar = h("i");
    const weight = h("span", { class: "weight-text" });
    const tried = h("p", { class: "tried" });
    const mini = new Mini(param, (now) => setText(tried, triedText(now, param)));
    const when = conditionsOf(param);
    const element = h(
      "li",
      {},
      h(
        "div",
        { class: "parameter-name" },
        h("a", { href: addresses.to("parameters", param.name), "data-key": `parameter ${param.name}` }, param.name),
        h("p", { class: "hint" }, valuesOf(param), when && ` · only where ${when}`),
      ),
      h("div", { class: "weight" }, h("span", { class: "weight-bar", "aria-hidden": "true" }, bar), weight),
      mini.element,
      tried,
    );
    const made = { param, element, bar, weight, mini };
    rows.set(param.name, made);
    return made;
  }

  function fill({ param, element, bar, weight, mini }: Row, now: Data): void {
    const found = weightOf(now, param.name);
    const top = now.analysis.importance?.params[0]?.importance ?? 1;
    bar.style.width = found ? percent(found.share.importance / (top || 1), 1).replace(" ", "") : "0";
    setText(weight, found ? shareText(found.share) : "–");
    const link = element.querySelector("a")!;
    link.setAttribute("href", addresses.to("parameters", param.name));
    mini.update(now, store.part);
  }

  function place(): void {
    if (!data) return;
    const wanted = looks.text.trim().toLowerCase();
    const found = order.filter((p) => p.name.toLowerCase().includes(wanted));
    const shown = found.slice(0, looks.most).map(row);
    const focused = document.activeElement?.closest("[data-key]")?.getAttribute("data-key");
    if (shown.length !== list.children.length || shown.some((r, i) => r.element !== list.children[i])) {
      list.replaceChildren(...shown.map((r) => r.element));
      if (focused) list.querySelector<HTMLElement>(`[data-key="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
    }
    for (const r of shown) fill(r, data);
    const left = found.length - shown.length;
    more.hidden = left === 0;
    setText(more, `Show ${Math.min(left, MORE)} more of ${plural(left, "parameter")}`);
    const all = order.length;
    const importance = data.analysis.importance;
    const judged = importance
      ? `Importance by ${importance.method} on ${plural(importance.trials, "trial")}${data.filtered ? ", whatever the filter" : ""}; in brackets where it would lie with other trials, in 95 of 100 cases.`
      : onlyObjectives(data) || "Too few trials have completed to tell how much each matters.";
    setText(said, `${wanted === "" ? plural(all, "parameter") : `${count(found.length)} of ${plural(all, "parameter")}`}. ${judged}`);
  }

  return {
    element: h(
      "div",
      { class: "card wide", "data-figure-list": "parameters" },
      h(
        "div",
        { class: "tools" },
        h("label", { class: "pick grow", for: "parameter-search" }, h("span", {}, "Find"), search),
        h("a", { class: "tool", href: addresses.to("figures", "importance") }, "Importance as a figure"),
      ),
      said,
      list,
      more,
    ),
    update: (now) => {
      data = now;
      order = byImportance(now);
      place();
    },
    close: () => {
      for (const { mini } of rows.values()) mini.close();
    },
  };
}

/** What was hardly tried, and where it does not count. */
function triedText(data: Data, param: Param): string {
  const trials = begun(data, param).length;
  const all = data.search.filter((t) => t.state !== "WAITING").length;
  const counts = Object.keys(param.when).length > 0 ? `Counts for ${count(trials)} of ${plural(all, "trial")}.` : "";
  return [counts, ...hardly(param, binsOf(data, param))].filter(Boolean).join(" ");
}
