// A document that comes in pieces is the same as one that comes at once, and so are parameters that are kept in little room.

import assert from "node:assert/strict";
import test from "node:test";
import { build } from "esbuild";
import { at, fake } from "../dev/fake.mjs";

async function load(...names) {
  const contents = names.map((name) => `export * from "./src/${name}";`).join("\n");
  const made = await build({ stdin: { contents, resolveDir: "." }, bundle: true, format: "esm", write: false });
  return import(`data:text/javascript,${encodeURIComponent(made.outputFiles[0].text)}`);
}

globalThis.window = globalThis;
globalThis.location = { search: "", href: "http://localhost/", protocol: "http:", hash: "" };
const { Names, Pieces, read, Store } = await load("params", "pieces", "read", "store");

const copy = (value) => JSON.parse(JSON.stringify(value));
const plain = (document) => copy({ ...document, generated: 0 });
/** After everybody has been told. */
const told = () => new Promise((resolve) => setTimeout(resolve, 1100));

function piecesOf({ trials, analysis, ...head }, first, size) {
  const pieces = [["begin", { ...head, total: trials.length, trials: trials.filter((t) => first.includes(t.number)) }]];
  for (let i = 0; i < trials.length; i += size) pieces.push(["trials", trials.slice(i, i + size)]);
  pieces.push(["analysis", analysis]);
  return pieces.map(([kind, json]) => [kind, JSON.stringify(json)]);
}

async function inPieces(store, document, first, size) {
  const pieces = new Pieces(store);
  for (const [kind, text] of piecesOf(document, first, size)) pieces.push(kind, text);
  await pieces.done();
  await told();
}

for (const kind of ["flagship", "odd", "huge"]) {
  test(`a ${kind} document in pieces is the whole one`, async () => {
    const whole = fake({ kind, budget: 60, seeds: 2, diagnoses: false });
    const raw = copy(at(whole, 50));
    const document = read(JSON.stringify(raw));
    const expected = new Store();
    expected.replace(copy(document));
    await told();
    for (const [first, size] of [
      [[], 1000],
      [[document.study.best], 7],
      [[document.study.best, 0, 49], 1],
    ]) {
      const store = new Store();
      await inPieces(store, raw, first, size);
      assert.deepEqual(plain(store.data.document), plain(expected.data.document));
      assert.equal("total" in store.data.document, false);
      assert.deepEqual(plain(store.data.document), plain(document));
    }
  });
}

test("the first piece is shown before the others have come, and what is shown stays until all of the next has come", async () => {
  const whole = fake({ budget: 30, seeds: 0, diagnoses: false });
  const document = copy(at(whole, 30));
  const pieces = piecesOf(document, [document.study.best], 10).map(([kind, text]) => [kind, JSON.parse(text)]);
  const store = new Store();
  store.begin(copy(pieces[0][1]));
  await told();
  assert.equal(store.data.document.total, 30);
  assert.equal(store.data.best.number, document.study.best);
  assert.equal(store.data.trials.length, 1);
  for (const [, trials] of pieces.slice(1, 4)) store.add(copy(trials));
  store.analyse(copy(pieces[4][1]));
  await told();
  assert.deepEqual(plain(store.data.document), plain(document));

  const more = copy(at(fake({ budget: 40, seeds: 0, diagnoses: false }), 40));
  const again = piecesOf(more, [], 25).map(([kind, text]) => [kind, JSON.parse(text)]);
  store.begin(again[0][1]);
  store.add(again[1][1]);
  await told();
  assert.deepEqual(plain(store.data.document), plain(document), "what was there before");
  store.change({ study: more.study, workers: [], trials: [] });
  store.add(again[2][1]);
  store.analyse(again[3][1]);
  await told();
  assert.deepEqual(plain(store.data.document), plain(more));
});

test("a piece that is here is read at once, so that no more of a stream is taken in meanwhile", async () => {
  const document = copy(at(fake({ budget: 30, seeds: 0, diagnoses: false }), 30));
  const store = new Store();
  const pieces = new Pieces(store);
  const added = [];
  store.add = (trials) => added.push(trials.length);
  const [, one, two] = piecesOf(document, [], 10);
  pieces.push(...one);
  assert.deepEqual(added, [10]);
  // One that is not here yet holds back those that come after it.
  let come;
  pieces.push(one[0], new Promise((resolve) => (come = resolve)));
  pieces.push("trials", JSON.stringify([]));
  assert.deepEqual(added, [10]);
  come(two[1]);
  await pieces.done();
  assert.deepEqual(added, [10, 10, 0]);
});

test("an empty study is whole at once", async () => {
  const document = copy(at(fake({ budget: 5 }), 0, 0));
  const store = new Store();
  await inPieces(store, document, [], 10);
  assert.equal("total" in store.data.document, false);
});

test("packed parameters look like a plain object without a prototype", () => {
  const names = new Names();
  for (const params of [{ a: 1, b: null, c: "x" }, {}, { c: false, d: "" }, { constructor: 2, toString: "x", length: 0 }, { a: [1] }]) {
    const packed = names.pack(params);
    const bare = Object.assign(Object.create(null), params);
    // Names that an earlier one had come in the earlier order.
    assert.deepEqual(Object.entries(packed).sort(), Object.entries(bare).sort());
    assert.deepEqual({ ...packed }, params);
    for (const name of ["a", "b", "c", "d", "constructor", "toString", "length", "hasOwnProperty", "values", "names"]) {
      assert.equal(packed[name], bare[name], name);
      assert.equal(name in packed, name in bare, name);
      assert.equal(Object.hasOwn(packed, name), Object.hasOwn(bare, name), name);
    }
    assert.equal(Object.getPrototypeOf(packed), null);
    assert.throws(() => (packed.a = 2), TypeError);
    assert.throws(() => delete packed[Object.keys(packed)[0] ?? "a"], TypeError);
  }
});
