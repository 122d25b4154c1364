/** Numbers, times and configurations as people read them. */

import type { Choice, Needs } from "./document";

const thousands = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });

/** Significant digits, without an exponent where a plain number is short. */
export function number(value: number | null | undefined, digits = 4): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (Number.isInteger(value) && size < 1e7) return minus(size < 1e5 ? String(value) : thousands.format(value));
  if (size < 1e-4 || size >= 1e7)
    return minus(
      value
        .toExponential(Math.max(0, digits - 2))
        .replace(/\.?0+e/, "e")
        .replace("e+", "e"),
    );
  return minus(String(Number(value.toPrecision(digits))));
}

function minus(text: string): string {
  return text.replace(/-/g, "\u2212");
}

/** A measured value with a fixed number of decimals, so that columns line up. */
export function fixed(value: number | null | undefined, decimals: number): string {
  return value === null || value === undefined || !Number.isFinite(value) ? "–" : minus(value.toFixed(decimals));
}

/** As many decimals as tell these values apart: three digits of their spread. */
export function decimalsFor(values: Iterable<number>): number {
  let low = Infinity;
  let high = -Infinity;
  for (const v of values) {
    if (v < low) low = v;
    if (v > high) high = v;
  }
  const spread = high > low ? high - low : Math.abs(high) || 1;
  if (!Number.isFinite(spread)) return 4;
  return Math.min(8, Math.max(0, 2 - Math.floor(Math.log10(spread))));
}

export function percent(share: number | null | undefined, decimals = 0): string {
  if (share === null || share === undefined || !Number.isFinite(share)) return "–";
  return `${(100 * share).toFixed(decimals)} %`;
}

export function pValue(p: number | null): string {
  if (p === null) return "–";
  return p < 0.001 ? "< 0.001" : p.toFixed(3);
}

export function count(n: number): string {
  return n < 10_000 ? String(n) : thousands.format(n);
}

/** "1 trial", "2 trials". */
export function plural(n: number, one: string, many = `${one}s`): string {
  return `${count(n)} ${n === 1 ? one : many}`;
}

/** A size in bytes: "12.3 MiB". */
export function bytes(size: number): string {
  const units = ["bytes", "KiB", "MiB", "GiB", "TiB"];
  const power = Math.min(units.length - 1, Math.max(0, Math.floor(Math.log2(Math.max(1, size)) / 10)));
  if (power === 0) return plural(size, "byte");
  const shown = size / 1024 ** power;
  return `${shown.toFixed(shown < 100 ? 1 : 0)} ${units[power]}`;
}

export function duration(seconds: number | null): string {
  if (seconds === null || !Number.isFinite(seconds)) return "–";
  const s = Math.max(0, seconds);
  if (s < 1) return `${Math.round(s * 1000)} ms`;
  if (s < 10) return `${s.toFixed(1)} s`;
  if (s < 60) return `${Math.round(s)} s`;
  const minutes = Math.round(s / 60);
  if (minutes < 60) return s < 600 ? `${Math.floor(s / 60)} min ${Math.floor(s % 60)} s` : `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ${minutes % 60} min` : `${Math.round(hours / 24)} days`;
}

export function time(ms: number | null): string {
  if (ms === null) return "–";
  const d = new Date(ms);
  const two = (n: number) => String(n).padStart(2, "0");
  return `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())} ${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())}`;
}

/** Numbers that were typed are short, and differ in any digit. */
const TYPED = 8;

/** A choice as it can be told from all others: texts that look like nothing, or like something else, stand in quotes. */
export function choice(value: Choice | undefined): string {
  if (value === undefined) return "–";
  if (typeof value === "number") return String(value).length <= TYPED ? minus(String(value)) : number(value);
  return typeof value === "string" ? text(value) : String(value);
}

/** When a parameter counts: "layers ≥ 2", "optimizer = adam or sgd". */
export function condition(parent: string, needs: Needs): string {
  if (Array.isArray(needs)) return `${parent} = ${needs.map(choice).join(" or ")}`;
  const { at_least: low, at_most: high } = needs;
  if (low === null) return `${parent} ≤ ${choice(high)}`;
  return high === null ? `${parent} ≥ ${choice(low)}` : `${choice(low)} ≤ ${parent} ≤ ${choice(high)}`;
}

/** A text that somebody gave, so that an empty one is seen, and one that is "true" or "1" is no truth and no number. */
export function text(value: string): string {
  const plain = value.trim() === value && value !== "" && !/^(true|false|null|–|["“].*)$/s.test(value) && Number.isNaN(Number(value));
  return plain ? value : JSON.stringify(value);
}

/** "a, b and c". */
export function listing(names: string[]): string {
  if (names.length < 2) return names.join("");
  return `${names.slice(0, -1).join(", ")} and ${names[names.length - 1]}`;
}

/** A file name of letters and digits, short, and no hidden file. */
export function fileName(...parts: string[]): string {
  const plain = parts
    .join("-")
    .normalize("NFC")
    .toLowerCase()
    .replace(/[^\p{L}\p{N}._]+/gu, "-")
    .replace(/^[-.]+|[-.]+$/g, "");
  return [...plain].slice(0, 80).join("") || "figure";
}
