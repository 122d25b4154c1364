//! How a session trains: what it asks of whoever does, and what that one may say meanwhile.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use kindling_proto::v1;
use tokio::sync::{mpsc, oneshot};

use super::link::Link;
use super::told::{Ending, Told};
use crate::device::Fault;
use crate::objective::{Completion, Stopped, TrialError};

/// What an objective comes to.
pub type Outcome = Result<Completion, TrialError>;

/// How a trial's training ended.
#[derive(Debug)]
pub enum Ran {
    /// The objective said so.
    Ended(Outcome),
    /// The device failed, not the objective.
    Fault(Fault),
}

/// Whoever trains a session's trials. Workers do it on threads of their own ([`super::work`]); the
/// simulation in `tests/` on a clock of its own.
pub trait Training: Send + Sync + 'static {
    /// The objectives that it knows, by name.
    fn objectives(&self) -> Vec<String>;

    /// Trains one trial to its end, or until a report is answered with [`Stopped`]. If the future is
    /// dropped, nobody waits for that any more.
    fn train(
        &self,
        assignment: v1::Assignment,
        outbox: Outbox,
    ) -> Pin<Box<dyn Future<Output = Ran> + Send>>;
}

/// A trial's way to its coordinator: what it reports waits here, in order, until it is taken.
pub struct Outbox {
    newest: Option<(u64, f64)>,
    reports: mpsc::UnboundedSender<Report>,
    unsent: Unsent,
    told: Told,
    link: Link,
}

/// An intermediate value on its way. Dropped once the coordinator has it.
pub(super) struct Report {
    pub(super) step: u64,
    pub(super) value: f64,
    _taken: oneshot::Sender<()>,
}

/// Steps and intermediate values that the coordinator has not taken yet, in order.
#[derive(Clone, Default)]
pub(super) struct Unsent(Arc<Mutex<VecDeque<(u64, f64)>>>);

impl Outbox {
    /// An outbox, and the end at which its reports are sent from.
    pub(super) fn new(told: &Told, link: &Link) -> (Self, mpsc::UnboundedReceiver<Report>, Unsent) {
        let (reports, waiting) = mpsc::unbounded_channel();
        let unsent = Unsent::default();
        let outbox = Self {
            newest: None,
            reports,
            unsent: unsent.clone(),
            told: told.clone(),
            link: link.clone(),
        };
        (outbox, waiting, unsent)
    }

    /// Reports the intermediate value of a step. Waits for the verdict while the coordinator is in
    /// reach, and never for a coordinator.
    pub async fn report(&mut self, step: u64, value: f64) -> Result<(), Stopped> {
        let (taken, verdict) = oneshot::channel();
        match self.misstep(step, value) {
            Misstep::None => self.newest = Some((step, value)),
            // The coordinator has it, or will.
            Misstep::Repeated => return self.verdict(),
            Misstep::Wrong(reason) => {
                tracing::error!(
                    reason,
                    "the objective reports what cannot be taken; its trial fails"
                );
                self.told.tell(Ending::Refused(reason.into()));
            }
        }
        if self.told.get().is_none() {
            self.unsent.push(step, value);
            if self.reports.send(Report { step, value, _taken: taken }).is_ok() {
                tokio::select! {
                    biased;
                    _ = verdict => {}
                    _ = self.told.abandoned() => {}
                    () = self.link.down() => {}
                }
            }
        }
        self.verdict()
    }

    fn verdict(&self) -> Result<(), Stopped> {
        if self.told.get().is_some() { Err(Stopped) } else { Ok(()) }
    }

    /// What the coordinator would say against the step, found out here, so that the objective hears it
    /// from the call that is wrong.
    fn misstep(&self, step: u64, value: f64) -> Misstep {
        if i64::try_from(step).is_err() {
            return Misstep::Wrong(format!("step {step} was reported; they end at 2^63 - 1"));
        }
        match self.newest {
            Some((newest, before)) if step == newest && value.to_bits() == before.to_bits() => {
                Misstep::Repeated
            }
            Some((newest, before)) if step == newest => Misstep::Wrong(format!(
                "step {step} was reported twice, as {before} and as {value}; steps ascend"
            )),
            Some((newest, _)) if step < newest => Misstep::Wrong(format!(
                "step {step} was reported after step {newest}; steps ascend"
            )),
            _ => Misstep::None,
        }
    }
}

/// What is wrong with a report.
enum Misstep {
    None,
    /// It is the one before, once more.
    Repeated,
    Wrong(String),
}

impl Unsent {
    fn push(&self, step: u64, value: f64) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push_back((step, value));
    }

    /// The coordinator has the first of them.
    pub(super) fn taken(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
    }

    pub(super) fn list(&self) -> Vec<(u64, f64)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().copied().collect()
    }
}
