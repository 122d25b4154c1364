//! What a study found out: its trials, statistics over them, and the page that shows both.
//!
//! Everything here is made of wire messages, so that the coordinator's live page and the command
//! `kindling report` say the same. A [`Document`] is what the page shows; [`html`] is the page itself.

#![warn(clippy::print_stderr, clippy::print_stdout)]

mod analysis;
mod document;
mod json;
mod page;
#[cfg(test)]
mod peer;
mod shown;
pub mod stats;
#[cfg(test)]
mod testing;

pub use analysis::{
    Analysis, Arm, Cell, Combinations, Comparison, Confirm, Effect, Importance, Interaction, Role,
    Share, Value,
};
pub use document::{Change, Document};
pub use json::from_struct;
pub use page::{APP_CSS, APP_JS, Page, html, study_path};
pub use shown::{
    Choice, ConfirmPlan, Confirmation, Counts, Direction, Domain, Failure, Objective, Param,
    Params, Running, Study, Trial, Worker,
};
