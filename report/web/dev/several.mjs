// Development only: what a made-up study of two or three objectives has beyond one of one.

const METRICS = ["accuracy", "latency_ms", "size_mb"];
const SIGNS = [1, -1, -1];

/** What its spec says. */
export function spec(objectives, sign) {
  const several = objectives > 1;
  return {
    directions: several ? SIGNS.slice(0, objectives).map((s) => (s > 0 ? "maximize" : "minimize")) : [sign > 0 ? "maximize" : "minimize"],
    metrics: several ? METRICS.slice(0, objectives) : ["value"],
    curve_objective: 0,
    constraints: several ? ["memory_gb"] : [],
    front: [],
    front_size: 0,
  };
}

/** What a trial told: the better ones are slower, and some need too much memory, or do not say. */
export function told(trial, objectives, r) {
  if (objectives < 2) return { ...trial, constraints: [] };
  const width = Math.exp(0.5 * r.normal());
  const [value] = trial.values;
  const values = [value, 8 * width * (1 + 3 * value) + r.next(), 2 * width * (2 - value) + 0.2 * r.next()];
  const whole = trial.state === "COMPLETE";
  return {
    ...trial,
    values: whole ? values.slice(0, objectives) : [],
    constraints: whole && r.next() < 0.97 ? [2 * width - 3.5] : [],
    other_curves: { 1: trial.curve.map(([step, v]) => [step, 8 * width * (1 + 3 * v) * (1 + 0.1 * r.next())]) },
  };
}

const feasible = (t) => t.constraints.length > 0 && t.constraints.every((c) => c <= 0);
const dominates = (a, b) => a.some((v, i) => SIGNS[i] * (v - b[i]) > 0) && a.every((v, i) => SIGNS[i] * (v - b[i]) >= 0);

/** The front's trials, best first by the first objective. */
export function frontOf(trials) {
  const able = trials.filter((t) => t.values.length > 0 && t.confirms === null && feasible(t));
  const free = able.filter((t) => !able.some((other) => dominates(other.values, t.values)));
  return free.sort((a, b) => b.values[0] - a.values[0]);
}

/** The front's part of the analysis; the hypervolume is a share of random points. */
export function analysisOf(front, trials) {
  const able = trials.filter((t) => t.values.length > 0 && t.confirms === null);
  const ends = (i, pick) => pick(...front.map((t) => SIGNS[i] * t.values[i]));
  const count = front[0]?.values.length ?? 0;
  const best = Array.from({ length: count }, (_, i) => ends(i, Math.max));
  const far = best.map((b, i) => b - 1.1 * (b - ends(i, Math.min)));
  let left = Array.from({ length: 1000 }, (_, n) => best.map((b, i) => b + (far[i] - b) * ((0.5 + n / 1.32 ** (i + 1)) % 1)));
  const curve = [];
  for (const t of able.filter(feasible)) {
    const before = left.length;
    left = left.filter((point) => !point.every((x, i) => SIGNS[i] * t.values[i] >= x));
    if (left.length < before) curve.push([t.number, 1 - left.length / 1000]);
  }
  const signed = (all) => all.map((x, i) => SIGNS[i] * x);
  return {
    trials: front.map((t) => t.number),
    feasible: able.filter(feasible).length,
    infeasible: able.filter((t) => !feasible(t)).length,
    hypervolume: front.length > 0 ? { best: signed(best), reference: signed(far), exact: false, curve } : null,
  };
}

/** The front's first trials under fresh seeds. */
export function againOf(front, trials, seeds) {
  const arms = [...new Set(trials.flatMap((t) => t.confirms?.of ?? []))].map((of) => {
    const runs = trials.filter((t) => t.confirms?.of === of && t.values.length > 0);
    const mean = (all) => all.reduce((a, b) => a + b, 0) / all.length;
    const objectives = (runs[0]?.values ?? []).map((_, i) => {
      const all = runs.map((t) => t.values[i]);
      const m = mean(all);
      const sd = all.length > 1 ? Math.sqrt(all.reduce((a, b) => a + (b - m) ** 2, 0) / (all.length - 1)) : null;
      const half = sd === null ? null : (2.3 * sd) / Math.sqrt(all.length);
      return { mean: m, low: half === null ? null : m - half, high: half === null ? null : m + half, sd };
    });
    const constraint = mean(runs.flatMap((t) => t.constraints));
    return {
      of,
      params: trials.find((t) => t.number === of).params,
      was_on_front: front.some((t) => t.number === of),
      planned: seeds,
      runs: runs.map((t) => ({ seed: t.confirms.seed, values: t.values })),
      failed: 0,
      few: runs.length < 5,
      objectives,
      constraints: Number.isNaN(constraint) ? [null] : [constraint],
      feasible: runs.length > 0 ? constraint <= 0 : null,
      on_front: null,
    };
  });
  const means = (arm) => arm.objectives.map((o) => o.mean);
  const able = arms.filter((arm) => arm.feasible);
  for (const arm of arms)
    if (arm.feasible !== null) arm.on_front = arm.feasible && !able.some((other) => dominates(means(other), means(arm)));
  return arms.length > 0 ? { arms: arms.sort((a, b) => means(b)[0] - means(a)[0]) } : undefined;
}
