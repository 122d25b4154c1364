//! Studies that Optuna's clients drive: a kind of their own, beside [`crate::Study`].
//!
//! Their trials are made by whoever runs a script, with parameters that the script asks for as it goes. So there is no
//! spec, no lease, no budget and no replay, and values and attributes are whatever Optuna allows. They share ids, the
//! registry and the store with our own studies. As there, every fact is an [`ExternalEvent`], every decision returns
//! events, and only [`ExternalStudy::apply`] changes a study.

mod advice;
mod decide;
mod distribution;
mod event;
mod lost;
mod python_json;
mod rules;
mod space;
mod study;
#[cfg(test)]
mod tests;
mod trial;

pub use advice::{Advisor, FIXED_PARAMS};
pub use decide::Decided;
pub use distribution::ExternalDistribution;
pub use event::{ExternalEvent, Scope};
pub use lost::{LONGEST_LOST, LOST_AFTER, RETRY_LOST, SAMPLER};
pub use python_json::{PythonJson, PythonValue};
pub use space::{ShownSpace, in_space};
pub use study::{Counts, ExternalStudy};
pub use trial::{ExternalTrial, NaiveTime, TrialState};
