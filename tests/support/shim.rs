//! A shared library between a process and its system: `shim.c`, compiled on demand.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::Folder;

pub(crate) struct Shim {
    library: PathBuf,
    clock: PathBuf,
    sync: PathBuf,
}

impl Shim {
    /// Compiles it into the test's folder. A C compiler is available, because `SQLite` needs one.
    pub(crate) fn new(folder: &Folder) -> Self {
        let source = folder.write("shim.c", include_str!("shim.c"));
        let library = folder.path("shim.so");
        let mut cc = Command::new(std::env::var_os("CC").unwrap_or_else(|| "cc".into()));
        cc.args(["-shared", "-fPIC", "-O1", "-Wall", "-o"]).arg(&library).arg(source);
        assert!(cc.status().expect("a C compiler").success());
        Self { library, clock: folder.path("clock"), sync: folder.path("sync") }
    }

    /// Preloads it into the command.
    pub(crate) fn before(&self, mut command: Command) -> Command {
        command.env("LD_PRELOAD", &self.library);
        command.env("SHIM_CLOCK", &self.clock).env("SHIM_SYNC", &self.sync);
        command
    }

    /// Shifts the wall clock by this many seconds from now on.
    pub(crate) fn set_clock(&self, seconds: i64) {
        write_at_once(&self.clock, &seconds.to_string());
    }

    /// Makes syncs fail from now on for files whose path ends with `suffix`.
    pub(crate) fn fail_syncs_of(&self, suffix: &str) {
        write_at_once(&self.sync, suffix);
    }

    /// Makes all syncs succeed again.
    pub(crate) fn let_all_sync(&self) {
        std::fs::remove_file(&self.sync).expect("removed");
    }
}

/// Writes atomically, because another process may be reading.
fn write_at_once(path: &Path, text: &str) {
    let next = path.with_extension("next");
    std::fs::write(&next, text).expect("written");
    std::fs::rename(&next, path).expect("renamed");
}
