//! Objectives that are somebody else's code: a command, or a Python function in a process that stays.
//!
//! From the bottom to the top: `ground` starts and ends processes and knows of no trial; `socket` is what a trial's processes
//! speak to; `settings` is what a study file says, `goals` what values are called, `metric` finds them in lines of output, `gpus`
//! shares GPUs out. `trial` brings one
//! trial from its process to its outcome, and `kinds` are the objectives. Each knows of those before it only.

#![warn(clippy::print_stderr, clippy::print_stdout)]

mod goals;
mod gpus;
mod ground;
mod kinds;
mod metric;
mod settings;
mod socket;
mod trial;

use std::ffi::OsString;
use std::sync::Arc;

use kindling_worker::Objective;

pub use self::gpus::{GpuPool, GpuShare, NamedBy, ProcessDevices};
pub use self::ground::guard_processes;
pub use self::settings::{Needs, bytes, check_metric, needs, params_of};

use self::ground::Footing;
use self::kinds::{CommandObjective, PythonObjective};

/// The objectives of a worker that runs foreign code: `command` and `python`.
///
/// `guard` is the command line of a process that calls [`guard_processes`]. It ends what runs if this process is
/// killed. `gpus` are the worker's. Nothing is started before a trial, or what it needs, is: to check settings costs nothing.
pub fn objectives(guard: Option<Vec<OsString>>, gpus: &GpuPool) -> Vec<Arc<dyn Objective>> {
    let footing = Footing::new(guard);
    vec![
        Arc::new(CommandObjective::new(footing.clone(), gpus.clone())),
        Arc::new(PythonObjective::new(footing, gpus.clone())),
    ]
}
