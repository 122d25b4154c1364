//! The Cholesky factor of a covariance matrix, which grows at its end.
//!
//! Every element is computed by subtracting products in ascending order of their index. So a factor that grew row by
//! row has the same bits as one made at once, and lanes never depend on each other.

use super::lanes::{self, Lanes, WIDTH, ZERO, fast};

/// A lower triangular matrix `L` with `L Lᵀ = K`.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Cholesky {
    /// Row `i` has `i + 1` elements.
    rows: Vec<Vec<f64>>,
}

/// The least square of a diagonal element. A covariance matrix has noise on its diagonal, so only rounding leads
/// below it.
const LEAST: f64 = 1e-12;

impl Cholesky {
    /// How many rows it has.
    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// The logarithm of the determinant of `K`.
    pub(super) fn log_determinant(&self) -> f64 {
        self.rows.iter().enumerate().map(|(i, row)| 2.0 * libm::log(row[i])).sum()
    }

    /// Adds up to [`WIDTH`] rows of `K`. Lane `l` of `above` has the covariances of new row `l` with the rows that
    /// are there, `corner[l][m]` has its covariance with new row `m ≤ l`.
    pub(super) fn append(&mut self, mut above: Vec<Lanes>, corner: &[Lanes]) {
        self.forward(&mut above, 0);
        let rests = left(&above, corner);
        let old = self.len();
        for (lane, rest) in rests.iter().enumerate() {
            let mut row: Vec<f64> = Vec::with_capacity(old + lane + 1);
            row.extend(above.iter().map(|lanes| lanes[lane]));
            for (other, rest) in rest.iter().enumerate().take(lane) {
                let theirs = &self.rows[old + other];
                let products = row[old..].iter().zip(&theirs[old..]);
                let rest = products.fold(*rest, |rest, (a, b)| rest - a * b);
                row.push(rest / theirs[old + other]);
            }
            let rest = row[old..].iter().fold(rest[lane], |rest, a| rest - a * a);
            row.push(rest.max(LEAST).sqrt());
            self.rows.push(row);
        }
    }

    /// Solves `L x = b` in place, one right-hand side per lane. All of `b` before `first` is 0.
    pub(super) fn forward(&self, b: &mut [Lanes], first: usize) {
        forward(self, b, first);
    }

    /// The first elements of the solution of `L z = y`, from those of `y`.
    pub(super) fn whitened(&self, y: &[f64]) -> Vec<f64> {
        let mut z: Vec<f64> = Vec::with_capacity(y.len());
        for (row, y) in self.rows.iter().zip(y) {
            let rest = row.iter().zip(&z).fold(*y, |rest, (a, z)| rest - a * z);
            z.push(rest / row[z.len()]);
        }
        z
    }

    /// One element of `L z`.
    pub(super) fn colour(&self, row: usize, z: &[f64]) -> f64 {
        self.rows[row].iter().zip(z).map(|(a, z)| a * z).sum()
    }

    /// Solves `Lᵀ x = b` in place, from the last element down to the `first`, which is all that is right then.
    pub(super) fn backward(&self, b: &mut [Lanes], first: usize) {
        backward(self, b, first);
    }

    /// Solves `K x = b` for right-hand sides side by side.
    pub(super) fn solve(&self, b: &mut [Lanes]) {
        self.forward(b, 0);
        self.backward(b, 0);
    }

    /// Some columns of the inverse of `K`, from column `first` on. Elements above row `first` are left at 0.
    pub(super) fn inverse(&self, first: usize) -> Vec<Lanes> {
        let mut columns = vec![ZERO; self.len()];
        for lane in 0..WIDTH.min(self.len() - first) {
            columns[first + lane][lane] = 1.0;
        }
        self.forward(&mut columns, first);
        self.backward(&mut columns, first);
        columns
    }
}

fast! {
    fn forward<'a>(factor: &'a Cholesky, b: &'a mut [Lanes], first: usize) -> () {
        let rows = &factor.rows;
        let mut i = first;
        // Two rows at a time, so that their sums need not wait for each other.
        while i + 1 < rows.len() {
            let (upper, lower) = (&rows[i], &rows[i + 1]);
            let (mut one, mut two) = (b[i], b[i + 1]);
            let solved = b[first..i].iter().zip(&upper[first..i]).zip(&lower[first..i]);
            for ((x, a), c) in solved {
                lanes::add(&mut one, -a, x);
                lanes::add(&mut two, -c, x);
            }
            one = one.map(|one| one / upper[i]);
            lanes::add(&mut two, -lower[i], &one);
            (b[i], b[i + 1]) = (one, two.map(|two| two / lower[i + 1]));
            i += 2;
        }
        if let (true, Some(row)) = (i < rows.len(), rows.last()) {
            let mut sum = b[i];
            for (x, a) in b[first..i].iter().zip(&row[first..i]) {
                lanes::add(&mut sum, -a, x);
            }
            b[i] = sum.map(|sum| sum / row[i]);
        }
    }
}

fast! {
    fn backward<'a>(factor: &'a Cholesky, b: &'a mut [Lanes], first: usize) -> () {
        let rows = &factor.rows;
        for i in (first..rows.len()).rev() {
            let row = &rows[i];
            let solved = b[i].map(|b| b / row[i]);
            b[i] = solved;
            for (b, a) in b[first..i].iter_mut().zip(&row[first..i]) {
                lanes::add(b, -a, &solved);
            }
        }
    }
}

fast! {
    /// What the rows above leave of the covariances in a corner.
    fn left<'a>(above: &'a [Lanes], corner: &'a [Lanes]) -> Vec<Lanes> {
        let mut rests = corner.to_vec();
        for lanes in above {
            for (rest, own) in rests.iter_mut().zip(lanes) {
                lanes::add(rest, -own, lanes);
            }
        }
        rests
    }
}
