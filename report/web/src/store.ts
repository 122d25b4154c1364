/** The document as it is now, and who wants to hear of its changes. */

import { Data, type Part } from "./data";
import type { Analysis, Beginning, Change, Document, Trial } from "./document";
import { linkedMetric, linkMetric } from "./link";
import { type Changed, Lists, merge } from "./lists";
import { Names } from "./params";
import { bareAnalysis, bareStudy, bareTrials } from "./read";
import { FIRST, Values } from "./values";

/** Redraws come no closer together than this, in milliseconds, however fast results come in. */
const PACE = 1000;

/** The analysis before it has come. */
const NOTHING_YET: Analysis = { importance: null, combinations: [], confirm: null };

export class Store {
  /** Whether those who draw are done; on large studies that may take longer than the pace. */
  ready: () => boolean = () => true;
  private document: Document | null = null;
  /** A document that comes anew, in place of one that is shown: it takes that one's place once it is whole. */
  private coming: Document | null = null;
  private names = new Names();
  /** The lists of these trials by these rules, and what has changed since they were made. */
  private lists: { of: Trial[]; rules: string; lists: Lists } | null = null;
  private changed: Changed[] = [];
  private listeners = new Set<(data: Data) => void>();
  private chosenPart: Part | null = null;
  private chosenMetric: number | null = null;
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
    this.chosenMetric ??= linkedMetric(head.study.metrics);
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

  /** The part of the values that all value axes show. */
  get part(): Part {
    return this.chosenPart ?? this.current?.usualPart ?? "all";
  }

  set part(part: Part) {
    this.chosenPart = part;
    this.flush();
  }

  /** The objective that all figures are about, by its index: the first, or what was chosen, here or in the page's address. */
  get metric(): number {
    return this.chosenMetric ?? FIRST;
  }

  set metric(metric: number) {
    this.chosenMetric = metric;
    linkMetric(this.document?.study.metrics ?? [], metric);
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
    const data = new Data(this.document, this.metric, this.listsOf(this.document));
    this.current = data;
    for (const listener of this.listeners) listener(data);
  }

  private merge(trials: Trial[], changed: Trial[]): void {
    const changes = merge(trials, changed);
    if (this.lists?.of === trials) this.changed.push(...changes);
  }

  private listsOf({ trials, study }: Document): Lists {
    // Of Optuna's studies, what they have may become more.
    const rules = JSON.stringify([this.metric, study.directions, study.constraints]);
    if (this.lists?.of === trials && this.lists.rules === rules) this.lists.lists.change(this.changed);
    else {
      const values = new Values(study.directions, study.metrics, study.constraints);
      this.lists = { of: trials, rules, lists: new Lists(trials, values, this.metric) };
    }
    this.changed = [];
    return this.lists.lists;
  }
}
