/** The chosen objective in the page's address, so that a link opens the page with it. */

const KEY = "metric";

/** The index of the objective that the address names; null if it names none of these. */
export function linkedMetric(names: readonly string[], address = location.search): number | null {
  const index = names.indexOf(new URLSearchParams(address).get(KEY) ?? "");
  return index < 0 ? null : index;
}

/** Puts the objective into the address; the first needs no word. The section that is open, and whatever else is there, stays. */
export function linkMetric(names: readonly string[], metric: number): void {
  try {
    history.replaceState(history.state, "", addressWith(location.href, metric === 0 ? null : (names[metric] ?? null)));
  } catch {
    // A report inside another page, as in a notebook, has no address of its own.
  }
}

export function addressWith(address: string, name: string | null): string {
  const url = new URL(address);
  if (name === null) url.searchParams.delete(KEY);
  else url.searchParams.set(KEY, name);
  return url.href;
}
