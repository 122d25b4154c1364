/** The table of trials: sorted, filtered, a page at a time and few columns at first, so that any number of trials and parameters stays quick. */

import type { Data } from "../data";
import type { Trial, TrialState } from "../document";
import { h, replaceKeepingFocus, select, setText } from "../dom";
import { count, fileName, plural } from "../format";
import { cells, type Column, columnsOf, isBest } from "./columns";
import { Search } from "./filter";
import type { Context, Part } from "../shell/types";

/** So many rows are a page, but no more cells than this: a browser lays out some thousands at once. */
const PAGE = 50;
const CELLS = 1500;
/** Of more parameters than this the table has the most important ones, unless all are asked for. */
const PARAMS = 24;

type StateFilter = "all" | TrialState | "search" | "confirmation" | "front" | "feasible" | "infeasible";

const FILTERS: { value: StateFilter; text: string }[] = [
  { value: "all", text: "all" },
  { value: "search", text: "search" },
  { value: "confirmation", text: "confirmation" },
  { value: "COMPLETE", text: "complete" },
  { value: "PRUNED", text: "pruned" },
  { value: "FAIL", text: "failed" },
  { value: "RUNNING", text: "running" },
  { value: "WAITING", text: "waiting" },
];

/** How the table is: it stays so while the reader is elsewhere. */
interface Looks {
  sort: { key: string; down: boolean };
  text: string;
  state: StateFilter;
  page: number;
  columns: "few" | "all";
}

export function trials({ open, remember, links, store }: Context): Part {
  let data: Data | null = null;
  const looks = remember<Looks>("trials", () => ({ sort: { key: "number", down: true }, text: "", state: "all", page: 0, columns: "few" }));
  let shape = "";
  /** The rows of trials as they are; a trial that changes is another object. */
  let rows = new WeakMap<Trial, HTMLElement>();
  let drawn: string[] = [];

  const search = h("input", {
    type: "search",
    id: "trial-filter",
    placeholder: "he_normal worker-2 #17 …",
    autocomplete: "off",
    spellcheck: false,
  });
  const head = h("tr");
  const body = h("tbody");
  const summary = h("p", { class: "summary", role: "status" });
  const table = h("table", { class: "trials" }, h("caption", { class: "hidden" }, "Trials"), h("thead", {}, head), body);
  const [first, previous, next, last] = (["First", "Previous", "Next", "Last"] as const).map((name) =>
    h("button", { type: "button", class: "tool", onclick: () => turn(name) }, name),
  ) as [HTMLButtonElement, HTMLButtonElement, HTMLButtonElement, HTMLButtonElement];

  search.value = looks.text;
  search.addEventListener("input", () => {
    looks.text = search.value;
    looks.page = 0;
    draw();
  });

  const states = select("State", FILTERS, looks.state, (value) => {
    looks.state = value;
    looks.page = 0;
    draw();
  });
  const list = states.querySelector("select")!;
  const texts = [
    { value: "few", text: `the ${PARAMS} most important parameters` },
    { value: "all", text: "all parameters" },
  ] as const;
  const width = select("Columns", texts, looks.columns, (value) => {
    looks.columns = value;
    looks.page = 0;
    draw();
  });
  /** Looks through many trials while the reader goes on typing. */
  const words = new Search(() => draw());
  /** Filters that only some studies need. */
  const offer = (value: StateFilter, text: string) => {
    if (![...list.options].some((option) => option.value === value)) list.append(h("option", { value }, text));
  };

  // The coordinator writes them, as the command does; a report has none.
  const files = (links ? (["csv", "json"] as const) : []).map((format) => {
    const title = `All trials that the page’s filter lets through, as ${format.toUpperCase()}`;
    return { format, link: h("a", { class: "tool", href: "", title, "aria-label": title, "data-export": format }, format.toUpperCase()) };
  });

  const element = h(
    "div",
    { class: "card wide" },
    h(
      "div",
      { class: "tools" },
      h("label", { class: "pick grow", for: "trial-filter" }, h("span", {}, "Find"), search),
      states,
      width,
      ...files.map(({ link }) => link),
    ),
    h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Table of trials" }, table),
    h("div", { class: "tools pager" }, summary, h("span", { class: "spring" }), first, previous, next, last),
  );

  function turn(name: "First" | "Previous" | "Next" | "Last"): void {
    looks.page = { First: 0, Previous: looks.page - 1, Next: looks.page + 1, Last: Infinity }[name];
    draw();
  }

  function draw(): void {
    if (!data) return;
    width.hidden = data.study.space.length <= PARAMS;
    const columns = columnsOf(data, width.hidden || looks.columns === "all" ? Infinity : PARAMS);
    const able = data.trials.filter((trial) => inState(trial, looks.state, data!));
    const found = words.found(able, looks.text, data);
    if (!found) return setText(summary, "Looking …");
    order(found, columns.find((c) => c.key === looks.sort.key) ?? columns[0]!, looks.sort.down);
    const size = Math.max(8, Math.min(PAGE, Math.floor(CELLS / columns.length)));
    const pages = Math.max(1, Math.ceil(found.length / size));
    looks.page = Math.min(pages - 1, Math.max(0, looks.page));
    const from = looks.page * size;
    const shown = found.slice(from, from + size);
    drawHead(columns);
    if (JSON.stringify(columns.map((c) => c.key)) !== JSON.stringify(drawn)) rows = new WeakMap();
    drawn = columns.map((c) => c.key);
    const lines =
      shown.length > 0
        ? shown.map((trial) => row(trial, columns, data!))
        : [h("tr", {}, h("td", { colspan: columns.length, class: "vacant" }, "No trial is like that."))];
    // What stays is left alone, with what is selected in it.
    if (lines.length !== body.children.length || lines.some((line, i) => line !== body.children[i]))
      replaceKeepingFocus(body, ...lines);
    const of =
      found.length === data.trials.length
        ? plural(found.length, "trial")
        : `${count(found.length)} of ${plural(data.trials.length, "trial")}`;
    setText(summary, shown.length === 0 ? of : `${from + 1}–${from + shown.length} of ${of}`);
    table.dataset["rows"] = String(found.length);
    first.disabled = previous.disabled = looks.page === 0;
    next.disabled = last.disabled = looks.page === pages - 1;
  }

  function drawHead(columns: Column[]): void {
    const now = JSON.stringify([columns.map((c) => c.key), looks.sort]);
    if (now === shape) return;
    shape = now;
    replaceKeepingFocus(
      head,
      ...columns.map((column) => {
        const { sort } = looks;
        const sorted = sort.key === column.key ? (sort.down ? "descending" : "ascending") : "none";
        const button = h(
          "button",
          {
            type: "button",
            "data-key": column.key,
            onclick: () => {
              looks.sort = { key: column.key, down: sort.key === column.key ? !sort.down : column.number };
              looks.page = 0;
              draw();
            },
          },
          column.title,
          h("span", { class: "arrow", "aria-hidden": "true" }, sorted === "none" ? "" : sort.down ? " ▼" : " ▲"),
        );
        return h("th", { scope: "col", "aria-sort": sorted, class: column.number ? "num" : "" }, button);
      }),
    );
  }

  function row(trial: Trial, columns: Column[], from: Data): HTMLElement {
    const known = rows.get(trial);
    const best = isBest(from, trial);
    if (known && known.classList.contains("is-best") === best) return known;
    const line = h("tr", { "data-trial": trial.number, "data-state": trial.state, class: best ? "is-best" : "" });
    rows.set(trial, line);
    line.append(...cells(trial, columns, from, open));
    // A convenience for the mouse; the keyboard has the button in the first cell.
    line.addEventListener("click", (event) => {
      if (!(event.target as Element).closest("a, button") && String(window.getSelection() ?? "") === "") open(trial.number);
    });
    return line;
  }

  return {
    element,
    update: (now) => {
      data = now;
      for (const { format, link } of files) {
        link.href = links!.trials(format, now.filtered ? store.filter : "");
        link.download = `${fileName(now.study.name, "trials")}.${format}`;
      }
      if (now.several) offer("front", "on the front");
      if (now.constrained) {
        offer("feasible", "feasible");
        offer("infeasible", "infeasible");
      }
      if (list.value !== looks.state) list.value = looks.state;
      draw();
    },
  };
}

function inState(trial: Trial, state: StateFilter, data: Data): boolean {
  if (state === "all") return true;
  if (state === "front") return data.onFront(trial);
  if (state === "feasible" || state === "infeasible")
    return trial.state === "COMPLETE" && data.values.feasible(trial) === (state === "feasible");
  if (state === "search" || state === "confirmation") return (trial.confirms !== null) === (state === "confirmation");
  return trial.state === state;
}

const collator = new Intl.Collator("en", { numeric: true });

/** Missing values come last, whichever way it is sorted; of equals the earlier trial comes first. */
export function order(trials: Trial[], { sort }: Pick<Column, "sort">, down: boolean): void {
  const values = new Map(trials.map((trial) => [trial, sort(trial)]));
  // Texts are few, and dear to compare: each is compared once.
  const texts = [...new Set(values.values())].filter((value) => typeof value === "string").sort(collator.compare);
  // Those that are equal to each other have one place.
  let place = 0;
  const places = new Map(texts.map((text, i) => [text, i > 0 && collator.compare(texts[i - 1]!, text) === 0 ? place : (place = i)]));
  const mixed = texts.length > 0 && [...values.values()].some((value) => typeof value === "number");
  trials.sort((a, b) => {
    const [x, y] = [values.get(a) ?? null, values.get(b) ?? null];
    if (x === null || y === null) return x === y ? a.number - b.number : x === null ? 1 : -1;
    const less =
      typeof x === "number" && typeof y === "number"
        ? x - y
        : mixed
          ? collator.compare(String(x), String(y))
          : places.get(x as string)! - places.get(y as string)!;
    return (down ? -less : less) || a.number - b.number;
  });
}
