//! How many trials a proposal may look at. Everybody waits for a proposal, so a wide space leaves time
//! for fewer of them: each of its kernels has a factor for each parameter.

use super::axis::Axis;
use super::parzen::BLOCK;
use super::table::Table;

/// Trials of one kind (bad, running, failed …): more tell nothing new, and cost time.
const MOST: usize = 500;
/// However wide the space is.
const LEAST: usize = 20;
/// Steps of some nanoseconds, of all trials of one kind.
const STEPS: usize = 20_000_000;

/// How many trials of each kind to look at, to weigh so many candidates.
pub(super) fn most_rows(candidates: usize, tables: &[Table]) -> usize {
    let steps = tables.iter().map(|table| steps(candidates, &table.axes)).sum::<usize>();
    (STEPS / steps.max(1)).clamp(LEAST, MOST)
}

/// For one trial: to make its kernels, and to weigh them at each candidate.
fn steps(candidates: usize, axes: &[Axis]) -> usize {
    const MAKING: usize = 60;
    /// Two values of the error function.
    const CELL: usize = 40;
    let at_a_candidate = |(place, axis): (usize, &Axis)| match axis {
        // From there on, few kernels are weighed.
        Axis::Line(line) if !line.is_continuous() && place < BLOCK => CELL,
        _ => 1,
    };
    let weighing = axes.iter().enumerate().map(at_a_candidate).sum::<usize>();
    (MAKING * axes.len()).saturating_add(candidates.saturating_mul(weighing))
}
