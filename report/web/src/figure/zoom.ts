/** Zoom by buttons, by dragging a rectangle, and by the wheel with Ctrl; a double click shows all again. */

import { h } from "../dom";
import { zoomModel } from "./model";
import type { Chart, Option, Window, ZoomAxes } from "./types";

/** The part in sight, in percent of each axis. */
export type Shares = Partial<Record<"x" | "y", [number, number]>>;

export class Zoom {
  readonly buttons: HTMLElement[];
  private chart: Chart | null = null;
  private frame = 0;
  private armed = false;

  constructor(
    readonly axes: ZoomAxes,
    title: string,
    private readonly moved: () => void,
  ) {
    const button = (text: string, label: string, act: () => void) =>
      h("button", { type: "button", class: "tool", "aria-label": `${label}: ${title}`, title: label, onclick: act }, text);
    this.buttons = [
      button("+", "Zoom in", () => this.scale(0.6)),
      button("\u2212", "Zoom out", () => this.scale(1 / 0.6)),
      button("\u21ba", "Show all", () => this.reset()),
    ];
  }

  attach(chart: Chart): void {
    this.chart = chart;
    // Under the first move: the library draws everything again for it.
    chart.getDom().addEventListener("pointermove", () => this.arm());
    chart.on("datazoom", () => {
      cancelAnimationFrame(this.frame);
      this.frame = requestAnimationFrame(this.moved);
    });
    chart.getZr().on("dblclick", () => this.reset());
  }

  /** After a chart was drawn from the start. */
  restart(): void {
    this.armed = false;
  }

  /** Dragging selects a rectangle, but not under a finger, which must scroll. */
  private arm(): void {
    if (this.armed || window.matchMedia("(pointer: coarse)").matches) return;
    this.armed = true;
    this.chart?.dispatchAction({ type: "takeGlobalCursor", key: "dataZoomSelect", dataZoomSelectActive: true });
  }

  get window(): Window {
    const of = (axis: "x" | "y"): [number, number] | null => {
      const zoom = this.model(axis);
      const [start, end] = zoom?.getPercentRange() ?? [0, 100];
      return start === 0 && end === 100 ? null : (zoom?.getValueRange() ?? null);
    };
    return { x: of("x"), y: of("y") };
  }

  get shares(): Shares {
    const shares: Shares = {};
    for (const axis of ["x", "y"] as const) {
      const range = this.model(axis)?.getPercentRange();
      if (range) shares[axis] = range;
    }
    return shares;
  }

  private model(axis: "x" | "y") {
    return this.chart ? zoomModel(this.chart, `zoom-${axis}`) : undefined;
  }

  private scale(factor: number): void {
    this.set((start, end) => {
      const middle = (start + end) / 2;
      const half = Math.min(50, Math.max(0.05, ((end - start) / 2) * factor));
      const low = Math.min(100 - 2 * half, Math.max(0, middle - half));
      return [low, low + 2 * half];
    });
  }

  private reset(): void {
    this.set(() => [0, 100]);
  }

  private set(change: (start: number, end: number) => [number, number]): void {
    const batch = (["x", "y"] as const).flatMap((axis) => {
      const range = this.model(axis)?.getPercentRange();
      if (!range) return [];
      const [start, end] = change(...range);
      return [{ dataZoomId: `zoom-${axis}`, start, end }];
    });
    if (batch.length > 0) this.chart?.dispatchAction({ type: "dataZoom", batch });
  }
}

/** Adds what zooming needs to an option, and the part that is in sight, if it is not to stay as it is; `box` lets a rectangle be dragged. */
export function zoomOption(option: Option, axes: ZoomAxes, shares: Shares, box: boolean): Option {
  const indices = (given: unknown) => (Array.isArray(given) ? given.map((_, i) => i) : [0]);
  const [x, y] = [indices(option["xAxis"]), indices(option["yAxis"])];
  const inside = (axis: "x" | "y") => ({
    id: `zoom-${axis}`,
    type: "inside",
    [axis === "x" ? "xAxisIndex" : "yAxisIndex"]: axis === "x" ? x : y,
    filterMode: "none",
    zoomOnMouseWheel: "ctrl",
    moveOnMouseWheel: false,
    moveOnMouseMove: false,
    preventDefaultMouseMove: false,
    ...(shares[axis] ? { start: shares[axis][0], end: shares[axis][1] } : {}),
  });
  const used = [...axes] as ("x" | "y")[];
  const toolbox = {
    // Out of sight: there are buttons of our own, which the keyboard reaches.
    right: -1000,
    feature: {
      dataZoom: {
        xAxisIndex: axes.includes("x") ? x : false,
        yAxisIndex: axes.includes("y") ? y : false,
        filterMode: "none",
        brushStyle: { color: "rgba(86, 180, 233, 0.2)", borderColor: "#56b4e9", borderWidth: 1 },
      },
    },
  };
  return { ...option, dataZoom: used.map(inside), ...(box ? { toolbox } : {}) };
}
