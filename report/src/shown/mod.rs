//! The parts of a study, as the page shows them.

mod choice;
mod param;
mod study;
mod time;
mod trial;
mod worker;

pub use choice::Choice;
pub use param::{Domain, Param};
pub use study::{ConfirmPlan, Counts, Direction, Failure, Objective, Study};
pub use trial::{Confirmation, Params, Trial};
pub(crate) use trial::{params, value};
pub use worker::{Running, Worker};
