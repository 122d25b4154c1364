// What can be done to a study, what may be typed, and what is sent.

import assert from "node:assert/strict";
import test from "node:test";
import { build } from "esbuild";

const parts = ["steer/state", "steer/values", "steer/history", "steer/lines", "steer/bar", "shell/me"];
const source = parts.map((part) => `export * from "./src/${part}.ts";`).join("\n");
const { outputFiles } = await build({ stdin: { contents: source, resolveDir: "." }, bundle: true, format: "esm", write: false });
const { active, budgetOf, checked, joined, looksOnly, original, placeOf, possible, range, room, sent, unretried, whoAmI } = await import(
  `data:text/javascript,${encodeURIComponent(outputFiles[0].text)}`
);

const study = (state, more = {}) => ({ state, external: false, counts: { running: 0 }, ...more });

test("only what the state allows is offered", () => {
  const running = { counts: { running: 2 } };
  assert.deepEqual(possible(study("ACTIVE", running), 0), ["pause", "budget", "enqueue", "stop", "archive"]);
  assert.deepEqual(possible(study("PAUSED"), 3), ["resume", "budget", "enqueue", "retry", "stop", "archive", "delete"]);
  assert.deepEqual(possible(study("STOPPED"), 0), ["resume", "budget", "enqueue", "archive", "delete"]);
  assert.deepEqual(possible(study("FINISHED"), 0), ["budget", "enqueue", "archive", "delete"]);
  assert.deepEqual(possible(study("ACTIVE", { external: true, archived: true }), 3), ["unarchive", "delete"]);
});

test("who could not be asked for is not called a viewer", async (t) => {
  const answers = (answer) => t.mock.method(globalThis, "fetch", answer);
  answers(async () => new Response('{"error":"the page needs a token","hint":"log in"}', { status: 401 }));
  const lost = await whoAmI();
  assert.deepEqual([lost.may_change, lost.holder, lost.problem], [false, "unknown", "the page needs a token; log in"]);
  assert.match(looksOnly(lost), /could not be found out.*: the page needs a token; log in\./);
  answers(async () => Promise.reject(new TypeError("fetch failed")));
  assert.match(looksOnly(await whoAmI()), /the coordinator does not answer/);
  answers(async () => Response.json({ may_change: false, holder: "viewer", version: "1" }));
  assert.match(looksOnly(await whoAmI()), /logged in as a viewer/);
});

test("a budget is a number, or so many more", () => {
  const of = (typed) => budgetOf(typed, 24);
  assert.deepEqual(["40", "+50", " + 50 trials", "50 more trials", "1"].map(of), [40, 74, 74, 50, 1]);
  for (const typed of ["", "0", "-5", "+", "1e3", "4.5", "many", "99999999999", "++5"]) assert.equal(of(typed), null, typed);
});

test("failed trials are retried once", () => {
  const trial = (number, state, retry_of = null) => ({ number, state, retry_of, confirms: null });
  const trials = [trial(0, "FAIL"), trial(1, "COMPLETE"), trial(2, "FAIL"), trial(3, "FAIL", 0)];
  assert.deepEqual(unretried(trials).map((t) => t.number), [2, 3]);
  assert.equal(room({ budget: 5 }, trials), 1);
  assert.equal(room({ budget: 5 }, [...trials, { ...trial(4, "COMPLETE"), confirms: { of: 1, seed: 1 } }]), 1);
});

const float = { name: "lr", type: "float", low: 5e-4, high: 1e-2, log: true, when: {} };
const grid = { name: "momentum", type: "float", low: 0, high: 0.95, step: 0.1, when: {} };
const int = { name: "layers", type: "int", low: 1, high: 8, step: 1, when: {} };
const even = { name: "even", type: "int", low: 2, high: 9, step: 2, when: {} };

test("numbers are checked by range, kind and grid", () => {
  assert.deepEqual(checked(float, "1e-3"), { value: 0.001 });
  assert.deepEqual(checked(float, " \u22121 "), { error: "Not from 0.0005 to 0.01." });
  assert.equal(checked(float, "  "), null);
  for (const typed of ["0.00049", "0.011", "ten", "NaN", "Infinity", "1,5"]) assert.ok(checked(float, typed).error, typed);
  assert.deepEqual(checked(grid, "0.3"), { value: 0.3 });
  assert.match(checked(grid, "0.34").error, /0\.3 is the nearest/);
  assert.match(checked(grid, "0.95").error, /0\.9 is the nearest/);
  assert.deepEqual(checked(int, "8"), { value: 8 });
  for (const typed of ["1.5", "0", "9", "9007199254740993"]) assert.ok(checked(int, typed).error, typed);
  assert.match(checked(even, "5").error, /(4|6) is the nearest/);
  assert.equal(range(float), "0.0005 to 0.01, on a log scale");
  assert.equal(range(even), "whole numbers 2 to 9, in steps of 2");
  assert.equal(range(int), "whole numbers 1 to 8");
});

const space = [
  { name: "kind", type: "categorical", choices: ["a", "b", null, "[64,64]"], when: {} },
  int,
  { name: "width", type: "int", low: 8, high: 64, when: { layers: { at_least: 2, at_most: null } } },
  { name: "drop", type: "float", low: 0, high: 1, when: { kind: ["b", null], width: { at_least: null, at_most: 32 } } },
];
const names = (...fixed) => active(space, new Map(fixed)).map((p) => p.name);

test("a parameter is there where all that it needs is fixed", () => {
  assert.deepEqual(names(), ["kind", "layers"]);
  assert.deepEqual(names(["layers", 1]), ["kind", "layers"]);
  assert.deepEqual(names(["layers", 2]), ["kind", "layers", "width"]);
  assert.deepEqual(names(["layers", 2], ["width", 32], ["kind", null]), ["kind", "layers", "width", "drop"]);
  assert.deepEqual(names(["layers", 1], ["width", 32], ["kind", null]), ["kind", "layers"]);
  assert.deepEqual(names(["layers", 2], ["width", 33], ["kind", "b"]), ["kind", "layers", "width"]);
});

test("what is not active is not sent, and lists and None are sent as themselves", () => {
  const of = (...fixed) => ({ ...sent(space, new Map(fixed)) });
  assert.deepEqual(of(["kind", "[64,64]"], ["width", 9]), { kind: [64, 64] });
  assert.deepEqual(of(["kind", null], ["layers", 2], ["width", 9]), { kind: null, layers: 2, width: 9 });
});

test("names and words are sent as they were before the page made them visible", () => {
  assert.equal(original("\u27e8U+202E\u27e9gnp"), "\u202egnp");
  assert.equal(original("__proto__\u2060"), "__proto__");
  assert.equal(original("\u27e8U+FFFFFF\u27e9"), "\u27e8U+FFFFFF\u27e9");
  const odd = [{ name: "__proto__\u2060", type: "categorical", choices: ["[not a list"], when: {} }];
  assert.equal(JSON.stringify(sent(odd, new Map([["__proto__\u2060", "[not a list"]]))), '{"__proto__":"[not a list"}');
});

const line = (time, what = "pause") => ({ time, who: "ada", from: "", what, study: "s", trial: null, details: "" });

test("newer lines of activity come before those that are there", () => {
  const [four, three, two, one] = [line(4), line(3), line(2), line(1)];
  const have = { activities: [three, two], next: "2" };
  assert.deepEqual(joined(have, { activities: [four, three], next: "3" }), { activities: [four, three, two], next: "2" });
  assert.deepEqual(joined(have, { activities: [three, two], next: "2" }), have);
  // So much happened that they do not meet.
  const far = { activities: [line(9), line(8)], next: "8" };
  assert.deepEqual(joined(have, far), far);
  assert.deepEqual(joined({ activities: [], next: null }, { activities: [one], next: null }), { activities: [one], next: null });
});

test("a place in a text is found by its line and column", () => {
  assert.equal(placeOf("ab\ncd\nef", 2, 2), 4);
  assert.equal(placeOf("ab\ncd\nef", 3, null), 6);
  assert.equal(placeOf("ab\ncd", 9, 9), 5);
  assert.equal(placeOf("ab\ncd", 1, 9), 2);
});
