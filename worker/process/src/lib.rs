//! Objectives that are somebody else's code: a command, or a Python function in a process that stays.
#![cfg_attr(not(test), allow(dead_code, reason = "until the objectives stand on it"))]

mod exit;
mod family;
mod ground;
mod group;
mod guard;
mod guard_process;
mod launch;
mod launch_error;
mod lines;
mod main_process;
mod mark;
mod memory;
mod output;
mod strays;
mod table;
mod tail;
mod watch;

#[cfg(all(test, target_os = "linux"))]
mod tests;

pub use guard_process::guard_processes;
