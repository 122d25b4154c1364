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
const { Data, Lists, merge, Values } = await load("data", "lists", "values");

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
  search: data.search,
  complete: data.complete,
  feasible: data.feasible,
  infeasible: data.infeasible,
  ranked: data.ranked,
  best: data.best,
  places: data.trials.map((t) => data.rank(t)),
  outcomes: data.outcomes.map((o) => o.key),
  usual: data.usualPart,
  ranges: ["all", "half", "quarter", "tenth"].map((part) => data.study.directions.map((_, i) => data.rangeOf(part, i))),
});

for (const [objectives, constrained] of [
  [1, false],
  [1, true],
  [2, true],
]) {
  test(`lists of ${objectives} objectives${constrained ? " with a constraint" : ""} follow any changes`, () => {
    const base = at(fake({ objectives, budget: 3, seeds: 0, diagnoses: false }), 3);
    for (let seed = 1; seed <= 40; seed += 1) {
      const any = generator(seed);
      const study = { ...base.study, best: null, constraints: constrained ? ["c"] : [] };
      const values = new Values(study.directions, study.metrics, study.constraints);
      const trials = [];
      const metric = any(objectives);
      const lists = new Lists(trials, values, metric);
      let most = 0;
      for (let step = 0; step < 30; step += 1) {
        // Some that are there already, some new ones, not in order and with gaps, and sometimes one twice.
        const numbers = Array.from({ length: 1 + any(8) }, () => any(most + 4));
        most = Math.max(most, ...numbers.map((n) => n + 1));
        lists.change(merge(trials, numbers.map((number) => trial(number, objectives, any))));
        assert.deepEqual(trials.map((t) => t.number), [...new Set(trials.map((t) => t.number))].sort((a, b) => a - b));
        const document = { ...base, study, trials };
        const [followed, anew] = [new Data(document, metric, lists), new Data(document, metric)];
        assert.deepEqual(seen(followed).outcomes.filter((o) => !seen(anew).outcomes.includes(o)).length >= 0, true);
        const { outcomes: these, ...rest } = seen(followed);
        const { outcomes: those, ...expected } = seen(anew);
        assert.deepEqual(rest, expected);
        for (const name of those) assert.ok(these.includes(name));
      }
    }
  });
}
