/**
 * A smoothed mean of values over two parameters. Trials are gathered in cells, numerators and counts are blurred along the numeric
 * axes by a Gaussian (Nadaraya and Watson's estimator on a grid), and cells far from any trial stay empty. The cost grows with the
 * number of trials plus that of cells, not with their product.
 */

export interface Grid {
  nx: number;
  ny: number;
  /** Row by row; null where there is no trial near. */
  mean: (number | null)[];
}

export interface Sample {
  /** Column and row. */
  x: number;
  y: number;
  value: number;
}

/** Below this density of trials a cell stays empty. */
const LEAST = 0.02;

export function surface(samples: Sample[], nx: number, ny: number, blurX: number, blurY: number): Grid {
  let sums = new Float64Array(nx * ny);
  let counts = new Float64Array(nx * ny);
  for (const { x, y, value } of samples) {
    const at = y * nx + x;
    sums[at]! += value;
    counts[at]! += 1;
  }
  [sums, counts] = [sums, counts].map((field) => blur(blur(field, nx, ny, blurX, "x"), nx, ny, blurY, "y")) as [
    Float64Array<ArrayBuffer>,
    Float64Array<ArrayBuffer>,
  ];
  const mean = Array.from(sums, (sum, i) => (counts[i]! < LEAST ? null : sum / counts[i]!));
  return { nx, ny, mean };
}

function blur(
  field: Float64Array<ArrayBuffer>,
  nx: number,
  ny: number,
  width: number,
  along: "x" | "y",
): Float64Array<ArrayBuffer> {
  if (width <= 0) return field;
  const reach = Math.ceil(3 * width);
  const kernel = Array.from({ length: reach + 1 }, (_, d) => Math.exp(-0.5 * (d / width) ** 2));
  const out = new Float64Array(nx * ny);
  for (let y = 0; y < ny; y += 1) {
    for (let x = 0; x < nx; x += 1) {
      const from = field[y * nx + x]!;
      if (from === 0) continue;
      for (let d = -reach; d <= reach; d += 1) {
        const [tx, ty] = along === "x" ? [x + d, y] : [x, y + d];
        if (tx >= 0 && tx < nx && ty >= 0 && ty < ny) out[ty * nx + tx]! += from * kernel[Math.abs(d)]!;
      }
    }
  }
  return out;
}
