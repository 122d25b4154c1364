//! Margins for whole numbers and steps: the probability that a draw leaves the mean's cell never falls below a margin,
//! so that the search does not freeze on a grid (Hamano, Saito, Nomura and Shirakawa 2022, "CMA-ES with Margin", arXiv
//! 2205.13482, section 4).
//!
//! The paper learns from the points before they were rounded. A history has only the cells, and a trial stands for its
//! cell's centre. So along a grid the covariance shrinks, and more and more of the draws' width is the margin's. Before
//! the covariance loses its shape by that, a part of the stretch goes into it.

use super::distribution::Distribution;
use crate::sampler::axis::{Line, Site};
use crate::sampler::truncnorm::{cdf, inverse_cdf};

/// Per coordinate, how much wider draws are than the distribution says.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Stretch {
    /// `None` on a continuous line.
    factors: Vec<Option<(Line, f64)>>,
}

impl Stretch {
    pub(super) fn new(lines: &[Line]) -> Self {
        let factor = |line: &Line| (!line.is_continuous()).then_some((*line, 1.0));
        Self { factors: lines.iter().map(factor).collect() }
    }

    pub(super) fn of(&self, place: usize) -> f64 {
        self.factors[place].map_or(1.0, |(_, factor)| factor)
    }

    /// Keeps the margin in every coordinate that has cells, by moving the mean and stretching draws.
    pub(super) fn keep(&mut self, margin: f64, normal: &mut Distribution) {
        self.keep_only(margin, normal);
        self.give_way(normal);
    }

    /// Without a change of the covariance.
    pub(super) fn keep_only(&mut self, margin: f64, normal: &mut Distribution) {
        for (place, grid) in self.factors.iter_mut().enumerate() {
            let Some((line, factor)) = grid else { continue };
            let mean = &mut normal.mean[place];
            let Some(cell) = cell(line, *mean) else { continue };
            let deviation = normal.step * normal.covariance[place][place].sqrt();
            let wide = deviation * *factor;
            (*mean, *factor) = match cell {
                [None, None] => continue,
                // In an outermost cell only the mean moves.
                [Some(edge), None] | [None, Some(edge)] => {
                    let most = -inverse_cdf(margin) * wide;
                    (edge + (*mean - edge).clamp(-most, most), *factor)
                }
                [Some(low), Some(high)] => {
                    let (below, above) =
                        reach(margin / 2.0, (low - *mean) / wide, (high - *mean) / wide);
                    let factor = (high - low) / ((below + above) * deviation);
                    ((low * above + high * below) / (below + above), factor)
                }
            };
        }
    }

    /// Changes nothing about draws.
    fn give_way(&mut self, normal: &mut Distribution) {
        const LEAST: f64 = 1e-2;
        let variance = |place: usize| normal.covariance[place][place];
        let most = (0..self.factors.len()).map(variance).fold(0.0, f64::max);
        let mut scales = vec![1.0; self.factors.len()];
        for (place, grid) in self.factors.iter_mut().enumerate() {
            let least = LEAST * most;
            if let Some((_, factor)) = grid.as_mut().filter(|_| variance(place) < least) {
                scales[place] = (least / variance(place)).sqrt();
                *factor /= scales[place];
            }
        }
        if scales.iter().any(|scale| *scale > 1.0) {
            normal.rescale(&scales);
        }
    }
}

/// The cell's edges. The outermost cells have no outer edge. `None` if cells are too narrow to matter.
fn cell(line: &Line, at: f64) -> Option<[Option<f64>; 2]> {
    /// Cells are wider.
    const EDGE: f64 = 1e-9;
    match line.site(line.value(at.clamp(0.0, 1.0))) {
        Site::Point { .. } => None,
        Site::Cell { low, high } => {
            Some([(low > EDGE).then_some(low), (high < 1.0 - EDGE).then_some(high)])
        }
    }
}

/// How many deviations of a standard normal distribution the edges of a cell shall be away, given how many they are:
/// neither edge with less than `least` beyond it.
fn reach(least: f64, low: f64, high: f64) -> (f64, f64) {
    let (below, above) = (cdf(low), cdf(-high));
    let inside = 1.0 - below - above;
    let (below, above) = (below.max(least), above.max(least));
    // What is too much is taken from those that have more than the least.
    let excess = below + inside + above - 1.0;
    let spare = below + inside + above - 3.0 * least;
    let moved = |share: f64| (share - excess * (share - least) / spare).clamp(1e-10, 0.5 - 1e-10);
    (-inverse_cdf(moved(below)), -inverse_cdf(moved(above)))
}
