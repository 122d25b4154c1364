// Development only: what made-up trials leave behind, and how it is served.

import { createHash } from "node:crypto";
import { crc32, deflateSync } from "node:zlib";

/** A picture of a curve, by hand: 8 bits for each of red, green and blue. */
function png(width, height, seed) {
  const rows = Buffer.alloc(height * (1 + 3 * width), 255);
  for (let y = 0; y < height; y += 1) rows[y * (1 + 3 * width)] = 0;
  for (let x = 0; x < width; x += 1) {
    const y = Math.round(height * (0.1 + 0.8 * Math.exp((-3 * x) / width)) + 6 * Math.sin(x / 7 + seed));
    for (const dy of [-1, 0, 1]) {
      const at = Math.min(height - 1, Math.max(0, y + dy)) * (1 + 3 * width) + 1 + 3 * x;
      rows.set([0, 114, 178], at);
    }
  }
  const chunk = (type, data) => {
    const body = Buffer.concat([Buffer.from(type), data]);
    const [size, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
    size.writeUInt32BE(data.length);
    sum.writeUInt32BE(crc32(body));
    return Buffer.concat([size, body, sum]);
  };
  const head = Buffer.alloc(13);
  head.writeUInt32BE(width, 0);
  head.writeUInt32BE(height, 4);
  head.set([8, 2], 8);
  const signature = Buffer.from([137, 80, 78, 71, 13, 10, 26, 10]);
  return Buffer.concat([signature, chunk("IHDR", head), chunk("IDAT", deflateSync(rows)), chunk("IEND", Buffer.alloc(0))]);
}

const HTML = "<script>document.title = 'broken'</script><img src=x onerror=\"document.title = 'broken'\">";
const SVG = `<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><script>document.title = 'broken'</script></svg>`;

/** Name, type and bytes. A few sets of them are enough for any number of trials. */
const WEIGHTS = Buffer.alloc(1_234_567, 7);
const FILES = Array.from({ length: 8 }, (_, seed) => [
  ["plots/loss.png", "image/png", png(320, 160, seed)],
  ["weights.bin", "application/octet-stream", WEIGHTS],
]);
const OWN = [
  ["summary.png", "image/png", png(480, 200, 3)],
  ["table.csv", "text/csv", Buffer.from("a,b\n")],
];
const ODD_FILES = [
  ["a.svg", "image/svg+xml", Buffer.from(SVG)],
  ["<b>bold</b>.html", "text/html", Buffer.from(HTML)],
  ["lies.png", "image/png", Buffer.from(HTML)],
  ["no picture.png", "image/png", Buffer.from(SVG)],
  ["../../etc/passwd", "", Buffer.from("x")],
  ["\u202egnp.exe", "application/x-msdownload", Buffer.from("MZ")],
  [`${"long-".repeat(60)}name.txt`, "text/plain; charset=utf-8", Buffer.from("x")],
];
const hashes = new Map();
function hash(bytes) {
  if (!hashes.has(bytes)) hashes.set(bytes, createHash("sha256").update(bytes).digest("hex"));
  return hashes.get(bytes);
}

function files(study, trial) {
  if (trial === null) return study.startsWith("odd") ? [] : OWN;
  if (trial % 4 === 1) return [];
  return study.startsWith("odd") && trial === 4 ? ODD_FILES : FILES[trial % 8];
}

/** What the document says of a trial's files, or of the study's own. */
export function artifacts(study, trial, saved) {
  return files(study, trial).map(([name, media_type, content]) => ({
    name,
    path: encodeURIComponent(name),
    media_type,
    size: content.length,
    sha256: hash(content),
    saved,
  }));
}

/** What a trial has beyond its results: every third one lost its first worker. */
export function kept(study, trial) {
  const { number, start, worker, complete, state } = trial;
  const running = state === "RUNNING";
  const end = complete ?? Date.now();
  const middle = Math.round(start + (end - start) / 3);
  const last = {
    attempt: 1,
    worker,
    start,
    end: running ? null : end,
    ended: running ? null : "FINISHED",
    resumed_from: null,
  };
  const again = number % 3 === 2;
  return {
    attempts: again
      ? [
          { ...last, worker: "spot-7", end: middle, ended: number % 2 === 0 ? "LOST" : "HANDED_BACK" },
          { ...last, attempt: 2, start: middle + 1000, resumed_from: 2 },
        ]
      : [last],
    attempt: again ? 2 : 1,
    checkpoints: running || again ? [{ attempt: 1, step: 2, size: 5_300_000 }] : [],
    artifacts: artifacts(study, number, running ? null : end),
  };
}

/** What tests look for. All of it is shown, and none of it does anything. */
const ODD_LINES = [
  ["stdout", HTML],
  ["stdout", "\x1b[31mred\x1b[0m \x1b[1;32mbold green\x1b[0m \x1b[38;5;214morange\x1b[0m \x1b[38;2;80;120;255mblue\x1b[0m \x1b[30;40mblack on black\x1b[0m \x1b[8mhidden\x1b[0m"],
  ["stderr", "\x1b]0;a title\x07\x1b]8;;https://evil.example\x1b\\a link\x1b]8;;\x1b\\\x1b[2J\x1b[Hcleared"],
  ["stdout", "null \0 bell \x07 backspace \b escape \x1b"],
  ["stdout", "right to left: \u202egnp.exe\u202c, nothing: \u200b\u2066"],
  ["stdout", "  0%|          \r 50%|█████     \r100%|██████████"],
  ["stdout", "two\nlines"],
  ["stdout", ""],
  ["stdout", "مرحبا hello"],
  ["stderr", "x".repeat(16 * 1024)],
  ["stdout", `z${"\u0335\u0321\u0353".repeat(40)}algo`],
];

/** A trial's lines, by attempt. */
function lines(study, { attempts, curve, start }) {
  const odd = study.startsWith("odd") || study === "talking";
  return attempts.flatMap(({ attempt, resumed_from }) => [
    { attempt, stream: "log", text: `training on 4 threads, seed ${start % 1000}` },
    ...(resumed_from === null ? [] : [{ attempt, stream: "log", text: `going on after step ${resumed_from}` }]),
    ...(odd ? ODD_LINES : []).map(([stream, text]) => ({ attempt, stream, text })),
    ...curve.map(([step, value]) => ({ attempt, stream: "stdout", text: `step=${step} \x1b[36mvalue=${value.toFixed(4)}\x1b[0m` })),
    { attempt, stream: "stderr", text: "UserWarning: lr_scheduler.step() was called before optimizer.step()", lines_left_out: 1234, bytes_left_out: 98_765 },
  ]);
}

/** The output of a trial as JSON lines: what there is, and if it runs ever more. `trial` looks it up anew. */
export function output(request, response, study, trial, query) {
  const only = query.get("attempt");
  const wanted = (line) => only === null || line.attempt === Number(only);
  let time = trial().start;
  const write = (line) => response.write(`${JSON.stringify({ ...line, time: (time += 137) })}\n`);
  response.writeHead(200, { "content-type": "application/x-ndjson", "cache-control": "no-store" });
  lines(study, trial()).filter(wanted).forEach(write);
  let step = 0;
  const timer = setInterval(() => {
    const now = trial();
    if (now.state !== "RUNNING") {
      clearInterval(timer);
      response.end(`${JSON.stringify({ end: true })}\n`);
      return;
    }
    step += 1;
    // A flood in one study, to see how the page bears it.
    const many = study === "flood" ? 500 : 1;
    for (let i = 0; i < many; i += 1) write({ attempt: now.attempt, stream: step % 9 === 0 ? "stderr" : "stdout", text: `batch ${step}.${i} of epoch 3, loss ${(1 / step).toFixed(4)}` });
  }, 200);
  request.on("close", () => clearInterval(timer));
}

/** A file, with the headers of the coordinator. */
export function artifact(response, study, trial, name) {
  const found = files(study, trial).find(([known]) => known === name);
  if (!found) return response.writeHead(404).end("no such file");
  const picture = ["image/png", "image/jpeg", "image/gif", "image/webp"].includes(found[1]);
  response.writeHead(200, {
    "content-type": picture ? found[1] : "application/octet-stream",
    "content-disposition": `${picture ? "inline" : "attachment"}; filename*=UTF-8''${encodeURIComponent(name.split("/").pop())}`,
    "content-security-policy": "sandbox; default-src 'none'",
    "x-content-type-options": "nosniff",
  });
  return response.end(found[2]);
}
