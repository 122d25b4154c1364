/** Goes from view to view by links, by calls, and by the browser's back and forward. */

import { type Addresses, type Place, withChosen } from "./addresses";
import { Entries, type Mark } from "./entries";
import type { Going } from "./types";

/** How a view came to be open. */
export interface Arrival {
  /** Where the reader was in it, if they come back. */
  mark: Mark | null;
  /** Whether it takes the place of one like it, so that the focus may stay. */
  replaces: boolean;
}

export interface Router {
  place: Place;
  readonly first: Arrival;
  go(view: string, item?: string | null, how?: Going): void;
}

export function router(addresses: Addresses, arrive: (place: Place, arrival: Arrival) => void): Router {
  const here = () => addresses.place(new URL(location.href)) ?? { view: location.hash.slice(1), item: null };
  const entries = new Entries((mark) => {
    self.place = here();
    arrive(self.place, { mark, replaces: false });
  });
  const self: Router = {
    place: here(),
    first: { mark: entries.mark, replaces: false },
    go: (view, item = null, { replace = false, query = {} } = {}) => {
      const address = new URL(addresses.to(view, item), location.href);
      for (const [key, value] of Object.entries(query)) {
        if (value === null) address.searchParams.delete(key);
        else address.searchParams.set(key, value);
      }
      move(address, { view, item }, replace);
    },
  };
  function move(address: URL, place: Place, replace: boolean): void {
    // Again to where one is: that is no step of its own.
    const same = address.href === location.href;
    entries.go(address.href, replace || same);
    self.place = place;
    arrive(place, { mark: null, replaces: replace });
  }
  document.addEventListener("click", (event) => {
    if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const link = (event.target as Element).closest?.("a[href]") as HTMLAnchorElement | null;
    if (!link || link.target || link.hasAttribute("download")) return;
    // By what it says: a page inside another one has the other's base.
    const address = new URL(link.getAttribute("href")!, location.href);
    const place = addresses.place(address);
    if (!place) return;
    event.preventDefault();
    const kept = address.protocol.startsWith("http") ? new URL(withChosen(address.href, new URL(location.href)), address) : address;
    move(kept, place, link.dataset["replace"] !== undefined);
  });
  return self;
}
