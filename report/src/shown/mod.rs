//! The parts of a study, as the page shows them.

mod choice;
mod kept;
mod metrics;
mod param;
mod study;
mod time;
mod trial;
mod values;
mod worker;

pub use choice::Choice;
pub use kept::{Artifact, Attempt, Checkpoint, hex};
pub use metrics::{compared_metric, metric_names};
pub use param::{Domain, Needs, Param};
pub use study::{ConfirmPlan, Counts, Failure, Objective, Study};
pub(crate) use time::milliseconds;
pub(crate) use trial::params;
pub use trial::{Confirmation, Params, Trial};
pub use values::{Direction, Directions, best, is_feasible, value, values};
pub use worker::{Running, Worker};
