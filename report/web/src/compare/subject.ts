/** A study among those that are compared: what is kept of it, so that eight large ones fit into a browser. */

import { Data } from "../data";
import type { Document, Trial } from "../document";
import { studyAddress } from "../shell/addresses";

export interface Subject {
  /** The true name, and as it may be shown. */
  name: string;
  shown: string;
  /** Which colour and mark it has. */
  place: number;
  /** Null until it has come. */
  document: Document | null;
  /** Why it has not come. */
  problem: string | null;
}

/** Without what trials reported on their way and left behind. */
export function slim(document: Document): Document {
  return { ...document, workers: [], artifacts: [], trials: document.trials.map(slimTrial) };
}

function slimTrial({ number, state, values, constraints, params, attempt, worker, fail_reason, retry_of, confirms, start, complete }: Trial): Trial {
  return { number, state, values, constraints, params, attempt, worker, fail_reason, retry_of, confirms, start, complete, curve: [], attributes: {} };
}

/** The study as figures see it, by the metric of this name; null if it has none, or has not come. */
export function dataOf(subject: Subject, metric: string | null): Data | null {
  if (!subject.document) return null;
  if (metric !== null && !metricNames(subject.document).includes(metric)) return null;
  return new Data(subject.document, { metric });
}

export function metricNames(document: Document): string[] {
  const { values } = new Data(document);
  return document.study.directions.map((_, i) => values.name(i));
}

/** The metrics of all studies, those of most studies first. Null stands for each study's first one. */
export function metricsOf(subjects: readonly Subject[]): (string | null)[] {
  const counts = new Map<string, number>();
  const known = subjects.flatMap(({ document }) => (document ? [metricNames(document)] : []));
  for (const names of known) for (const name of new Set(names)) counts.set(name, (counts.get(name) ?? 0) + 1);
  const sorted = [...counts].sort((a, b) => b[1] - a[1]).map(([name]) => name);
  const shared = sorted.some((name) => counts.get(name) === known.length);
  return shared || known.length < 2 ? sorted : [null, ...sorted];
}

/** The address of a view of the study. */
export function addressOf({ name }: Subject, view = "overview", item: string | null = null): string {
  return studyAddress(name, { view, item });
}
