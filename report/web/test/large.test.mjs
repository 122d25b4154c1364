// What is done a part at a time, or drawn in part, comes to the same.

import assert from "node:assert/strict";
import test from "node:test";
import { build } from "esbuild";
import { at, fake } from "../dev/fake.mjs";

async function load(...names) {
  const contents = names.map((name) => `export * from "./src/${name}";`).join("\n");
  const made = await build({ stdin: { contents, resolveDir: "." }, bundle: true, format: "esm", write: false });
  return import(`data:text/javascript,${encodeURIComponent(made.outputFiles[0].text)}`);
}

// What the modules ask of a browser as they are loaded.
const heard = { observe() {}, unobserve() {} };
Object.assign(globalThis, {
  window: globalThis,
  location: { search: "", href: "http://localhost/", protocol: "http:", hash: "" },
  document: { documentElement: { dataset: {} } },
  localStorage: { getItem: () => null },
  matchMedia: () => ({ matches: false, addEventListener() {} }),
  requestAnimationFrame: (call) => setTimeout(call),
  IntersectionObserver: class { constructor() { return heard; } },
  ResizeObserver: class { constructor() { return heard; } },
});
const { asOne, columnsOf, commonOf, commonSteps, Data, drawn, enqueue, inTurns, Names, order, reasonsOf, Search, subject, thinned } = await load(
  "data",
  "failures/common",
  "failures/reasons",
  "figure/points",
  "figure/queue",
  "figures/timeline",
  "page/columns",
  "page/filter",
  "page/trials",
  "params",
  "turns",
);

const whole = at(fake({ kind: "huge", budget: 1200, seeds: 0, diagnoses: false }), 1200);
const names = new Names();
for (const trial of whole.trials) trial.params = names.pack(trial.params);
const data = new Data(whole);

function naive(trial, query) {
  const params = Object.entries(trial.params).map(([name, value]) => `${name}=${value}`);
  const { text } = columnsOf(data).find((c) => c.key === "state");
  const all = [text(trial), ...params, trial.worker, trial.fail_reason ?? ""].map((t) => t.toLowerCase());
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  return words.every((word) => (/^#\d+$/.test(word) ? `#${trial.number}` === word : all.some((t) => t.includes(word))));
}

test("trials are found by words as if all were looked at together", async () => {
  let again = () => undefined;
  const search = new Search(() => again());
  const found = (query) =>
    new Promise((resolve) => {
      const look = () => {
        const those = search.found(data.trials, query, data);
        if (those) resolve(those.map((t) => t.number));
      };
      again = look;
      look();
    });
  for (const query of ["", "#17", "#1", "failed", "PARAMETER_0=a gpu-box", "parameter_3=0.1 complete", "=b worker", "0.12 lost", "nothing"]) {
    assert.deepEqual(await found(query), data.trials.filter((t) => naive(t, query)).map((t) => t.number), query);
  }
});

test("who types on gets what was typed last", async () => {
  let told = 0;
  let tell = () => undefined;
  const search = new Search(() => tell((told += 1)));
  assert.equal(search.found(data.trials, "parameter_1=7 0.3", data), null);
  assert.equal(search.found(data.trials, "parameter_1=77 0.3", data), null);
  await new Promise((resolve) => (tell = resolve));
  assert.equal(told, 1);
  const those = search.found(data.trials, "parameter_1=77 0.3", data);
  assert.deepEqual(those, data.trials.filter((t) => naive(t, "parameter_1=77 0.3")));
});

test("a table is sorted by numbers and texts, of equals the earlier trial first, what is missing last", () => {
  const plain = (column, down) =>
    [...data.trials].sort((a, b) => {
      const [x, y] = [column.sort(a), column.sort(b)];
      if (x === null || y === null) return x === y ? a.number - b.number : x === null ? 1 : -1;
      const less = typeof x === "number" && typeof y === "number" ? x - y : String(x).localeCompare(String(y), "en", { numeric: true });
      return (down ? -less : less) || a.number - b.number;
    });
  const columns = columnsOf(data);
  const mixed = { key: "mixed", sort: (t) => (t.number % 3 === 0 ? t.number : t.number % 3 === 1 ? `w${t.number % 12}` : null) };
  for (const column of [...columns.slice(0, 12), columns.at(-1), columns.at(-2), mixed]) {
    for (const down of [true, false]) {
      const sorted = [...data.trials];
      order(sorted, column, down);
      assert.deepEqual(sorted.map((t) => t.number), plain(column, down).map((t) => t.number), column.key);
    }
  }
});

test("the table has the most important parameters of many, and all if they are asked for", () => {
  const of = (columns) => columns.filter((c) => c.key.startsWith("param ")).map((c) => c.title);
  assert.equal(of(columnsOf(data)).length, 200);
  const few = of(columnsOf(data, 24));
  const best = whole.analysis.importance.params.slice(0, 24).map((p) => p.name);
  assert.deepEqual(new Set(few), new Set(best));
});

test("what failed trials have in common is the same a little at a time, and nothing if nobody wants it", async () => {
  const reasons = reasonsOf(data);
  assert.ok(reasons.length > 0);
  assert.deepEqual(await inTurns(commonSteps(data, reasons), () => true), commonOf(data, reasons));
  let asked = 0;
  assert.equal(await inTurns(commonSteps(data, reasons), () => (asked += 1) < 2), null);
});

test("bars that are narrower than a dot of the screen stand for each other, and none is lost", () => {
  const bar = (start, end, row, state = "COMPLETE") => ({ start, end, row, trial: { state, confirms: null, number: start } });
  const bars = [];
  // A row has one bar at a time.
  for (let i = 0; i < 2000; i += 1) bars.push(bar(i * 10, i * 10 + 24, i % 3, i % 7 === 0 ? "FAIL" : "COMPLETE"));
  for (const dot of [0, 1, 50, 1000]) {
    const shown = thinned(bars, dot);
    assert.equal(shown.reduce((n, b) => n + 1 + b.more, 0), bars.length);
    for (const b of bars) {
      const over = shown.filter((s) => s.row === b.row && s.trial.state === b.trial.state && s.start <= b.start && s.end >= b.end);
      assert.equal(over.length > 0, true);
    }
    // What one stands for reaches no further than a dot.
    assert.ok(shown.every((s) => s.more === 0 || s.end - s.start < dot));
    if (dot <= 24) assert.equal(shown.length, bars.length);
  }
  assert.ok(thinned(bars, 1000).length < bars.length / 5);
});

test("figures are drawn one after another, each in a task of its own, whatever becomes of one", async () => {
  const said = [];
  globalThis.reportError = (error) => said.push(error.message);
  // Whoever waits for a task of its own hears of it between figures.
  const other = () => setTimeout(() => said.push("another task"));
  enqueue({ drawNow: () => (said.push("first"), other()) });
  enqueue({
    drawNow: async () => {
      await null;
      throw new Error("second");
    },
  });
  enqueue({ drawNow: () => said.push("third") });
  assert.deepEqual(said, []);
  assert.equal(drawn(), false);
  while (!drawn()) await new Promise((resolve) => setTimeout(resolve));
  assert.deepEqual(said, ["first", "another task", "second", "third"]);
});

test("a mark that is drawn with others stands for its trial as one by itself does", () => {
  const points = [{ value: [1.5, -2], trial: 7 }, { value: [2, 1e-9], trial: 12_345 }];
  const { data, dimensions } = asOne(points);
  points.forEach((point, i) => assert.deepEqual(subject({ data: [...data.slice(3 * i, 3 * i + 3)], dimensionNames: dimensions }), point));
  assert.equal(subject({ data: points[0], dimensionNames: ["x", "y"] }), points[0]);
  const three = [1, 2, 3];
  assert.equal(subject({ data: three, dimensionNames: ["x", "y", "value"] }), three);
});
