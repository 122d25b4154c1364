/** Reasons of failures, as `coordinator/study/src/failures.rs` tells them apart. */

/** How much of a reason counts, in characters. */
const LONGEST = 300;

/** How Python begins a traceback. */
const TRACEBACK = "\nTraceback (most recent call last):";

/** The beginning of a reason, on one line, without a traceback that follows. */
export function oneLine(reason: string): string {
  const said = reason.split(TRACEBACK, 1)[0]!;
  return [...(said.trim() === "" ? reason : said)].slice(0, LONGEST).join("").split(/\s+/).filter(Boolean).join(" ");
}

/** The same without its numbers: reasons that differ only in numbers are of one kind. */
export function kindOf(reason: string): string {
  let kind = "";
  let inNumber = false;
  for (const c of oneLine(reason)) {
    inNumber = /[0-9]/.test(c) || (inNumber && /[.\-+eE]/.test(c));
    if (!inNumber) kind += c;
    else if (!kind.endsWith("#")) kind += "#";
  }
  return kind;
}
