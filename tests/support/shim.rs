//! A shared library that stands between a process and its system: `shim.c`, compiled when it is needed.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::Folder;

pub(crate) struct Shim {
    library: PathBuf,
    clock: PathBuf,
    sync: PathBuf,
}

impl Shim {
    /// Compiled into the test's folder. Whoever builds Kindling has a C compiler: `SQLite` needs one.
    pub(crate) fn new(folder: &Folder) -> Self {
        let source = folder.write("shim.c", include_str!("shim.c"));
        let library = folder.path("shim.so");
        let mut cc = Command::new(std::env::var_os("CC").unwrap_or_else(|| "cc".into()));
        cc.args(["-shared", "-fPIC", "-O1", "-Wall", "-o"]).arg(&library).arg(source);
        assert!(cc.status().expect("a C compiler").success());
        Self { library, clock: folder.path("clock"), sync: folder.path("sync") }
    }

    /// Puts the command behind it.
    pub(crate) fn before(&self, mut command: Command) -> Command {
        command.env("LD_PRELOAD", &self.library);
        command.env("SHIM_CLOCK", &self.clock).env("SHIM_SYNC", &self.sync);
        command
    }

    /// From now on the wall clock is off by so many seconds.
    pub(crate) fn set_clock(&self, seconds: i64) {
        write_at_once(&self.clock, &seconds.to_string());
    }

    /// From now on no file whose path ends so can be synced.
    pub(crate) fn fail_syncs_of(&self, suffix: &str) {
        write_at_once(&self.sync, suffix);
    }

    /// From now on all can be synced again.
    pub(crate) fn let_all_sync(&self) {
        std::fs::remove_file(&self.sync).expect("removed");
    }
}

/// In one step: somebody may be reading.
fn write_at_once(path: &Path, text: &str) {
    let next = path.with_extension("next");
    std::fs::write(&next, text).expect("written");
    std::fs::rename(&next, path).expect("renamed");
}
