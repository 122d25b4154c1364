/** Files that a trial or a study keeps: pictures are shown, everything else is there to be downloaded. */

import type { Artifact } from "../document";
import { h, setText } from "../dom";
import { bytes, time } from "../format";
import type { Links } from "./links";

/** The kinds of picture that browsers show and that hold no program. An SVG does, so it is a file like others. */
const PICTURES = new Set(["image/png", "image/jpeg", "image/gif", "image/webp"]);

/** Larger pictures are not shown: they would only keep the browser busy. */
const LARGEST = 16 * 1024 ** 2;

/** So many files are listed at a time. */
const AT_ONCE = 24;

/** A list that is drawn anew only if the files are others than before: what has been loaded stays. */
export function artifactList(links: Links | null): { element: HTMLElement; update: (trial: number | null, files: Artifact[]) => void } {
  const list = h("ul", { class: "files" });
  const button = h("button", { type: "button", class: "tool more", hidden: true, onclick: () => more() });
  let now = "";
  let files: Artifact[] = [];
  let trial: number | null = null;
  const more = () => {
    const made = list.childElementCount;
    const next = files.slice(made, made + AT_ONCE).map((file) => item(file, links?.artifact(trial, file) ?? null));
    list.append(...next);
    const left = files.length - list.childElementCount;
    // The focus goes on to what has come, rather than nowhere.
    if (left === 0 && document.activeElement === button) next[0]?.querySelector<HTMLElement>("a")?.focus();
    button.hidden = left === 0;
    setText(button, `Show ${Math.min(left, AT_ONCE)} more of ${left} files`);
  };
  return {
    element: h("div", { class: "kept-files" }, list, button),
    update: (of, all) => {
      const next = JSON.stringify([of, all]);
      if (next === now) return;
      [now, trial, files] = [next, of, all];
      // As many as were shown before, so that nothing moves away under the reader's eyes.
      const shown = Math.max(AT_ONCE, list.childElementCount);
      list.replaceChildren();
      do more();
      while (list.childElementCount < Math.min(shown, files.length));
    },
  };
}

function item(file: Artifact, address: string | null): HTMLElement {
  const name = address === null ? h("strong", {}, file.name) : h("a", { href: address, download: true }, file.name);
  const about = [`${file.media_type || "of unknown type"} · ${bytes(file.size)}`, `saved ${time(file.saved)}`];
  const sum = h("details", {}, h("summary", {}, "SHA-256"), h("code", {}, file.sha256 || "–"));
  return h("li", {}, picture(file, address), h("div", {}, h("p", { class: "file-name" }, name), ...about.map((text) => h("p", { class: "hint" }, text)), sum));
}

/** The picture, as a link to itself in full size. What only says that it is one is a file like others. */
function picture(file: Artifact, address: string | null): HTMLElement | null {
  if (address === null || !PICTURES.has(file.media_type) || file.size > LARGEST) return null;
  const image = h("img", { src: address, alt: file.name, loading: "lazy", decoding: "async" });
  const link = h("a", { href: address, class: "picture", target: "_blank", rel: "noopener" }, image);
  image.addEventListener("error", () => link.replaceWith(h("p", { class: "hint" }, "It could not be shown as a picture.")), { once: true });
  return link;
}
