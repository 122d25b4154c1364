//! What follows from the trials.

use kindling_proto::v1;
use serde::Serialize;

mod combinations;
mod confirm;
mod importance;
mod table;

pub use combinations::{Cell, Combinations};
pub use confirm::{Arm, Comparison, Confirm, Effect, Role, Value};
pub use importance::{Importance, Interaction, Share};

use table::Table;

/// What follows from the trials.
#[derive(Debug, Clone, Serialize)]
pub struct Analysis {
    /// How much each parameter decides; null: too few trials to tell, or nothing that differs.
    pub importance: Option<Importance>,
    /// How each pair of categorical parameters did, of those that matter most where there are many.
    pub combinations: Vec<Combinations>,
    /// What was run again; null: nothing yet.
    pub confirm: Option<Confirm>,
}

impl Analysis {
    /// Of the study's trials, in any order: it takes the completed ones.
    pub fn new(study: &v1::Study, trials: &[v1::Trial]) -> Self {
        let table = Table::new(study, trials);
        let importance = Importance::new(&table);
        Self {
            combinations: combinations::of(&table, importance.as_ref()),
            importance,
            confirm: Confirm::new(study, trials, &table),
        }
    }
}
