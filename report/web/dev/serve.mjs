// Development only: serves the page with made-up studies, as a coordinator would, and writes reports.
//
//   node dev/serve.mjs [--port 8090]       the list at /, studies that grow, and finished ones; reports at /report/NAME
//   node dev/serve.mjs --studies 1000                        many in the list
//   node dev/serve.mjs --coordinator http://127.0.0.1:8080   the page as it is built here, with the data of a running coordinator
//   node dev/serve.mjs --report FILE [--trials N] [--objectives N] [--kind KIND]   writes a report of a made-up study

import { readFileSync, writeFileSync } from "node:fs";
import { createServer, request as ask } from "node:http";
import { gzipSync } from "node:zlib";
import { at, fake } from "./fake.mjs";
import { artifact, output } from "./kept.mjs";
import { Steered } from "./steer.mjs";

const option = (name, otherwise) => {
  const i = process.argv.indexOf(`--${name}`);
  return i < 0 ? otherwise : process.argv[i + 1];
};
const asset = (file) => readFileSync(new URL(`../dist/${file}`, import.meta.url), "utf8");
const POLICY = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:";

/** A name, its trials, and how many are over at first; null: all. Of some it stays at that, and the others run for ever. */
const KINDS = {
  "weight-init-deep": [{}, null],
  growing: [{ name: "growing" }, 120],
  confirming: [{ name: "confirming" }, 190],
  minimised: [{ name: "minimised", kind: "other", budget: 120 }, null],
  // The same search under three seeds.
  "repeat-1": [{ name: "repeat-1", kind: "other", budget: 60, seed: 1 }, null],
  "repeat-2": [{ name: "repeat-2", kind: "other", budget: 60, seed: 2 }, null],
  "repeat-3": [{ name: "repeat-3", kind: "other", budget: 60, seed: 3 }, 40],
  front: [{ name: "front", objectives: 2, seeds: 5 }, null],
  "front-growing": [{ name: "front-growing", objectives: 2, seeds: 5 }, 30],
  "front-of-three": [{ name: "front-of-three", objectives: 3, seeds: 5 }, null],
  wide: [{ name: "wide", kind: "wide", budget: 300, seeds: 0 }, null],
  "odd & <b>": [{ name: "odd & <b>", kind: "odd", budget: 40, seeds: 0 }, null],
  "..": [{ name: "..", kind: "other", budget: 12, seeds: 0 }, null],
  new: [{ name: "new" }, 0],
  talking: [{ name: "talking", kind: "other", budget: 12, seeds: 0 }, 8, "for ever"],
  flood: [{ name: "flood", kind: "other", budget: 12, seeds: 0 }, 8, "for ever"],
  large: [{ name: "large", budget: 10_000, seeds: 0, steps: 38 }, null],
  huge: [{ name: "huge", kind: "huge", budget: 10_000, seeds: 0, steps: 20 }, null],
  "huge-growing": [{ name: "huge-growing", kind: "huge", budget: 10_000, seeds: 0, steps: 20 }, 9000],
  "large-growing": [{ name: "large-growing", budget: 10_000, seeds: 0, steps: 38 }, 9000],
};
const studies = new Map();
const studyOf = (name) => {
  if (!Object.hasOwn(KINDS, name)) return null;
  if (!studies.has(name)) {
    const whole = fake(KINDS[name][0]);
    studies.set(name, { whole, done: KINDS[name][1] ?? whole.trials.length, stays: KINDS[name][2] !== undefined });
  }
  return studies.get(name);
};

/** As it is now. */
const shown = (name) => steered.document(name, lineOf(name));
const steered = new Steered(
  (name) => (studyOf(name) ? at(studyOf(name).whole, studyOf(name).done) : null),
  (name, budget) => {
    // One that is made waits for workers; without a budget it goes.
    studies.delete(name);
    steered.studies.delete(name);
    if (budget === null) delete KINDS[name];
    else KINDS[name] = [{ name, kind: "other", budget, seeds: 0, failing: 0.3 }, 0];
  },
);

const page = (
  config,
  inner = "",
  head = '<link rel="stylesheet" href="/assets/app.css"><script src="/assets/app.js" defer></script>',
  tail = "",
) => `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>Kindling</title>
<link rel="icon" href="data:,">${head}</head><body>${inner}<script type="application/json" id="kindling">${JSON.stringify(config)}</script>${tail}</body></html>`;

/** The document in pieces, as a coordinator sends it: a name, and what JSON it is. */
function* pieces({ trials, analysis, ...head }, bytes = 256 * 1024) {
  const first = trials.filter((t) => t.number === head.study.best || head.study.front.includes(t.number));
  yield ["begin", JSON.stringify({ ...head, total: trials.length, trials: first })];
  let [some, size] = [[], 0];
  for (const trial of trials) {
    const text = JSON.stringify(trial);
    some.push(text);
    size += text.length;
    if (size < bytes) continue;
    yield ["trials", `[${some}]`];
    [some, size] = [[], 0];
  }
  if (some.length > 0) yield ["trials", `[${some}]`];
  yield ["analysis", JSON.stringify(analysis)];
}

function report(document) {
  const packed = (text) => gzipSync(text).toString("base64");
  const inner = [...pieces(document)].map(([kind, text]) => `<script type="text/plain" data-piece="${kind}">${packed(text)}</script>`).join("");
  return page({ mode: "report" }, inner, `<style>${asset("app.css")}</style>`, `<script>${asset("app.js")}</script>`);
}

if (option("report")) {
  const kind = option("kind", "flagship");
  const whole = fake({ kind, budget: Number(option("trials", 200)), objectives: Number(option("objectives", 1)) });
  writeFileSync(option("report"), report(at(whole, whole.trials.length)));
  process.exit(0);
}

/** Of a study that stays as it is, a trial that runs changes, as one does with each report. */
function still(name) {
  const { study: now, workers, trials } = shown(name);
  return { study: now, workers, trials: trials.filter((t) => t.state === "RUNNING") };
}

async function events(response, name, study) {
  response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
  const tell = (event, text) => response.write(`event: ${event}\ndata: ${text}\n\n`);
  const send = (event, data) => tell(event, JSON.stringify(data));
  for (const [kind, text] of pieces(shown(name))) if (!tell(kind, text)) await new Promise((more) => response.once("drain", more));
  const changed = (which) => {
    if (which === name && studyOf(name)) send("change", change());
  };
  const change = (from = 0) => {
    const { study: now, workers, trials } = shown(name);
    return { study: now, workers, trials: trials.slice(from) };
  };
  steered.listeners.add(changed);
  let tick = 0;
  const timer = setInterval(() => {
    tick += 1;
    // It was deleted.
    if (!studyOf(name)) return response.end();
    if (study.done >= study.whole.trials.length) return;
    if (study.stays) return tick % 2 === 0 && send("change", still(name));
    if (tick % 2 === 0) study.done += 1;
    send("change", change(Math.max(0, study.done - 2)));
    if (tick % 6 === 0) send("analysis", shown(name).analysis);
    if (tick % 10 === 0) response.write(": ping\n\n");
  }, 500);
  response.on("close", () => {
    clearInterval(timer);
    steered.listeners.delete(changed);
  });
}

/** A study as it is now, without what was steered; made once for each number of trials, since a large one takes seconds. */
const listed = new Map();
function lineOf(name) {
  const { whole, done } = studyOf(name);
  if (listed.get(name)?.done !== done) listed.set(name, { done, ...at(whole, done) });
  return listed.get(name);
}

/** What the coordinator answers: data, changes, files. */
const coordinator = option("coordinator");
function passOn(request, response) {
  const to = new URL(request.url, coordinator);
  const headers = { ...request.headers, host: to.host };
  // It lets itself be changed from its own pages only.
  if (headers.origin) headers.origin = to.origin;
  const asked = ask(to, { method: request.method, headers }, (answer) => {
    response.writeHead(answer.statusCode, answer.headers);
    answer.pipe(response);
  });
  asked.on("error", (error) => (response.headersSent ? response.destroy() : response.writeHead(502).end(String(error))));
  response.on("close", () => asked.destroy());
  request.pipe(asked);
}

/** Which page an address is, as the coordinator would say. */
function pageAt(path, url, first, second) {
  if (path === "/new") return { mode: "new" };
  if (path === "/" || path === "/compare") return { mode: path === "/" ? "list" : "compare" };
  const name = first === "studies" ? second : path === "/study" ? url.searchParams.get("name") : null;
  const tooDeep = path.split("/").length > 5;
  if (name && !tooDeep && (coordinator || studyOf(name))) return { mode: "live", study: name };
  return { mode: "missing", said: name && !tooDeep ? `no study is called “${name}”` : "no page has this address" };
}

createServer((request, response) => {
  const url = new URL(request.url, "http://x");
  const path = url.pathname;
  const send = (type, body, policy = POLICY) =>
    response.writeHead(200, { "content-type": type, "content-security-policy": policy }).end(body);
  const [, first, second, third, fourth] = path.split("/").map(decodeURIComponent);
  if (path === "/assets/app.js") return send("text/javascript", asset("app.js"));
  if (path === "/assets/app.css") return send("text/css", asset("app.css"));
  if (coordinator && (first === "api" || path === "/study/artifact" || third === "artifacts")) return passOn(request, response);
  if (steered.answers(request, response, url)) return;
  if (path === "/api/studies") {
    const list = Object.keys(KINDS)
      .filter((n) => !/^(large|huge)/.test(n))
      .map((n) => {
        const { study, trials } = steered.document(n, lineOf(n));
        const times = trials.flatMap((t) => [t.start ?? 0, t.complete ?? 0]);
        return {
          archived: study.archived ?? n === "wide",
          tags: study.tags ?? (n.includes("growing") ? ["nightly", "growing"] : []),
          created: study.created,
          newest: times.length > 0 ? Math.max(...times) : null,
          trials_per_hour: study.trials_per_hour,
          seconds_left: study.seconds_left,
          external: study.external,
          failure: study.failures[0]?.reason ?? null,
          note: study.note ?? "",
          name: n,
          state: study.state,
          counts: study.counts,
          budget: study.budget,
          confirmations: study.confirmations,
          directions: study.directions,
          best_values: trials[study.best]?.values ?? [],
          front_size: study.front_size,
        };
      });
    // The same ones again under other names, to see how the page bears many.
    const more = Array.from({ length: Math.max(0, Number(option("studies", 0)) - list.length) }, (_, i) => ({
      ...list[i % list.length],
      name: `many-${i}`,
      created: Date.now() - 1000 * i,
    }));
    return send("application/json", JSON.stringify([...list, ...more]));
  }
  // The page's program asks by query, so that it can ask for any name.
  const name = url.searchParams.get("name") ?? (first === "api" ? third : second);
  const study = studyOf(name);
  const trial = url.searchParams.has("trial") ? Number(url.searchParams.get("trial")) : null;
  if (study && path === "/study/artifact") return artifact(response, name, trial, url.searchParams.get("file"));
  if (study && path === "/api/study/output") {
    const look = () => at(study.whole, study.done).trials[trial];
    return look() ? output(request, response, name, look, url.searchParams) : response.writeHead(404).end("there is no such trial");
  }
  if (study && first === "report") return send("text/html", report(at(study.whole, study.done)), "");
  if (study && first === "api" && (third === "events" || fourth === "events")) return events(response, name, study);
  if (study && first === "api") return send("application/json", JSON.stringify(shown(name)));
  if (first === "api" || first === "assets") return response.writeHead(404).end("not found");
  const view = pageAt(path, url, first, second);
  response.writeHead(view.mode === "missing" ? 404 : 200, { "content-type": "text/html", "content-security-policy": POLICY, "cache-control": "no-store" }).end(page(view));
}).listen(Number(option("port", 8090)), "127.0.0.1", function () {
  console.log(`page on http://127.0.0.1:${this.address().port}`);
});
