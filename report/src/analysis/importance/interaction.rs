//! Interactions: what two parameters decide only together.

use serde::Serialize;

use super::kernels::mixture;
use super::{Axis, Column, Entry, Estimate, Kernels, Table, weight};

/// Only this many of the most important parameters are paired.
const PARAMS: usize = 12;

/// What two parameters decide only together.
///
/// The divergence of the two-dimensional densities is the variance of how much more often a pair of values
/// occurs among the best trials. If the parameters are independent over all trials, it is the sum of what
/// each parameter decides alone and what only both decide together. That remainder, at least 0, is the
/// strength. A plane has so many cells that a few best trials diverge by chance alone. So each of the three
/// divergences is reduced by its expected value for a random choice of equally many trials.
#[derive(Debug, Clone, Serialize)]
pub struct Interaction {
    /// One parameter.
    pub a: String,
    /// The other.
    pub b: String,
    /// In units of the sum of all single importances.
    pub strength: f64,
}

/// The interactions of all pairs of the first [`PARAMS`] parameters, strongest first. `total` is the sum of
/// all parameters' scores.
pub(super) fn all(table: &Table, ranked: &[&Column], total: f64) -> Vec<Interaction> {
    let first = &ranked[..ranked.len().min(PARAMS)];
    let mut interactions = Vec::new();
    for (rank, a) in first.iter().enumerate() {
        for b in &first[rank + 1..] {
            let Some(score) = score(a, b) else { continue };
            let [a, b] = [a, b].map(|column| table.space[column.place].name.clone());
            interactions.push(Interaction { a, b, strength: score.max(0.0) / total });
        }
    }
    interactions.sort_by(|a, b| b.strength.total_cmp(&a.strength));
    interactions
}

/// The strength before scaling; `None` if both parameters are active in too few trials.
///
/// It may be negative, by chance or because the two depend on each other.
pub(super) fn score(a: &Column, b: &Column) -> Option<f64> {
    let axes = [a.axis.as_ref()?, b.axis.as_ref()?];
    let mut best = Counts::new(axes);
    let mut all = Counts::new(axes);
    for (a_entry, b_entry) in a.entries.iter().zip(&b.entries) {
        let Entry { cell: Some(x), is_best } = *a_entry else { continue };
        let Some(y) = b_entry.cell else { continue };
        all.cells[x][y] += 1.0;
        best.cells[x][y] += f64::from(u8::from(is_best));
    }
    let (best_trials, all_trials) = (best.trials(), all.trials());
    if best_trials < 2.0 {
        return None;
    }
    let (best, all) = (best.estimates(axes), all.estimates(axes));
    let surplus = |place: usize| surplus(&best[place], &all[place]);
    let rest = surplus(2) - surplus(0) - surplus(1);
    Some(weight(&a.entries, best_trials, all_trials) * rest)
}

/// A divergence minus its expected value if the best were drawn at random from all trials.
///
/// That value is Σ (variance of the mean of m kernels drawn without replacement) / q.
fn surplus(best: &Estimate, all: &Estimate) -> f64 {
    let (m, n) = (best.trials, all.trials);
    let spread = |((square, mean), q): ((&f64, &f64), &f64)| (square - mean * mean) / q;
    let spreads = best.squares.iter().zip(&best.mean).zip(&all.density).map(spread);
    let variance = spreads.sum::<f64>() / (m - 1.0) * (1.0 - m / n);
    // The prior's share of the density does not vary.
    best.divergence(all) - variance * (m / (m + 1.0)).powi(2)
}

/// The number of trials in each cell of a plane.
struct Counts {
    cells: Vec<Vec<f64>>,
}

impl Counts {
    fn new([a, b]: [&Axis; 2]) -> Self {
        Self { cells: vec![vec![0.0; b.cells()]; a.cells()] }
    }

    fn trials(&self) -> f64 {
        self.cells.iter().flatten().sum()
    }

    /// The densities on the first axis, on the second, and on the plane. The plane's kernels are products of
    /// the axes' kernels, so its density sums to theirs.
    fn estimates(&self, [a, b]: [&Axis; 2]) -> [Estimate; 3] {
        let on_a: Vec<f64> = self.cells.iter().map(|row| row.iter().sum()).collect();
        let on_b: Vec<f64> =
            (0..b.cells()).map(|y| self.cells.iter().map(|row| row[y]).sum()).collect();
        let (along_a, along_b) = (Kernels::new(a, &on_a), Kernels::new(b, &on_b));
        let product = |x: &f64| along_b.prior.iter().map(move |y| x * y).collect::<Vec<_>>();
        let prior: Vec<_> = along_a.prior.iter().flat_map(product).collect();
        let both = Estimate::new(
            self.spread(&along_a.rows, &along_b.rows, |x| x),
            self.spread(&along_a.rows, &along_b.rows, |x| x * x),
            &prior,
            self.trials(),
        );
        [along_a.estimate(&on_a), along_b.estimate(&on_b), both]
    }

    /// Σ count · (a's row ⊗ b's row) with `f` applied to each number, computed one axis after the other.
    fn spread(&self, a: &[Vec<f64>], b: &[Vec<f64>], f: impl Fn(f64) -> f64) -> Vec<f64> {
        let mut plane = vec![0.0; a.len() * b.len()];
        for (counts, row) in self.cells.iter().zip(a) {
            if counts.iter().all(|count| *count == 0.0) {
                continue;
            }
            let along_b = mixture(b, counts, &f);
            for (x, line) in row.iter().zip(plane.chunks_mut(b.len())) {
                for (sum, y) in line.iter_mut().zip(&along_b) {
                    *sum += f(*x) * y;
                }
            }
        }
        plane
    }
}
