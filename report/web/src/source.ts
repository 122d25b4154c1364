/** Where documents come from: a report's own text, or the coordinator's server-sent events. */

import { type Kind, KINDS, Pieces } from "./pieces";
import type { Store } from "./store";

/** Reads the document that a report holds: pieces, each of them JSON, gzip, base64, in elements of their own. */
export async function embedded(store: Store, place: ParentNode = document): Promise<void> {
  const pieces = new Pieces(store);
  for (const element of place.querySelectorAll<HTMLElement>("script[data-piece]")) {
    pieces.push(element.dataset["piece"] as Kind, unpacked(element.textContent ?? ""));
    element.remove();
    await pieces.done();
  }
}

async function unpacked(text: string): Promise<string> {
  const binary = atob(text.trim());
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; i += 1) bytes[i] = binary.charCodeAt(i);
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).text();
}

/** How the connection is: `live`, or `lost` while it is tried again. */
export type Link = "connecting" | "live" | "lost";

/** Follows a study for ever. A browser gives up for good on some errors; then it is tried again from here, ever more slowly. */
export function follow(study: string, store: Store, link: (link: Link) => void): void {
  let failures = 0;
  const connect = () => {
    const source = new EventSource(`/api/study/events?name=${encodeURIComponent(study)}`);
    const pieces = new Pieces(store);
    for (const kind of KINDS) {
      source.addEventListener(kind, (event) => {
        if (kind === "begin") {
          failures = 0;
          link("live");
        }
        pieces.push(kind, (event as MessageEvent<string>).data);
      });
    }
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
