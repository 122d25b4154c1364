/** A figure: title, how to read it, controls, the chart, and its downloads. Drawn only while it is near the screen. */

import type { Data } from "../data";
import { h, setText } from "../dom";
import { echarts } from "../echarts";
import type { Store } from "../store";
import { onThemeChange, theme } from "../theme";
import { breath } from "../turns";
import { exportButtons } from "./export";
import { explore } from "./keyboard";
import { subject } from "./points";
import { dequeue, enqueue } from "./queue";
import type { Chart, Context, Drawing, FigureSpec, Open, Pointed } from "./types";
import { type Shares, Zoom, zoomOption } from "./zoom";

const visible = new IntersectionObserver(
  (entries) => {
    for (const entry of entries) figures.get(entry.target)?.seen(entry.isIntersecting);
  },
  { rootMargin: "200px" },
);
const resized = new ResizeObserver((entries) => {
  for (const entry of entries) figures.get(entry.target)?.resize();
});
const figures = new WeakMap<Element, Figure>();
/** What was zoomed into in figures that are closed: when they are open again, they are as they were. */
const zoomed = new Map<string, Shares>();

export class Figure {
  readonly element: HTMLElement;
  private readonly plot = h("div", { class: "plot", role: "img", tabindex: 0 });
  private readonly note = h("p", { class: "note" });
  private readonly vacancy: HTMLElement;
  private readonly title: HTMLElement;
  private readonly table = h("div", { class: "scroll", tabindex: 0 });
  private readonly details: HTMLDetailsElement | null;
  private readonly zoom: Zoom | null;
  private chart: Chart | null = null;
  private near = false;
  private stale = true;
  private fresh = true;
  private basis: string | null = null;

  constructor(
    readonly spec: FigureSpec,
    readonly store: Store,
    private readonly open: Open,
  ) {
    const id = `figure-${spec.key}`;
    this.zoom = spec.zoom ? new Zoom(spec.zoom, spec.title, () => this.redraw()) : null;
    this.vacancy = h("p", { class: "vacant", hidden: true });
    this.plot.setAttribute("aria-label", `${spec.title}, not yet drawn`);
    this.table.setAttribute("aria-label", `${spec.title}, as a table`);
    this.details = spec.table
      ? h("details", { class: "as-table", ontoggle: () => this.redraw() }, h("summary", {}, "As a table"), this.table)
      : null;
    this.title = h("h3", { id }, store.data ? this.heading(store.data) : spec.title);
    const save = exportButtons(
      spec,
      () => (store.data ? this.heading(store.data) : spec.title),
      () => this.drawing("download", this.zoom?.shares),
      () => this.store.data?.study.name ?? "study",
    );
    this.element = h(
      "figure",
      { class: spec.wide ? "card wide" : "card", "aria-labelledby": id, "data-figure": spec.key },
      h("figcaption", {}, this.title, h("p", { class: "hint" }, spec.hint)),
      h(
        "div",
        { class: "tools" },
        ...(spec.controls?.(this) ?? []),
        h("span", { class: "buttons" }, ...(this.zoom?.buttons ?? []), ...save, alone(spec, open)),
      ),
      this.plot,
      this.vacancy,
      this.note,
      this.details,
    );
    explore(this.plot, () => this.chart, open);
    // Room for what will be drawn, so that nothing moves under the reader.
    if (store.data) this.plot.style.height = `${this.height(store.data)}px`;
    // The whole figure: a plot that is hidden, since there is nothing to draw yet, is never in sight.
    figures.set(this.element, this);
    visible.observe(this.element);
    resized.observe(this.element);
    this.forget = onThemeChange(() => this.redraw());
  }

  private readonly forget: () => void;

  /** It is not needed any more. */
  close(): void {
    visible.unobserve(this.element);
    resized.unobserve(this.element);
    dequeue(this);
    this.forget();
    if (this.chart && this.zoom) {
      if (this.zoom.window.x || this.zoom.window.y) zoomed.set(this.spec.key, this.zoom.shares);
      else zoomed.delete(this.spec.key);
    }
    this.chart?.dispose();
    this.chart = null;
    this.near = false;
  }

  /** New data: draws, if anybody can see it, and it makes a difference. */
  update(): void {
    const { data, part } = this.store;
    if (data) setText(this.title, this.heading(data));
    const basis = data && this.spec.depends ? `${String(this.spec.depends(data))} ${part}` : null;
    if (basis !== null && basis === this.basis) return;
    this.basis = basis;
    this.redraw();
  }

  /** Draws from the start: the axes are not what they were. */
  restart(): void {
    this.fresh = true;
    this.redraw();
  }

  redraw(): void {
    this.stale = true;
    if (this.near) enqueue(this);
  }

  seen(near: boolean): void {
    this.near = near;
    if (near && this.stale) enqueue(this);
    if (!near) dequeue(this);
  }

  resize(): void {
    if (this.chart && this.plot.clientWidth !== this.chart.getWidth()) this.redraw();
  }

  async drawNow(): Promise<void> {
    const data = this.store.data;
    if (!data || !this.element.isConnected) return;
    this.stale = false;
    this.plot.hidden = false;
    const height = this.height(data);
    this.plot.style.height = `${height}px`;
    // At another width a figure may be arranged in another way: it is drawn anew, with what is zoomed into.
    const arranged = this.chart !== null && this.chart.getWidth() !== this.plot.clientWidth;
    const before = this.chart === null ? zoomed.get(this.spec.key) : undefined;
    const drawing = this.drawing("page", before ?? (arranged ? this.zoom?.shares : undefined));
    this.plot.hidden = drawing === null;
    this.vacancy.hidden = drawing !== null;
    setText(this.vacancy, this.spec.missing?.(data) || (this.spec.empty ?? "Nothing to show yet."));
    setText(this.note, drawing?.note ?? "");
    this.note.hidden = !drawing?.note;
    if (this.details?.open) this.table.replaceChildren(this.spec.table?.(data) ?? "");
    if (!drawing) return;
    this.plot.setAttribute("aria-label", drawing.label ?? `${this.heading(data)}. ${this.spec.hint}`);
    const anew = this.fresh || arranged;
    this.fresh = false;
    await breath();
    // Meanwhile it may have been closed, or have gone out of sight.
    if (!this.near) {
      this.fresh ||= anew;
      this.stale = true;
      return;
    }
    const chart = (this.chart ??= this.start());
    // Lazily, and then at once by `resize`: so all is laid out now, and painted with the next frame. `setOption` alone does both in one task.
    chart.setOption(drawing.option, { lazyUpdate: true, ...(anew ? { notMerge: true } : { replaceMerge: ["series"] }) });
    chart.resize({ width: this.plot.clientWidth, height });
    if (anew) this.zoom?.restart();
    // Ticks are those of the part in sight, which is known now.
    if (before) this.redraw();
  }

  private start(): Chart {
    const chart = echarts.init(this.plot, null, {
      renderer: "canvas",
      width: this.plot.clientWidth,
      height: this.plot.clientHeight,
    });
    chart.on("click", (event) => {
      const { trial, study } = (subject(event) as Pointed | undefined) ?? {};
      if (typeof trial === "number") this.open(trial, study);
    });
    this.zoom?.attach(chart);
    return chart;
  }

  private heading(data: Data): string {
    return this.spec.heading?.(data) ?? this.spec.title;
  }

  private height(data: Data): number {
    const height = this.spec.height ?? 320;
    return typeof height === "number" ? height : height(data, this.plot.clientWidth || 600);
  }

  /** The drawing for the page, or for a download: light and of a fixed width; with what is zoomed into, if it is to be in the option. */
  private drawing(use: "page" | "download", shares: Shares | undefined): (Drawing & { width: number; height: number }) | null {
    const { data, part } = this.store;
    if (!data) return null;
    const width = use === "page" ? this.plot.clientWidth || 320 : this.spec.wide ? 1100 : 720;
    const height = use === "page" ? this.height(data) : this.exportHeight(data, width);
    const shown = use === "page" ? theme() : theme("light");
    const context: Context = {
      data,
      theme: shown,
      width,
      height,
      part,
      range: data.range(part),
      window: this.zoom?.window ?? { x: null, y: null },
    };
    const drawing = this.spec.draw(context);
    if (!drawing) return null;
    const option = this.zoom
      ? zoomOption(drawing.option, this.zoom.axes, shares ?? {}, use === "page")
      : drawing.option;
    // Results come in all the time; nothing should fly about.
    return { ...drawing, option: { animation: false, ...option }, width, height };
  }

  private exportHeight(data: Data, width: number): number {
    const height = this.spec.height ?? 320;
    return typeof height === "number" ? Math.max(height, 400) : height(data, width);
  }
}

/** A link to the figure alone, where it has an address. */
function alone(spec: FigureSpec, open: Open): HTMLElement | null {
  const address = spec.addressed === false ? null : open.figure(spec.key);
  if (address === null) return null;
  const label = `Open alone: ${spec.title}`;
  return h("a", { class: "tool", href: address, "data-alone": spec.key, "data-key": `figure ${spec.key}`, title: "Open alone", "aria-label": label }, "⤢");
}
