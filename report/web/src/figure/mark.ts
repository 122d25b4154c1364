/** Marks of points: a shape, filled or hollow, and a colour, so that colour is never alone. */

import type { Theme } from "../theme";

const SHAPES = ["circle", "triangle", "rect", "diamond"];

/** How much larger than a circle a shape must be to look as large. */
const SIZES: Record<string, number> = { triangle: 1.12, rect: 0.9, diamond: 1.25 };

/** The mark of the choice at an index: eight shapes, of which four are hollow, then the same in other colours. */
export function mark(theme: Theme, index: number, size: number) {
  const n = theme.categories.length;
  const shape = (index + 3 * Math.floor(index / n)) % (2 * SHAPES.length);
  const symbol = SHAPES[shape % SHAPES.length]!;
  const color = theme.categories[index % n]!;
  const looks = shape < SHAPES.length ? filled(symbol, color, size) : hollow(symbol, color, size, theme);
  return { ...looks, color };
}

export function filled(symbol: string, color: string, size: number) {
  return { symbol, symbolSize: size * (SIZES[symbol] ?? 1), itemStyle: { color, opacity: 0.85 } };
}

/** The library's own hollow shapes are white inside, on a dark page, too. */
export function hollow(symbol: string, color: string, size: number, theme: Theme) {
  return {
    symbol,
    symbolSize: size * (SIZES[symbol] ?? 1),
    itemStyle: { color: theme.surface, borderColor: color, borderWidth: 1.6, opacity: 0.9 },
  };
}
