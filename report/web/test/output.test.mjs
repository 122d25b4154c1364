// What programs write is shown, and does nothing: commands to a terminal, hidden characters, more of it than there is room for.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import test from "node:test";
import { build } from "esbuild";

// Node runs no TypeScript.
async function load(...names) {
  const contents = names.map((name) => `export * from "./src/${name}";`).join("\n");
  const made = await build({ stdin: { contents, resolveDir: "." }, bundle: true, format: "esm", write: false });
  return import(`data:text/javascript,${encodeURIComponent(made.outputFiles[0].text)}`);
}
const { Newest, readOutput, records, runs } = await load("output/ansi", "output/bounded", "output/stream");

const plain = (line) => runs(line).map((run) => run.text).join("");

test("colours become looks from a short list, and end with the line", () => {
  assert.deepEqual(runs("a \x1b[31mred\x1b[0m b"), [
    { text: "a ", look: "" },
    { text: "red", look: "ansi-red" },
    { text: " b", look: "" },
  ]);
  const look = (code) => runs(`\x1b[${code}mx`)[0].look;
  for (const [code, wanted] of [
    ["1;32", "ansi-green ansi-bold"],
    ["94", "ansi-blue"],
    ["90", "ansi-grey"],
    ["30;40", ""],
    ["97", ""],
    ["8", ""],
    ["7;31", "ansi-red"],
    ["38;5;1", "ansi-red"],
    ["38;5;46", "ansi-green"],
    ["38;5;240", ""],
    ["38;2;255;160;0", "ansi-yellow"],
    ["38:2::255:0:255", "ansi-magenta"],
    ["48;5;1", ""],
    ["48;2;1;31;4;35", "ansi-magenta"],
    ["31;39", ""],
    ["1;2;3;4;22;23;24", ""],
    ["", ""],
    ["31;;", ""],
    [">4;1", ""],
    ["38", ""],
    ["38;5", ""],
    ["38;2;1", ""],
    ["99999999999999999999", ""],
    ["38;5;99999", ""],
  ])
    assert.equal(look(code), wanted, code);
  assert.equal(runs("\x1b[31m")[0], undefined);
});

test("no look is anything but a few classes", () => {
  for (let i = 0; i < 300; i += 1) {
    for (const code of [`${i}`, `38;5;${i}`, `38;2;${i};${(i * 7) % 256};${(i * 13) % 256}`])
      for (const { look } of runs(`\x1b[${code}mx`)) assert.match(look, /^(ansi-[a-z]+( ansi-[a-z]+)*)?$/);
  }
});

test("all other commands to the terminal are left out, and what is cut off is shown", () => {
  for (const [line, wanted] of [
    ["\x1b[2J\x1b[Hcleared", "cleared"],
    ["\x1b[?25l\x1b[1;1Hx\x1b[K", "x"],
    ["\x1b]0;title\x07x", "x"],
    ["\x1b]8;;https://evil.example\x1b\\a link\x1b]8;;\x1b\\", "a link"],
    ["\x1bPq#0;1\x1b\\x", "x"],
    ["\x1b(Bx\x1b=y\x1bcz", "xyz"],
    ["x\x1b", "x⟨U+001B⟩"],
    ["\x1b]0;no end", "0;no end"],
    ["\x1b[12", "12"],
    ["\x9b31mx", "⟨U+009B⟩31mx"],
  ])
    assert.equal(plain(line), wanted, JSON.stringify(line));
});

test("characters that nobody sees, or that turn others around, are shown by their numbers", () => {
  assert.equal(plain("\0\x07\b\x7f\u202e\u2066\u200b\ufeff\u00ad"), "⟨U+0000⟩⟨U+0007⟩⟨U+0008⟩⟨U+007F⟩⟨U+202E⟩⟨U+2066⟩⟨U+200B⟩⟨U+FEFF⟩⟨U+00AD⟩");
  assert.equal(plain("one\nline\u2028and\x85more\tend"), "one⟨U+000A⟩line⟨U+2028⟩and⟨U+0085⟩more\tend");
  assert.equal(plain("<b>&amp;</b>"), "<b>&amp;</b>");
  assert.equal(plain("مرحبا \u{1f525}"), "مرحبا \u{1f525}");
});

test("of a progress bar the last state counts", () => {
  assert.equal(plain("  0%\r 50%\r100%"), "100%");
  assert.equal(plain("windows\r"), "windows");
  assert.equal(plain("\r\r"), "");
});

test("a line of many colours, or a very long one, has few parts and takes little time", () => {
  const line = Array.from({ length: 4000 }, (_, i) => `\x1b[3${i % 8}mx`).join("");
  assert.ok(runs(line).length <= 100);
  assert.equal(plain(line), "x".repeat(4000));
  const start = performance.now();
  for (const part of ["\x1b", "\x1b]", "\x1b[", "\x1b[;", "\x1bP\x1b", "\r", "\x1b[38;5;"]) runs(part.repeat(16 * 1024));
  runs(`\x1b[${";".repeat(16 * 1024)}m`);
  assert.ok(performance.now() - start < 2000);
});

test("of more than there is room for the newest stay", () => {
  const newest = new Newest(3, 100);
  assert.deepEqual(["a", "b", "c"].flatMap((item) => newest.add(item, 10)), []);
  assert.deepEqual(newest.add("d", 10), ["a"]);
  assert.deepEqual(newest.add("e", 85), ["b", "c"]);
  assert.deepEqual(newest.add("f", 1000), ["d", "e"]);
  assert.deepEqual([newest.size, newest.take(), newest.size], [1, ["f"], 0]);
  assert.deepEqual(newest.add("g", 10), []);
  const others = new Newest();
  others.add("h", 90);
  assert.ok(newest.hasRoomFor(others));
  others.add("i", 1);
  assert.ok(!newest.hasRoomFor(others), "too large");
  const many = new Newest();
  for (const item of "jkl") many.add(item, 1);
  assert.ok(!newest.hasRoomFor(many), "too many");
});

const streamOf = (...pieces) =>
  new ReadableStream({
    start(controller) {
      for (const piece of pieces) controller.enqueue(typeof piece === "string" ? new TextEncoder().encode(piece) : piece);
      controller.close();
    },
  });

async function collected(...pieces) {
  const found = [];
  for await (const some of records(streamOf(...pieces))) found.push(...some);
  return found;
}

test("lines come whole, wherever the network cuts them", async () => {
  const text = `{"text":"é\u{1f525}"}\n\n{"text":"b"}\n{"end":true}\n`;
  const bytes = new TextEncoder().encode(text);
  const single = await collected(...[...bytes].map((byte) => Uint8Array.of(byte)));
  assert.deepEqual(single, [{ text: "é\u{1f525}" }, { text: "b" }, { end: true }]);
  assert.deepEqual(await collected('{"text":"a"}\n{"te'), [{ text: "a" }], "what is cut off is no line");
  await assert.rejects(collected("x".repeat(2_000_000)), /too long/);
  await assert.rejects(collected("<html>\n"), SyntaxError);
});

/** A server that answers each request in turn as it is told, and what a reader heard. */
async function heard(...answers) {
  const server = createServer((_, response) => answers.shift()(response)).listen(0, "127.0.0.1");
  await new Promise((done) => server.once("listening", done));
  const said = [];
  await new Promise((done) => {
    const stop = readOutput(`http://127.0.0.1:${server.address().port}/`, {
      begin: () => said.push("begin"),
      lines: (lines) => said.push(...lines.map((line) => line.text)),
      end: () => done(said.push("end")),
      failed: (why, again) => {
        said.push(`${again ? "again" : "over"}: ${why}`);
        if (!again) done();
        if (answers.length === 0) done(stop());
      },
    });
  });
  server.close();
  server.closeAllConnections();
  return said;
}

test("it is read again from the beginning after a failure, until the trial writes no more", async () => {
  const said = await heard(
    (response) => response.writeHead(503).end("too many pages are open"),
    (response) => response.end('{"text":"a"}\n'),
    (response) => response.end('{"text":"a"}\n{"text":"b"}\n{"end":true}\n'),
  );
  const wanted = ["again: too many pages are open", "begin", "a", "again: the connection was closed", "begin", "a", "b", "end"];
  assert.deepEqual(said, wanted);
  assert.deepEqual(await heard((response) => response.writeHead(404).end("no such trial")), ["over: no such trial"]);
  const refused = '{"error":"the page needs a token","hint":"log in"}';
  assert.deepEqual(await heard((response) => response.writeHead(401).end(refused)), ["over: the page needs a token; log in"]);
  assert.deepEqual(await heard((response) => response.writeHead(403).end("<html>a proxy's")), ["over: 403 Forbidden"]);
});
