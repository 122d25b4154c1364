//! Statistics over the trials.

use kindling_proto::v1;
use serde::Serialize;

mod combinations;
mod confirm;
mod front;
mod importance;
mod table;

pub use combinations::{Cell, Combinations};
pub use confirm::{Arm, Comparison, Confirm, Effect, Role, Value};
pub use front::{AgainArm, AgainFront, AgainRun, Estimate, Front, Hypervolume};
pub use importance::{Importance, Interaction, Share};

use table::{Rows, Table};

use crate::shown::Directions;

/// Statistics over the trials.
#[derive(Debug, Clone, Serialize)]
pub struct Analysis {
    /// How much each parameter decides; null with too few trials, or if nothing differs. Of several objectives, this and
    /// `combinations` are about the first.
    pub importance: Option<Importance>,
    /// Statistics for pairs of categorical parameters; if there are many, only for the most important ones.
    pub combinations: Vec<Combinations>,
    /// The same for each further objective, in the study's order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub others: Vec<PerObjective>,
    /// The front of several objectives; null for one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub front: Option<Front>,
    /// The confirmation runs of a study of one objective; null if none has ended.
    pub confirm: Option<Confirm>,
    /// The confirmation runs of a study of several objectives; null if none has ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confirmed_front: Option<AgainFront>,
}

/// What parameters do to one objective.
#[derive(Debug, Clone, Serialize)]
pub struct PerObjective {
    /// How much each parameter decides; null with too few trials, or if nothing differs.
    pub importance: Option<Importance>,
    /// Statistics for pairs of categorical parameters.
    pub combinations: Vec<Combinations>,
}

/// Analyses a study of which it is shown some trials at a time, and keeps only what it needs of them.
#[derive(Debug)]
pub struct Analyst {
    study: v1::Study,
    rows: Rows,
    /// Those that confirm, without their intermediate values.
    confirming: Vec<v1::Trial>,
}

impl Analyst {
    /// Has seen no trial of this study yet.
    pub fn new(study: &v1::Study) -> Self {
        Self { rows: Rows::new(study), study: study.clone(), confirming: Vec::new() }
    }

    /// Takes trials in, in any order, each of them once.
    pub fn add(&mut self, trials: &[v1::Trial]) {
        for trial in trials {
            if trial.confirms.is_some() {
                let intermediate_values = Vec::new();
                self.confirming.push(v1::Trial { intermediate_values, ..trial.clone() });
            } else {
                self.rows.add(&self.study, trial);
            }
        }
    }

    /// What all of them come to.
    pub fn analysis(&self) -> Analysis {
        let Self { study, rows, confirming } = self;
        let objectives = Directions::of(study).as_slice().len();
        let is_single = objectives == 1;
        let table = Table::new(study, rows, 0);
        let PerObjective { importance, combinations } = PerObjective::new(&table);
        let other = |objective| PerObjective::new(&Table::new(study, rows, objective));
        let front = (!is_single).then(|| Front::new(study, rows));
        let again = |front: &Front| AgainFront::new(study, confirming, front);
        Analysis {
            importance,
            combinations,
            others: (1..objectives).map(other).collect(),
            confirm: is_single.then(|| Confirm::new(study, confirming, &table)).flatten(),
            confirmed_front: front.as_ref().and_then(again),
            front,
        }
    }
}

impl Analysis {
    /// Of these trials, in any order.
    pub fn new(study: &v1::Study, trials: &[v1::Trial]) -> Self {
        let mut analyst = Analyst::new(study);
        analyst.add(trials);
        analyst.analysis()
    }
}

impl PerObjective {
    fn new(table: &Table) -> Self {
        let importance = Importance::new(table);
        Self { combinations: combinations::of(table, importance.as_ref()), importance }
    }
}
