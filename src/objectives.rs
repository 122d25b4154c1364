//! The built-in objectives, and the devices they train on.

use std::ffi::OsString;
use std::sync::Arc;

use anyhow::Context as _;
use kindling_burn::BurnDevices;
use kindling_coordinator::config::nearest;
use kindling_mnist_cnn::MnistCnn;
use kindling_process::{GpuPool, NamedBy, ProcessDevices};
use kindling_worker::{Devices, Objective};

/// The kinds that run somebody else's code, each trial in a process of its own.
const OWN_CODE: [&str; 2] = ["command", "python"];

/// The objectives that train in the worker itself.
pub(crate) fn built_in() -> Vec<Arc<dyn Objective>> {
    vec![Arc::new(MnistCnn::default())]
}

/// The objectives that run somebody else's code, on these GPUs.
///
/// Once they run a trial, a process looks after theirs, and ends them if this one is killed.
pub(crate) fn own_code(gpus: &GpuPool) -> anyhow::Result<Vec<Arc<dyn Objective>>> {
    let program = std::env::current_exe().context("cannot find this program's own file")?;
    let guard = vec![program.into_os_string(), OsString::from("guard-processes")];
    Ok(kindling_process::objectives(Some(guard), gpus))
}

/// Whether trials of this kind run somebody else's code.
pub(crate) fn is_own_code(kind: &str) -> bool {
    OWN_CODE.contains(&kind)
}

/// The devices of the framework that all objectives use which train in the worker itself.
pub(crate) fn devices() -> Arc<dyn Devices> {
    Arc::new(BurnDevices)
}

/// The devices that an objective of this kind trains on.
pub(crate) fn devices_of(kind: &str) -> Arc<dyn Devices> {
    if is_own_code(kind) { Arc::new(ProcessDevices::find()) } else { devices() }
}

/// Finds a built-in objective by name, to check what a study file says.
pub(crate) fn find(kind: &str) -> Option<Arc<dyn Objective>> {
    of_kind(kind, GpuPool::none)
}

/// Finds a built-in objective by name, to prepare for it on this machine.
///
/// Whoever runs its trials asks for [`own_code`], which guards their processes.
pub(crate) fn find_here(kind: &str) -> Option<Arc<dyn Objective>> {
    of_kind(kind, || GpuPool::new(&devices_of(kind).best(), 1, NamedBy::Driver))
}

fn of_kind(kind: &str, gpus: impl FnOnce() -> GpuPool) -> Option<Arc<dyn Objective>> {
    let there =
        if is_own_code(kind) { kindling_process::objectives(None, &gpus()) } else { built_in() };
    there.into_iter().find(|objective| objective.kind() == kind)
}

/// Whether the kind is one of ours.
pub(crate) fn is_known(kind: &str) -> bool {
    is_own_code(kind) || built_in().iter().any(|objective| objective.kind() == kind)
}

/// The error for an unknown objective.
pub(crate) fn not_built_in(kind: &str) -> String {
    let built_in = built_in();
    let trained = built_in.iter().map(|objective| objective.kind());
    let known: Vec<_> = trained.chain(OWN_CODE).collect();
    let told = match nearest(kind, &known) {
        Some(near) => format!("; did you mean `{near}`?"),
        None => format!(", unlike `{}`", known.join("`, `")),
    };
    format!("objective `{kind}` is not built in{told}")
}
