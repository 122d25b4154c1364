/** What figures, their controls and their tools have in common. */

import type { Data, Part } from "../data";
import type { echarts } from "../echarts";
import type { Store } from "../store";
import type { Theme } from "../theme";

export type ZoomAxes = "x" | "y" | "xy";

/** The part in sight, in axis units; null if all is. */
export interface Window {
  x: [number, number] | null;
  y: [number, number] | null;
}

/** An option of the library, or a part of one. */
export type Option = Record<string, unknown>;
export type Chart = echarts.ECharts;

export interface Context {
  data: Data;
  theme: Theme;
  width: number;
  height: number;
  /** The chosen part of the values. */
  part: Part;
  /** The range of the value axis. */
  range: [number, number];
  /** What part of each axis is in sight, in axis units; null without zoom. */
  window: Window;
}

export interface Drawing {
  option: Option;
  /** Said below the chart: what is left out, what stands outside. */
  note?: string;
  /** What a screen reader says in place of the picture. */
  label?: string;
}

/** A figure as its controls see it. */
export interface Controlled {
  readonly store: Store;
  /** Draws from the start: the axes are not what they were. */
  restart(): void;
  /** Draws again, once somebody can see it. */
  redraw(): void;
}

export interface FigureSpec {
  /** For file names. */
  key: string;
  title: string;
  /** Its title where that depends on the data: on which objective is chosen. */
  heading?: (data: Data) => string;
  /** One sentence: how to read it. */
  hint: string;
  /** Over the full width of the page. */
  wide?: boolean;
  /** Whether it has an address of its own; if nothing is said, it has. */
  addressed?: boolean;
  zoom?: ZoomAxes;
  height?: number | ((data: Data, width: number) => number);
  /** Its drop-downs and the like, made once. */
  controls?: (figure: Controlled) => HTMLElement[];
  /** What the drawing depends on, if less than all: while this stays the same, new data need no new drawing. */
  depends?: (data: Data) => unknown;
  /** Null while there is nothing to draw. */
  draw: (context: Context) => Drawing | null;
  /** Said while there is nothing to draw. */
  empty?: string;
  /** Said in its place, if it is not empty: why there is nothing. */
  missing?: (data: Data) => string;
  /** The same as a table, for those who cannot see the picture. */
  table?: (data: Data) => HTMLElement | null;
}

/** Opens a trial, of another study if that is said. It also knows where trials and figures are, for links. */
export interface Open {
  (trial: number, study?: string): void;
  trial(number: number): string;
  /** Where the figure stands alone; null if nowhere. */
  figure(key: string): string | null;
}

/** Something that a click on a chart stands for. */
export interface Pointed {
  trial?: number;
  /** Its name, where there are several. */
  study?: string;
}
