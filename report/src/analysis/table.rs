//! The search's completed trials as numbers.

use std::collections::HashMap;
use std::sync::Arc;

use kindling_proto::v1;

use crate::shown::{Choice, Direction, Directions, Domain, Param, is_feasible, values};

/// With fewer trials than this, a mean says little.
pub(super) const FEW: usize = 5;

/// The search's completed trials as numbers, gathered some trials at a time. A trial takes 16 bytes a parameter, so ten
/// thousand of 200 parameters take 32 MB, where their messages take ten times as much.
#[derive(Debug)]
pub(super) struct Rows {
    space: Vec<Param>,
    places: HashMap<String, usize>,
    completed: Vec<Completed>,
}

/// A completed trial of the search.
#[derive(Debug)]
pub(super) struct Completed {
    pub(super) number: u32,
    /// One for each objective.
    pub(super) values: Vec<f64>,
    pub(super) is_feasible: bool,
    coordinates: Arc<[Option<f64>]>,
}

/// The search's completed trials, with the value of one objective.
pub(super) struct Table {
    pub(super) direction: Direction,
    pub(super) space: Vec<Param>,
    /// By ascending number.
    pub(super) rows: Vec<Row>,
}

/// A completed trial of the search.
pub(super) struct Row {
    pub(super) number: u32,
    pub(super) value: f64,
    pub(super) is_feasible: bool,
    /// One coordinate per parameter of the space: its value, or the index of its choice; `None` if it is
    /// inactive.
    pub(super) coordinates: Arc<[Option<f64>]>,
}

impl Rows {
    pub(super) fn new(study: &v1::Study) -> Self {
        let spec = study.spec.as_ref();
        let space: Vec<_> = spec.iter().flat_map(|s| &s.space).map(Param::new).collect();
        let named = space.iter().enumerate().map(|(place, param)| (param.name.clone(), place));
        Self { places: named.collect(), space, completed: Vec::new() }
    }

    /// Takes a trial in, if it completed and is the search's.
    pub(super) fn add(&mut self, study: &v1::Study, trial: &v1::Trial) {
        if trial.confirms.is_some() || values(trial).is_empty() {
            return;
        }
        let mut coordinates = vec![None; self.space.len()];
        for param in &trial.params {
            let Some(place) = self.places.get(param.name.as_str()) else { continue };
            let choice = param.value.as_ref().and_then(Choice::new);
            coordinates[*place] = choice.and_then(|c| coordinate(&self.space[*place].domain, &c));
        }
        self.completed.push(Completed {
            number: trial.number,
            values: values(trial).to_vec(),
            is_feasible: is_feasible(study, trial),
            coordinates: coordinates.into(),
        });
    }

    #[cfg(test)]
    pub(super) fn of(study: &v1::Study, trials: &[v1::Trial]) -> Self {
        let mut rows = Self::new(study);
        for trial in trials {
            rows.add(study, trial);
        }
        rows
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Completed> {
        self.completed.iter()
    }
}

impl Table {
    /// With the values of the objective at this index.
    pub(super) fn new(study: &v1::Study, all: &Rows, objective: usize) -> Self {
        let row = |row: &Completed| {
            let value = *row.values.get(objective)?;
            let coordinates = row.coordinates.clone();
            Some(Row { number: row.number, value, is_feasible: row.is_feasible, coordinates })
        };
        let mut rows: Vec<_> = all.iter().filter_map(row).collect();
        rows.sort_by_key(|row| row.number);
        let directions = Directions::of(study);
        let direction = directions.as_slice().get(objective).copied();
        let direction = direction.unwrap_or_else(|| directions.first());
        Self { direction, space: all.space.clone(), rows }
    }

    /// The index of a parameter in the space.
    pub(super) fn position(&self, name: &str) -> Option<usize> {
        self.space.iter().position(|param| param.name == name)
    }

    pub(super) fn loss(&self, row: &Row) -> f64 {
        self.direction.loss(row.value)
    }

    /// The feasible rows, best first. Among equals, the lower number comes first.
    pub(super) fn ranked(&self) -> Vec<&Row> {
        let mut ranked: Vec<_> = self.rows.iter().filter(|row| row.is_feasible).collect();
        ranked.sort_by(|a, b| self.direction.order(a.value, b.value));
        ranked
    }
}

impl Row {
    /// The index of a categorical parameter's choice.
    pub(super) fn choice(&self, place: usize) -> Option<usize> {
        self.coordinates[place].map(|index| index as usize)
    }
}

fn coordinate(domain: &Domain, choice: &Choice) -> Option<f64> {
    match domain {
        Domain::Categorical { choices } => {
            choices.iter().position(|c| c == choice).map(|index| index as f64)
        }
        Domain::Float { .. } | Domain::Int { .. } => choice.number().filter(|x| x.is_finite()),
    }
}
