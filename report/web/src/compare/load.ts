/** Fetches the studies that are compared, and again what has changed. */

import type { Document } from "../document";
import { bareAnalysis, bareStudy, bareTrials, read } from "../read";
import { slim, type Subject } from "./subject";

/** How often the list is asked what has changed, in milliseconds. */
const EVERY = 5000;
/** A study is fetched again after so many times what that took last: large ones less often. */
const PAUSES = 10;

/** Fetches one after another, tells of each, and goes on while the page is open. */
export async function load(subjects: readonly Subject[], changed: () => void): Promise<void> {
  const known = new Map<string, { state: string; again: number }>();
  for (let first = true; ; first = false) {
    // At first nobody waits for the list; so the second time all are fetched once more.
    const states = first ? null : await statesOf(subjects.map(({ name }) => name));
    for (const subject of subjects) {
      const last = known.get(subject.name);
      const state = states?.get(subject.name) ?? "";
      if (last && (states === null || last.state === state || performance.now() < last.again)) continue;
      const start = performance.now();
      await fetchOne(subject);
      known.set(subject.name, { state, again: performance.now() + PAUSES * (performance.now() - start) });
      changed();
    }
    await new Promise((done) => window.setTimeout(done, EVERY));
    await visible();
  }
}

/** What the list says of each: if that is the same, so is the study. Null if the list does not come. */
async function statesOf(names: readonly string[]): Promise<Map<string, string> | null> {
  try {
    const answer = await fetch("/api/studies");
    if (!answer.ok) return null;
    const lines = (await answer.json()) as { name: string }[];
    const wanted = new Set(names);
    return new Map(lines.filter(({ name }) => wanted.has(name)).map((line) => [line.name, JSON.stringify(line)]));
  } catch {
    return null;
  }
}

async function fetchOne(subject: Subject): Promise<void> {
  try {
    const answer = await fetch(`/api/study?name=${encodeURIComponent(subject.name)}`);
    if (!answer.ok) {
      subject.problem = answer.status === 404 ? "There is no such study." : `It does not come: ${answer.status} ${answer.statusText}.`;
      if (answer.status === 404) subject.document = null;
      return;
    }
    const document = read<Document>(await answer.text());
    bareStudy(document.study);
    bareTrials(document.trials);
    bareAnalysis(document.analysis);
    subject.document = slim(document);
    subject.problem = null;
  } catch (error) {
    subject.problem = `It does not come: ${error instanceof Error ? error.message : String(error)}.`;
  }
}

/** Once somebody sees the page. */
function visible(): Promise<void> {
  if (!document.hidden) return Promise.resolve();
  return new Promise((done) => document.addEventListener("visibilitychange", () => done(), { once: true }));
}
