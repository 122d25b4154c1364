/** The document as it is now, and who wants to hear of its changes. */

import { type Chosen, Data, type Part } from "./data";
import type { Analysis, Beginning, Change, Document, Trial } from "./document";
import { FILTER, link, linked, METRIC } from "./link";
import { type Changed, merge } from "./lists";
import { Names } from "./params";
import { bareAnalysis, bareStudy, bareTrials } from "./read";

/** Redraws come no closer together than this, in milliseconds, however fast results come in. */
const PACE = 1000;
/** So long is waited for those who draw, before they are asked again whether they are done. */
const AGAIN = 50;

/** The analysis before it has come. */
const NOTHING_YET: Analysis = { importance: null, combinations: [], confirm: null };

export class Store {
  /** Whether those who draw are done; on large studies that may take longer than the pace. */
  ready: () => boolean = () => true;
  private document: Document | null = null;
  /** A document that comes anew, in place of one that is shown: it takes that one's place once it is whole. */
  private coming: Document | null = null;
  private names = new Names();
  /** What has changed since the last time that everybody was told. */
  private changed: Changed[] = [];
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

  /** A whole document, at once. */
  replace(document: Document): void {
    const { trials, analysis, ...head } = document;
    this.begin({ ...head, total: trials.length, trials });
    this.analyse(analysis);
  }

  /** The head of a document. Its trials follow, and then its analysis. */
  begin({ total, trials, ...head }: Beginning): void {
    bareStudy(head.study);
    this.names = new Names();
    this.coming = { ...head, trials: [], analysis: this.document?.analysis ?? NOTHING_YET, total };
    // Where there is nothing yet, a part is better than nothing; what is shown already stays until there is all of it.
    this.document ??= this.coming;
    this.add(trials);
  }

  /** Some of the trials that are coming. */
  add(trials: Trial[]): void {
    const { coming } = this;
    bareTrials(trials, this.names);
    if (!coming) {
      // Those that went on while the others were sent.
      if (!this.document) return;
      this.merge(this.document.trials, trials);
      this.document = { ...this.document };
      return this.soon();
    }
    this.merge(coming.trials, trials);
    if (coming.trials.length >= coming.total!) {
      const { total: _, ...whole } = coming;
      this.coming = null;
      this.document = whole;
    } else if (this.document !== coming) return;
    this.soon();
  }

  change(change: Change): void {
    if (!this.document || this.coming) return;
    bareStudy(change.study);
    bareTrials(change.trials, this.names);
    this.merge(this.document.trials, change.trials);
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
    this.last = performance.now() - PACE + AGAIN;
    this.soon();
  }

  private flush(): void {
    if (this.timer !== null) window.clearTimeout(this.timer);
    this.timer = null;
    this.last = performance.now();
    if (!this.document) return;
    const data = new Data(this.document, this.chosen, this.current && { before: this.current, changes: this.changed });
    this.changed = [];
    this.current = data;
    for (const listener of this.listeners) listener(data);
  }

  private merge(trials: Trial[], changed: Trial[]): void {
    const changes = merge(trials, changed);
    if (this.current?.document.trials === trials) this.changed.push(...changes);
  }
}
