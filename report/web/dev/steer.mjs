// Development only: what a coordinator does when a study is steered from the page. It keeps what was changed beside the made-up studies,
// and refuses as a coordinator would. Whoever has the cookie `viewer=1` may only look.

/** So much is kept of each study that somebody changed. */
const fresh = () => ({ state: null, more: 0, added: [], trials: new Map(), note: "", note_version: 0, tags: [], archived: false, requests: new Map() });

export class Steered {
  studies = new Map();
  activity = [];
  listeners = new Set();

  /** `make` adds a study; `known` says whether there is one of this name, and gives its document as it would be without changes. */
  constructor(known, make) {
    this.known = known;
    this.make = make;
  }

  of(name) {
    if (!this.studies.has(name)) this.studies.set(name, fresh());
    return this.studies.get(name);
  }

  /** The document with what was changed. */
  document(name, document) {
    const kept = this.studies.get(name);
    if (!kept) return document;
    // One that was added keeps its number; those that come after it move on.
    const [base, added, trials, moved] = [[...document.trials], [...kept.added], [], new Map()];
    while (base.length > 0 || added.length > 0) {
      const number = trials.length;
      const next = added[0]?.number <= number || base.length === 0 ? added.shift() : base.shift();
      if (!next.added) moved.set(next.number, number);
      const state = kept.state === "STOPPED" && next.state === "RUNNING" ? "WAITING" : next.state;
      trials.push({ ...next, state, number, ...kept.trials.get(number) });
    }
    const study = this.study(kept, document.study);
    const failures = study.failures.map((f) => ({ ...f, newest: moved.get(f.newest) ?? f.newest }));
    return { ...document, trials, study: { ...study, failures, best: moved.get(study.best) ?? study.best } };
  }

  study(kept, study) {
    const called = kept.state === "STOPPED" ? study.counts.running : 0;
    const counts = { ...study.counts, running: study.counts.running - called, waiting: study.counts.waiting + called + kept.added.length };
    const state = kept.state ?? (kept.more > 0 && study.state === "FINISHED" ? "ACTIVE" : study.state);
    const { note, note_version, tags, archived } = kept;
    return { ...study, counts, state, budget: study.budget + kept.more, note, note_version, tags, archived };
  }

  did(request, what, study, trial = null, details = "") {
    const who = decodeURIComponent(request.headers["kindling-user"] ?? "");
    this.activity.unshift({ time: Date.now(), who, from: "127.0.0.1, client", what, study, trial, details });
    this.activity.length = Math.min(1000, this.activity.length);
    for (const tell of this.listeners) tell(study);
  }

  /** Whether this is one of the calls that are answered here. */
  answers(request, response, url) {
    const path = url.pathname;
    const send = (status, body) => response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
    const viewer = /\bviewer=1\b/.test(request.headers.cookie ?? "");
    if (path === "/api/me") {
      send(200, { may_change: !viewer, holder: viewer ? "viewer" : "client", version: "made up" });
      return true;
    }
    if (path === "/api/activity") {
      const [name, from] = [url.searchParams.get("name"), Number(url.searchParams.get("before") ?? 0)];
      const all = this.activity.filter((line) => !name || line.study === name);
      const next = from + 20 < all.length ? String(from + 20) : null;
      send(200, { activities: all.slice(from, from + 20), next });
      return true;
    }
    if (path === "/api/note") {
      const [name, trial] = [url.searchParams.get("name"), url.searchParams.get("trial")];
      const { study, trials } = this.document(name, this.known(name));
      const { note = "", note_version = 0 } = trial === null ? study : trials[Number(trial)];
      send(200, { note, note_version });
      return true;
    }
    if (request.method !== "POST" || (path !== "/api/change" && path !== "/api/studies")) return false;
    let body = "";
    request.on("data", (part) => (body += part));
    request.on("end", () => {
      try {
        if (viewer) throw [403, "a viewer's token changes nothing", "use the client's token"];
        const site = request.headers["sec-fetch-site"];
        if (site && site !== "same-origin") throw [403, "the browser says that this request comes from another site", null];
        const origin = request.headers.origin;
        if (origin && origin !== `http://${request.headers.host}`) throw [403, "this request comes from another address", null];
        if (request.headers["content-type"] !== "application/json") throw [403, "a change is sent as JSON", null];
        const wanted = JSON.parse(body);
        // Long enough to see that it is under way.
        setTimeout(() => {
          try {
            send(200, path === "/api/studies" ? this.create(request, wanted) : this.change(request, url.searchParams.get("name"), wanted));
          } catch (refusal) {
            refuse(send, refusal);
          }
        }, 150);
      } catch (refusal) {
        refuse(send, refusal);
      }
    });
    return true;
  }

  create(request, { text, dry_run }) {
    const lines = text.split("\n");
    for (const [i, line] of lines.entries()) {
      const key = /^([\w-]+)\s*=/.exec(line)?.[1];
      const error = /^\s*(#.*)?$|^\[[\w.\-"]+\]|=/.test(line) ? null : "expected `=` after a key";
      if (error) throw [422, error, "nothing was created; mend the text and try again", { line: i + 1, column: 1 }];
      if (key === "trails") throw [422, "`trails`: unknown key; did you mean `trials`?", "nothing was created; mend the text and try again", { line: i + 1, column: 1 }];
    }
    const name = /^name\s*=\s*"([^"]+)"/m.exec(text)?.[1];
    if (!name) throw [422, "`name` is missing", "nothing was created; mend the text and try again", { line: null, column: null }];
    const budget = Number(/^trials\s*=\s*(\d+)/m.exec(text)?.[1] ?? 24);
    const there = this.known(name) !== null;
    if (there && budget === 99) throw [409, `study \`${name}\` exists with another trials`, null];
    if (!dry_run && !there) {
      this.make(name, budget);
      this.did(request, "create", name);
    }
    return { name, created: !there };
  }

  change(request, name, wanted) {
    const document = this.known(name);
    if (!document) throw [404, `there is no study \`${name}\``, null];
    const kept = this.of(name);
    const now = this.document(name, document);
    const answer = () => ({ state: this.study(kept, document.study).state, budget: now.study.budget });
    const notDriven = () => {
      if (now.study.external) throw [409, "Optuna's clients drive this study", null];
    };
    const once = (act) => {
      const id = wanted.request_id;
      if (!kept.requests.has(id)) kept.requests.set(id, act());
      return kept.requests.get(id);
    };
    switch (wanted.do) {
      case "pause":
      case "stop":
        notDriven();
        kept.state = wanted.do === "pause" ? "PAUSED" : "STOPPED";
        this.did(request, wanted.do, name);
        return answer();
      case "resume":
        kept.state = null;
        this.did(request, "resume", name);
        return answer();
      case "budget": {
        const existing = now.trials.filter((t) => t.confirms === null).length;
        if (wanted.trials < existing) throw [409, `${wanted.trials} trials are fewer than the ${existing} that exist`, null];
        this.did(request, "budget", name, null, `${now.study.budget} → ${wanted.trials}`);
        kept.more += wanted.trials - now.study.budget;
        return answer();
      }
      case "delete":
        if (wanted.name !== name) throw [400, "that is not the name of the study", "type the name as it stands above"];
        if (now.study.counts.running > 0) throw [409, `${now.study.counts.running} trials are running; stop the study first`, null];
        this.did(request, "delete", name);
        this.make(name, null);
        return { deleted: name };
      case "enqueue":
        return once(() => {
          const existing = now.trials.filter((t) => t.confirms === null).length;
          if (existing >= now.study.budget) throw [409, `the study's ${now.study.budget} trials all exist already`, null];
          const unknown = Object.keys(wanted.params).find((p) => !now.study.space.some((q) => q.name === p));
          if (unknown !== undefined) throw [400, `${unknown} is not in the search space`, null];
          const trial = this.add(kept, now, { params: wanted.params, ...(wanted.warm_start === undefined ? {} : { warm_start: wanted.warm_start }) });
          this.did(request, "enqueue", name, trial, JSON.stringify(wanted.params).slice(0, 80));
          return { trial };
        });
      case "retry":
        return once(() => {
          const answer = { retried: [], refused: [] };
          for (const number of wanted.trials) {
            const old = this.document(name, document).trials[number];
            if (old?.state !== "FAIL") answer.refused.push([number, `trial ${number} did not fail; only a failed trial can be retried`]);
            else {
              kept.more += 1;
              answer.retried.push([number, this.add(kept, this.document(name, document), { params: old.params, retry_of: number })]);
            }
          }
          this.did(request, "retry", name, null, `${answer.retried.length} trials`);
          return answer;
        });
      case "note": {
        const of = wanted.trial === undefined ? kept : now.trials[wanted.trial];
        const version = of.note_version ?? 0;
        if (wanted.version !== version) throw [409, "somebody else changed the note", "read it again"];
        this.noted(kept, wanted.trial, { note: wanted.text, note_version: version + 1 });
        this.did(request, "note", name, wanted.trial ?? null);
        return { note_version: version + 1 };
      }
      case "tags":
        if (wanted.tags.length > 32 || wanted.tags.some((t) => [...t].length > 64)) throw [400, "at most 32 tags of 64 characters", null];
        this.noted(kept, wanted.trial, { tags: wanted.tags });
        this.did(request, "tags", name, wanted.trial ?? null, wanted.tags.join(", "));
        return {};
      case "archive":
        kept.archived = wanted.archived;
        this.did(request, wanted.archived ? "archive" : "unarchive", name);
        return {};
      default:
        throw [400, `this is no change: ${wanted.do}`, null];
    }
  }

  noted(kept, trial, what) {
    if (trial === undefined) Object.assign(kept, what);
    else kept.trials.set(trial, { ...kept.trials.get(trial), ...what });
  }

  add(kept, now, what) {
    const bare = { state: "WAITING", values: [], constraints: [], curve: [], attributes: {}, attempt: 0, worker: "", fail_reason: null, retry_of: null, confirms: null, start: null, complete: null };
    kept.added.push({ ...bare, ...what, number: now.trials.length, added: true });
    return now.trials.length;
  }
}

function refuse(send, refusal) {
  if (!Array.isArray(refusal)) return send(500, { error: String(refusal), hint: null });
  const [status, error, hint, more = {}] = refusal;
  send(status, { error, hint, ...more });
}
