/** All studies of a coordinator: searched, sorted, and chosen for comparison. */

import { h, replaceKeepingFocus, select, setText } from "../dom";
import { count, plural } from "../format";
import { banner } from "../page/banner";
import { saidBy } from "../read";
import { Entries, restore } from "../shell/entries";
import type { Me } from "../shell/me";
import { compareAddress, MOST } from "../compare/address";
import { find, type Given, type Line, lineOf, looksOf, queryOf, SORTS, type SortKey } from "./lines";
import { row } from "./row";

/** Many studies are looked at less often, and never while nobody sees the page. */
const EVERY = 5000;
const MANY = 200;
const EVERY_MANY = 20_000;
/** So many lines on a page, so that any number of studies stays quick. */
const PAGE = 30;

export function listPage(me: Me): void {
  const looks = looksOf(new URLSearchParams(location.search));
  const entries = new Entries(() => undefined);
  // What is chosen, and how far somebody has turned, is kept with the entry of the history: who comes back finds it.
  const kept = history.state as { page?: number; chosen?: string[] } | null;
  const chosen = new Set<string>(kept?.chosen ?? []);
  let lines: Line[] = [];
  let page = kept?.page ?? 0;
  /** The lines as they are, with what they were made of. */
  let rows = new Map<string, { of: string; element: HTMLElement }>();
  let begun = false;

  const body = h("tbody", { role: "rowgroup" });
  const head = h("tr", { role: "row" });
  const note = h("p", { class: "vacant", role: "status" }, "Loading …");
  const summary = h("p", { class: "summary", role: "status" });
  const table = h(
    "table",
    { class: "studies", role: "table", "aria-label": "Studies" },
    h("thead", { role: "rowgroup" }, head),
    body,
  );
  const search = h("input", { type: "search", id: "study-search", placeholder: "name, #tag, paused …", autocomplete: "off", spellcheck: "false" });
  search.value = looks.search;
  search.addEventListener("input", () => change(() => (looks.search = search.value)));
  const archived = h("input", { type: "checkbox" });
  archived.checked = looks.archived;
  archived.addEventListener("change", () => change(() => (looks.archived = archived.checked)));
  const sorts = select<SortKey>("Sort by", SORTS.map(({ key, text }) => ({ value: key, text })), looks.sort, sortBy);
  sorts.classList.add("sort-by");
  const compare = h("a", { class: "tool", hidden: true });
  const said = h("span", { class: "hint", role: "status" });
  const none = h("button", { type: "button", class: "tool", hidden: true, onclick: () => clear() }, "Choose none");
  const [first, previous, next, last] = (["First", "Previous", "Next", "Last"] as const).map((name) =>
    h("button", { type: "button", class: "tool", onclick: () => turn(name) }, name),
  ) as [HTMLButtonElement, HTMLButtonElement, HTMLButtonElement, HTMLButtonElement];
  for (const button of [first, previous, next, last]) button.hidden = true;
  const pager = h("div", { class: "tools pager" }, summary, h("span", { class: "spring" }), first, previous, next, last);
  const heading = h("h1", { tabindex: -1 }, "Studies");

  document.title = "Studies · Kindling";
  document.body.replaceChildren(
    h("a", { class: "skip", href: "#main" }, "Skip to the content"),
    h(
      "header",
      { class: "top" },
      banner(false),
      h("div", { class: "head title" }, heading, h("span", { class: "spring" }), me.may_change ? h("a", { class: "tool", href: "/new" }, "New study") : null),
    ),
    h(
      "main",
      { id: "main", tabindex: -1 },
      h(
        "div",
        { class: "card wide" },
        h(
          "div",
          { class: "tools" },
          h("label", { class: "pick grow", for: "study-search" }, h("span", {}, "Search"), search),
          sorts,
          h("label", { class: "pick" }, archived, "archived, too"),
          h("span", { class: "buttons" }, said, none, compare),
        ),
        h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Table of studies" }, table),
        note,
        pager,
      ),
    ),
    h("footer", {}, "Made by Kindling."),
  );

  function keep(): void {
    history.replaceState({ ...(history.state as object), page, chosen: [...chosen] }, "", location.pathname + queryOf(looks));
  }

  function change(act: () => void): void {
    act();
    page = 0;
    keep();
    draw();
  }

  function sortBy(key: SortKey): void {
    change(() => {
      looks.down = key === looks.sort ? !looks.down : SORTS.find((sort) => sort.key === key)!.down;
      looks.sort = key;
    });
  }

  function turn(name: "First" | "Previous" | "Next" | "Last"): void {
    page = { First: 0, Previous: page - 1, Next: page + 1, Last: Infinity }[name];
    draw();
    keep();
  }

  function clear(): void {
    chosen.clear();
    rows = new Map();
    keep();
    draw();
    heading.focus({ preventScroll: true });
  }

  function drawHead(): void {
    replaceKeepingFocus(
      head,
      h("th", { role: "columnheader", scope: "col" }, h("span", { class: "hidden" }, "Chosen")),
      ...SORTS.map(({ key, text }) => {
        const sorted = looks.sort !== key ? "none" : looks.down ? "descending" : "ascending";
        const arrow = sorted === "none" ? "" : looks.down ? " ▼" : " ▲";
        const button = h("button", { type: "button", "data-key": `sort ${key}`, onclick: () => sortBy(key) }, text, h("span", { class: "arrow", "aria-hidden": "true" }, arrow));
        return h("th", { role: "columnheader", scope: "col", "aria-sort": sorted, class: key === "best" || key === "took" ? "num" : "" }, button);
      }),
    );
    sorts.querySelector("select")!.value = looks.sort;
  }

  function drawChosen(): void {
    const names = [...chosen];
    const many = names.length > MOST;
    compare.hidden = names.length < 2 || many;
    none.hidden = names.length === 0;
    setText(compare, `Compare ${names.length} studies`);
    compare.href = compareAddress(names);
    setText(said, many ? `At most ${MOST} can be compared; ${names.length} are chosen.` : names.length === 1 ? "Choose one more to compare." : "");
  }

  function lineRow(line: Line): HTMLElement {
    const of = JSON.stringify(line);
    const known = rows.get(line.name);
    if (known?.of === of) return known.element;
    const element = row(line, chosen.has(line.name), (now) => {
      if (now) chosen.add(line.name);
      else chosen.delete(line.name);
      keep();
      drawChosen();
    });
    rows.set(line.name, { of, element });
    return element;
  }

  function draw(): void {
    drawHead();
    const found = find(lines, looks);
    const pages = Math.max(1, Math.ceil(found.length / PAGE));
    page = Math.min(pages - 1, Math.max(0, page));
    const shown = found.slice(page * PAGE, (page + 1) * PAGE);
    const now = shown.map(lineRow);
    // What stays is left alone, with what is selected in it.
    if (now.length !== body.children.length || now.some((line, i) => line !== body.children[i])) replaceKeepingFocus(body, ...now);
    const hidden = lines.filter((line) => line.archived).length;
    const aside = hidden > 0 && !looks.archived ? `, ${count(hidden)} archived` : "";
    const of = found.length === lines.length ? plural(lines.length, "study", "studies") : `${count(found.length)} of ${plural(lines.length, "study", "studies")}`;
    setText(summary, (shown.length < found.length ? `${page * PAGE + 1}–${page * PAGE + shown.length} of ${of}` : of) + aside);
    for (const button of [first, previous, next, last]) button.hidden = pages === 1;
    first.disabled = previous.disabled = page === 0;
    next.disabled = last.disabled = page === pages - 1;
    table.dataset["rows"] = String(found.length);
    note.hidden = found.length > 0;
    if (found.length === 0) setText(note, lines.length === 0 ? "No studies yet. “kindling study create FILE” makes one." : "No study is like that.");
    drawChosen();
  }

  async function refresh(): Promise<void> {
    try {
      const answer = await fetch("/api/studies");
      if (!answer.ok) throw new Error(await saidBy(answer));
      lines = ((await answer.json()) as Given[]).map(lineOf);
      for (const name of chosen) if (!lines.some((line) => line.name === name)) chosen.delete(name);
      draw();
      if (!begun) restore(entries.mark);
      begun = true;
    } catch (error) {
      note.hidden = false;
      setText(note, `The list does not come (${error instanceof Error ? error.message : String(error)}); trying again.`);
    }
    window.setTimeout(again, lines.length > MANY ? EVERY_MANY : EVERY);
  }

  function again(): void {
    if (!document.hidden) return void refresh();
    document.addEventListener("visibilitychange", again, { once: true });
  }
  void refresh();
}
