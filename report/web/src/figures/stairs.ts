/** The edge of what the front of two objectives dominates. */

/** Between two neighbours on the front lies what is worse than both in one objective each. */
export function stairsOf(
  points: [number, number][],
  better: (a: number, b: number, objective: 0 | 1) => boolean,
): [number, number][] {
  const sorted = [...points].sort((a, b) => a[0] - b[0]);
  const worse = (a: number, b: number, objective: 0 | 1) => (better(a, b, objective) ? b : a);
  return sorted.flatMap((point, i): [number, number][] => {
    const next = sorted[i + 1];
    return next ? [point, [worse(point[0], next[0], 0), worse(point[1], next[1], 1)]] : [point];
  });
}
