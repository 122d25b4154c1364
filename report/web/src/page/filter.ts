/**
 * Finds trials by words: all of them must occur in what a trial says of itself. Ten thousand trials of 200 parameters say two million
 * things, so they are looked through a few at a time; what has been found of a trial is kept until other words are wanted.
 */

import type { Data } from "../data";
import type { Choice, Trial } from "../document";
import { eachParam } from "../params";
import { breath, TURN } from "../turns";
import { stateText } from "./columns";

export class Search {
  private words: string[] = [];
  private query = "";
  /** Which of the words a trial has, but for its state, which may follow from others. A trial that changes is another object. */
  private known = new WeakMap<Trial, number>();
  private hits = new Map<string, number>();
  private looking = 0;

  /** `done` is called when all have been looked at that were not known before. */
  constructor(private readonly done: () => void) {}

  /** Those that have all words; null while it looks, for as long as it takes. */
  found(trials: readonly Trial[], query: string, data: Data): Trial[] | null {
    if (query !== this.query) {
      this.query = query;
      // More than 30 words nobody types.
      this.words = query.toLowerCase().split(/\s+/).filter(Boolean).slice(0, 30);
      this.known = new WeakMap();
      this.hits.clear();
    }
    this.looking += 1;
    if (this.words.length === 0) return [...trials];
    const end = performance.now() + TURN;
    const next = this.look(trials, 0, end);
    if (next < trials.length) {
      void this.goOn(trials, next, this.looking);
      return null;
    }
    const all = 2 ** this.words.length - 1;
    return trials.filter((trial) => {
      const has = this.known.get(trial)!;
      return has === all || (has | this.ofState(trial, data)) === all;
    });
  }

  private async goOn(trials: readonly Trial[], from: number, turn: number): Promise<void> {
    for (let next = from; next < trials.length; ) {
      await breath();
      // Somebody wants something else by now.
      if (turn !== this.looking) return;
      next = this.look(trials, next, performance.now() + TURN);
    }
    this.done();
  }

  /** From where it has to go on. */
  private look(trials: readonly Trial[], from: number, end: number): number {
    for (let i = from; i < trials.length; i += 1) {
      if (i % 16 === 0 && performance.now() > end) return i;
      const trial = trials[i]!;
      if (!this.known.has(trial)) this.known.set(trial, this.ofTrial(trial));
    }
    return trials.length;
  }

  private ofTrial(trial: Trial): number {
    const texts = [trial.worker, trial.fail_reason ?? "", ...(trial.tags ?? [])].map((text) => text.toLowerCase());
    let has = this.each((word) => (/^#\d+$/.test(word) ? `#${trial.number}` === word : texts.some((text) => text.includes(word))));
    eachParam(trial.params, (name, value) => (has |= this.ofParam(name, value)));
    return has;
  }

  private ofState(trial: Trial, data: Data): number {
    const text = stateText(trial, data).toLowerCase();
    return this.each((word) => text.includes(word));
  }

  /** What "winit_conv=he_normal" and the like has; a few texts come again and again. */
  private ofParam(name: string, value: Choice): number {
    const text = `${name}=${String(value)}`.toLowerCase();
    if (typeof value === "number") return this.each((word) => text.includes(word));
    let hits = this.hits.get(text);
    if (hits === undefined) this.hits.set(text, (hits = this.each((word) => text.includes(word))));
    return hits;
  }

  private each(has: (word: string) => boolean): number {
    return this.words.reduce((bits, word, i) => (has(word) ? bits | (1 << i) : bits), 0);
  }
}
