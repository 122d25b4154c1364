//! The eigenvectors and eigenvalues of a symmetric matrix: Householder's reduction to three diagonals, then QL steps
//! with implicit shifts (Golub and Van Loan, "Matrix Computations", sections 8.3.1 and 8.3.3). Only additions,
//! multiplications, divisions and square roots, in one order.

/// Rows of a square matrix.
pub(super) type Matrix = Vec<Vec<f64>>;

/// Eigenvalues, and an eigenvector of length 1 for each, as rows. They come in no particular order. `None` if the
/// steps do not converge, as with numbers that are not finite.
pub(super) fn eigen(matrix: &Matrix) -> Option<(Vec<f64>, Matrix)> {
    let mut tridiagonal = reduce(matrix);
    for first in 0..tridiagonal.diagonal.len() {
        tridiagonal.isolate(first)?;
    }
    Some((tridiagonal.diagonal, tridiagonal.vectors))
}

/// A matrix with three diagonals, in a basis of its own.
struct Tridiagonal {
    diagonal: Vec<f64>,
    /// `beside[i]` is between `i` and `i + 1`; the last is 0.
    beside: Vec<f64>,
    /// The basis, as rows.
    vectors: Matrix,
}

fn reduce(matrix: &Matrix) -> Tridiagonal {
    let n = matrix.len();
    let mut a = matrix.clone();
    let mut vectors = identity(n);
    for k in 0..n.saturating_sub(2) {
        let mut v: Vec<_> = (0..n).map(|i| if i > k { a[i][k] } else { 0.0 }).collect();
        let length = dot(&v, &v).sqrt();
        v[k + 1] += if v[k + 1] > 0.0 { length } else { -length };
        let square = dot(&v, &v);
        if length <= 0.0 || square <= 0.0 {
            continue;
        }
        // Both sides are mirrored at the plane orthogonal to v: A − v wᵀ − w vᵀ.
        let mut w: Vec<_> = a.iter().map(|row| 2.0 * dot(row, &v) / square).collect();
        let along = dot(&v, &w) / square;
        for (w, v) in w.iter_mut().zip(&v) {
            *w -= along * v;
        }
        for (i, row) in a.iter_mut().enumerate() {
            for (j, a) in row.iter_mut().enumerate() {
                *a -= v[i] * w[j] + w[i] * v[j];
            }
        }
        mirror(&mut vectors, &v, 2.0 / square);
    }
    let beside = (0..n).map(|i| if i + 1 < n { a[i + 1][i] } else { 0.0 }).collect();
    Tridiagonal { diagonal: (0..n).map(|i| a[i][i]).collect(), beside, vectors }
}

/// Multiplies by I − scale · v vᵀ from the left.
fn mirror(rows: &mut Matrix, v: &[f64], scale: f64) {
    let mut sum = vec![0.0; v.len()];
    for (row, v) in rows.iter().zip(v) {
        add(&mut sum, *v, row);
    }
    for (row, v) in rows.iter_mut().zip(v) {
        add(row, -scale * v, &sum);
    }
}

impl Tridiagonal {
    /// Steps until nothing is left beside the diagonal at `first`.
    fn isolate(&mut self, first: usize) -> Option<()> {
        /// Two or three are usual.
        const STEPS: usize = 60;
        for _ in 0..STEPS {
            let last = (first..self.diagonal.len()).find(|i| self.is_split_after(*i))?;
            if last == first {
                return Some(());
            }
            self.step(first, last);
        }
        None
    }

    fn is_split_after(&self, place: usize) -> bool {
        let next = self.diagonal.get(place + 1).copied().unwrap_or_default();
        let around = self.diagonal[place].abs() + next.abs();
        self.beside[place].abs() <= f64::EPSILON * around
    }

    /// A QL step with Wilkinson's shift in the block from `first` to `last`.
    #[expect(clippy::many_single_char_names, reason = "they are the literature's")]
    fn step(&mut self, first: usize, last: usize) {
        let (d, e) = (&mut self.diagonal, &mut self.beside);
        let half = (d[first + 1] - d[first]) / (2.0 * e[first]);
        let root = (half * half + 1.0).sqrt();
        let shift = d[first] - e[first] / (half + if half < 0.0 { -root } else { root });
        let mut g = d[last] - shift;
        let (mut sine, mut cosine, mut p) = (1.0, 1.0, 0.0);
        for i in (first..last).rev() {
            let (f, b) = (sine * e[i], cosine * e[i]);
            let r = (f * f + g * g).sqrt();
            e[i + 1] = r;
            if r <= 0.0 {
                // The block falls apart here.
                d[i + 1] -= p;
                e[last] = 0.0;
                return;
            }
            (sine, cosine) = (f / r, g / r);
            g = d[i + 1] - p;
            let t = (d[i] - g) * sine + 2.0 * cosine * b;
            p = sine * t;
            d[i + 1] = g + p;
            g = cosine * t - b;
            let (upper, lower) = self.vectors.split_at_mut(i + 1);
            for (a, b) in upper[i].iter_mut().zip(&mut lower[0]) {
                (*a, *b) = (cosine * *a - sine * *b, sine * *a + cosine * *b);
            }
        }
        d[first] -= p;
        e[first] = g;
        e[last] = 0.0;
    }
}

pub(super) fn identity(n: usize) -> Matrix {
    (0..n).map(|i| (0..n).map(|j| if i == j { 1.0 } else { 0.0 }).collect()).collect()
}

pub(super) fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Adds `scale` times another vector.
pub(super) fn add(to: &mut [f64], scale: f64, what: &[f64]) {
    for (to, what) in to.iter_mut().zip(what) {
        *to += scale * what;
    }
}

/// Adds `scale · y yᵀ`, the same bits on both sides of the diagonal.
pub(super) fn outer(matrix: &mut Matrix, scale: f64, y: &[f64]) {
    for (i, row) in matrix.iter_mut().enumerate() {
        for (j, entry) in row.iter_mut().enumerate() {
            *entry += scale * (y[i] * y[j]);
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;
    use rand_chacha::ChaCha8Rng;

    use super::super::super::random::uniform;
    use super::*;

    fn check(matrix: &Matrix) {
        let n = matrix.len();
        let (values, vectors) = eigen(matrix).expect("converges");
        let size = matrix.iter().flatten().fold(1e-300_f64, |most, x| most.max(x.abs()));
        for i in 0..n {
            for j in 0..n {
                let product = dot(&vectors[i], &vectors[j]);
                let one = if i == j { 1.0 } else { 0.0 };
                assert!((product - one).abs() < 1e-12, "{i} and {j}: {product}");
                let entry: f64 = (0..n).map(|k| values[k] * vectors[k][i] * vectors[k][j]).sum();
                assert!((entry - matrix[i][j]).abs() < 1e-12 * size, "{entry}, {}", matrix[i][j]);
            }
        }
    }

    #[test]
    fn vectors_are_orthonormal_and_make_up_the_matrix() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        for n in [1, 2, 3, 5, 10, 40] {
            for scale in [1e-100, 1.0, 1e100] {
                let mut matrix = identity(n);
                for (i, j) in (0..n).flat_map(|i| (0..=i).map(move |j| (i, j))) {
                    let x = scale * (uniform(&mut rng) - 0.5);
                    (matrix[i][j], matrix[j][i]) = (x, x);
                }
                check(&matrix);
            }
            check(&identity(n));
            check(&vec![vec![0.0; n]; n]);
            check(&vec![vec![1.0; n]; n]);
        }
    }

    #[test]
    fn what_is_not_finite_has_none() {
        let mut matrix = identity(3);
        matrix[1][2] = f64::NAN;
        matrix[2][1] = f64::NAN;
        assert!(eigen(&matrix).is_none());
    }
}
