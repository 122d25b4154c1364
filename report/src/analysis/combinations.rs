//! Statistics for each pair of choices, with the number of trials they rest on.

use std::collections::{BTreeMap, HashMap};

use serde::Serialize;

use super::importance::Importance;
use super::table::{FEW, Table};
use crate::shown::{Choice, Domain};
use crate::stats::{mean, sd};

/// Two categorical parameters combined.
#[derive(Debug, Clone, Serialize)]
pub struct Combinations {
    /// Their names.
    pub params: [String; 2],
    /// The pairs of choices with at least one completed and feasible trial, in the choices' order.
    pub cells: Vec<Cell>,
}

/// A pair of choices.
#[derive(Debug, Clone, Serialize)]
pub struct Cell {
    /// The choices.
    pub choices: [Choice; 2],
    /// How many completed and feasible trials of the search have both choices.
    pub trials: usize,
    /// The best value.
    pub best: f64,
    /// The values' mean.
    pub mean: f64,
    /// The values' standard deviation; requires two or more.
    pub sd: Option<f64>,
    /// Whether there are too few trials to draw conclusions.
    pub few: bool,
}

/// Only this many categorical parameters are paired: the most important ones, if importances are known.
const PARAMS: usize = 12;

/// One entry per pair of categorical parameters, over the trials in which both are active.
pub(super) fn of(table: &Table, importance: Option<&Importance>) -> Vec<Combinations> {
    let mut categorical: Vec<_> =
        (0..table.space.len()).filter(|place| choices(table, *place).is_some()).collect();
    if let Some(importance) = importance.filter(|_| categorical.len() > PARAMS) {
        let ranks: HashMap<_, _> = importance
            .params
            .iter()
            .enumerate()
            .map(|(rank, share)| (share.name.as_str(), rank))
            .collect();
        categorical.sort_by_key(|place| {
            ranks.get(table.space[*place].name.as_str()).copied().unwrap_or(usize::MAX)
        });
    }
    categorical.truncate(PARAMS);
    categorical.sort_unstable();
    let mut all = Vec::new();
    for (rank, a) in categorical.iter().enumerate() {
        for b in &categorical[rank + 1..] {
            all.extend(pair(table, *a, *b));
        }
    }
    all
}

fn choices(table: &Table, place: usize) -> Option<&[Choice]> {
    match &table.space[place].domain {
        Domain::Categorical { choices } => Some(choices),
        Domain::Float { .. } | Domain::Int { .. } => None,
    }
}

fn pair(table: &Table, a: usize, b: usize) -> Option<Combinations> {
    let (choices_a, choices_b) = (choices(table, a)?, choices(table, b)?);
    let mut values: BTreeMap<_, Vec<f64>> = BTreeMap::new();
    for row in table.rows.iter().filter(|row| row.is_feasible) {
        if let (Some(a), Some(b)) = (row.choice(a), row.choice(b)) {
            values.entry((a, b)).or_default().push(row.value);
        }
    }
    let cell = |((a, b), values): (&(usize, usize), &Vec<f64>)| {
        Some(Cell {
            choices: [choices_a[*a].clone(), choices_b[*b].clone()],
            trials: values.len(),
            best: table.direction.best(values.iter().copied())?,
            mean: mean(values)?,
            sd: sd(values),
            few: values.len() < FEW,
        })
    };
    let params = [a, b].map(|place| table.space[place].name.clone());
    Some(Combinations { params, cells: values.iter().filter_map(cell).collect() })
}
