//! The process that was started, as all threads that have to do with it see it.

use std::io::{self, PipeWriter, Write};
use std::process::Child;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use super::exit::Exit;
use super::family;
use super::heard::Heard;
use super::lock;
use super::strays::Identity;

/// The main process of a group.
///
/// It is not waited for before the group ends. So long its pid, and with it the number of the group, can be no other's.
#[derive(Debug)]
pub(crate) struct MainProcess {
    pub(crate) identity: Identity,
    /// Bytes that its group may use.
    pub(crate) limit: Option<u64>,
    child: Mutex<Waitable>,
    exit: Mutex<Option<Exit>>,
    exited: Condvar,
    /// What its group used when that was more than it may. 0 before.
    over_memory: AtomicU64,
    /// Nothing is left of its group.
    over: AtomicBool,
    /// What was written is told.
    pub(super) heard: Heard,
    /// Wakes the thread that reads its output.
    wake: PipeWriter,
}

#[derive(Debug)]
struct Waitable {
    child: Child,
    waited_for: bool,
}

impl MainProcess {
    pub(crate) fn new(
        identity: Identity,
        child: Child,
        wake: PipeWriter,
        limit: Option<u64>,
    ) -> Self {
        Self {
            identity,
            limit,
            child: Mutex::new(Waitable { child, waited_for: false }),
            exit: Mutex::default(),
            exited: Condvar::new(),
            over_memory: AtomicU64::new(0),
            over: AtomicBool::new(false),
            heard: Heard::default(),
            wake,
        }
    }

    /// Waits for its end on a thread.
    pub(crate) fn watch(self: &Arc<Self>) -> io::Result<()> {
        let main = Arc::clone(self);
        thread::Builder::new().name("process-exit".to_owned()).spawn(move || {
            let exit = main.wait();
            *lock(&main.exit) = Some(exit);
            main.exited.notify_all();
            main.wake();
        })?;
        Ok(())
    }

    /// Waits until all is told that it has written so far, but not for ever.
    pub(crate) fn hear_all(&self, within: Duration) {
        self.heard.ask(|| self.wake(), within);
    }

    /// How it ended, once it has.
    pub(crate) fn exit(&self) -> Option<Exit> {
        *lock(&self.exit)
    }

    /// Waits until it has ended, no longer than until `deadline`.
    pub(crate) fn wait_until(&self, deadline: Instant) -> Option<Exit> {
        let mut exit = lock(&self.exit);
        while exit.is_none() {
            let left = deadline.checked_duration_since(Instant::now())?;
            let waited = self.exited.wait_timeout(exit, left);
            exit = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        *exit
    }

    /// Sends a signal to the group, if its number is still ours.
    pub(crate) fn signal_group(&self, signal: Signal) {
        let child = lock(&self.child);
        if !child.waited_for {
            _ = killpg(Pid::from_raw(self.identity.pid), signal);
        }
    }

    /// Lets the pid go, once the process has ended. After that the number may be another's as soon as the group is empty.
    pub(crate) fn let_go(&self) {
        if self.exit().is_some() {
            let mut child = lock(&self.child);
            if !child.waited_for {
                // It has ended, so this does not block.
                _ = child.child.wait();
                child.waited_for = true;
                family::waited_for(self.identity.pid);
            }
        }
    }

    /// Whether its pid was let go.
    pub(crate) fn is_let_go(&self) -> bool {
        lock(&self.child).waited_for
    }

    /// Notes that its group uses too much memory.
    pub(crate) fn uses(&self, memory: u64) {
        self.over_memory.store(memory.max(1), Ordering::Relaxed);
        self.wake();
    }

    /// What its group used when that was more than it may.
    pub(crate) fn over_memory(&self) -> Option<u64> {
        Some(self.over_memory.load(Ordering::Relaxed)).filter(|&used| used > 0)
    }

    /// Notes that nothing is left of its group.
    pub(crate) fn set_over(&self) {
        self.over.store(true, Ordering::Release);
    }

    /// Whether nothing is left of its group.
    pub(crate) fn is_over(&self) -> bool {
        self.over.load(Ordering::Acquire)
    }

    fn wake(&self) {
        // Nobody reads once the output is over. A few bytes never fill the pipe.
        _ = (&self.wake).write_all(&[0]);
    }

    /// Blocks until it has ended, and leaves it in the process table.
    #[cfg(target_os = "linux")]
    fn wait(&self) -> Exit {
        use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid};
        let pid = Pid::from_raw(self.identity.pid);
        loop {
            match waitid(Id::Pid(pid), WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT) {
                Ok(WaitStatus::Exited(_, status)) => return Exit::Status(status),
                Ok(WaitStatus::Signaled(_, signal, core_dumped)) => {
                    return Exit::Signal { number: signal as i32, core_dumped };
                }
                Err(Errno::EINTR) => {}
                // A signal that has no name, for one.
                Ok(_) | Err(_) => return self.poll(),
            }
        }
    }

    #[cfg(not(target_os = "linux"))]
    fn wait(&self) -> Exit {
        self.poll()
    }

    /// Asks again and again until it has ended.
    fn poll(&self) -> Exit {
        loop {
            let mut child = lock(&self.child);
            match child.child.try_wait() {
                Ok(None) => {}
                Ok(Some(status)) => {
                    child.waited_for = true;
                    family::waited_for(self.identity.pid);
                    return status.into();
                }
                Err(error) => {
                    // Somebody else took the status. That it ended is all that is known.
                    tracing::error!(%error, pid = self.identity.pid, "the exit status of a process is lost");
                    child.waited_for = true;
                    family::waited_for(self.identity.pid);
                    return Exit::Status(-1);
                }
            }
            drop(child);
            thread::sleep(Duration::from_millis(5));
        }
    }
}
