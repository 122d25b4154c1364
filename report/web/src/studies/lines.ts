/** What the list says of a study, and how the list is searched and sorted. */

import type { Study } from "../document";
import { visible as shownOf } from "../read";
import type { Direction } from "../values";

/** An entry as the coordinator gives it. An older coordinator does not give all of it. */
export interface Given extends Pick<Study, "name" | "state" | "counts" | "budget" | "confirmations"> {
  directions: Direction[];
  /** Of the best trial; empty if there is none. */
  best_values: number[];
  /** How many trials the front of several objectives has. */
  front_size: number;
  archived?: boolean;
  tags?: string[];
  created?: number | null;
  /** When a trial last began or ended. */
  newest?: number | null;
  trials_per_hour?: number | null;
  seconds_left?: number | null;
  external?: boolean;
  /** The most frequent reason of failures. */
  failure?: string | null;
  note?: string;
}

/** The same with nothing missing but what is unknown. */
export interface Line extends Omit<Given, "archived" | "tags" | "created" | "newest" | "seconds_left" | "external" | "failure" | "note"> {
  /** The name as it may be shown. */
  shown: string;
  archived: boolean;
  tags: string[];
  created: number | null;
  newest: number | null;
  seconds_left: number | null;
  external: boolean;
  failure: string | null;
  note: string;
  done: number;
  total: number;
  /** In what is searched. */
  text: string;
}

const PLAIN = /^[\x20-\x7e]*$/;

/** Most texts are plain, and there are thousands. */
function visible(text: string): string {
  return PLAIN.test(text) ? text : shownOf(text);
}

export function lineOf(given: Given): Line {
  const tags = (given.tags ?? []).map(visible);
  const failure = given.failure ? visible(given.failure) : null;
  const note = visible(given.note ?? "");
  const shown = visible(given.name);
  return {
    ...given,
    shown,
    archived: given.archived ?? false,
    tags,
    created: given.created ?? null,
    newest: given.newest ?? null,
    seconds_left: given.seconds_left ?? null,
    external: given.external ?? false,
    failure,
    note,
    done: given.counts.complete + given.counts.pruned + given.counts.fail,
    total: given.budget + given.confirmations,
    text: [shown, given.state, ...tags.map((tag) => `#${tag}`), failure ?? "", note].join(" ").toLowerCase(),
  };
}

/** From when it was created to what happened last, in seconds. */
export function took({ created, newest }: Line): number | null {
  return created === null || newest === null || newest < created ? null : (newest - created) / 1000;
}

export type SortKey = "name" | "state" | "progress" | "best" | "created" | "took";

/** By what can be sorted, and whether the largest come first to begin with. */
export const SORTS: readonly { key: SortKey; text: string; down: boolean; of: (line: Line) => string | number | null }[] = [
  { key: "name", text: "Study", down: false, of: (line) => line.shown },
  { key: "state", text: "State", down: false, of: (line) => ["ACTIVE", "PAUSED", "STOPPED", "FINISHED"].indexOf(line.state) },
  { key: "progress", text: "Progress", down: true, of: (line) => line.done / Math.max(1, line.total) },
  { key: "best", text: "Best", down: true, of: (line) => (line.directions.length === 1 ? (line.best_values[0] ?? null) : null) },
  { key: "created", text: "Created", down: true, of: (line) => line.created },
  { key: "took", text: "Took", down: true, of: took },
];

/** The newest first; by name, if the coordinator does not say when they were created. */
const USUAL = SORTS.find(({ key }) => key === "created")!;

const names = new Intl.Collator("en", { numeric: true });

export interface Looks {
  search: string;
  archived: boolean;
  sort: SortKey;
  down: boolean;
}

/** Every word must be in the name, the state, a tag, the reason of failures or the note. Those archived come only if asked for. */
export function find(lines: readonly Line[], { search, archived, sort, down }: Looks): Line[] {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  const found = lines.filter((line) => (archived || !line.archived) && words.every((word) => line.text.includes(word)));
  const { of } = SORTS.find(({ key }) => key === sort)!;
  const keys = new Map(found.map((line) => [line, of(line)]));
  return found.sort((a, b) => {
    const [x, y] = [keys.get(a) ?? null, keys.get(b) ?? null];
    const same = names.compare(a.shown, b.shown);
    // What is unknown comes last, whichever way it is sorted.
    if (x === null || y === null) return x === y ? same : x === null ? 1 : -1;
    const less = typeof x === "number" && typeof y === "number" ? x - y : names.compare(String(x), String(y));
    return (down ? -less : less) || same;
  });
}

/** How the list looks, as the page's address says. */
export function looksOf(query: URLSearchParams): Looks {
  const sort = SORTS.find(({ key }) => key === query.get("sort")) ?? USUAL;
  const order = query.get("order");
  return {
    search: query.get("search") ?? "",
    archived: query.has("archived"),
    sort: sort.key,
    down: order === null ? sort.down : order === "down",
  };
}

export function queryOf({ search, archived, sort, down }: Looks): string {
  const query = new URLSearchParams();
  if (search) query.set("search", search);
  if (archived) query.set("archived", "");
  if (sort !== USUAL.key) query.set("sort", sort);
  if (down !== SORTS.find(({ key }) => key === sort)!.down) query.set("order", down ? "down" : "up");
  return query.size > 0 ? `?${query}` : "";
}
