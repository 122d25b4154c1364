//! A process that was started, and everything that it started.

use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;

use super::Ground;
use super::exit::Exit;
use super::family;
use super::lock;
use super::main_process::MainProcess;
use super::strays::{Look, Seen, orphans_of};
use super::table::{self, Process};

/// How long a process may take to die of SIGKILL.
const DYING: Duration = Duration::from_secs(30);

/// The longest pause between two looks at what is left.
const PAUSE: Duration = Duration::from_millis(50);

/// A process that was started, and everything that it started. All of it is killed when this is dropped.
#[derive(Debug)]
pub(crate) struct Group {
    main: Arc<MainProcess>,
    ground: Ground,
    /// Locked while it is ended.
    known: Mutex<Known>,
}

/// What is known of a group's processes.
#[derive(Debug, Default)]
struct Known {
    /// Those that were found.
    seen: Seen,
    /// Those that were asked to end. None was before the first time.
    terminated: Seen,
}

/// Processes that SIGKILL did not end.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) struct Left(Vec<Process>);

impl fmt::Display for Left {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} s after SIGKILL there are still processes: ", DYING.as_secs())?;
        for Process { pid, name, .. } in self.0.iter().take(10) {
            write!(f, "{pid} ({name}), ")?;
        }
        f.write_str("which wait for a device, or are another user's")
    }
}

impl Group {
    pub(crate) fn new(main: Arc<MainProcess>, ground: Ground) -> Self {
        Self { main, ground, known: Mutex::default() }
    }

    /// The pid of the main process, and the number of the process group.
    pub(crate) fn id(&self) -> i32 {
        self.main.identity.pid
    }

    #[cfg(test)]
    pub(crate) fn mark(&self) -> &str {
        &self.main.identity.mark
    }

    /// How the main process ended, once it has.
    pub(crate) fn exit(&self) -> Option<Exit> {
        self.main.exit()
    }

    /// Waits until all is told that the main process has written so far, but not for ever.
    pub(crate) fn hear_all(&self, within: Duration) {
        self.main.hear_all(within);
    }

    /// Asks all processes to end, with SIGTERM: each of them once.
    #[cfg(test)]
    pub(crate) fn terminate(&self) {
        // While another thread ends the group, it has asked them.
        if let Ok(mut known) = self.known.try_lock()
            && !self.is_over(&mut known)
        {
            self.ask_to_end(&mut known);
        }
    }

    /// Kills all processes. Does not wait until they are gone.
    pub(crate) fn kill(&self) {
        self.signal(Signal::SIGKILL, &mut Seen::new());
    }

    /// Ends all processes and waits until none is in the process table: SIGTERM, and after `grace` SIGKILL. Kills at once if there
    /// is no grace. If nothing is left, as usual once the main process has ended, this takes no time.
    ///
    /// What has not died 30 s after SIGKILL is returned. The system has no means to end such.
    pub(crate) fn end(&self, grace: Duration) -> Result<(), Left> {
        let mut known = lock(&self.known);
        let killing = Instant::now() + grace;
        let mut pause = Duration::from_millis(1);
        loop {
            if self.is_over(&mut known) {
                return Ok(());
            }
            let now = Instant::now();
            if now >= killing {
                let members = self.signal(Signal::SIGKILL, &mut known.seen);
                if now >= killing + DYING {
                    return Err(Left(members));
                }
            } else if known.terminated.is_empty() || self.exit().is_some() {
                // At first all of them; later what the main process left, as it comes into sight.
                self.ask_to_end(&mut known);
            }
            let until = Instant::now() + pause;
            let until = if now < killing { until.min(killing) } else { until };
            if self.exit().is_some() || self.main.wait_until(until).is_none() {
                std::thread::sleep(until.saturating_duration_since(Instant::now()));
            }
            pause = PAUSE.min(pause * 2);
        }
    }

    /// Whether nothing is left of it.
    pub(crate) fn is_gone(&self) -> bool {
        // While it is ended on another thread, that one finds out.
        self.main.is_over() || self.known.try_lock().is_ok_and(|mut known| self.is_over(&mut known))
    }

    /// Sends a signal to all processes, and returns them.
    fn signal(&self, signal: Signal, seen: &mut Seen) -> Vec<Process> {
        // First what needs no look, so that nothing new starts there meanwhile.
        self.main.signal_group(signal);
        let members = Look::now().members(&self.main.identity, seen, true);
        let is_let_go = self.main.is_let_go();
        if is_let_go && members.iter().any(|member| member.group == self.id()) {
            // The number is still the group's, as somebody is in it.
            _ = killpg(Pid::from_raw(self.id()), signal);
        }
        for member in members.iter().filter(|member| member.group != self.id()) {
            send(member, signal);
        }
        members
    }

    /// Sends SIGTERM to those that did not yet get it.
    fn ask_to_end(&self, known: &mut Known) {
        if known.terminated.is_empty() {
            let members = self.signal(Signal::SIGTERM, &mut known.seen);
            // Those that are stopped hear it only when they go on.
            self.main.signal_group(Signal::SIGCONT);
            known.terminated.insert((self.id(), self.main.identity.start));
            known.terminated.extend(members.iter().map(|member| (member.pid, member.start)));
            return;
        }
        for member in Look::now().members(&self.main.identity, &mut known.seen, true) {
            if known.terminated.insert((member.pid, member.start)) {
                send(&member, Signal::SIGTERM);
            }
        }
    }

    /// Whether nothing is left. Looks into the process table only if something is.
    fn is_over(&self, known: &mut Known) -> bool {
        if self.main.is_over() {
            return true;
        }
        if self.exit().is_none() {
            return false;
        }
        self.main.let_go();
        let is_empty = !self.group_is_there() && !self.has_orphans();
        if !is_empty && !self.rest(&mut known.seen).is_empty() {
            return false;
        }
        self.main.set_over();
        family::over(&self.main.identity.mark);
        self.ground.forget(&self.main.identity.mark);
        true
    }

    fn group_is_there(&self) -> bool {
        match killpg(Pid::from_raw(self.id()), None) {
            Ok(()) => true,
            // Where there is no process table, this is also said of processes that have ended.
            Err(error) => error == Errno::EPERM && cfg!(target_os = "linux"),
        }
    }

    fn has_orphans(&self) -> bool {
        orphans_of(&self.main.identity, &family::adopted()).next().is_some()
    }

    /// What is left. Those that have ended and are ours to wait for are waited for.
    fn rest(&self, seen: &mut Seen) -> Vec<Process> {
        let own = std::process::id() as i32;
        let members = Look::now().members(&self.main.identity, seen, true);
        let (ended, mut left): (Vec<_>, Vec<_>) =
            members.into_iter().partition(|member| member.zombie && member.parent == own);
        for process in ended {
            family::reap(process.pid);
            left.extend(table::one(process.pid).filter(|now| now.start == process.start));
        }
        left
    }
}

/// Sends a signal to a process, unless its pid is another's by now.
fn send(process: &Process, signal: Signal) {
    if process.is_there() {
        _ = kill(Pid::from_raw(process.pid), signal);
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Err(left) = self.end(Duration::ZERO) {
            tracing::error!(%left, "a trial's processes cannot be ended");
        }
    }
}
