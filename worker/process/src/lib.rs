//! Objectives that are somebody else's code: a command, or a Python function in a process that stays.
//!
//! The thread of a slot owns its trial and waits for events (`attend`). The processes speak to the trial's socket
//! (`socket`), whose connections each have a thread: what can be answered there is (`host`), the rest goes to the
//! slot's thread (`desk`). What a trial comes to is decided in one place (`outcome`).

#![warn(clippy::print_stderr, clippy::print_stdout)]

mod answer;
mod attend;
mod broken;
mod call;
mod card;
mod command;
mod common;
mod desk;
mod ear;
mod event;
mod exit;
mod family;
mod fleet;
mod folder;
mod gpus;
mod ground;
mod group;
mod guard;
mod guard_process;
mod host;
mod idle;
mod launch;
mod launch_error;
mod lines;
mod main_process;
mod mark;
mod memory;
mod metric;
mod nearest;
mod outcome;
mod output;
mod prepare;
mod process;
mod python;
mod settings;
mod socket;
mod strays;
mod table;
mod tail;
mod verdict;
mod warm;
mod watch;
mod words;

#[cfg(all(test, target_os = "linux"))]
mod tests;

use std::ffi::OsString;
use std::sync::Arc;

use kindling_worker::{Objective, Unfit};

pub use command::CommandObjective;
pub use gpus::{GpuPool, GpuShare, NamedBy, ProcessDevices};
pub use guard_process::guard_processes;
pub use python::PythonObjective;

use crate::ground::Ground;

/// The objectives of a worker that runs foreign code: `command` and `python`.
///
/// `guard` is the command line of a process that calls [`guard_processes`]. It ends what runs if this process is
/// killed. `gpus` are the worker's.
pub fn objectives(
    guard: Option<Vec<OsString>>,
    gpus: &GpuPool,
) -> Result<Vec<Arc<dyn Objective>>, Unfit> {
    let ground = Ground::new(guard).map_err(|error| Unfit(error.to_string()))?;
    Ok(vec![
        Arc::new(CommandObjective::new(ground.clone(), gpus.clone())),
        Arc::new(PythonObjective::new(ground, gpus.clone())),
    ])
}
