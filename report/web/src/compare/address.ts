/** Which studies the page of comparison is about, as its address says. */

/** So many can be told apart in one figure. */
export const MOST = 8;

export function compareAddress(studies: readonly string[], metric: string | null = null): string {
  const query = new URLSearchParams(studies.map((name) => ["study", name]));
  if (metric !== null) query.set("metric", metric);
  return `/compare?${query}`;
}

/** The first ones, each once, and how many more there were. */
export function comparedStudies(query: URLSearchParams): { names: string[]; more: number } {
  const all = [...new Set(query.getAll("study"))];
  return { names: all.slice(0, MOST), more: Math.max(0, all.length - MOST) };
}
