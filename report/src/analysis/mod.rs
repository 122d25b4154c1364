//! Statistics over the trials.

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

/// Statistics over the trials.
#[derive(Debug, Clone, Serialize)]
pub struct Analysis {
    /// How much each parameter decides; null with too few trials, or if nothing differs.
    pub importance: Option<Importance>,
    /// Statistics for pairs of categorical parameters; if there are many, only for the most important ones.
    pub combinations: Vec<Combinations>,
    /// The confirmation runs; null if none has ended.
    pub confirm: Option<Confirm>,
}

impl Analysis {
    /// Uses the completed trials; they may come in any order.
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
