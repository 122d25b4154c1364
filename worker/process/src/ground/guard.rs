//! The guard: a process that outlives this one, to end what a killed worker leaves.
//!
//! It learns of each group before it starts, and kills those that are left when its standard input ends. It removes this
//! process's folders, too. This is the worker's side; `process` is the other, and `told` is what they say.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::path::Path;
use std::process::{Child, ChildStdin};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

pub use self::process::guard_processes;
use self::told::{READY, Told};
use super::family;
use super::launch::Launch;
use super::launch_error::LaunchError;
use super::lock;
use super::strays::Identity;

mod process;
mod told;

/// How long it may take to say so.
const PATIENCE: Duration = Duration::from_secs(20);

/// How long it may take to end when it has nothing to do.
const ENDING: Duration = Duration::from_secs(2);

/// A guard at work. If it dies, there is soon another one.
#[derive(Debug)]
pub(crate) struct Guard {
    command: Vec<OsString>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    process: Option<Process>,
    /// What it was told of the groups that are not over and of the folders that are there, by mark or path.
    known: BTreeMap<OsString, String>,
    /// When another one was last started in its place.
    replaced: Option<Instant>,
}

#[derive(Debug)]
struct Process {
    child: Child,
    stdin: ChildStdin,
}

impl Guard {
    /// Starts the guard, and waits until it is ready.
    pub(crate) fn start(command: Vec<OsString>) -> Result<Self, LaunchError> {
        let process = Some(Process::start(&command, "")?);
        let state = State { process, known: BTreeMap::new(), replaced: None };
        Ok(Self { command, state: Mutex::new(state) })
    }

    /// A group is about to start. Its number is not yet known, but the mark finds its processes.
    pub(crate) fn expect(&self, mark: &str) {
        self.tell(mark.as_ref(), &Told::Expect { mark });
    }

    /// It started.
    pub(crate) fn started(&self, &Identity { pid, start, ref mark }: &Identity) {
        self.tell(mark.as_ref(), &Told::Started { pid, start, mark });
    }

    /// It is over, or did not start.
    pub(crate) fn forget(&self, mark: &str) {
        self.tell(mark.as_ref(), &Told::Over { mark });
    }

    /// There is a folder.
    pub(crate) fn made(&self, folder: &Path) {
        self.tell(folder.as_ref(), &Told::Made(folder.into()));
    }

    /// The folder is gone.
    pub(crate) fn removed(&self, folder: &Path) {
        self.tell(folder.as_ref(), &Told::Removed(folder.into()));
    }

    /// Looks whether it is still there.
    pub(crate) fn look(&self) {
        let state = &mut *lock(&self.state);
        if !state.process.as_mut().is_some_and(|it| matches!(it.child.try_wait(), Ok(None))) {
            self.replace(state);
        }
    }

    /// Its pid, once it knows of all groups.
    #[cfg(test)]
    pub(crate) fn id(&self) -> Option<i32> {
        lock(&self.state).process.as_ref().map(|process| process.child.id() as i32)
    }

    /// Tells something about a group or a folder. `of` is its mark or its path.
    fn tell(&self, of: &OsStr, what: &Told<'_>) {
        let state = &mut *lock(&self.state);
        let line = what.to_string();
        let listens = |process: &mut Process| process.stdin.write_all(line.as_bytes()).is_ok();
        let listens = state.process.as_mut().is_some_and(listens);
        if what.is_end() {
            state.known.remove(of);
        } else {
            state.known.insert(of.to_owned(), line);
        }
        if !listens {
            self.replace(state);
        }
    }

    /// Starts another guard in place of one that does not listen any more. At most once in a second.
    fn replace(&self, state: &mut State) {
        if state.replaced.is_some_and(|replaced| replaced.elapsed() < Duration::from_secs(1)) {
            return;
        }
        state.replaced = Some(Instant::now());
        tracing::warn!("the guard of the trials' processes is gone; starting another one");
        if let Some(mut gone) = state.process.take() {
            // Before its standard input ends: it would take that for our end.
            wait(&mut gone.child, Duration::ZERO);
        }
        let known: String = state.known.values().map(String::as_str).collect();
        match Process::start(&self.command, &known) {
            Ok(process) => state.process = Some(process),
            Err(error) => {
                tracing::error!(%error, "if this worker is killed now, its trials' processes stay");
            }
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if let Some(process) = lock(&self.state).process.take() {
            process.end();
        }
    }
}

impl Process {
    /// Starts it, and first tells it of the groups that there are.
    fn start(command: &[OsString], known: &str) -> Result<Self, LaunchError> {
        let mut words = command.iter().cloned();
        let launch = Launch {
            program: words.next().unwrap_or_default(),
            args: words.collect(),
            ..Launch::default()
        };
        let mut child = launch.start_helper()?;
        let stdin = child.stdin.take().filter(|mut stdin| {
            // A guard that somebody stopped must not stop us, too. The pipe takes 64 KiB, far more than the lines of all slots.
            fcntl(stdin, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).is_ok()
                && stdin.write_all(known.as_bytes()).is_ok()
        });
        let ready = is_ready(&mut child);
        match stdin {
            Some(stdin) if ready => Ok(Self { child, stdin }),
            _ => {
                wait(&mut child, Duration::ZERO);
                let cause = "it does not guard processes";
                Err(LaunchError::new(
                    &launch.program,
                    cause,
                    "is this program being replaced just now?",
                ))
            }
        }
    }

    /// Has it end what it still knows of, and then itself.
    fn end(self) {
        let Self { mut child, stdin } = self;
        drop(stdin);
        wait(&mut child, ENDING);
    }
}

fn is_ready(child: &mut Child) -> bool {
    let Some(mut stdout) = child.stdout.take() else { return false };
    let (deadline, mut said, mut piece) = (Instant::now() + PATIENCE, Vec::new(), [0; 256]);
    while said.len() < 64 * 1024 {
        if String::from_utf8_lossy(&said).contains(READY) {
            return true;
        }
        let left = deadline.saturating_duration_since(Instant::now());
        let left = PollTimeout::try_from(left).unwrap_or(PollTimeout::ZERO);
        if !matches!(poll(&mut [PollFd::new(stdout.as_fd(), PollFlags::POLLIN)], left), Ok(1..)) {
            return false;
        }
        match stdout.read(&mut piece) {
            Ok(read @ 1..) => said.extend_from_slice(&piece[..read]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Ok(_) | Err(_) => return false,
        }
    }
    false
}

/// Waits for a child to end, and kills it after a while.
fn wait(child: &mut Child, patience: Duration) {
    let deadline = Instant::now() + patience;
    while Instant::now() < deadline && matches!(child.try_wait(), Ok(None)) {
        thread::sleep(Duration::from_millis(2));
    }
    _ = child.kill();
    _ = child.wait();
    family::waited_for(child.id() as i32);
}
