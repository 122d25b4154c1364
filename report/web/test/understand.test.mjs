// What is said of parameters and failures, what may come next in a filter, and what pairs of choices came to.

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
const { Data, binsOf, byChance, cellsOf, commonOf, filterOf, hardly, kindOf, reasonsOf, suggest } = await load(
  "data",
  "figures/coverage",
  "figures/pairs",
  "failures/common",
  "failures/reasons",
  "filter/reason",
  "filter/suggest",
);

const float = (name, low, high, log = false) => ({ name, type: "float", low, high, log, step: null, when: {} });
const choices = (name, ...all) => ({ name, type: "categorical", choices: all, when: {} });
const trial = (number, params, more = {}) => ({
  number,
  state: "COMPLETE",
  values: [number],
  params,
  curve: [],
  attributes: {},
  attempt: 1,
  worker: "w",
  fail_reason: null,
  retry_of: null,
  confirms: null,
  start: 0,
  complete: 1000,
  constraints: [],
  ...more,
});
function data(space, trials, chosen) {
  const counts = { waiting: 0, running: 0, complete: trials.length, pruned: 0, fail: 0 };
  const study = { name: "s", directions: ["maximize"], metrics: ["value"], curve_objective: 0, constraints: [], space, best: null, front: [], front_size: 0, counts };
  return new Data({ study, trials, workers: [], analysis: { importance: null, combinations: [], confirm: null } }, chosen);
}

test("ranges at an end, gaps and choices that were hardly tried are said in words", () => {
  const x = float("x", 0, 12);
  const said = (values) => hardly(x, binsOf(data([x], values.map((v, i) => trial(i, { x: v }))), x));
  const even = Array.from({ length: 60 }, (_, i) => (i % 12) + 0.5);
  assert.deepEqual(said(even), []);
  const low = Array.from({ length: 57 }, (_, i) => (i % 6) + 0.5);
  assert.deepEqual(said([...low, 8, 9, 11.5]), ["Only 3 of 60 trials are above 6."]);
  assert.deepEqual(said(low), ["None of 57 trials is above 6."]);
  const gap = even.filter((v) => v < 3 || v > 9);
  assert.deepEqual(said(gap), [`None of ${gap.length} trials is between 3 and 9.`]);
  assert.match(said([1, 2, 3])[0], /^Only 3 trials so far/);
  assert.deepEqual(said([]), []);
});

test("choices are never or hardly tried, and a log scale has its ranges by size", () => {
  const c = choices("c", "a", "b", "c");
  const trials = [...Array(40).fill("a"), ...Array(2).fill("b")].map((v, i) => trial(i, { c: v }));
  assert.deepEqual(hardly(c, binsOf(data([c], trials), c)), ["Never tried: c.", "Hardly tried: b (2 of 42)."]);
  const lr = float("lr", 1e-4, 1, true);
  const bins = binsOf(data([lr], Array.from({ length: 20 }, (_, i) => trial(i, { lr: 10 ** (-4 + (i % 4) / 2) }))), lr);
  assert.match(hardly(lr, bins)[0], /^None of 20 trials is above 0\.0\d+\.$/);
  const n = { name: "n", type: "int", low: 1, high: 4, log: false, step: 1, when: {} };
  assert.deepEqual(binsOf(data([n], [trial(0, { n: 2 })]), n).map((b) => [b.name, b.trials.length]), [["1", 0], ["2", 1], ["3", 0], ["4", 0]]);
});

test("a trial without the parameter, or one that only waits, was no try", () => {
  const x = float("x", 0, 12);
  const trials = [trial(0, { x: 1 }), trial(1, {}), trial(2, { x: 1 }, { state: "WAITING", values: [] }), trial(3, { x: 1 }, { confirms: { of: 0, seed: 0 } })];
  assert.equal(binsOf(data([x], trials), x).reduce((sum, b) => sum + b.trials.length, 0), 1);
});

test("reasons that differ only in numbers are one, as in the coordinator", () => {
  assert.equal(kindOf("the loss is NaN in epoch 3"), kindOf("the  loss is NaN in\nepoch 12"));
  assert.equal(kindOf("rate is 1e-7, expected more"), kindOf("rate is 0.25, expected more"));
  assert.notEqual(kindOf("the loss is"), kindOf("the loss is NaN"));
  assert.equal(kindOf("x1.5e-3 y"), "x# y");
  assert.equal(kindOf("no file\nTraceback (most recent call last):\n  File a.py"), "no file");
  assert.equal(kindOf("\nTraceback (most recent call last):\n  File a.py"), "Traceback (most recent call last): File a.py");
});

/** Trials above 0.5 fail, and a few others. */
function failing(n = 100) {
  const space = [float("x", 0, 1), choices("c", "a", "b")];
  const trials = Array.from({ length: n }, (_, i) => {
    const x = (i * 0.618) % 1;
    const why = x > 0.8 ? `too large: ${i}` : i % 20 === 0 ? "lost" : null;
    return trial(i, { x, c: i % 2 ? "a" : "b" }, why ? { state: "FAIL", values: [], fail_reason: why } : {});
  });
  return data(space, trials);
}

test("what trials of a reason have in common is said where chance hardly explains it", () => {
  const all = failing();
  const reasons = reasonsOf(all);
  assert.deepEqual(reasons.map((r) => r.kind), ["too large: #", "lost"]);
  const [large, lost] = commonOf(all, reasons);
  assert.match(large.filter, /^x >= 0\.[78]/);
  assert.equal(large.of, reasons[0].trials.length);
  assert.ok(large.met >= 0.8 * large.of && large.others < large.met, JSON.stringify(large));
  assert.equal(lost, null);
  // Its filter finds those trials, and the reason's filter finds all of the reason.
  const found = (filter) => new Data(all.document, { filter }).trials.map((t) => t.number);
  assert.deepEqual(found(filterOf(all, reasons[0])), reasons[0].trials.map((t) => t.number));
  assert.equal(found(large.filter).length, large.met + large.others);
});

test("Fisher's exact test is that of the books", () => {
  const table = Float64Array.from({ length: 25 }, (_, n) => Array.from({ length: n }, (_, i) => Math.log(i + 1)).reduce((a, b) => a + b, 0));
  // The lady tasting tea: 4 of 4 by chance are 1 of 70.
  assert.ok(Math.abs(byChance(table, 8, 4, 4, 4) - 1 / 70) < 1e-12);
  assert.ok(Math.abs(byChance(table, 8, 4, 4, 3) - 17 / 70) < 1e-12);
  assert.equal(byChance(table, 24, 12, 3, 0).toFixed(12), "1.000000000000");
});

test("10,000 trials of 200 parameters are compared in a moment", () => {
  const space = Array.from({ length: 200 }, (_, i) => float(`x${i}`, 0, 1));
  const trials = Array.from({ length: 10_000 }, (_, i) => {
    const params = Object.fromEntries(space.map(({ name }, p) => [name, (i * 0.618 + p * 0.37) % 1]));
    return trial(i, params, i % 10 === 0 ? { state: "FAIL", values: [], fail_reason: `why ${"abcdefghijkl"[(i / 10) % 12]}` } : {});
  });
  const all = data(space, trials);
  const reasons = reasonsOf(all);
  // Time of the processor, so that a busy machine does not matter.
  const begun = process.cpuUsage();
  commonOf(all, reasons.slice(0, 12));
  const took = process.cpuUsage(begun).user / 1000;
  assert.ok(took < 1500, `${took} ms`);
});

test("pairs of choices have the mean, the best and the number of their trials", () => {
  const space = [choices("a", "p", "q"), choices("b", "r", "s")];
  const trials = [["p", "r", 1], ["p", "r", 3], ["q", "s", 5]].map(([a, b, v], i) => trial(i, { a, b }, { values: [v] }));
  const cells = cellsOf(data(space, trials), space[0], space[1]);
  assert.deepEqual(
    cells.map(({ x, y, trials, mean, best }) => [x, y, trials, mean, best]).sort(),
    [[0, 0, 2, 2, 3], [1, 1, 1, 5, 5]],
  );
  assert.deepEqual(cellsOf(data(space, trials, { filter: "a = q" }), space[0], space[1]).length, 1);
});

test("what may come next is suggested: names, signs that fit, values, and words between", () => {
  const whole = fake({ budget: 40, seeds: 0, diagnoses: false });
  const all = new Data(at(whole, whole.trials.length));
  const after = (text, caret = text.length) => {
    const { from, to, all: found } = suggest(text, caret, all.names, all.document.trials);
    return { replaced: text.slice(from, to), texts: found.map((s) => s.text) };
  };
  assert.deepEqual(after("lear"), { replaced: "lear", texts: ["learning_rate"] });
  assert.deepEqual(after("not sta").texts, ["state"]);
  assert.ok(!after("state ").texts.includes("<") && after("state ").texts.includes("="));
  assert.ok(after("learning_rate ").texts.includes("<=") && !after("learning_rate ").texts.includes("contains"));
  assert.deepEqual(after("state = f").texts, ["failed"]);
  assert.deepEqual(after("winit_conv in (he_normal, xavier_n").texts, ["xavier_normal"]);
  assert.deepEqual(after("winit_conv in (he_normal ").texts, [",", ")"]);
  assert.deepEqual(after("learning_rate < 1 ").texts, ["and", "or"]);
  assert.deepEqual(after("momentum is ").texts, ["missing", "not missing"]);
  assert.deepEqual([after("epo").replaced, after("epo").texts[0]], ["epo", "attr.epochs"]);
  assert.deepEqual(after('attr."epo'), { replaced: 'attr."epo', texts: ["attr.epochs"] });
  assert.ok(after("worker = ").texts.includes("gpu-box"));
  assert.deepEqual(after("lear and state = failed", 4), { replaced: "lear", texts: ["learning_rate"] });
  assert.equal(after("reason = ").texts[0]?.[0], '"');
});
