// Lists of trials that follow changes are those that would be made anew, and so is all that figures take from them.

import assert from "node:assert/strict";
import test from "node:test";
import { build } from "esbuild";
import { at, fake } from "../dev/fake.mjs";

async function load(...names) {
  const contents = names.map((name) => `export * from "./src/${name}";`).join("\n");
  const made = await build({ stdin: { contents, resolveDir: "." }, bundle: true, format: "esm", write: false });
  return import(`data:text/javascript,${encodeURIComponent(made.outputFiles[0].text)}`);
}
const { Data, merge } = await load("data", "lists");

function generator(seed) {
  let a = seed;
  return (n) => {
    a = (Math.imul(a, 1664525) + 1013904223) >>> 0;
    return Math.floor((a / 2 ** 32) * n);
  };
}

/** A trial as it may be: few different values, so that many are equal. */
function trial(number, objectives, any) {
  const state = ["RUNNING", "WAITING", "COMPLETE", "COMPLETE", "COMPLETE", "PRUNED", "FAIL"][any(7)];
  const over = state === "COMPLETE";
  return {
    number,
    state,
    values: over ? Array.from({ length: objectives }, () => any(6)) : [],
    constraints: over && any(4) > 0 ? [any(5) - 3] : [],
    params: {},
    curve: [],
    attributes: over ? { [`a${any(4)}`]: any(2) ? 1 : "text" } : {},
    confirms: any(10) === 0 ? { of: 0, seed: 1 } : null,
    attempt: 1,
    worker: "",
    fail_reason: null,
    retry_of: null,
    start: null,
    complete: null,
  };
}

const seen = (data) => ({
  trials: [...data.trials],
  search: data.search,
  complete: data.complete,
  feasible: data.feasible,
  infeasible: data.infeasible,
  ranked: data.ranked,
  best: data.best,
  places: data.trials.map((t) => data.rank(t)),
  fields: data.fields.map((f) => `${f.group} ${f.name}`),
  measures: data.measures.map((m) => m.key),
  measure: data.measure.key,
  problem: data.filter.problem?.message,
  usual: data.usualPart,
  range: data.range("half"),
  ranges: ["all", "half", "quarter", "tenth"].map((part) => data.study.directions.map((_, i) => data.rangeOf(part, i))),
});

const base = (objectives) => at(fake({ objectives, budget: 3, seeds: 0, diagnoses: false }), 3);
const CHOSEN = [
  {},
  { filter: "number % 2" },
  { filter: "number > 5 and not state = failed" },
  { filter: "feasible" },
  { filter: "a1 = 1", metric: "number" },
  { metric: "attr.a2" },
  { filter: "nothing.like = this" },
];

for (const [objectives, constrained] of [
  [1, false],
  [1, true],
  [2, true],
]) {
  test(`what is known of ${objectives} objectives${constrained ? " with a constraint" : ""} follows any changes`, () => {
    const { study, ...rest } = base(objectives);
    for (let seed = 1; seed <= 42; seed += 1) {
      const any = generator(seed);
      const chosen = { ...CHOSEN[seed % CHOSEN.length] };
      if (objectives > 1 && any(2)) chosen.metric ??= study.metrics[1];
      let document = { ...rest, study: { ...study, best: null, constraints: constrained ? ["c"] : [] }, trials: [] };
      let data = new Data(document, chosen);
      let most = 0;
      for (let step = 0; step < 25; step += 1) {
        // Some that are there already, some new ones, not in order and with gaps, and sometimes one twice.
        const numbers = Array.from({ length: 1 + any(8) }, () => any(most + 4));
        most = Math.max(most, ...numbers.map((n) => n + 1));
        const changes = merge(document.trials, numbers.map((number) => trial(number, objectives, any)));
        const all = document.trials.map((t) => t.number);
        assert.deepEqual(all, [...new Set(all)].sort((a, b) => a - b));
        if (any(10) === 0) document = { ...document, study: { ...document.study, constraints: ["c", "d"].slice(0, any(3)) } };
        document = { ...document };
        data = new Data(document, chosen, { before: data, changes });
        // Not everybody asks for everything each time.
        if (any(3) > 0) assert.deepEqual(seen(data), seen(new Data({ ...document, trials: [...document.trials] }, chosen)));
      }
    }
  });
}
