//! PED-ANOVA: how much each parameter decides whether a trial is among the best tenth.
//!
//! S. Watanabe, A. Bansal, F. Hutter, "PED-ANOVA: Efficiently Quantifying Hyperparameter Importance in
//! Arbitrary Subspaces", 2023, arXiv 2304.10255: a parameter matters as much as its distribution among the
//! best trials, p, differs from that among all trials, q. The measure is Pearson's divergence Σ q (p / q −
//! 1)², the variance under q of how much more often a value occurs among the best.
//!
//! Conditional parameters follow arXiv 2601.20800: p and q are taken over the trials in which the parameter
//! is active, and the divergence is weighted by α² / β, where α of the best trials and β of all trials have
//! it active.
//!
//! Quantiles, grids and estimators are the defaults of Optuna 5.0.0's `PedAnovaImportanceEvaluator`, and so
//! are the resulting numbers.

use serde::Serialize;

use super::table::{Row, Table};

mod axis;
mod interaction;
mod kernels;
mod reliability;

#[cfg(test)]
mod tests;

pub use interaction::Interaction;

use axis::Axis;
use kernels::{Estimate, Kernels};

/// The share of trials that count as the best. Trials that tie with the last of them count, too.
const BEST: f64 = 0.1;
/// With fewer trials than this, only one counts as best, and importances are chance. (Optuna's limit is two.)
const FEWEST: usize = 20;

/// How much each parameter decides.
#[derive(Debug, Clone, Serialize)]
pub struct Importance {
    /// The method's name, PED-ANOVA.
    pub method: &'static str,
    /// The number of completed trials of the search that it rests on.
    pub trials: usize,
    /// Every parameter that was active in one of them, the most important first. They sum to 1.
    pub params: Vec<Share>,
    /// Pairs, the strongest first.
    pub interactions: Vec<Interaction>,
}

/// A parameter's share.
#[derive(Debug, Clone, Serialize)]
pub struct Share {
    /// The parameter.
    pub name: String,
    /// Its share of the total importance.
    pub importance: f64,
    /// Where the share would lie with other trials, in 95 of 100 cases; null with too few trials to say.
    pub low: Option<f64>,
    /// The upper end.
    pub high: Option<f64>,
}

impl Importance {
    /// `None` with too few trials, or if no parameter's distribution differs. In that case Optuna gives each
    /// the same share.
    pub(super) fn new(table: &Table) -> Option<Self> {
        if table.rows.len() < FEWEST {
            return None;
        }
        let columns = columns(table);
        let scores: Vec<_> =
            columns.iter().map(|column| score(column.axis.as_ref(), &column.entries)).collect();
        let total: f64 = scores.iter().sum();
        if total <= 0.0 {
            return None;
        }
        let shares: Vec<_> = scores.iter().map(|score| score / total).collect();
        let intervals = reliability::intervals(table, &columns, &shares);
        let interval = |place: usize| intervals.as_ref().map(|all| all[place]);
        let mut order: Vec<_> = (0..columns.len()).collect();
        order.sort_by(|a, b| scores[*b].total_cmp(&scores[*a]));
        let share = |place: &usize| Share {
            name: table.space[columns[*place].place].name.clone(),
            importance: shares[*place],
            low: interval(*place).map(|[low, _]| low),
            high: interval(*place).map(|[_, high]| high),
        };
        let ranked: Vec<_> = order.iter().map(|place| &columns[*place]).collect();
        Some(Self {
            method: "PED-ANOVA",
            trials: table.rows.len(),
            params: order.iter().map(share).collect(),
            interactions: interaction::all(table, &ranked, total),
        })
    }
}

/// One parameter across all trials.
struct Column {
    /// Its index in the space.
    place: usize,
    /// `None` if it has a single value.
    axis: Option<Axis>,
    /// One entry per trial.
    entries: Vec<Entry>,
}

/// A trial's position on an axis.
#[derive(Clone, Copy)]
struct Entry {
    /// `None` where the parameter is not active.
    cell: Option<usize>,
    /// Whether the trial is among the best.
    is_best: bool,
}

/// The columns of all parameters that are active somewhere, in the space's order.
fn columns(table: &Table) -> Vec<Column> {
    let bar = bar(table);
    let column = |(place, param): (usize, &crate::shown::Param)| {
        let axis = Axis::new(&param.domain);
        let entry = |row: &Row| {
            let cell = |x| axis.as_ref().map_or(0, |axis: &Axis| axis.cell(x));
            Entry { cell: row.coordinates[place].map(cell), is_best: table.loss(row) <= bar }
        };
        let entries: Vec<_> = table.rows.iter().map(entry).collect();
        entries.iter().any(|entry| entry.cell.is_some()).then_some(Column { place, axis, entries })
    };
    table.space.iter().enumerate().filter_map(column).collect()
}

/// The loss of the worst of the best trials.
fn bar(table: &Table) -> f64 {
    bar_of(table.rows.iter().map(|row| table.loss(row)).collect())
}

fn bar_of(mut losses: Vec<f64>) -> f64 {
    let last = (BEST * losses.len() as f64).ceil() as usize - 1;
    *losses.select_nth_unstable_by(last, f64::total_cmp).1
}

/// The weighted divergence of one parameter.
fn score(axis: Option<&Axis>, entries: &[Entry]) -> f64 {
    let Some(axis) = axis else { return 0.0 };
    let mut best = vec![0.0; axis.cells()];
    let mut all = best.clone();
    for Entry { cell, is_best } in entries {
        let Some(cell) = *cell else { continue };
        all[cell] += 1.0;
        best[cell] += f64::from(u8::from(*is_best));
    }
    let weight = weight(entries, best.iter().sum(), all.iter().sum());
    if weight == 0.0 {
        return 0.0;
    }
    let [best, all] = [best, all].map(|counts| Kernels::new(axis, &counts).estimate(&counts));
    weight * best.divergence(&all)
}

/// The weight α² / β of a divergence; 0 with too few trials for a density.
///
/// `best` and `all` are how many of the best and of all trials the divergence covers. `entries` are those of
/// all trials.
fn weight(entries: &[Entry], best: f64, all: f64) -> f64 {
    if best < 1.0 || all < 2.0 {
        return 0.0;
    }
    let alpha = best / entries.iter().filter(|entry| entry.is_best).count() as f64;
    let beta = all / entries.len() as f64;
    alpha * alpha / beta
}
