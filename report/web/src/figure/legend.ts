import type { Theme } from "../theme";
import type { Option } from "./figure";

/** A legend above the plot; entries are buttons that hide a series, and page on where there are many. */
export function legend(theme: Theme, names?: string[]): Option {
  return {
    type: "scroll",
    top: 0,
    left: 0,
    right: 8,
    itemWidth: 20,
    itemHeight: 11,
    itemGap: 12,
    textStyle: { color: theme.text, fontSize: 12 },
    pageTextStyle: { color: theme.muted },
    pageIconColor: theme.text,
    pageIconInactiveColor: theme.line,
    pageIconSize: 11,
    inactiveColor: theme.line,
    ...(names ? { data: names } : {}),
  };
}
