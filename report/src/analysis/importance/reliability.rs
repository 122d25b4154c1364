//! How surely an importance is known: the delete-a-group jackknife.
//!
//! P. S. Kott, "The delete-a-group jackknife", Journal of Official Statistics 17, 2001. The trials are dealt into groups. Each group in
//! turn is left out and all is computed again; how much that moves a share says how much other trials would have moved it. It needs no
//! random numbers, so the same trials always give the same interval.

use super::super::table::Table;
use super::{Column, Entry, bar_of, score};

/// How many groups, and the 97.5 % quantile of the t distribution with one degree of freedom less.
const GROUPS: usize = 10;
const T: f64 = 2.262;
/// With fewer trials, too few are among the best for the groups to tell anything.
const FEWEST: usize = 50;

/// For each column where its share would lie with other trials, in 95 of 100 cases; `None` with too few trials.
pub(super) fn intervals(
    table: &Table,
    columns: &[Column],
    shares: &[f64],
) -> Option<Vec<[f64; 2]>> {
    if table.rows.len() < FEWEST {
        return None;
    }
    let losses: Vec<_> = table.rows.iter().map(|row| table.loss(row)).collect();
    let without: Option<Vec<_>> =
        (0..GROUPS).map(|group| shares_without(group, &losses, columns)).collect();
    let without = without?;
    let interval = |(place, share): (usize, &f64)| {
        let mean = without.iter().map(|shares| shares[place]).sum::<f64>() / GROUPS as f64;
        let squares = without.iter().map(|shares| (shares[place] - mean).powi(2)).sum::<f64>();
        let error = ((GROUPS as f64 - 1.0) / GROUPS as f64 * squares).sqrt();
        [share - T * error, share + T * error].map(|end| end.clamp(0.0, 1.0))
    };
    Some(shares.iter().enumerate().map(interval).collect())
}

/// All shares from the trials of the other groups; `None` if nothing differs then.
fn shares_without(group: usize, losses: &[f64], columns: &[Column]) -> Option<Vec<f64>> {
    let stays = |row: &usize| group_of(*row) != group;
    let rows: Vec<_> = (0..losses.len()).filter(stays).collect();
    let bar = bar_of(rows.iter().map(|row| losses[*row]).collect());
    let mut entries = Vec::with_capacity(rows.len());
    let scores: Vec<_> = columns
        .iter()
        .map(|column| {
            entries.clear();
            entries.extend(rows.iter().map(|row| Entry {
                cell: column.entries[*row].cell,
                is_best: losses[*row] <= bar,
            }));
            score(column.axis.as_ref(), &entries)
        })
        .collect();
    let total: f64 = scores.iter().sum();
    (total > 0.0).then(|| scores.iter().map(|score| score / total).collect())
}

/// Deals trials out so that no sampler's rhythm, such as a grid's, falls in with the groups: by the golden ratio's digits.
fn group_of(row: usize) -> usize {
    let mixed = (row as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
    (mixed % GROUPS as u64) as usize
}
