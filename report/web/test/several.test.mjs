// What a study of several objectives shows: its data by the chosen one, the edge of its front, the chosen one in the address.

import assert from "node:assert/strict";
import test from "node:test";
import { build } from "esbuild";
import { at, fake } from "../dev/fake.mjs";

// Node runs no TypeScript.
async function load(...names) {
  const contents = names.map((name) => `export * from "./src/${name}";`).join("\n");
  const made = await build({ stdin: { contents, resolveDir: "." }, bundle: true, format: "esm", write: false });
  return import(`data:text/javascript,${encodeURIComponent(made.outputFiles[0].text)}`);
}
const { Data, addressWith, linked, stairsOf } = await load("data", "link", "figures/stairs");

const whole = fake({ objectives: 2, budget: 60, seeds: 2, diagnoses: false });
const shown = at(whole, whole.trials.length);

test("the best is that of the chosen objective, in its direction, and feasible", () => {
  for (const [metric, pick] of [
    [0, Math.max],
    [1, Math.min],
  ]) {
    const data = new Data(shown, { metric: shown.study.metrics[metric] });
    const able = shown.trials.filter((t) => t.confirms === null && t.values.length > 0 && t.constraints.some((c) => c <= 0));
    assert.equal(data.best.values[metric], pick(...able.map((t) => t.values[metric])));
    assert.equal(data.rank(data.best), 1);
    assert.ok(data.infeasible.length > 0);
    assert.ok(data.infeasible.every((t) => data.rank(t) === null));
  }
});

test("all that is about values follows the chosen objective", () => {
  const [first, second] = [new Data(shown), new Data(shown, { metric: "latency_ms" })];
  assert.deepEqual([first.name, second.name], ["accuracy", "latency_ms"]);
  assert.deepEqual([first.sign, second.sign], [1, -1]);
  assert.notEqual(first.progress, second.progress);
  assert.equal(first.analysis, shown.analysis);
  assert.equal(second.analysis, shown.analysis.others[0]);
  const trial = shown.trials.find((t) => t.curve.length > 0);
  assert.equal(first.curve(trial), trial.curve);
  assert.equal(second.curve(trial), trial.other_curves[1]);
  assert.equal(second.value(first.best), first.best.values[1]);
});

test("the front is what the coordinator lists, or the analysis where that is too long a list", () => {
  const numbers = (document) => new Data(document).front.map((t) => t.number);
  assert.ok(shown.study.front.length > 1);
  assert.deepEqual(numbers(shown), shown.study.front);
  const cut = { ...shown, study: { ...shown.study, front: shown.study.front.slice(0, 1) } };
  assert.deepEqual(numbers(cut), shown.analysis.front.trials);
  const one = at(fake({ budget: 20, diagnoses: false }), 20);
  assert.deepEqual(numbers(one), []);
});

test("without a feasible trial nothing is best, and it is said why", () => {
  const trials = shown.trials.map((t) => ({ ...t, constraints: [] }));
  const none = { ...shown, trials, study: { ...shown.study, front: [], front_size: 0 }, analysis: { ...shown.analysis, front: undefined } };
  const data = new Data(none);
  assert.deepEqual([data.best, data.front.length], [null, 0]);
  assert.match(data.noneFeasible, /^No trial is feasible yet/);
  assert.equal(new Data(shown).noneFeasible, "");
  assert.ok(data.range("all")[0] < data.range("all")[1]);
});

test("values have a range that ends with the worst of the part, and holds the front if asked to", () => {
  const data = new Data(shown, { metric: "latency_ms" });
  const [low, high] = data.rangeOf("tenth", 1);
  const wide = data.rangeOf("tenth", 1, true);
  assert.ok(low <= data.best.values[1] && wide[0] <= low && wide[1] >= high);
  assert.ok(data.front.every((t) => t.values[1] >= wide[0] && t.values[1] <= wide[1]));
});

test("the edge of a front goes by what is worse than both neighbours", () => {
  const better = (signs) => (a, b, objective) => signs[objective] * (a - b) > 0;
  const up = stairsOf([[3, 1], [1, 5]], better([1, 1]));
  assert.deepEqual(up, [[1, 5], [1, 1], [3, 1]]);
  const mixed = stairsOf([[0.9, 9], [0.5, 2]], better([1, -1]));
  assert.deepEqual(mixed, [[0.5, 2], [0.5, 9], [0.9, 9]]);
  assert.deepEqual(stairsOf([[1, 1]], better([1, 1])), [[1, 1]]);
});

test("an address names what was chosen, and keeps what else it says", () => {
  const address = addressWith("http://host/study?name=..#trials", "metric", "latency & more");
  assert.equal(address, "http://host/study?name=..&metric=latency+%26+more#trials");
  assert.equal(linked("metric", new URL(address).search), "latency & more");
  assert.equal(linked("filter", new URL(address).search), null);
  assert.equal(addressWith(address, "metric", null), "http://host/study?name=..#trials");
  assert.equal(addressWith("file:///tmp/a.html", "filter", "lr < 1"), "file:///tmp/a.html?filter=lr+%3C+1");
});

test("any number that trials reported can be chosen, and nothing is called better then", () => {
  const data = new Data(shown, { metric: "attr.epochs" });
  assert.deepEqual([data.name, data.judged, data.metric], ["epochs", false, 0]);
  assert.ok(data.complete.length > 0 && data.complete.every((t) => data.value(t) === t.attributes.epochs));
  assert.equal(data.analysis.importance, null);
  assert.equal(data.usualPart, "all");
  const [low, high] = data.range("all");
  assert.ok(data.complete.every((t) => data.value(t) >= low && data.value(t) <= high));
  assert.equal(data.best, new Data(shown).best, "the best trial is that of the first objective");
  const keys = data.measures.map((m) => m.key);
  assert.deepEqual(keys.slice(0, 3), ["accuracy", "latency_ms", "attr.epochs"]);
  assert.ok(keys.includes("duration") && keys.includes("reported"), keys.join());
  assert.equal(new Data(shown, { metric: "no such thing" }).name, "accuracy");
});

test("a filter holds for all that is shown, and for nothing that is said of the study itself", () => {
  const data = new Data(shown, { filter: "learning_rate < 0.002 and state = complete" });
  const wanted = shown.trials.filter((t) => t.params.learning_rate < 0.002 && t.state === "COMPLETE");
  assert.deepEqual(data.trials, wanted);
  assert.ok(wanted.length > 5 && wanted.length < shown.trials.length && data.filtered);
  assert.ok(data.complete.every((t) => wanted.includes(t)) && data.front.every((t) => wanted.includes(t)));
  assert.ok(wanted.includes(data.best));
  assert.equal(data.whole.trials, shown.trials);
  assert.equal(data.whole.best, new Data(shown).best);
  const out = shown.trials.find((t) => !wanted.includes(t));
  assert.equal(data.trial(out.number), out, "a link to a trial opens it, whatever the filter");
  assert.notEqual(data.progress, data.whole.progress);
  const wrong = new Data(shown, { filter: "learning_rat < 1" });
  assert.equal(wrong.trials, shown.trials);
  assert.match(wrong.filter.problem.hint, /learning_rate/);
});
