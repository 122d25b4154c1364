//! What to start.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use super::family;
use super::launch_error::LaunchError;

/// A process to start: no shell, a process group of its own, nothing to read on standard input, arguments byte for byte.
#[derive(Debug, Clone, Default)]
pub(crate) struct Launch {
    /// Its name, looked for in PATH, or its path. A relative path starts from `directory`.
    pub(crate) program: OsString,
    pub(crate) args: Vec<OsString>,
    /// Where it runs, unless in this process's own working directory.
    pub(crate) directory: Option<PathBuf>,
    /// What is in its environment beside what is in ours.
    pub(crate) env: Vec<(OsString, OsString)>,
    /// Bytes that all its processes may use together.
    pub(crate) memory: Option<u64>,
}

impl Launch {
    /// Starts a helper of this process's own: in a group of its own, but of no trial.
    pub(crate) fn start_helper(&self) -> Result<Child, LaunchError> {
        self.check()?;
        let mut command = self.command();
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let started = family::start(&mut command, None);
        started.map(|(child, _)| child).map_err(|error| self.refused(&error))
    }

    /// The system refused to start it.
    pub(super) fn refused(&self, error: &io::Error) -> LaunchError {
        LaunchError::refused(&self.program, self.directory.as_deref(), error)
    }

    pub(super) fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(&self.args)
            .envs(self.env.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .process_group(0);
        if let Some(directory) = &self.directory {
            command.current_dir(directory);
        }
        command
    }

    /// What no system can pass on.
    pub(super) fn check(&self) -> Result<(), LaunchError> {
        let nul = |text: &OsStr| text.as_bytes().contains(&0);
        let no_nul = "a NUL byte ends a text for the system; give such data in a file";
        if self.program.is_empty() {
            return Err(LaunchError::new(
                &self.program,
                "the program's name is empty",
                "the first word is the program",
            ));
        }
        if nul(&self.program) {
            return Err(LaunchError::new(&self.program, "its name has a NUL byte", no_nul));
        }
        if let Some(at) = self.args.iter().position(|arg| nul(arg)) {
            let cause = format!("argument {} has a NUL byte", at + 1);
            return Err(LaunchError::new(&self.program, cause, no_nul));
        }
        if self.directory.as_ref().is_some_and(|directory| nul(directory.as_os_str())) {
            return Err(LaunchError::new(&self.program, "its directory has a NUL byte", no_nul));
        }
        for (name, value) in &self.env {
            let shown = name.display();
            if nul(name) || nul(value) {
                let cause = format!("the environment variable `{shown}` has a NUL byte");
                return Err(LaunchError::new(&self.program, cause, no_nul));
            }
            if name.is_empty() || name.as_bytes().contains(&b'=') {
                let cause = format!("`{shown}` is no name of an environment variable");
                return Err(LaunchError::new(
                    &self.program,
                    cause,
                    "a name is not empty and has no `=`",
                ));
            }
        }
        Ok(())
    }
}
