//! The search's completed trials as numbers, with the value of one objective.

use std::collections::HashMap;

use kindling_proto::v1;

use crate::shown::{Choice, Direction, Directions, Domain, Param, is_feasible, values};

/// With fewer trials than this, a mean says little.
pub(super) const FEW: usize = 5;

/// The search's completed trials.
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
    pub(super) coordinates: Vec<Option<f64>>,
}

impl Table {
    /// With the values of the objective at this index.
    pub(super) fn new(study: &v1::Study, trials: &[v1::Trial], objective: usize) -> Self {
        let spec = study.spec.as_ref();
        let space: Vec<_> = spec.iter().flat_map(|s| &s.space).map(Param::new).collect();
        let places: HashMap<_, _> =
            space.iter().enumerate().map(|(place, param)| (param.name.as_str(), place)).collect();
        let row = |trial: &v1::Trial| {
            let value = *values(trial).get(objective).filter(|_| trial.confirms.is_none())?;
            let mut coordinates = vec![None; space.len()];
            for param in &trial.params {
                let Some(place) = places.get(param.name.as_str()) else { continue };
                let choice = param.value.as_ref().and_then(Choice::new);
                coordinates[*place] = choice.and_then(|c| coordinate(&space[*place].domain, &c));
            }
            let is_feasible = is_feasible(study, trial);
            Some(Row { number: trial.number, value, is_feasible, coordinates })
        };
        let mut rows: Vec<_> = trials.iter().filter_map(row).collect();
        rows.sort_by_key(|row| row.number);
        let directions = Directions::of(study);
        let direction = directions.as_slice().get(objective).copied();
        Self { direction: direction.unwrap_or_else(|| directions.first()), space, rows }
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
