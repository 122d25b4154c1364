// Which values are better, and in which order trials come.

import assert from "node:assert/strict";
import test from "node:test";
import { build } from "esbuild";

// Node runs no TypeScript.
const { outputFiles } = await build({ entryPoints: ["src/values.ts"], bundle: true, format: "esm", write: false });
const { Values, valueOf } = await import(`data:text/javascript,${encodeURIComponent(outputFiles[0].text)}`);

const up = new Values(["maximize"]);
const down = new Values(["minimize"]);
const both = new Values(["maximize", "minimize"]);
const named = new Values(["maximize", "minimize"], ["accuracy", "latency"], ["memory"]);

test("a trial has a value for each objective, or null", () => {
  assert.equal(valueOf({ values: [0.5, 2] }), 0.5);
  assert.equal(valueOf({ values: [0.5, 2] }, 1), 2);
  assert.equal(valueOf({ values: [0] }), 0);
  for (const without of [{ values: [] }, undefined, null]) assert.equal(valueOf(without), null);
});

test("better is larger or smaller, as the objective has it", () => {
  assert.ok(up.better(2, 1) && !up.better(1, 2) && !up.better(1, 1));
  assert.ok(down.better(1, 2) && !down.better(2, 1) && !down.better(1, 1));
  assert.ok(both.better(2, 1) && both.better(1, 2, 1));
  assert.deepEqual([up.sign(), down.sign(), both.sign(1)], [1, -1, -1]);
});

test("sorting by the order puts the best first", () => {
  const sorted = (values) => [2, 3, 1].sort((a, b) => values.order(a, b));
  assert.deepEqual(sorted(up), [3, 2, 1]);
  assert.deepEqual(sorted(down), [1, 2, 3]);
});

test("trials are ranked best first, of equals the earlier one, and without a value not at all", () => {
  const trials = [[0.5, 1], [], [0.9, 3], [0.5, 2], [0.9, 4]].map((values, number) => ({ number, values }));
  const ranked = (values, objective) => values.ranked(trials, objective).map((t) => t.number);
  assert.deepEqual(ranked(up), [2, 4, 0, 3]);
  assert.deepEqual(ranked(down), [0, 3, 2, 4]);
  assert.deepEqual(ranked(both, 1), [0, 3, 2, 4]);
  assert.deepEqual(trials.map((t) => t.number), [0, 1, 2, 3, 4]);
});

test("an axis says which way is better, and which value it is if there are several", () => {
  assert.equal(up.label(), "value (higher is better)");
  assert.equal(down.label(), "value (lower is better)");
  assert.equal(both.label(1), "objective 1 (lower is better)");
  assert.equal(named.label(1), "latency (lower is better)");
  assert.equal(String(down), "minimize");
  assert.equal(String(both), "maximize objective 0, minimize objective 1");
  assert.equal(String(named), "maximize accuracy, minimize latency");
});

test("a trial is feasible if it told all constraints and none is above 0", () => {
  const feasible = (constraints, values = named) => values.feasible({ constraints });
  assert.ok(feasible([-1]) && feasible([0]) && feasible([], both) && feasible([-1], both));
  for (const not of [[], [1e-300], [null], [-1, 2]]) assert.ok(!feasible(not), String(not));
  assert.deepEqual([named.constraint(0), both.constraint(1)], ["memory", "constraint 1"]);
});
