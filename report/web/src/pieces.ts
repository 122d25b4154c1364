/** A document that comes in pieces, each read by itself, with pauses between them: however large it is, the page answers meanwhile. */

import type { Analysis, Beginning, Change, Trial } from "./document";
import { read } from "./read";
import type { Store } from "./store";
import { breath } from "./turns";

/** What a piece is called, in a report and in the coordinator's events. */
export const KINDS = ["begin", "trials", "analysis", "change"] as const;
export type Kind = (typeof KINDS)[number];

/** Reads pieces in the order in which they come. */
export class Pieces {
  private readonly waiting: { kind: Kind; text: string | Promise<string> }[] = [];
  private busy: Promise<void> | null = null;

  constructor(private readonly store: Store) {}

  /** Takes a piece in, whose text may still be coming. */
  push(kind: Kind, text: string | Promise<string>): void {
    // At once, if it is here: a browser takes in no more of a stream meanwhile, so that a large study's does not pile up in memory.
    if (typeof text === "string" && !this.busy) return take(this.store, kind, text);
    this.waiting.push({ kind, text });
    this.busy ??= this.work().finally(() => (this.busy = null));
  }

  /** Once all that was taken in has been read. */
  async done(): Promise<void> {
    await this.busy;
  }

  private async work(): Promise<void> {
    for (let piece = this.waiting.shift(); piece; piece = this.waiting.shift()) {
      take(this.store, piece.kind, await piece.text);
      await breath();
    }
  }
}

function take(store: Store, kind: Kind, text: string): void {
  if (kind === "begin") store.begin(read<Beginning>(text));
  else if (kind === "trials") store.add(read<Trial[]>(text));
  else if (kind === "analysis") store.analyse(read<Analysis>(text));
  else store.change(read<Change>(text));
}
