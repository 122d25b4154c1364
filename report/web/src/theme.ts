/**
 * Colours: Okabe and Ito's for categories, and for amounts a ramp from pale yellow over green to dark blue, whose lightness falls
 * steadily. Both are told apart without colour vision.
 */

export interface Theme {
  dark: boolean;
  text: string;
  muted: string;
  line: string;
  /** Lines inside the plot. */
  grid: string;
  surface: string;
  accent: string;
  best: string;
  bad: string;
  neutral: string;
  categories: string[];
}

const LIGHT: Theme = {
  dark: false,
  text: "#1c2430",
  muted: "#5a6575",
  line: "#aeb6c2",
  grid: "#e8ebf0",
  surface: "#ffffff",
  accent: "#0072b2",
  best: "#d55e00",
  bad: "#b3261e",
  neutral: "#8a94a3",
  categories: ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#444b57", "#9a8b00"],
};

const DARK: Theme = {
  dark: true,
  text: "#e8ebf0",
  muted: "#a4aebc",
  line: "#566072",
  grid: "#2b3340",
  surface: "#1a2029",
  accent: "#56b4e9",
  best: "#ff9447",
  bad: "#ff8a80",
  neutral: "#7d8899",
  categories: ["#56b4e9", "#ff8a3c", "#2fc79b", "#e29bc4", "#f0b93a", "#4a90d9", "#d5dae2", "#f0e442"],
};

export const DASHES: (string | number[])[] = ["solid", [7, 4], [2, 3], [10, 3, 2, 3], "solid", [7, 4], [2, 3], [10, 3, 2, 3]];

const RAMP_LIGHT = ["#f1f5d9", "#d3ecc0", "#9fd9b8", "#5fc0c0", "#2f9fc4", "#2271b3", "#23489b", "#16245c"];
const RAMP_DARK = ["#242b45", "#27407a", "#2363a3", "#2a8fbd", "#4fb7c0", "#8ed3b6", "#cdeabc", "#f6f8d2"];

const preference = window.matchMedia("(prefers-color-scheme: dark)");
const listeners = new Set<() => void>();
/** Where a choice is kept, so that it holds for all pages. */
const KEPT = "kindling-theme";
let chosen: "dark" | "light" | null = kept();
show();

function kept(): "dark" | "light" | null {
  try {
    const found = localStorage.getItem(KEPT);
    return found === "dark" || found === "light" ? found : null;
  } catch {
    // Some pages, such as files, may keep nothing.
    return null;
  }
}

function keep(): void {
  try {
    if (chosen) localStorage.setItem(KEPT, chosen);
    else localStorage.removeItem(KEPT);
  } catch {
    // It holds for this page, then.
  }
}

function show(): void {
  if (chosen) document.documentElement.dataset["theme"] = chosen;
  else delete document.documentElement.dataset["theme"];
}

/** The theme in use; or the light one, whatever is in use. */
export function theme(always?: "light"): Theme {
  if (always) return LIGHT;
  return (chosen ? chosen === "dark" : preference.matches) ? DARK : LIGHT;
}

/** Dark becomes light and the other way round. A choice that is the system's, too, is none: the page follows the system again. */
export function toggleTheme(): void {
  const next = theme().dark ? "light" : "dark";
  chosen = (next === "dark") === preference.matches ? null : next;
  keep();
  show();
  for (const listener of listeners) listener();
}

/** Calls the listener whenever the theme changes, until what is returned is called. */
export function onThemeChange(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

preference.addEventListener("change", () => {
  if (!chosen) for (const listener of listeners) listener();
});

/** Whether things may move. */
export const still = window.matchMedia("(prefers-reduced-motion: reduce)");

/** From 0, hardly more than the page, to 1, far from it: what is good stands out, in a light scheme and in a dark one. */
export function ramp(share: number, dark: boolean): string {
  const stops = dark ? RAMP_DARK : RAMP_LIGHT;
  const x = Math.min(1, Math.max(0, share)) * (stops.length - 1);
  const i = Math.min(stops.length - 2, Math.floor(x));
  return mix(stops[i]!, stops[i + 1]!, x - i);
}

/** The ramp in steps, for values from low to high; `sign` is -1 if low is good. */
export function rampColors(dark: boolean, sign: 1 | -1): string[] {
  const colors = Array.from({ length: 13 }, (_, i) => ramp(i / 12, dark));
  return sign > 0 ? colors : colors.reverse();
}

/** Black or white, whichever reads better on the colour. */
export function inkOn(color: string): string {
  const [r, g, b] = channels(color).map((c) => {
    const s = c / 255;
    return s <= 0.04045 ? s / 12.92 : ((s + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r! + 0.7152 * g! + 0.0722 * b! > 0.18 ? "#10151c" : "#ffffff";
}

function mix(a: string, b: string, share: number): string {
  const [x, y] = [channels(a), channels(b)];
  return `#${x
    .map((v, i) =>
      Math.round(v + (y[i]! - v) * share)
        .toString(16)
        .padStart(2, "0"),
    )
    .join("")}`;
}

function channels(color: string): number[] {
  return [1, 3, 5].map((i) => parseInt(color.slice(i, i + 2), 16));
}
