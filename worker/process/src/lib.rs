//! Objectives that are somebody else's code: a command, or a Python function in a process that stays.
#![allow(dead_code, unused_imports, reason = "until the objectives stand on it")]

mod broken;
mod gpus;
mod metric;
mod nearest;
mod settings;
mod words;

pub use gpus::{GpuPool, GpuShare, NamedBy, ProcessDevices};
