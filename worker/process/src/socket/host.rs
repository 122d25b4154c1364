//! Which trial a connection to the socket speaks of, and the calls that are answered where they arrive.
//!
//! What needs the trial itself goes to the thread that owns it: see [`Said`].

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};

use kindling_worker::{Stop, StopReason};
use serde_json::Value;

use super::answer;
use super::call::{self, Call, Complaint};
use super::desk::{Ends, Request};
use super::said::Said;
use super::verdict::Verdict;

/// Who answers a socket's calls: for the one trial of a command, or for one trial after another.
pub(crate) struct Host {
    now: Mutex<Now>,
    changed: Condvar,
    tell: Tell,
    /// Whether it gives trials by `next`.
    gives_trials: bool,
}

/// Tells the thread that owns the trial.
type Tell = Box<dyn Fn(Said) + Send + Sync>;

#[derive(Debug, Default)]
struct Now {
    current: Option<Arc<Seat>>,
    /// The current trial was not yet given to the process.
    is_offered: bool,
    is_closed: bool,
    /// How many trials there were.
    newest: u64,
    /// How many connections wait for a trial.
    waiting: usize,
}

/// One trial, as all its connections share it.
#[derive(Debug)]
pub(crate) struct Seat {
    number: u64,
    card: Value,
    stop: Stop,
    ours: OnceLock<String>,
    was_used: AtomicBool,
    is_over: AtomicBool,
}

/// One connection. It belongs to the trial that it was last told of, or else to the one it began in.
pub(crate) struct Caller {
    host: Arc<Host>,
    seat: Option<Arc<Seat>>,
}

impl Host {
    /// `gives_trials`: one after another, to a process that stays. Otherwise it is for one command's trial.
    ///
    /// `tell` must not block.
    pub(crate) fn new(
        tell: impl Fn(Said) + Send + Sync + 'static,
        gives_trials: bool,
    ) -> Arc<Self> {
        let tell = Box::new(tell);
        Arc::new(Self { now: Mutex::default(), changed: Condvar::new(), tell, gives_trials })
    }

    /// Begins a trial, with this card.
    pub(crate) fn begin(&self, card: Value, stop: Stop) -> Arc<Seat> {
        let mut now = self.now();
        now.newest += 1;
        let seat = Arc::new(Seat {
            number: now.newest,
            card,
            stop,
            ours: OnceLock::new(),
            was_used: AtomicBool::new(false),
            is_over: AtomicBool::new(false),
        });
        now.current = Some(Arc::clone(&seat));
        now.is_offered = true;
        self.changed.notify_all();
        seat
    }

    /// Whether a process waits for a trial by `next`.
    pub(crate) fn is_awaited(&self) -> bool {
        self.now().waiting > 0
    }

    /// Whether a process took the current trial.
    pub(crate) fn was_taken(&self) -> bool {
        !self.now().is_offered
    }

    /// The current trial is over: later calls about it are refused.
    pub(crate) fn end(&self) {
        let mut now = self.now();
        now.is_offered = false;
        if let Some(seat) = now.current.take() {
            seat.is_over.store(true, Ordering::Relaxed);
        }
    }

    /// No more trials come.
    pub(crate) fn close(&self) {
        self.end();
        self.now().is_closed = true;
        self.changed.notify_all();
    }

    fn next(&self, is_open: &dyn Fn() -> bool) -> Option<Arc<Seat>> {
        let mut now = self.now();
        now.waiting += 1;
        (self.tell)(Said::Ready);
        let waits = |now: &mut Now| !now.is_offered && !now.is_closed;
        now = self.changed.wait_while(now, waits).unwrap_or_else(PoisonError::into_inner);
        now.waiting -= 1;
        if !is_open() {
            // It was killed while it waited. The trial was not its.
            return None;
        }
        // One trial goes to one connection.
        std::mem::take(&mut now.is_offered).then(|| now.current.clone()).flatten()
    }

    fn now(&self) -> MutexGuard<'_, Now> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seat {
    /// Whether the trial goes on.
    pub(crate) fn verdict(&self) -> Verdict {
        if let Some(reason) = self.ours.get() {
            return Verdict::Stop(reason.clone());
        }
        let should_checkpoint = self.stop.should_checkpoint();
        let goes_on = Verdict::Continue { should_checkpoint };
        self.stop.reason().as_ref().map_or(goes_on, Verdict::of)
    }

    /// The verdict after a call to the trial, which may have ended it.
    pub(crate) fn verdict_after(&self, call: Result<(), Ends>) -> Verdict {
        match call {
            // A reporter that does not tell it by its handle.
            Err(Ends::Stopped) if !self.stop.is_wanted() => self.stop.want(StopReason::Pruned),
            Ok(()) | Err(Ends::Stopped) => {}
            Err(Ends::HandBack(reason) | Ends::Failed(reason)) => self.stop_for(reason),
        }
        self.verdict()
    }

    /// Stops the trial for a reason of the worker's own, such as its timeout.
    pub(crate) fn stop_for(&self, reason: String) {
        _ = self.ours.set(reason);
    }

    /// Whether its process speaks to the socket, and so hears when to stop.
    pub(crate) fn was_used(&self) -> bool {
        self.was_used.load(Ordering::Relaxed)
    }

    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    pub(crate) fn stop(&self) -> &Stop {
        &self.stop
    }

    fn ask(&self, request: Request, tell: &Tell) -> Result<String, Complaint> {
        self.check()?;
        let (answer, answered) = sync_channel(1);
        // Whoever is gone answers nothing, and then the trial is over.
        tell(Said::Asked { seat: self.number, request, answer });
        answered.recv().map_err(|_| self.over())
    }

    fn check(&self) -> Result<(), Complaint> {
        if self.is_over.load(Ordering::Relaxed) { Err(self.over()) } else { Ok(()) }
    }

    fn over(&self) -> Complaint {
        Complaint::new(format!("trial {} is over", self.card["number"]))
    }
}

impl Caller {
    /// A connection that just began.
    pub(crate) fn new(host: &Arc<Host>) -> Self {
        Self { seat: host.now().current.clone(), host: Arc::clone(host) }
    }

    /// The answer to a line. Waits for it if need be. `is_open` tells whether anybody will read it.
    pub(crate) fn call(&mut self, line: &[u8], is_open: &dyn Fn() -> bool) -> String {
        call::read(line)
            .and_then(|call| self.answer(call, is_open))
            .unwrap_or_else(|complaint| answer::complaint(&complaint))
    }

    fn answer(&mut self, call: Call, is_open: &dyn Fn() -> bool) -> Result<String, Complaint> {
        let request = match call {
            Call::Hello => {
                self.seat = self.host.now().current.clone();
                return Ok(answer::trial(&self.seat()?.card));
            }
            Call::Next => return self.next(is_open),
            Call::Verdict => {
                let seat = self.seat()?;
                seat.check()?;
                return Ok(answer::verdict(&seat.verdict()));
            }
            Call::Report(report) => Request::Report(report),
            Call::SetUserAttr { name, value } => Request::SetUserAttr { name, value },
            Call::SetConstraint { name, value } => Request::SetConstraint { name, value },
            Call::LoadCheckpoint => Request::LoadCheckpoint,
            Call::SaveCheckpoint { step, content } => Request::SaveCheckpoint { step, content },
            Call::SaveArtifact { name, media_type, content } => {
                Request::SaveArtifact { name, media_type, content }
            }
            Call::Result(given) => Request::Result(given),
            Call::Complete(values) => Request::Complete(values),
        };
        self.seat()?.ask(request, &self.host.tell)
    }

    fn next(&mut self, is_open: &dyn Fn() -> bool) -> Result<String, Complaint> {
        if !self.host.gives_trials {
            return Err(Complaint::new("a command has one trial only, and `next` gives none")
                .hint("`hello` tells this one"));
        }
        if let Some(seat) = self.seat.take().filter(|seat| seat.check().is_ok()) {
            (self.host.tell)(Said::NoResult { seat: seat.number });
        }
        self.seat = self.host.next(is_open);
        let Some(seat) = &self.seat else { return Ok(answer::trial(&Value::Null)) };
        seat.was_used.store(true, Ordering::Relaxed);
        Ok(answer::trial(&seat.card))
    }

    /// The connection's trial, which is used by this.
    fn seat(&self) -> Result<&Seat, Complaint> {
        let none = || Complaint::new("no trial is running").hint("`next` waits for one");
        let seat = self.seat.as_ref().ok_or_else(none)?;
        seat.was_used.store(true, Ordering::Relaxed);
        Ok(seat)
    }
}

#[cfg(test)]
mod tests;
