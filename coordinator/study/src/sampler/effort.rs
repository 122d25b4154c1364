//! How many trials a proposal may look at. A study's workers wait while a proposal is made. In a wide space each
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

/// The steps of a proposal that weighs this many candidates. It looks at good and bad trials alike.
pub(super) fn effort(candidates: usize, tables: &[Table]) -> usize {
    let most = most_rows(candidates, tables);
    let of_table = |table: &Table| {
        let rows = table.ranked().len().min(most);
        rows.saturating_mul(steps(candidates, &table.axes))
    };
    tables.iter().map(of_table).fold(0, usize::saturating_add)
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
