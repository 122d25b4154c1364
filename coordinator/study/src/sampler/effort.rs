//! How many trials a proposal may look at. All callers wait while a proposal is made. In a wide space each
//! trial costs more, one factor per parameter, so a proposal looks at fewer.

use super::axis::Axis;
use super::parzen::BLOCK;
use super::table::Table;

/// Of one kind (bad, running, failed …). More would tell nothing new.
const MOST: usize = 500;
/// However wide the space is.
const LEAST: usize = 20;
/// Steps for all trials of one kind. A step takes a few nanoseconds.
const STEPS: usize = 20_000_000;

/// How many trials of each kind to look at when this many candidates are weighed.
pub(super) fn most_rows(candidates: usize, tables: &[Table]) -> usize {
    let steps = tables.iter().map(|table| steps(candidates, &table.axes)).sum::<usize>();
    (STEPS / steps.max(1)).clamp(LEAST, MOST)
}

/// The steps for one trial: making its kernels, and weighing them at each candidate.
fn steps(candidates: usize, axes: &[Axis]) -> usize {
    const MAKING: usize = 60;
    /// Two values of the error function.
    const CELL: usize = 40;
    let at_a_candidate = |(place, axis): (usize, &Axis)| match axis {
        // Beyond `BLOCK` dimensions few kernels are still weighed.
        Axis::Line(line) if !line.is_continuous() && place < BLOCK => CELL,
        _ => 1,
    };
    let weighing = axes.iter().enumerate().map(at_a_candidate).sum::<usize>();
    (MAKING * axes.len()).saturating_add(candidates.saturating_mul(weighing))
}
