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

use table::Table;

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

impl Analysis {
    /// Uses the completed trials; they may come in any order.
    pub fn new(study: &v1::Study, trials: &[v1::Trial]) -> Self {
        let objectives = Directions::of(study).as_slice().len();
        let is_single = objectives == 1;
        let table = Table::new(study, trials, 0);
        let PerObjective { importance, combinations } = PerObjective::new(&table);
        let other = |objective| PerObjective::new(&Table::new(study, trials, objective));
        let front = (!is_single).then(|| Front::new(study, trials));
        Self {
            importance,
            combinations,
            others: (1..objectives).map(other).collect(),
            confirm: is_single.then(|| Confirm::new(study, trials, &table)).flatten(),
            confirmed_front: front.as_ref().and_then(|front| AgainFront::new(study, trials, front)),
            front,
        }
    }
}

impl PerObjective {
    fn new(table: &Table) -> Self {
        let importance = Importance::new(table);
        Self { combinations: combinations::of(table, importance.as_ref()), importance }
    }
}
