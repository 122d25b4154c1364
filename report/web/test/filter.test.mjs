// Filters: the same cases as the command line's (report/src/filter/cases.json), in the same words.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import { build } from "esbuild";

// Node runs no TypeScript.
const load = async (file) => {
  const { outputFiles } = await build({ entryPoints: [file], bundle: true, format: "esm", write: false });
  return import(`data:text/javascript,${encodeURIComponent(outputFiles[0].text)}`);
};
const { compile } = await load("src/filter/filter.ts");

const groups = JSON.parse(readFileSync("../src/filter/cases.json", "utf8"));
/** A filter, or the parts of a long one with how often each stands there. */
const written = (filter) => (typeof filter === "string" ? filter : filter.map(([part, times]) => part.repeat(times)).join(""));

for (const { study, trials, matches, errors } of groups) {
  for (const { filter, trials: wanted } of matches) {
    test(`${study.name}: ${filter}`, () => {
      const { matches, problem } = compile(written(filter), study, trials);
      assert.equal(problem, null, problem?.message);
      const found = trials.filter((trial) => matches === null || matches(trial)).map((trial) => trial.number);
      assert.deepEqual(found, wanted);
    });
  }
  for (const { filter, at, length, message, hint } of errors) {
    test(`${study.name}, wrong: ${written(filter).slice(0, 60)}`, () => {
      const { problem } = compile(written(filter), study, trials);
      assert.deepEqual({ ...problem?.span && { at: problem.span.at, length: problem.span.length }, message: problem?.message, hint: problem?.hint }, { at, length, message, hint });
    });
  }
}
