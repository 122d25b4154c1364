/** Which address is which view: of a live study in the path, of a report behind the `#`. */

/** A view, and one item of it. */
export interface Place {
  view: string;
  item: string | null;
}

export interface Addresses {
  /** The address of a view, with the chosen metric and filter that the open one has. */
  to(view: string, item?: string | null): string;
  /** What an address leads to; null if that is not in this study. */
  place(address: URL): Place | null;
}

export const START = "overview";

/** Parts of the query that hold for all views. */
export const KEPT = ["metric", "filter"];

/** What stood where when the page was one scroll. */
const OLD: Record<string, string> = {
  overview: START,
  answer: "answer",
  progress: "figures",
  figures: "figures",
  parameters: "parameters",
  pairs: "figures",
  outcomes: "figures",
  layers: "layers",
  trials: "trials",
  artifacts: START,
  workers: "workers",
};

/** The address of a live study's view. Browsers resolve `.` and `..` in a path, also when they are escaped. */
export function studyAddress(study: string, { view, item }: Place = { view: START, item: null }): string {
  const inner = item === null ? view : `${view}/${item}`;
  if (isDots(study) || (item !== null && isDots(item))) {
    const more = inner === START ? "" : `&view=${encodeURIComponent(inner)}`;
    return `/study?name=${encodeURIComponent(study)}${more}`;
  }
  const name = `/studies/${encodeURIComponent(study)}`;
  if (inner === START) return name;
  return item === null ? `${name}/${view}` : `${name}/${view}/${encodeURIComponent(item)}`;
}

/** A live study's, by its true name. `here` is the address that is open. */
export function liveAddresses(study: string, here: () => string): Addresses {
  return {
    to: (view, item = null) => withKept(studyAddress(study, { view, item }), new URL(here())),
    place: (address) => {
      if (address.origin !== new URL(here()).origin) return null;
      const inner = innerOf(address, study);
      if (inner === null) return null;
      const old = OLD[address.hash.slice(1)];
      if (inner.length === 0) return { view: (Object.hasOwn(OLD, address.hash.slice(1)) && old) || START, item: null };
      // Files lie below the study, too.
      if (inner.length > 2 || inner[0] === "artifacts") return null;
      return { view: inner[0]!, item: inner[1] ?? null };
    },
  };
}

/** Those of a report, which is one file. */
export function reportAddresses(here: () => string): Addresses {
  return {
    to: (view, item = null) => `#/${view}${item === null ? "" : `/${encodeURIComponent(item)}`}`,
    place: (address) => {
      if (withoutHash(address) !== withoutHash(new URL(here()))) return null;
      const hash = address.hash.slice(1);
      if (!hash.startsWith("/")) return hash === "" ? { view: START, item: null } : Object.hasOwn(OLD, hash) ? { view: OLD[hash]!, item: null } : null;
      const [view, item, ...more] = hash.slice(1).split("/").map(decoded);
      return more.length > 0 ? { view: hash.slice(1), item: null } : { view: view || START, item: item ?? null };
    },
  };
}

/** The parts of the address after the study's name. */
function innerOf(address: URL, study: string): string[] | null {
  const [, first, name, ...rest] = address.pathname.split("/");
  if (first === "studies" && name !== undefined && decoded(name) === study) {
    if (rest.at(-1) === "") rest.pop();
    return rest.map(decoded);
  }
  if (address.pathname !== "/study" || address.searchParams.get("name") !== study) return null;
  const view = address.searchParams.get("view") ?? "";
  const slash = view.indexOf("/");
  return view === "" ? [] : slash < 0 ? [view] : [view.slice(0, slash), view.slice(slash + 1)];
}

/** The address with what the open one says of metric and filter, unless it says so itself. */
export function withKept(address: string, open: URL): string {
  const url = new URL(address, open);
  for (const key of KEPT) {
    const value = open.searchParams.get(key);
    if (value !== null && !url.searchParams.has(key)) url.searchParams.set(key, value);
  }
  return url.pathname + url.search + url.hash;
}

/** The address of a link that may have been made before another metric or filter was chosen, with those that are chosen now. */
export function withChosen(address: string, open: URL): string {
  const url = new URL(address, open);
  for (const key of KEPT) {
    const value = open.searchParams.get(key);
    if (value === null) url.searchParams.delete(key);
    else url.searchParams.set(key, value);
  }
  return url.pathname + url.search + url.hash;
}

function withoutHash(url: URL): string {
  return url.href.slice(0, url.href.length - url.hash.length).replace(/#$/, "");
}

function isDots(text: string): boolean {
  return text === "." || text === "..";
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
