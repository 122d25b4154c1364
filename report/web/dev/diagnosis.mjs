// Development only: what a made-up trial measured in the layers of its network.

export function diagnosis(p, r) {
  const names = ["conv 1", "conv 2", "conv 3", "conv 4", "conv 5", "fc 1", "fc 2", "fc 3", "fc 4"];
  const stage = (label, late) => ({
    stage: label,
    layers: names.map((name, i) => {
      const conv = i < 5;
      const method = conv ? p.winit_conv : p.winit_fc;
      const scale =
        (method === "const_zero"
          ? 0
          : method.startsWith("he")
            ? 1
            : method.startsWith("xavier")
              ? 0.75
              : 0.4 + (p[conv ? "gaussian_std_conv" : "gaussian_std_fc"] ?? 1)) ** (conv ? i + 1 : 1);
      const activation = conv ? "relu" : i === 8 ? "softmax" : "sigmoid";
      const m = conv ? 0.4 * scale : i === 8 ? 0.1 : 0.5;
      const s = conv ? 0.5 * scale : Math.min(0.5, 0.15 * scale + (late ? 0.05 : 0));
      const high = conv ? Math.max(0, m + 4 * s) : 1;
      const counts = Array.from({ length: 24 }, (_, b) => {
        const x = ((b + 0.5) / 24) * (high || 1);
        return Math.round(
          4000 *
            (conv
              ? Math.exp((-x / (s || 0.01)) * 1.2)
              : Math.exp(-0.5 * ((x - m) / (s || 0.01)) ** 2) + (s > 0.35 ? 2 * (b % 23 === 0) : 0)),
        );
      });
      return {
        name,
        kind: conv ? "conv" : "fc",
        activation,
        mean: m,
        std: s,
        saturated: activation === "sigmoid" ? Math.min(1, Math.max(0, s - 0.1) * 2) : null,
        dead: activation === "relu" ? (method === "const_zero" ? 1 : 0.05 * r.next()) : null,
        gradient: method === "const_zero" ? 0 : 10 ** (-1 - 0.3 * (8 - i) + 0.1 * r.normal()) * (late ? 0.5 : 1),
        equal: method.startsWith("const") ? 1 - 1 / 32 : 0,
        histogram: { low: 0, high, counts },
      };
    }),
  });
  return { stages: [stage("start", false), stage("after 1 epoch", true)] };
}
