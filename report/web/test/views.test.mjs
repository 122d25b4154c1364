// Addresses of views, the list of studies, and what a comparison draws.

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
const { liveAddresses, reportAddresses, studyAddress, withKept } = await load("shell/addresses");
const { find, lineOf, looksOf, queryOf, took } = await load("studies/lines");
const { band, bestSoFar, quantile, repeated } = await load("compare/series");
const { comparedStudies, compareAddress } = await load("compare/address");
const { metricsOf, dataOf, slim } = await load("compare/subject");
const { Data } = await load("data");

const NAMES = ["s", "a/b", "run#1?", "50%25", "a b+c&d", "..", ".", "研究", "<b>", "\\x", "%", "__proto__"];
const ITEMS = [null, "12", "slice-learning rate", "a/b", "..", ".", "50%", "#?&=", "研究"];

test("every study, view and item has an address that leads back to it", () => {
  const host = "http://127.0.0.1:8080";
  for (const name of NAMES) {
    const live = liveAddresses(name, () => `${host}/`);
    for (const view of ["overview", "trials"]) {
      for (const item of ITEMS) {
        // As a browser reads it: it resolves dots.
        const address = new URL(studyAddress(name, { view, item }), host);
        assert.deepEqual(live.place(address), { view, item }, address.href);
        assert.equal(liveAddresses("another", () => host).place(address), null, address.href);
      }
    }
  }
  assert.equal(studyAddress("s"), "/studies/s");
  assert.equal(studyAddress(".."), "/study?name=..");
});

test("files, other sites and other pages are no views", () => {
  const live = liveAddresses("s", () => "http://h/studies/s");
  for (const other of ["http://evil/studies/s", "http://h/", "http://h/study/artifact?name=s&file=x", "http://h/studies/s/artifacts/x", "http://h/studies/s/trials/1/artifacts/x", "http://h/studies/s2"])
    assert.equal(live.place(new URL(other)), null, other);
  for (const [old, view] of [["#figures", "figures"], ["#pairs", "figures"], ["#constructor", "overview"], ["", "overview"], ["/", "overview"]])
    assert.deepEqual(live.place(new URL(`http://h/studies/s${old}`)), { view, item: null }, old);
});

test("a report has its views behind the hash", () => {
  for (const file of ["file:///tmp/r.html?metric=x", "about:srcdoc", "https://h/r.html"]) {
    const report = reportAddresses(() => `${file}#/old`);
    for (const item of ITEMS) assert.deepEqual(report.place(new URL(report.to("trials", item), file)), { view: "trials", item }, file);
    assert.deepEqual(report.place(new URL(file)), { view: "overview", item: null });
    assert.deepEqual(report.place(new URL("#trials", file)), { view: "trials", item: null });
    assert.equal(report.place(new URL("#fn1", file)), null);
    assert.equal(report.place(new URL("https://elsewhere/x#/trials")), null);
  }
});

test("metric and filter go along, unless a link says otherwise", () => {
  const open = new URL("http://h/studies/s?metric=a%26b&filter=x+%3C+1&other=1");
  assert.equal(withKept("/studies/s/trials", open), "/studies/s/trials?metric=a%26b&filter=x+%3C+1");
  assert.equal(withKept("/studies/s/trials?filter=state", open), "/studies/s/trials?filter=state&metric=a%26b");
});

const given = (name, more = {}) => ({
  name, state: "ACTIVE", counts: { waiting: 0, running: 1, complete: 2, pruned: 0, fail: 1 }, budget: 10, confirmations: 0,
  directions: ["minimize"], best_values: [1], front_size: 0, trials_per_hour: null, ...more,
});

test("the list is searched, sorted, and leaves out what is archived", () => {
  const lines = [
    given("b", { created: 1000, newest: 61_000, tags: ["night"] }),
    given("a10", { created: 3000, failure: "CUDA out of memory", best_values: [] }),
    given("a9", { archived: true, created: 2000, best_values: [-5] }),
    given("old"),
  ].map(lineOf);
  const names = (looks) => find(lines, { search: "", archived: false, sort: "name", down: false, ...looks }).map((l) => l.name);
  assert.deepEqual(names({}), ["a10", "b", "old"]);
  assert.deepEqual(names({ archived: true }), ["a9", "a10", "b", "old"]);
  assert.deepEqual(names({ search: "#NIGHT" }), ["b"]);
  assert.deepEqual(names({ search: "memory cuda" }), ["a10"]);
  assert.deepEqual(names({ sort: "created", down: true }), ["a10", "b", "old"]);
  assert.deepEqual(names({ sort: "created", down: false }), ["b", "a10", "old"]);
  assert.deepEqual(names({ sort: "best", archived: true }), ["a9", "b", "old", "a10"]);
  assert.equal(took(lines[0]), 60);
  assert.equal(took(lines[3]), null);
});

test("how the list looks stands in its address", () => {
  for (const query of ["", "?search=x+y", "?archived=&sort=best", "?sort=name&order=down", "?order=up"])
    assert.equal(queryOf(looksOf(new URLSearchParams(query))), query);
});

test("studies to compare: each once, eight at most", () => {
  const many = Array.from({ length: 12 }, (_, i) => `s${i}&=`);
  const address = new URL(compareAddress([...many, "s0&="], "a b"), "http://h");
  assert.deepEqual(comparedStudies(address.searchParams), { names: many.slice(0, 8), more: 4 });
  assert.equal(address.searchParams.get("metric"), "a b");
});

test("quartiles lie between values, and a band only where all have one", () => {
  assert.deepEqual([0, 0.25, 0.5, 1].map((q) => quantile([1, 2, 3, 4], q)), [1, 1.75, 2.5, 4]);
  const line = (end, ...steps) => ({ end, steps: steps.map(([at, value]) => ({ at, value, trial: 0 })) });
  const found = band([line(10, [1, 9], [4, 3]), line(6, [2, 5]), line(8, [1, 7], [3, 1])]);
  assert.deepEqual(found.map((b) => [b.at, b.low, b.median, b.high]), [[2, 6, 7, 8], [3, 3, 5, 7], [4, 2, 3, 4], [6, 2, 3, 4]]);
  assert.deepEqual(band([line(2, [1, 1]), line(9, [5, 1])]), []);
  assert.deepEqual(band([line(2, [1, 1]), line(0)]), []);
});

const whole = (options) => {
  const made = fake(options);
  return at(made, made.trials.length);
};

test("the best so far only gets better, in the direction of the study", () => {
  for (const [document, sign] of [[whole({ budget: 60, seeds: 0, diagnoses: false }), 1], [whole({ kind: "other", budget: 60, seeds: 0 }), -1]]) {
    const data = new Data(slim(document));
    for (const across of ["trials", "time"]) {
      const { steps, end } = bestSoFar(data, across);
      assert.ok(steps.length > 2);
      steps.slice(1).forEach((step, i) => assert.ok(step.at > steps[i].at && sign * (step.value - steps[i].value) > 0));
      assert.equal(steps.at(-1).value, data.value(data.best));
      assert.ok(end >= steps.at(-1).at);
    }
    assert.equal(bestSoFar(data, "trials").end, 60);
  }
});

test("those that differ only in their seed are one search repeated", () => {
  const study = (seed, more = {}) => whole({ kind: "other", budget: 20, seeds: 0, seed, name: `s${seed}`, ...more }).study;
  assert.deepEqual(repeated([study(1), study(2, { budget: 30 }), null, study(3), study(4, { budget: 30 }), study(5, { kind: "flagship" })]), [[0, 3], [1, 4]]);
});

test("metrics are chosen by name; without a common one each study's first can be", () => {
  const subject = (document) => ({ name: "", shown: "", place: 0, document, problem: null });
  const two = subject(whole({ objectives: 2, budget: 20, seeds: 0, diagnoses: false }));
  const three = subject(whole({ objectives: 3, budget: 20, seeds: 0, diagnoses: false }));
  const one = subject(whole({ kind: "other", budget: 20, seeds: 0 }));
  assert.deepEqual(metricsOf([two, three]), ["accuracy", "latency_ms", "size_mb"]);
  assert.deepEqual(metricsOf([two, one]), [null, "accuracy", "latency_ms", "value"]);
  assert.equal(dataOf(three, "size_mb").sign, -1);
  assert.equal(dataOf(two, "size_mb"), null);
  assert.equal(dataOf(one, null).metric, 0);
});
