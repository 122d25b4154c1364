//! A Kindling worker: leases trials from a coordinator, trains them, and reports and finishes them.
//!
//! To run your own objective, implement [`Objective`] and pass it to [`run_worker`] with the [`Devices`] of
//! your framework; see `burn/examples/own_objective.rs`. This crate depends on no framework.

#![warn(clippy::print_stderr, clippy::print_stdout)]

mod command;
mod convert;
mod device;
mod lease;
mod metrics;
mod nearest;
mod objective;
mod observe;
mod output;
mod session;
mod signals;
mod stop;
mod takes;
mod trial;
mod user_attributes;
mod values;

pub use command::{WorkerArgs, run_worker};
pub use device::{
    DeviceChoice, DeviceError, DeviceName, Devices, Fault, Listed, Memory, UnknownDevice,
};
pub use kindling_proto::attributes::LeftOut;
pub use lease::{Assignment, Claim, Identity};
pub use metrics::{MetricError, Metrics};
pub use nearest::nearest;
pub use objective::{Completion, Objective, Progress, Reporter, SettingsError, Trial, Unfit};
pub use output::{Output, OutputStream};
pub use session::{
    Noted, Outbox, Outcome, Ran, Session, Shelf, Training, Transport, WorkerError, WorkerOptions,
    work,
};
pub use signals::{StopSignal, StopSignals};
pub use stop::{Stop, StopReason};
pub use takes::{Accepts, Takes};
pub use trial::{JsonMap, ParamValue, Params, Stopped, TrialError, TrialFacts};
pub use user_attributes::UserAttributes;
pub use values::{Intermediate, NoValue, Reported, Values};
