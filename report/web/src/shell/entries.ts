/** The browser's history: where the reader was in each of its entries, so that going back leads there. */

/** How far down the page they were, and which element had the focus, by its `data-key`. */
export interface Mark {
  top: number;
  focus: string | null;
}

const NAME = "kindling-history";
/** So many are kept, the newest ones. */
const MOST = 100;

export class Entries {
  private readonly marks: Map<string, Mark>;
  private current: string;

  /** `arrived` is told of an entry that the reader went back or forward to, with where they were in it. */
  constructor(arrived: (mark: Mark | null) => void) {
    history.scrollRestoration = "manual";
    this.marks = new Map(stored());
    this.current = this.name();
    window.addEventListener("popstate", () => {
      this.leave();
      this.current = this.name();
      arrived(this.mark);
    });
    window.addEventListener("pagehide", () => {
      this.leave();
      store([...this.marks].slice(-MOST));
    });
  }

  /** Where the reader was in this entry, if they were here before. */
  get mark(): Mark | null {
    return this.marks.get(this.current) ?? null;
  }

  /** Makes an entry, or gives the open one this address. */
  go(address: string, replace: boolean): void {
    this.leave();
    if (!replace) this.current = fresh();
    this.marks.delete(this.current);
    const change = replace ? "replaceState" : "pushState";
    // A page inside another one, as in a notebook, may have no address of its own.
    attempt(() => history[change]({ entry: this.current }, "", address));
  }

  private leave(): void {
    const focus = document.activeElement?.closest("[data-key]")?.getAttribute("data-key") ?? null;
    this.marks.delete(this.current);
    this.marks.set(this.current, { top: window.scrollY, focus });
  }

  /** The name of the entry that is open; one that has none gets it. */
  private name(): string {
    const known = (history.state as { entry?: unknown } | null)?.entry;
    if (typeof known === "string") return known;
    const name = fresh();
    attempt(() => history.replaceState({ entry: name }, ""));
    return name;
  }
}

/** What readers do to go somewhere themselves. */
const ACTS = ["wheel", "touchstart", "pointerdown", "keydown"] as const;
/** For so long, in milliseconds, what was there may take to come. */
const PATIENCE = 10_000;

let giveUp = () => {};

/** Leads the reader to where they were, or to the page's top; once what was there has come, unless they act before. */
export function restore(mark: Mark | null): void {
  giveUp();
  if (arrive(mark)) return;
  const grown = new ResizeObserver(() => arrive(mark) && giveUp());
  const late = window.setTimeout(() => giveUp(), PATIENCE);
  const end = () => {
    giveUp = () => {};
    grown.disconnect();
    window.clearTimeout(late);
    for (const act of ACTS) window.removeEventListener(act, end);
  };
  giveUp = end;
  for (const act of ACTS) window.addEventListener(act, end, { passive: true });
  grown.observe(document.body);
}

/** Whether all of it is there. */
function arrive(mark: Mark | null): boolean {
  const top = mark?.top ?? 0;
  window.scrollTo({ top, behavior: "instant" });
  const focus = mark?.focus ? document.querySelector<HTMLElement>(`[data-key="${CSS.escape(mark.focus)}"]`) : null;
  focus?.focus({ preventScroll: true });
  return Math.abs(window.scrollY - top) < 1 && (focus !== null || !mark?.focus);
}

function fresh(): string {
  return Math.random().toString(36).slice(2);
}

function stored(): [string, Mark][] {
  return attempt(() => JSON.parse(sessionStorage.getItem(NAME) ?? "[]") as [string, Mark][]) ?? [];
}

function store(marks: [string, Mark][]): void {
  attempt(() => sessionStorage.setItem(NAME, JSON.stringify(marks)));
}

/** Browsers refuse some things to some pages, such as files. */
function attempt<T>(act: () => T): T | null {
  try {
    return act();
  } catch {
    return null;
  }
}
