/** The document as it is now, and who wants to hear of its changes. */

import { type Chosen, Data, type Part } from "./data";
import type { Analysis, Change, Document, Trial } from "./document";
import { FILTER, link, linked, METRIC } from "./link";
import { bareAnalysis, bareStudy, bareTrials } from "./read";

/** Redraws come no closer together than this, in milliseconds, however fast results come in. */
const PACE = 1000;

export class Store {
  /** Whether those who draw are done; on large studies that may take longer than the pace. */
  ready: () => boolean = () => true;
  private document: Document | null = null;
  private listeners = new Set<(data: Data) => void>();
  private chosenPart: Part | null = null;
  /** Whether the browser keeps the choice in the address. */
  private linked = true;
  private chosen: Chosen = { metric: linked(METRIC), filter: linked(FILTER) ?? "" };
  private timer: number | null = null;
  private last = -Infinity;
  private current: Data | null = null;

  /** What there is; null until the first document has come. */
  get data(): Data | null {
    return this.current;
  }

  subscribe(listener: (data: Data) => void): void {
    this.listeners.add(listener);
  }

  replace(document: Document): void {
    bareStudy(document.study);
    bareTrials(document.trials);
    bareAnalysis(document.analysis);
    this.document = document;
    this.soon();
  }

  change(change: Change): void {
    if (!this.document) return;
    bareStudy(change.study);
    bareTrials(change.trials);
    merge(this.document.trials, change.trials);
    const artifacts = change.artifacts ?? this.document.artifacts;
    this.document = { ...this.document, study: change.study, workers: change.workers, artifacts, generated: Date.now() };
    this.soon();
  }

  analyse(analysis: Analysis): void {
    if (!this.document) return;
    bareAnalysis(analysis);
    this.document = { ...this.document, analysis };
    this.soon();
  }

  /** The part of the values that all value axes show; of what is no objective, all. */
  get part(): Part {
    if (this.current && !this.current.judged) return "all";
    return this.chosenPart ?? this.current?.usualPart ?? "all";
  }

  set part(part: Part) {
    this.chosenPart = part;
    this.flush();
  }

  /** What all figures are about, by its key: the first objective, or what was chosen, here or in the page's address. */
  get metric(): string {
    return this.current?.measure.key ?? this.chosen.metric ?? "";
  }

  set metric(metric: string) {
    const first = metric === this.current?.measures[0]?.key;
    this.linked = link(METRIC, first ? null : metric);
    this.take({ ...this.chosen, metric: first ? null : metric });
  }

  /** Which trials all figures and tables are about, as an expression; empty if about all. */
  get filter(): string {
    return this.chosen.filter ?? "";
  }

  set filter(filter: string) {
    this.linked = link(FILTER, filter.trim() || null);
    this.take({ ...this.chosen, filter: filter.trim() });
  }

  /** Takes what the address says now, as after going back. */
  choose(): void {
    if (this.linked) this.take({ metric: linked(METRIC), filter: linked(FILTER) ?? "" });
  }

  private take(chosen: Chosen): void {
    if (chosen.metric === this.chosen.metric && chosen.filter === this.chosen.filter) return;
    this.chosen = chosen;
    this.flush();
  }

  /** Tells everybody, now or as soon as the pace allows. */
  private soon(): void {
    if (this.timer !== null) return;
    const wait = Math.max(0, this.last + PACE - performance.now());
    this.timer = window.setTimeout(() => (this.ready() ? this.flush() : this.later()), wait);
  }

  /** Those who draw are not done with the last change. */
  private later(): void {
    this.timer = null;
    this.last = performance.now() - PACE / 2;
    this.soon();
  }

  private flush(): void {
    if (this.timer !== null) window.clearTimeout(this.timer);
    this.timer = null;
    this.last = performance.now();
    if (!this.document) return;
    const data = new Data(this.document, this.chosen);
    this.current = data;
    for (const listener of this.listeners) listener(data);
  }
}

/** Puts changed and new trials in their places. */
export function merge(trials: Trial[], changed: Trial[]): void {
  for (const trial of [...changed].sort((a, b) => a.number - b.number)) {
    const last = trials[trials.length - 1];
    if (!last || last.number < trial.number) trials.push(trial);
    else {
      const at = place(trials, trial.number);
      trials.splice(at, trials[at]?.number === trial.number ? 1 : 0, trial);
    }
  }
}

/** Where a number is, or belongs, by bisection. */
function place(trials: Trial[], number: number): number {
  let [low, high] = [0, trials.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (trials[middle]!.number < number) low = middle + 1;
    else high = middle;
  }
  return low;
}
