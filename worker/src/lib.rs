//! A Kindling worker: leases trials from a coordinator, trains them, reports and finishes them.
//!
//! To run an objective of your own, implement [`Objective`] and hand it to [`run_worker`]; see
//! `examples/own_objective.rs`.

#![warn(clippy::print_stderr, clippy::print_stdout)]

mod address;
mod command;
mod connect;
mod convert;
mod device;
pub mod mnist_cnn;
mod objective;
mod observe;
mod session;
mod signals;
mod takes;
mod token;

pub use address::listen_address;
pub use command::{WorkerArgs, run_worker};
pub use connect::{
    Bearer, ConnectArgs, ConnectError, Connection, NO_GRPC, innermost, speaks_no_grpc,
};
pub use device::{DeviceChoice, DeviceError, DeviceName, Fault, UnknownDevice};
pub use kindling_proto::attributes::LeftOut;
pub use objective::{
    Completion, JsonMap, Objective, ParamValue, Params, Reporter, SettingsError, Stopped, Trial,
    TrialError, TrialFacts,
};
pub use session::{
    Outbox, Outcome, Ran, Session, Shelf, Training, Transport, WorkerError, WorkerOptions, work,
};
pub use signals::{StopSignal, StopSignals};
pub use takes::{Takes, Values};
pub use token::{Token, warn_if_open};
