//! Starts a process in a group of its own.

use std::io;
use std::process::Stdio;
use std::sync::Arc;

use super::Ground;
use super::family::{self, Leader};
use super::group::Group;
use super::happened::Happened;
use super::launch::Launch;
use super::launch_error::LaunchError;
use super::main_process::MainProcess;
use super::mark;
use super::output::Output;
use super::strays::Identity;

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
        let (awake, wake) = io::pipe().map_err(|error| self.refused(&error))?;

        ground.expect(&mark);
        let (mut child, Leader { pid, start }) =
            family::start(&mut command, Some(&mark)).map_err(|error| {
                ground.forget(&mark);
                self.refused(&error)
            })?;
        let identity = Identity { pid, start, mark };
        ground.started(&identity);

        let streams = (child.stdout.take(), child.stderr.take());
        let main = Arc::new(MainProcess::new(identity, child, wake, self.memory));
        let output = Output::new(Arc::clone(&main), streams, awake);
        // From here on the group ends what was started, whatever else fails.
        let group = Group::new(Arc::clone(&main), ground.clone());
        let watched = main.watch().and_then(|()| output.read(happened));
        watched.map_err(|error| self.refused(&error))?;
        ground.watch(&main);
        Ok(group)
    }
}
