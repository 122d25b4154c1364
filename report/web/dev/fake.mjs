// Development only: a document as a coordinator would give it, made up. Nothing of this is in the bundle.

import { diagnosis } from "./diagnosis.mjs";
import { artifacts, kept } from "./kept.mjs";
import { againOf, analysisOf, frontOf, spec, told } from "./several.mjs";

const METHODS = ["const_zero", "const_0.5", "gaussian", "xavier_uniform", "xavier_normal", "he_uniform", "he_normal"];
const SKILL = {
  const_zero: -9,
  "const_0.5": -9,
  gaussian: -0.3,
  xavier_uniform: 0.1,
  xavier_normal: 0.2,
  he_uniform: -0.1,
  he_normal: 0,
};

/** mulberry32: small, seeded, good enough to look at. */
function generator(seed) {
  let a = seed;
  const next = () => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
  const normal = () => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next());
  return {
    next,
    normal,
    log: (low, high) => Math.exp(Math.log(low) + next() * Math.log(high / low)),
    pick: (all) => all[Math.floor(next() * all.length)],
  };
}

const std = (when) => ({ type: "float", low: 0.25, high: 4, log: true, step: null, when });
const FLAGSHIP = [
  { name: "winit_conv", type: "categorical", choices: METHODS, when: {} },
  { name: "winit_fc", type: "categorical", choices: METHODS, when: {} },
  { name: "learning_rate", type: "float", low: 5e-4, high: 1e-2, log: true, step: null, when: {} },
  { name: "gaussian_std_conv", ...std({ winit_conv: ["gaussian"] }) },
  { name: "gaussian_std_fc", ...std({ winit_fc: ["gaussian"] }) },
];
const OTHER = [
  { name: "x", type: "float", low: -5, high: 5, log: false, step: null, when: {} },
  { name: "layers", type: "int", low: 1, high: 6, log: false, step: 1, when: {} },
  { name: "batch", type: "int", low: 8, high: 512, log: true, step: null, when: {} },
  { name: "nesterov", type: "categorical", choices: [true, false], when: {} },
];

/** Names that are not plain text, or that every object has; choices that look alike; values far from 1. */
const ODD = [
  { name: "<b>method</b> & more", type: "categorical", choices: ["<i>one</i>", "two", 3, false], when: {} },
  {
    name: "constructor",
    type: "categorical",
    choices: ["", "1", 1, "\u202egnp.exe"],
    when: { "<b>method</b> & more": ["two"] },
  },
  { name: "__proto__", type: "float", low: 0, high: 1, log: false, step: null, when: { "<b>method</b> & more": ["two", 3] } },
];

/** 80 choices: thousands of pairs. */
const WIDE = Array.from({ length: 80 }, (_, i) => ({
  name: `choice_${i}`,
  type: "categorical",
  choices: ["a", "b", "c"],
  when: {},
}));

/** 200 parameters of all kinds, some of which count only for a choice. */
const HUGE = Array.from({ length: 200 }, (_, i) => {
  const name = `parameter_${i}`;
  const when = i % 20 === 19 ? { parameter_0: ["a"] } : {};
  if (i % 4 === 0) return { name, type: "categorical", choices: ["a", "b", "c", "d"], when };
  if (i % 4 === 1) return { name, type: "int", low: 1, high: 1000, log: false, step: 1, when };
  return { name, type: "float", low: 1e-5, high: 1, log: i % 4 === 2, step: null, when };
});

/** A study of `budget` search trials, all of them over. `kind` is "flagship", "odd", "wide", "huge", or "other", which is minimised. */
export function fake({
  name = "weight-init-deep",
  budget = 200,
  seeds = 10,
  kind = "flagship",
  steps = 20,
  diagnoses = budget <= 2000,
  objectives = 1,
  failing = 0.02,
  seed = 7,
} = {}) {
  const r = generator(seed);
  const space = { flagship: FLAGSHIP, odd: ODD, other: OTHER, wide: WIDE, huge: HUGE }[kind];
  const workers = ["worker-1", "worker-2", "gpu-box"];
  const created = Date.now() - 7.2e6;
  const free = workers.map((_, i) => created + 2000 + 500 * i);
  const trials = [];
  const params = () => {
    const out = Object.create(null);
    for (const p of space) {
      if (Object.entries(p.when).some(([parent, of]) => !of.includes(out[parent]))) continue;
      // Later trials keep to what was good, as a sampler would.
      if (p.type === "categorical")
        out[p.name] =
          trials.length > 40 && r.next() < 0.6 && kind === "flagship" ? r.pick(METHODS.slice(2, 6)) : r.pick(p.choices);
      else if (p.type === "int") out[p.name] = Math.round(p.log ? r.log(p.low, p.high) : p.low + r.next() * (p.high - p.low));
      else out[p.name] = p.log ? r.log(p.low, p.high) : p.low + r.next() * (p.high - p.low);
    }
    return out;
  };
  const quality = (p) => {
    if (kind === "odd") return -1e12 * (1 + r.next());
    if (kind === "wide") return (p.choice_0 === "a" ? 0.5 : 0) + (p.choice_1 === "b" ? 0.2 : 0) + 0.1 * r.normal();
    if (kind === "huge") return Math.log(p.parameter_2) ** 2 / 50 + p.parameter_3 + (p.parameter_0 === "a" ? 0 : 0.3) + 0.2 * r.normal();
    if (kind !== "flagship")
      return (
        p.x ** 2 / 5 + Math.abs(Math.log2(p.batch) - 6) / 3 + 0.2 * p.layers - (p.nesterov ? 0.4 : 0) + 0.2 * r.normal() + 0.5
      );
    const skill =
      SKILL[p.winit_conv] +
      1.2 * SKILL[p.winit_fc] +
      0.25 * r.normal() -
      Math.abs(Math.log(p.learning_rate / 1.3e-3)) * 0.5 -
      (p.gaussian_std_conv ? Math.abs(Math.log(p.gaussian_std_conv / 0.3)) : 0) -
      (p.gaussian_std_fc ? 0.6 * Math.abs(Math.log(p.gaussian_std_fc / 0.5)) : 0);
    return skill < -3 ? 0.1 + 0.02 * r.next() + (skill < -7 ? 0 : 0.4 * r.next()) : 0.975 / (1 + Math.exp(-(skill + 3.4)));
  };
  const add = (p, confirms) => {
    const number = trials.length;
    const value = quality(p);
    const w = r.next() < 0.5 ? 2 : r.pick([0, 1]);
    const n = 3 + Math.floor(r.next() * (steps - 3));
    const start = free[w];
    const complete = start + n * 900 * (w === 2 ? 0.6 : 1) * (0.8 + 0.4 * r.next());
    free[w] = complete + 200;
    // Some fail for a reason that can be found.
    const steep = p.learning_rate > 6e-3 || p.batch > 300;
    const state = r.next() < (steep ? Math.max(0.35, failing) : failing) ? "FAIL" : !confirms && r.next() < 0.12 ? "PRUNED" : "COMPLETE";
    const length = state === "COMPLETE" ? n : Math.max(1, Math.floor(n / 3));
    const begin = kind === "flagship" ? 0.1 : value + 3;
    const curve = Array.from({ length }, (_, i) => [
      i + 1,
      value + (begin - value) * Math.exp((-4 * (i + 1)) / n) + 0.01 * r.normal(),
    ]);
    const attributes = state === "COMPLETE" ? { epochs: n, test_accuracy: value - 0.002 + 0.002 * r.normal() } : {};
    if (diagnoses && kind === "flagship" && state === "COMPLETE") attributes.diagnosis = diagnosis(p, r);
    const trial = {
      number,
      state,
      values: state === "COMPLETE" ? [value] : [],
      params: p,
      curve,
      attributes,
      attempt: 1,
      worker: workers[w],
      fail_reason: state !== "FAIL" ? null : steep ? `value is not finite: NaN at step ${n}` : `the worker was lost: 3 attempts`,
      retry_of: null,
      confirms,
      start: Math.round(start),
      complete: Math.round(complete),
    };
    trials.push(told(trial, objectives, r));
  };
  for (let i = 0; i < budget; i += 1) add(params(), null);
  const sign = kind === "flagship" ? 1 : -1;
  const ranked = trials.filter((t) => t.values.length > 0).sort((a, b) => sign * (b.values[0] - a.values[0]));
  const again = () => frontOf(trials).slice(0, 6).map((t) => ({ of: t.number, params: t.params }));
  const plan = kind !== "flagship" || seeds === 0 ? [] : objectives > 1 ? again() : planned(ranked);
  for (let seed = 1; seed <= seeds; seed += 1) for (const arm of plan) add(arm.params, { of: arm.of, seed });
  const study = {
    name,
    ...spec(objectives, sign),
    state: "FINISHED",
    budget,
    confirmations: plan.length * seeds,
    seed: String(seed + 35),
    created,
    counts: {},
    trials_per_hour: null,
    seconds_left: null,
    best: null,
    sampler: { kind: "tpe", startup_trials: 10 },
    pruner: { kind: "median" },
    objective: { kind: kind === "flagship" ? "mnist_cnn" : "command", settings: {} },
    space,
    confirm: plan.length > 0 ? { by: ["winit_conv", "winit_fc"], best: 6, seeds, each: true } : null,
  };
  return { study, trials, plan, sign, workers, seeds };
}

function planned(ranked) {
  const plan = new Map();
  const put = (trial, role) => {
    const arm = plan.get(trial.number) ?? { of: trial.number, params: trial.params, roles: [] };
    arm.roles.push(role);
    plan.set(trial.number, arm);
  };
  const seen = new Set();
  for (const t of ranked) {
    const key = `${t.params.winit_conv} ${t.params.winit_fc}`;
    if (seen.size < 6 && !seen.has(key))
      put(t, { kind: "combination", params: { winit_conv: t.params.winit_conv, winit_fc: t.params.winit_fc } });
    seen.add(key);
  }
  for (const param of ["winit_conv", "winit_fc"]) {
    for (const choice of METHODS) {
      const t = ranked.find((x) => x.params[param] === choice);
      if (t) put(t, { kind: "choice", param, choice });
    }
  }
  return [...plan.values()];
}

/** The document when the first `done` trials are over and some others run. */
export function at(whole, done, running = 3) {
  const { study, workers, plan, sign, seeds } = whole;
  const finished = done >= whole.trials.length;
  const trials = whole.trials
    .slice(0, done + (finished ? 0 : running))
    .map((t, i) =>
      i < done
        ? t
        : { ...t, state: "RUNNING", values: [], constraints: [], curve: t.curve.slice(0, 2), attributes: {}, complete: null, fail_reason: null },
    )
    .map((t) => ({ ...t, ...kept(study.name, t) }));
  const count = (state) => trials.filter((t) => t.state === state).length;
  const counts = {
    waiting: 0,
    running: count("RUNNING"),
    complete: count("COMPLETE"),
    pruned: count("PRUNED"),
    fail: count("FAIL"),
  };
  const ok = trials.filter((t) => t.state === "COMPLETE" && t.confirms === null);
  const best = ok.reduce((b, t) => (b === null || sign * (t.values[0] - b.values[0]) > 0 ? t : b), null);
  const several = study.directions.length > 1;
  const front = several ? frontOf(trials) : [];
  const now = {
    ...study,
    front: front.slice(0, 256).map((t) => t.number),
    front_size: front.length,
    state: finished ? "FINISHED" : "ACTIVE",
    counts,
    best: best?.number ?? null,
    external: false,
    confirmations_known: done >= study.budget,
    failures: failures(trials),
    pause_reason: null,
    trials_per_hour: finished ? null : 183.4,
    seconds_left: finished ? 0 : (whole.trials.length - done) * 19,
  };
  return {
    version: 2,
    generated: Date.now(),
    study: now,
    trials,
    artifacts: artifacts(study.name, null, study.created),
    workers: workers.map((id, i) => ({
      id,
      host: `node-${i}`,
      device: i === 2 ? "cuda:0" : "cpu",
      slots: i === 2 ? 2 : 1,
      connected: i !== 1 || !finished,
      silent_seconds: i === 1 && finished ? 62 : 0.4,
      running: trials
        .filter((t) => t.state === "RUNNING" && t.worker === id)
        .map((t) => ({ number: t.number, attempt: 1, step: t.curve.at(-1)?.[0] ?? null, value: t.curve.at(-1)?.[1] ?? null })),
    })),
    analysis: {
      ...aboutOne(study.space, ok, sign, 0),
      confirm: several ? null : confirm(plan, trials, sign),
      ...(several
        ? {
            others: study.directions.slice(1).map((_, i) => aboutOne([...study.space].reverse(), ok, -1, i + 1)),
            front: analysisOf(front, trials),
            confirmed_front: againOf(front, trials, seeds),
          }
        : {}),
    },
  };
}

function failures(trials) {
  const failed = trials.filter((t) => t.state === "FAIL");
  const newest = failed.at(-1);
  return newest ? [{ reason: newest.fail_reason ?? "it failed", trials: failed.length, newest: newest.number }] : [];
}

function aboutOne(space, trials, sign, objective) {
  return { importance: importance(space, trials.length), combinations: combinations(space, trials, sign, objective) };
}

function importance(space, trials) {
  if (trials < 10) return null;
  const raw = space.map((_, i) => 1 / (i + 1) ** 1.5);
  const total = raw.reduce((a, b) => a + b);
  const first = trials > 5000 ? space.slice(0, 12) : space;
  const interactions = first.flatMap((p, i) =>
    first.slice(i + 1).map((q, j) => ({ a: p.name, b: q.name, strength: 0.3 / (i + 1) / (j + 1.5) })),
  );
  return {
    method: "PED-ANOVA",
    trials,
    params: space.map((p, i) => ({ name: p.name, importance: raw[i] / total })),
    interactions,
  };
}

const mean = (v) => v.reduce((a, b) => a + b, 0) / v.length;
const deviation = (v) => (v.length < 2 ? null : Math.sqrt(v.reduce((a, b) => a + (b - mean(v)) ** 2, 0) / (v.length - 1)));

function combinations(space, trials, sign, objective = 0) {
  const all = space.filter((p) => p.type === "categorical");
  // As many as a coordinator pairs, where each costs a while.
  const categorical = trials.length > 5000 ? all.slice(0, 12) : all;
  return categorical.flatMap((p, i) =>
    categorical.slice(i + 1).map((q) => ({
      params: [p.name, q.name],
      cells: p.choices.flatMap((a) =>
        q.choices.flatMap((b) => {
          const values = trials.filter((t) => t.params[p.name] === a && t.params[q.name] === b).map((t) => t.values[objective]);
          if (values.length === 0) return [];
          return [
            {
              choices: [a, b],
              trials: values.length,
              best: sign * Math.max(...values.map((v) => sign * v)),
              mean: mean(values),
              sd: deviation(values),
              few: values.length < 5,
            },
          ];
        }),
      ),
    })),
  );
}

function confirm(plan, trials, sign) {
  const arms = plan
    .map((arm) => {
      const own = trials.filter((t) => t.confirms?.of === arm.of);
      const done = own.filter((t) => t.state === "COMPLETE");
      const values = done.map((t) => ({ seed: t.confirms.seed, value: t.values[0] }));
      const numbers = values.map((v) => v.value);
      const sd = deviation(numbers);
      const half = sd === null ? null : (2.3 * sd) / Math.sqrt(numbers.length);
      const m = numbers.length > 0 ? mean(numbers) : null;
      return {
        ...arm,
        planned: 10,
        values,
        mean: m,
        low: half === null ? null : m - half,
        high: half === null ? null : m + half,
        sd,
        few: numbers.length < 5,
        failed: own.filter((t) => t.state === "FAIL").length,
        test_mean: done.length > 0 ? mean(done.map((t) => t.attributes.test_accuracy)) : null,
      };
    })
    .filter((a) => a.mean !== null)
    .sort((a, b) => sign * (b.mean - a.mean));
  if (arms.length === 0) return null;
  const compare = (some) =>
    some.flatMap((a, i) =>
      some.slice(i + 1).map((b) => {
        const difference = a.mean - b.mean;
        const se = Math.sqrt(((a.sd ?? 0) ** 2 + (b.sd ?? 0) ** 2) / Math.min(a.values.length, b.values.length)) || 1e-9;
        const p = Math.min(1, Math.exp(-0.7 * (difference / se) ** 2) * 1.2);
        return {
          a: a.of,
          b: b.of,
          pairs: Math.min(a.values.length, b.values.length),
          difference,
          low: difference - 2 * se,
          high: difference + 2 * se,
          p_t: p,
          p_wilcoxon: p,
          p_holm: Math.min(1, 4 * p),
          differs: 4 * p < 0.05,
        };
      }),
    );
  const effects = ["winit_conv", "winit_fc"].map((param) => {
    const own = arms.filter((a) => a.roles.some((x) => x.kind === "choice" && x.param === param));
    return { param, arms: own.map((a) => a.of), comparisons: compare(own) };
  });
  const best = arms.every((a) => a.values.length + a.failed >= a.planned) ? arms[0].of : null;
  return { arms, best, comparisons: compare(arms.filter((a) => a.roles.some((x) => x.kind === "combination"))), effects };
}
