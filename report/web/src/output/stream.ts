/** A trial's output, as the coordinator sends it: JSON, an object to a line. It is read again after every failure, ever more slowly. */

import { saidBy } from "../read";

export interface Line {
  attempt: number;
  /** In milliseconds since 1970 UTC. */
  time: number;
  stream: "stdout" | "stderr" | "log";
  text: string;
  /** How much before this line was left out. */
  lines_left_out?: number;
  bytes_left_out?: number;
}

export interface Listener {
  /** What comes next is told from its beginning. */
  begin: () => void;
  lines: (lines: Line[]) => void;
  /** That was all: the trial writes no more. */
  end: () => void;
  /** Why nothing comes for now; it is tried again, unless that is of no use. */
  failed: (why: string, again: boolean) => void;
}

/** No line is longer: one has at most 16 KiB, each byte of which is at most `\u0000`. */
const LONGEST = 1 << 20;
/** The coordinator says something at least every few seconds. */
const SILENCE = 60_000;
const SLOWEST = 30_000;

/** Reads until all is there, or until the returned function is called. */
export function readOutput(address: string, listener: Listener): () => void {
  const stop = new AbortController();
  void run(address, listener, stop.signal);
  return () => stop.abort();
}

async function run(address: string, listener: Listener, stop: AbortSignal): Promise<void> {
  for (let failures = 0; !stop.aborted; failures += 1) {
    const began = performance.now();
    const failure = await once(address, listener, stop);
    if (stop.aborted || failure === null) return;
    listener.failed(failure.why, failure.again);
    if (!failure.again) return;
    if (performance.now() - began > SLOWEST) failures = 0;
    const wait = Math.min(SLOWEST, 1000 * 2 ** Math.min(failures, 5)) * (0.75 + 0.5 * Math.random());
    await new Promise((done) => setTimeout(done, wait));
  }
}

interface Failure {
  why: string;
  again: boolean;
}

/** Null if the trial writes no more. */
async function once(address: string, listener: Listener, stop: AbortSignal): Promise<Failure | null> {
  const attempt = new AbortController();
  const giveUp = () => attempt.abort();
  stop.addEventListener("abort", giveUp);
  let timer: ReturnType<typeof setTimeout> | undefined;
  const heard = () => {
    clearTimeout(timer);
    timer = setTimeout(giveUp, SILENCE);
  };
  try {
    heard();
    const answer = await fetch(address, { signal: attempt.signal });
    if (!answer.ok) return await refused(answer);
    listener.begin();
    for await (const found of records(answer.body!, heard)) {
      const lines = found.filter((record): record is Line => !("end" in record));
      if (stop.aborted) return null;
      if (lines.length > 0) listener.lines(lines);
      if (lines.length < found.length) {
        listener.end();
        return null;
      }
    }
    return { why: "the connection was closed", again: true };
  } catch (error) {
    const why = attempt.signal.aborted ? "nothing was heard for a minute" : error instanceof Error ? error.message : String(error);
    return { why, again: true };
  } finally {
    clearTimeout(timer);
    stop.removeEventListener("abort", giveUp);
    // Of a stream that is given up nothing more is sent.
    giveUp();
  }
}

/** What the coordinator said; of no use to try again is what was wrong with the question. */
async function refused(answer: Response): Promise<Failure> {
  const again = answer.status >= 500 || answer.status === 429;
  return { why: await saidBy(answer), again };
}

/** The objects of a stream, as many at a time as have come. */
export async function* records(
  stream: ReadableStream<Uint8Array>,
  heard: () => void = () => undefined,
): AsyncGenerator<(Line | { end: true })[]> {
  const reader = stream.getReader();
  const decoder = new TextDecoder();
  let rest = "";
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      heard();
      const parts = (rest + decoder.decode(value, { stream: true })).split("\n");
      rest = parts.pop()!;
      if (rest.length > LONGEST) throw new Error("the coordinator sent a line that is too long");
      const found = parts.filter((part) => part !== "").map((part) => JSON.parse(part) as Line | { end: true });
      if (found.length > 0) yield found;
    }
  } finally {
    reader.cancel().catch(() => undefined);
  }
}
