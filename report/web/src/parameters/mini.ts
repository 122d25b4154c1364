/** A slice as small as a word: a dot for each trial, the best one marked. Drawn only where somebody can see it. */

import type { Data } from "../data";
import type { Param } from "../document";
import { h } from "../dom";
import { dequeue, enqueue } from "../figure/queue";
import { positionOf, scaleOf } from "../figure/axis";
import { jitter } from "../figures/slice";
import { onThemeChange, theme } from "../theme";

const [WIDTH, HEIGHT, EDGE] = [180, 44, 4];
/** More dots than this nobody can tell apart here. */
const DOTS = 400;

const minis = new WeakMap<Element, Mini>();
const visible = new IntersectionObserver(
  (entries) => {
    for (const entry of entries) minis.get(entry.target)?.seen(entry.isIntersecting);
  },
  { rootMargin: "100px" },
);

export class Mini {
  readonly element = h("canvas", { class: "mini", width: 2 * WIDTH, height: 2 * HEIGHT, "aria-hidden": "true" });
  private data: Data | null = null;
  private basis = "";
  private near = false;
  private stale = false;
  private readonly forget: () => void;

  /** `beside` is what else is worked out then: of many parameters, only for those in sight, one after another. */
  constructor(
    private readonly param: Param,
    private readonly beside: (data: Data) => void,
  ) {
    minis.set(this.element, this);
    visible.observe(this.element);
    this.forget = onThemeChange(() => this.redraw());
  }

  update(data: Data, part: string): void {
    const basis = `${data.progress} ${part}`;
    this.data = data;
    if (basis === this.basis) return;
    this.basis = basis;
    this.redraw();
  }

  private redraw(): void {
    this.stale = true;
    if (this.near) enqueue(this);
  }

  seen(near: boolean): void {
    this.near = near;
    if (near && this.stale) enqueue(this);
    if (!near) dequeue(this);
  }

  close(): void {
    visible.unobserve(this.element);
    dequeue(this);
    this.forget();
  }

  drawNow(): void {
    const { data, param } = this;
    const to = this.element.getContext("2d");
    if (!data || !to) return;
    this.stale = false;
    this.beside(data);
    const looks = theme();
    const scale = scaleOf(param);
    const [low, high] = data.range(data.usualPart);
    const [from, end] = scale.choices ? [-0.5, scale.choices.length - 0.5] : [scale.low ?? 0, scale.high ?? 1];
    const x = (at: number) => EDGE + ((WIDTH - 2 * EDGE) * (at - from)) / (end - from || 1);
    const y = (value: number) => HEIGHT - EDGE - ((HEIGHT - 2 * EDGE) * (value - low)) / (high - low || 1);
    to.setTransform(2, 0, 0, 2, 0, 0);
    to.clearRect(0, 0, WIDTH, HEIGHT);
    to.strokeStyle = looks.grid;
    to.strokeRect(0.5, 0.5, WIDTH - 1, HEIGHT - 1);
    const dot = (at: number, value: number, size: number) => {
      to.beginPath();
      to.arc(x(at), y(value), size, 0, 2 * Math.PI);
      to.fill();
    };
    const step = Math.max(1, Math.ceil(data.complete.length / DOTS));
    to.fillStyle = looks.categories[0]!;
    to.globalAlpha = 0.5;
    for (let i = 0; i < data.complete.length; i += step) {
      const trial = data.complete[i]!;
      const [at, value] = [positionOf(scale, trial), data.value(trial)!];
      if (at !== null && value >= low && value <= high) dot(scale.choices ? at + jitter(trial.number) : at, value, 1.6);
    }
    to.globalAlpha = 1;
    const best = data.best && positionOf(scale, data.best);
    if (typeof best === "number" && data.value(data.best) !== null) {
      to.fillStyle = looks.best;
      dot(scale.choices ? best + jitter(data.best!.number) : best, Math.min(high, Math.max(low, data.value(data.best)!)), 3.2);
    }
  }
}
