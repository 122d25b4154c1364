import type { Theme } from "../theme";
import type { Option } from "./types";

const ROW = 20;

/** A legend above the plot, whose entries are buttons that hide a series; and how high it is. More than seven rows are paged. */
export function legend(theme: Theme, names: string[], width: number): { legend: Option; height: number } {
  const rows = rowsOf(names, width - 16);
  const paged = rows > 7;
  return {
    height: ROW * (paged ? 1 : rows) + 6,
    legend: {
      type: paged ? "scroll" : "plain",
      data: names,
      top: 0,
      left: 0,
      right: 8,
      padding: [2, 4],
      itemWidth: 20,
      itemHeight: 11,
      itemGap: 12,
      textStyle: { color: theme.text, fontSize: 12, lineHeight: 14 },
      pageTextStyle: { color: theme.muted },
      pageIconColor: theme.text,
      pageIconInactiveColor: theme.line,
      pageIconSize: 11,
      inactiveColor: theme.line,
    },
  };
}

/** As the library will break it, judged by the number of characters. */
function rowsOf(names: string[], width: number): number {
  let [rows, used] = [1, 0];
  for (const name of names) {
    const item = 6.9 * name.length + 25 + 12;
    if (used > 0 && used + item > width) {
      rows += 1;
      used = 0;
    }
    used += item;
  }
  return rows;
}
