//! Starts a process.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use crate::exit::Exit;
use crate::family::{self, Leader};
use crate::ground::Ground;
use crate::group::Group;
use crate::launch_error::LaunchError;
use crate::main_process::MainProcess;
use crate::mark;
use crate::output::Output;
use crate::strays::Identity;

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

/// What happened to a process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Happened {
    /// It wrote a line. Without the line's end (`\n`, `\r\n` or `\r`), cut at 16 KiB, and what is no UTF-8 is replaced.
    Line(Stream, String),
    /// The main process ended. Told exactly once, and nothing is told after it; all lines that it wrote came before. Processes
    /// that it started may still be there.
    Exited(Exit),
    /// Its processes use more memory than they may. Told once at most. Nothing was done about it.
    OverMemory { used: u64 },
}

/// Where a line was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stream {
    /// Standard output.
    Out,
    /// Standard error.
    Err,
}

impl Launch {
    /// Starts it.
    ///
    /// `happened` is called on a thread of the group's, one call at a time and in order, maybe before this returns. It may block a
    /// little; then the process waits on its output. It must neither end the group nor drop it.
    pub(crate) fn start(
        self,
        ground: &Ground,
        happened: impl Fn(Happened) + Send + Sync + 'static,
    ) -> Result<Group, LaunchError> {
        self.check()?;
        let mark = mark::new();
        let mut command = self.command();
        command
            .env(mark::VARIABLE, mark::value(&mark))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let (awake, wake) = io::pipe().map_err(|error| LaunchError::refused(&self, &error))?;

        ground.expect(&mark);
        let (mut child, Leader { pid, start }) =
            family::start(&mut command, Some(&mark)).map_err(|error| {
                ground.forget(&mark);
                LaunchError::refused(&self, &error)
            })?;
        let identity = Identity { pid, start, mark };
        ground.started(&identity);

        let streams = (child.stdout.take(), child.stderr.take());
        let main = Arc::new(MainProcess::new(identity, child, wake, self.memory));
        let output = Output::new(Arc::clone(&main), streams, awake);
        // From here on the group ends what was started, whatever else fails.
        let group = Group::new(Arc::clone(&main), ground.clone());
        let watched = main.watch().and_then(|()| output.read(happened));
        watched.map_err(|error| LaunchError::refused(&self, &error))?;
        ground.watch(&main);
        Ok(group)
    }

    /// Starts a helper of this process's own: in a group of its own, but of no trial.
    pub(crate) fn start_helper(&self) -> Result<Child, LaunchError> {
        self.check()?;
        let mut command = self.command();
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let started = family::start(&mut command, None);
        started.map(|(child, _)| child).map_err(|error| LaunchError::refused(self, &error))
    }

    fn command(&self) -> Command {
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
    fn check(&self) -> Result<(), LaunchError> {
        let nul = |text: &OsStr| text.as_bytes().contains(&0);
        let no_nul = "a NUL byte ends a text for the system; give such data in a file";
        if self.program.is_empty() {
            return Err(LaunchError::new(
                self,
                "the program's name is empty",
                "the first word is the program",
            ));
        }
        if nul(&self.program) {
            return Err(LaunchError::new(self, "its name has a NUL byte", no_nul));
        }
        if let Some(at) = self.args.iter().position(|arg| nul(arg)) {
            let cause = format!("argument {} has a NUL byte", at + 1);
            return Err(LaunchError::new(self, cause, no_nul));
        }
        if self.directory.as_ref().is_some_and(|directory| nul(directory.as_os_str())) {
            return Err(LaunchError::new(self, "its directory has a NUL byte", no_nul));
        }
        for (name, value) in &self.env {
            let shown = name.display();
            if nul(name) || nul(value) {
                let cause = format!("the environment variable `{shown}` has a NUL byte");
                return Err(LaunchError::new(self, cause, no_nul));
            }
            if name.is_empty() || name.as_bytes().contains(&b'=') {
                let cause = format!("`{shown}` is no name of an environment variable");
                return Err(LaunchError::new(self, cause, "a name is not empty and has no `=`"));
            }
        }
        Ok(())
    }
}
