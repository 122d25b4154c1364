/** The calls that change something. The coordinator checks every one of them again, whatever the page allows. */

import type { Choice } from "../document";
import { read, visible } from "../read";
import { userHeader } from "./user";

/** A value as the coordinator takes it: lists and tables as themselves. */
export type Value = Choice | Value[] | { [name: string]: Value };

export type Change =
  | { do: "pause" }
  | { do: "resume"; trials?: number }
  | { do: "stop" }
  | { do: "budget"; trials: number }
  | { do: "delete"; name: string }
  | { do: "enqueue"; params: Record<string, Value>; warm_start?: number; request_id: string }
  | { do: "retry"; trials: number[]; request_id: string }
  | { do: "note"; trial?: number; text: string; version: number }
  | { do: "tags"; trial?: number; tags: string[] }
  | { do: "archive"; archived: boolean };

/** What came of a retry: old and new numbers, and why others were refused. */
export interface Retried {
  retried: [number, number][];
  refused: [number, string][];
}

/** What is wrong with a study file, and where; lines and columns count from 1. */
export interface Fault {
  error: string;
  line: number | null;
  column: number | null;
  hint: string | null;
}

/** One line of what people did. */
export interface Activity {
  time: number;
  who: string;
  from: string;
  what: string;
  study: string;
  trial: number | null;
  details: string;
}

/** Why a call failed: what the coordinator said, and what to do about it. */
export class Refused extends Error {
  constructor(
    message: string,
    readonly hint: string,
    /** The status of the answer; 0 if there was none. */
    readonly status = 0,
    /** All that the answer said. */
    readonly said: Record<string, unknown> = {},
  ) {
    super(message);
  }
}

/** Longer than the coordinator takes for anything, so that nothing waits for ever. */
const PATIENCE = 30_000;

export async function change(study: string, what: Change): Promise<Record<string, unknown>> {
  return ask(`/api/change?name=${encodeURIComponent(study)}`, what);
}

/** Checks a study file, and creates the study unless it is only to be checked. `created` is false if there is one just like it. */
export async function create(text: string, dry_run: boolean): Promise<{ name: string; created: boolean } | Fault> {
  try {
    const { name, created } = await ask("/api/studies", { text, dry_run });
    return { name: String(name), created: created === true };
  } catch (error) {
    // A study of this name may exist with other contents.
    if (!(error instanceof Refused) || (error.status !== 422 && error.status !== 409)) throw error;
    const whole = (of: unknown) => (typeof of === "number" ? of : null);
    return { error: error.message, hint: error.hint || null, line: whole(error.said["line"]), column: whole(error.said["column"]) };
  }
}

/** What was done to a study, or to any of the coordinator's: newest first, before the place that an earlier answer named. */
export async function activities(study: string | null, before: string | null): Promise<{ activities: Activity[]; next: string | null }> {
  const query = new URLSearchParams();
  if (study !== null) query.set("name", study);
  if (before !== null) query.set("before", before);
  return (await ask(`/api/activity?${query}`)) as unknown as { activities: Activity[]; next: string | null };
}

/** A note as it was written, and how often it has changed. */
export interface Note {
  text: string;
  version: number;
}

/** The whole note of a study, or of one of its trials: the stream of changes has only the beginning of a long one. */
export async function noteOf(study: string, trial: number | undefined): Promise<Note> {
  const of = trial === undefined ? "" : `&trial=${trial}`;
  // Hidden characters stay as they are: it may be edited, and whatever shows it makes them visible.
  const { note, note_version } = await ask(`/api/note?name=${encodeURIComponent(study)}${of}`, undefined, JSON.parse);
  return { text: String(note ?? ""), version: Number(note_version ?? 0) };
}

/** An id by which a repeated request is known. Not by `crypto.randomUUID`, which pages without TLS do not have. */
export function requestId(): string {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

async function ask(path: string, body?: unknown, parse: (text: string) => Record<string, unknown> = read): Promise<Record<string, unknown>> {
  const post = { method: "POST", headers: { "content-type": "application/json", ...userHeader() }, body: JSON.stringify(body) };
  const answer = await fetch(path, { ...(body === undefined ? {} : post), signal: AbortSignal.timeout(PATIENCE) }).catch(() => {
    throw new Refused("The coordinator does not answer.", "Try again in a moment. Whether it was done is in the study's activity.");
  });
  const text = await answer.text();
  if (answer.ok) return parse(text);
  throw refusal(answer.status, text);
}

function refusal(status: number, text: string): Refused {
  if (status === 401) return new Refused("You are not logged in any more.", "Load the page again to log in.", status);
  let said: Record<string, unknown>;
  try {
    said = read(text);
  } catch {
    // Whatever stands between the page and the coordinator has words of its own.
    said = { error: visible(text.slice(0, 300)) || `The answer was ${status}.` };
  }
  return new Refused(String(said["error"] ?? `The answer was ${status}.`), String(said["hint"] ?? ""), status, said);
}
