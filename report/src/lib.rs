//! A study's results: its trials, statistics over them, and the page that shows both.
//!
//! Everything is built from wire messages, so that the coordinator's live page and `kindling report` show the
//! same. A [`Document`] is the data; [`html`] is the page.

#![warn(clippy::print_stderr, clippy::print_stdout)]

mod analysis;
mod document;
mod filter;
mod json;
mod page;
mod path;
#[cfg(test)]
mod peer;
pub mod plain;
mod shown;
pub mod stats;
#[cfg(test)]
mod testing;

pub use analysis::{
    AgainArm, AgainFront, AgainRun, Analysis, Analyst, Arm, Cell, Combinations, Comparison,
    Confirm, Effect, Estimate, Front, Hypervolume, Importance, Interaction, PerObjective, Role,
    Share, Value,
};
pub use document::{Beginning, Change, Document};
pub use filter::{Filter, FilterError, nearest};
pub use json::from_struct;
pub use page::{APP_CSS, APP_JS, Page, html};
pub use path::{study_path, trial_path};
pub use shown::{
    Artifact, Attempt, Checkpoint, Choice, ConfirmPlan, Confirmation, Counts, Direction,
    Directions, Domain, Failure, Needs, Objective, Param, Params, Running, Study, Trial, Worker,
    best, compared_metric, hex, is_feasible, metric_names, value, values,
};
