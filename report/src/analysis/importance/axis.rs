//! A parameter's range, divided into cells.

use crate::shown::Domain;

/// The largest number of cells.
const CELLS: usize = 50;

/// A parameter's range, divided into two cells or more.
pub(super) enum Axis {
    /// Cells in order; neighbours are similar.
    Line {
        /// The centre of the first cell, and the distance between centres; logarithms if `log`.
        low: f64,
        width: f64,
        log: bool,
        cells: usize,
    },
    /// One cell per choice, without an order.
    Choices(usize),
}

impl Axis {
    /// `None` for a range with a single value.
    pub(super) fn new(domain: &Domain) -> Option<Self> {
        match domain {
            Domain::Categorical { choices } => {
                (choices.len() > 1).then_some(Self::Choices(choices.len()))
            }
            Domain::Float { low, high, log, step } => {
                let cells = step.map_or(CELLS, |step| steps(high - low, step));
                Self::line(*low, *high, *log, cells)
            }
            Domain::Int { low, high, log, step } => {
                let range = high.abs_diff(*low) as f64;
                // One cell per doubling.
                let doublings = || ((range + 1.0).ln() / 2.0_f64.ln()).ceil() as usize + 1;
                let cells = if *log { doublings() } else { steps(range, *step as f64) };
                Self::line(*low as f64, *high as f64, *log, cells)
            }
        }
    }

    fn line(low: f64, high: f64, log: bool, cells: usize) -> Option<Self> {
        if low >= high || cells < 2 {
            return None;
        }
        let cells = cells.min(CELLS);
        let [low, high] = [low, high].map(|x| if log { x.ln() } else { x });
        Some(Self::Line { low, width: (high - low) / (cells as f64 - 1.0), log, cells })
    }

    pub(super) fn cells(&self) -> usize {
        match self {
            Self::Line { cells, .. } | Self::Choices(cells) => *cells,
        }
    }

    /// The cell of a value, or of the choice with this index. A value halfway belongs to the lower cell.
    pub(super) fn cell(&self, x: f64) -> usize {
        match self {
            Self::Line { low, width, log, cells } => {
                let x = if *log { x.ln() } else { x };
                // The cast turns negative numbers into 0.
                (((x - low) / width - 0.5).ceil() as usize).min(cells - 1)
            }
            Self::Choices(_) => x as usize,
        }
    }
}

fn steps(range: f64, step: f64) -> usize {
    (range / step).round() as usize + 1
}
