/** Finds the known word that a misspelt one probably was, as the command line does (`report/src/filter/nearest.rs`). */

/** Longer words are not compared: they come from outside. */
const LONGEST = 64;

/** The known word that differs in at most a third of its letters, or the only one with the same beginning. */
export function nearest(word: string, known: readonly string[]): string | null {
  const wanted = fold(word);
  if ([...word].length > LONGEST || known.length === 0) return null;
  let best: { word: string; distance: number; elsewhere: number } | null = null;
  for (const candidate of known) {
    const folded = fold(candidate);
    const distance = apart(wanted, folded);
    const elsewhere = Number([...wanted][0] !== [...folded][0]);
    if (!best || distance < best.distance || (distance === best.distance && elsewhere < best.elsewhere))
      best = { word: candidate, distance, elsewhere };
  }
  const allowed = Math.max(1, Math.floor([...best!.word].length / 3));
  if (best!.distance <= allowed && [...wanted].length > allowed) return best!.word;
  const alike = known.filter(
    (k) => Math.min([...wanted].length, [...k].length) >= 3 && (wanted.startsWith(fold(k)) || fold(k).startsWith(wanted)),
  );
  return alike.length === 1 ? alike[0]! : null;
}

function fold(word: string): string {
  return word.toLowerCase().replaceAll("-", "_");
}

/** Damerau and Levenshtein's distance: letters left out, added, changed, or swapped with the one beside. */
function apart(a: string, b: string): number {
  const [x, y] = [[...a].slice(0, LONGEST), [...b].slice(0, LONGEST)];
  const far = x.length + y.length;
  const width = y.length + 2;
  const table = new Int32Array((x.length + 2) * width);
  const at = (i: number, j: number) => i * width + j;
  table[0] = far;
  for (let i = 0; i <= x.length; i += 1) [table[at(i + 1, 0)], table[at(i + 1, 1)]] = [far, i];
  for (let j = 0; j <= y.length; j += 1) [table[at(0, j + 1)], table[at(1, j + 1)]] = [far, j];
  const rows = new Map<string, number>();
  for (let i = 1; i <= x.length; i += 1) {
    let column = 0;
    for (let j = 1; j <= y.length; j += 1) {
      const row = rows.get(y[j - 1]!) ?? 0;
      const last = column;
      const same = x[i - 1] === y[j - 1];
      if (same) column = j;
      table[at(i + 1, j + 1)] = Math.min(
        table[at(i, j)]! + (same ? 0 : 1),
        table[at(i + 1, j)]! + 1,
        table[at(i, j + 1)]! + 1,
        table[at(row, last)]! + (i - row - 1) + 1 + (j - last - 1),
      );
    }
    rows.set(x[i - 1]!, i);
  }
  return table[at(x.length + 1, y.length + 1)]!;
}
