/** What was chosen for all figures, in the page's address, so that a link opens the page with it. */

export const METRIC = "metric";
export const FILTER = "filter";

/** What the address says; null if it says nothing. */
export function linked(key: string, address = location.search): string | null {
  return new URLSearchParams(address).get(key);
}

/** Puts it into the address; null takes it out. The view that is open, and whatever else is there, stays. False if the browser refuses. */
export function link(key: string, value: string | null): boolean {
  try {
    history.replaceState(history.state, "", addressWith(location.href, key, value));
    return true;
  } catch {
    // A report inside another page, as in a notebook, has no address of its own.
    return false;
  }
}

export function addressWith(address: string, key: string, value: string | null): string {
  const url = new URL(address);
  if (value === null) url.searchParams.delete(key);
  else url.searchParams.set(key, value);
  return url.href;
}
