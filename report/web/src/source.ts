/** Where documents come from: a report's own text, or the coordinator's server-sent events. */

import type { Analysis, Change, Document } from "./document";
import { read } from "./read";
import type { Store } from "./store";

/** The document that a report holds: JSON, gzip, base64. */
export async function embedded(): Promise<Document> {
  const text = document.getElementById("document")?.textContent?.trim() ?? "";
  const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return read<Document>(await new Response(stream).text());
}

/** How the connection is: `live`, or `lost` while it is tried again. */
export type Link = "connecting" | "live" | "lost";

/** Follows a study for ever. A browser gives up for good on some errors; then it is tried again from here, ever more slowly. */
export function follow(study: string, store: Store, link: (link: Link) => void): void {
  let failures = 0;
  const connect = () => {
    const source = new EventSource(`/api/study/events?name=${encodeURIComponent(study)}`);
    const on = <T>(name: string, take: (message: T) => void) =>
      source.addEventListener(name, (event) => take(read<T>((event as MessageEvent<string>).data)));
    on<Document>("document", (document) => {
      failures = 0;
      link("live");
      store.replace(document);
    });
    on<Change>("change", (change) => store.change(change));
    on<Analysis>("analysis", (analysis) => store.analyse(analysis));
    source.onerror = () => {
      link("lost");
      if (source.readyState !== EventSource.CLOSED) return;
      source.close();
      failures += 1;
      window.setTimeout(connect, Math.min(30_000, 1000 * 2 ** Math.min(failures, 5)) * (0.75 + 0.5 * Math.random()));
    };
  };
  connect();
}
