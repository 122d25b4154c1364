//! Why a process could not be started.

use std::ffi::OsStr;
use std::io;
use std::path::Path;

use nix::errno::Errno;

/// Why a process could not be started: the program, what the system said, and a hint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot start `{program}`: {cause}; hint: {hint}")]
pub(crate) struct LaunchError {
    /// The program that was to be started.
    pub(crate) program: String,
    /// What is wrong.
    pub(crate) cause: String,
    /// What to do about it.
    pub(crate) hint: &'static str,
}

impl LaunchError {
    pub(super) fn new(program: &OsStr, cause: impl Into<String>, hint: &'static str) -> Self {
        let program = program.to_string_lossy().into_owned();
        Self { program, cause: cause.into(), hint }
    }

    /// The system refused to start it.
    pub(super) fn refused(program: &OsStr, directory: Option<&Path>, error: &io::Error) -> Self {
        if let Some((cause, hint)) = directory.and_then(wrong_directory) {
            return Self::new(program, cause, hint);
        }
        let hint = match error.raw_os_error().map(Errno::from_raw) {
            Some(Errno::ENOENT) => return Self::not_found(program, directory, error),
            Some(Errno::EACCES | Errno::EPERM) => {
                "it must be a file that may be executed: `chmod +x`, and no `noexec` mount"
            }
            Some(Errno::ENOEXEC) => {
                "a script needs a first line such as `#!/bin/sh`, a program must be built for this machine"
            }
            Some(Errno::E2BIG) => {
                "the arguments and the environment are too long; give large values in a file"
            }
            Some(Errno::ETXTBSY) => "the file is being written; start it once it is complete",
            Some(Errno::EAGAIN) => "too many processes: see `ulimit -u`, or the container's limit",
            Some(Errno::EMFILE | Errno::ENFILE) => "too many open files: see `ulimit -n`",
            Some(Errno::ENOMEM) => "this machine has no memory left for it",
            _ => "try the same command in a shell on this machine",
        };
        Self::new(program, error.to_string(), hint)
    }

    fn not_found(program: &OsStr, directory: Option<&Path>, error: &io::Error) -> Self {
        let has_folder = Path::new(program).components().count() > 1;
        let path = directory.unwrap_or(Path::new("")).join(program);
        let hint = match (has_folder, path.exists()) {
            (true, true) => {
                "the file is there, but the interpreter that its first line names is not"
            }
            (true, false) => "there is no such file; a relative path starts from `directory`",
            (false, _) => {
                "it is in no folder of the worker's PATH; install it there, or give its path"
            }
        };
        Self::new(program, error.to_string(), hint)
    }
}

fn wrong_directory(directory: &Path) -> Option<(String, &'static str)> {
    let shown = directory.display();
    match std::fs::metadata(directory) {
        Err(error) => Some((
            format!("its directory `{shown}`: {error}"),
            "`directory` must exist on the worker's machine",
        )),
        Ok(found) if !found.is_dir() => {
            Some((format!("`{shown}` is no directory"), "`directory` must name a folder"))
        }
        Ok(_) => None,
    }
}
