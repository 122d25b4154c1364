/** Lines of a text, counted from 1 as people do. */

/** Where a line and a column are in the text; the end of the line, or of the text, if they are beyond it. */
export function placeOf(text: string, line: number, column: number | null): number {
  const lines = text.split("\n");
  const before = lines.slice(0, line - 1).reduce((sum, l) => sum + l.length + 1, 0);
  const within = Math.min((column ?? 1) - 1, lines[line - 1]?.length ?? 0);
  return Math.min(text.length, before + Math.max(0, within));
}
