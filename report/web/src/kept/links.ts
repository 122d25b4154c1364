/** Where the coordinator has what trials leave behind. A report has no links: nobody serves them. */

import type { Artifact } from "../document";

export interface Links {
  /** A file of a trial, or of the study itself. */
  artifact: (trial: number | null, artifact: Artifact) => string;
  /** What a trial writes, as it does so: the last lines of one attempt or of all. */
  output: (trial: number, attempt: number | null, last: number) => string;
  /** The trials that a filter lets through, as `kindling study export` writes them. */
  trials: (format: "csv" | "json", filter: string) => string;
}

/** Those of a study, by its true name. Names stand in the query, so that browsers resolve none of them. */
export function linksOf(study: string): Links {
  const name = encodeURIComponent(study);
  return {
    artifact: (trial, { path, sha256 }) => {
      const of = trial === null ? "" : `&trial=${trial}`;
      // Browsers remember pictures by their address, and one of the same name may take a file's place.
      return `/study/artifact?name=${name}${of}&file=${path}&sha256=${sha256.slice(0, 16)}`;
    },
    output: (trial, attempt, last) => {
      const of = attempt === null ? "" : `&attempt=${attempt}`;
      return `/api/study/output?name=${name}&trial=${trial}${of}&last=${last}&follow=true`;
    },
    trials: (format, filter) => `/api/study/export?name=${name}&format=${format}${filter === "" ? "" : `&filter=${encodeURIComponent(filter)}`}`,
  };
}
