//! A process that was started, and everything that it started.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;

use crate::exit::Exit;
use crate::family;
use crate::ground::Ground;
use crate::main_process::{MainProcess, lock};
use crate::strays::{Look, Seen, orphans_of};
use crate::table::{self, Process};

/// How long a process may take to die of SIGKILL.
const DYING: Duration = Duration::from_secs(30);

/// The longest pause between two looks at what is left.
const PAUSE: Duration = Duration::from_millis(50);

/// A process that was started, and everything that it started. All of it is killed when this is dropped.
#[derive(Debug)]
pub(crate) struct Group {
    main: Arc<MainProcess>,
    ground: Ground,
    /// Processes that were found in it. Locked while it is ended.
    seen: Mutex<Seen>,
    terminated: AtomicBool,
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
        Self { main, ground, seen: Mutex::default(), terminated: AtomicBool::new(false) }
    }

    /// The pid of the main process, and the number of the process group.
    pub(crate) fn id(&self) -> i32 {
        self.main.identity.pid
    }

    /// How the main process ended, once it has.
    pub(crate) fn exit(&self) -> Option<Exit> {
        self.main.exit()
    }

    /// Asks all processes to end, with SIGTERM. Only the first call does.
    pub(crate) fn terminate(&self) {
        if !self.terminated.swap(true, Ordering::Relaxed) {
            self.signal(Signal::SIGTERM, &mut Seen::new());
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
        let mut seen = lock(&self.seen);
        let killing = Instant::now() + grace;
        let mut terminated = Seen::new();
        let mut pause = Duration::from_millis(1);
        loop {
            if self.is_over(&mut seen) {
                return Ok(());
            }
            let now = Instant::now();
            if now >= killing {
                let members = self.signal(Signal::SIGKILL, &mut seen);
                if now >= killing + DYING {
                    return Err(Left(members));
                }
            } else if terminated.is_empty() || self.exit().is_some() {
                // At first all of them; later what the main process left, as it comes into sight.
                self.terminate_new(&mut seen, &mut terminated);
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
        self.main.is_over() || self.seen.try_lock().is_ok_and(|mut seen| self.is_over(&mut seen))
    }

    /// The last lines of standard error.
    pub(crate) fn last_errors(&self) -> String {
        lock(&self.main.errors).text()
    }

    /// Sends a signal to all processes, and returns them.
    fn signal(&self, signal: Signal, seen: &mut Seen) -> Vec<Process> {
        // First what needs no look, so that nothing new starts there meanwhile.
        self.main.signal_group(signal);
        let members = Look::now().members(&self.main.identity, seen, true);
        for member in &members {
            let is_told = member.group == self.id() && !self.main.is_let_go();
            if !is_told && member.is_there() {
                _ = kill(Pid::from_raw(member.pid), signal);
            }
        }
        members
    }

    /// Asks those to end that were not yet asked.
    fn terminate_new(&self, seen: &mut Seen, terminated: &mut Seen) {
        if !self.terminated.swap(true, Ordering::Relaxed) {
            let members = self.signal(Signal::SIGTERM, seen);
            // Those that are stopped hear it only when they go on.
            self.main.signal_group(Signal::SIGCONT);
            terminated.insert((self.id(), self.main.identity.start));
            terminated.extend(members.iter().map(|member| (member.pid, member.start)));
            return;
        }
        for member in Look::now().members(&self.main.identity, seen, true) {
            if terminated.insert((member.pid, member.start)) && member.is_there() {
                _ = kill(Pid::from_raw(member.pid), Signal::SIGTERM);
            }
        }
    }

    /// Whether nothing is left. Looks into the process table only if something is.
    fn is_over(&self, seen: &mut Seen) -> bool {
        if self.main.is_over() {
            return true;
        }
        if self.exit().is_none() {
            return false;
        }
        self.main.let_go();
        let is_empty = !self.group_is_there() && !self.has_orphans();
        if !is_empty && !self.rest(seen).is_empty() {
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

impl Drop for Group {
    fn drop(&mut self) {
        if let Err(left) = self.end(Duration::ZERO) {
            tracing::error!(%left, "a trial's processes cannot be ended");
        }
    }
}
