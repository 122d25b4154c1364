//! The interface between a session and whatever trains its trials.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{mpsc, oneshot};

use super::link::Link;
use super::told::{Ending, Told};
use crate::device::Fault;
use crate::lease::{Assignment, Report};
use crate::objective::Completion;
use crate::output::Output;
use crate::stop::Stop;
use crate::trial::{Stopped, TrialError};
use crate::user_attributes::UserAttributes;
use crate::values::Intermediate;

/// An objective's result.
pub type Outcome = Result<Completion, TrialError>;

/// What a trial notes beside its values.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Noted {
    /// Kept however the trial ended.
    pub attributes: UserAttributes,
    /// Of the constraints, in the study's order: all of them or none. Kept unless the trial failed.
    pub constraints: Vec<f64>,
}

/// How a trial's training ended.
#[derive(Debug)]
pub enum Ran {
    /// The objective returned, and noted this.
    Ended(Outcome, Noted),
    /// The device failed, not the objective.
    Fault(Fault),
}

/// Trains a session's trials.
///
/// Workers do it on their own threads ([`super::work`]); the simulation in `tests/` uses a simulated clock.
pub trait Training: Send + Sync + 'static {
    /// The names of the objectives that it can train.
    fn objectives(&self) -> Vec<String>;

    /// Trains one trial to its end, or until a report returns [`Stopped`].
    ///
    /// If the future is dropped, the session no longer waits for the trial.
    fn train(
        &self,
        assignment: Assignment,
        outbox: Outbox,
    ) -> Pin<Box<dyn Future<Output = Ran> + Send>>;
}

/// A trial's queue of reports, sent to the coordinator in order.
pub struct Outbox {
    newest: Option<Report>,
    reports: mpsc::UnboundedSender<Waiting>,
    unsent: Unsent,
    told: Told,
    link: Link,
    output: Output,
}

/// A queued report. Dropped once the coordinator has it.
pub(super) struct Waiting {
    pub(super) report: Report,
    _taken: oneshot::Sender<()>,
}

/// The reports that the coordinator does not have yet, in order.
#[derive(Clone, Default)]
pub(super) struct Unsent(Arc<Mutex<VecDeque<Report>>>);

impl Outbox {
    /// An outbox, and the receiving end from which its reports are sent.
    pub(super) fn new(
        told: &Told,
        link: &Link,
        output: &Output,
    ) -> (Self, mpsc::UnboundedReceiver<Waiting>, Unsent) {
        let (reports, waiting) = mpsc::unbounded_channel();
        let unsent = Unsent::default();
        let outbox = Self {
            newest: None,
            reports,
            unsent: unsent.clone(),
            told: told.clone(),
            link: link.clone(),
            output: output.clone(),
        };
        (outbox, waiting, unsent)
    }

    /// Takes what the trial writes.
    pub fn output(&self) -> Output {
        self.output.clone()
    }

    /// Whether the trial should stop.
    pub fn stop(&self) -> Stop {
        self.told.stop()
    }

    /// Reports the intermediate values of a step; a number is of the objective that the pruner compares.
    ///
    /// Waits for the coordinator's verdict, but only while the coordinator is reachable.
    pub async fn report(
        &mut self,
        step: u64,
        values: impl Into<Intermediate>,
    ) -> Result<(), Stopped> {
        let (taken, verdict) = oneshot::channel();
        let report = Report { step, values: values.into() };
        match self.misstep(&report) {
            Misstep::None => self.newest = Some(report.clone()),
            // Already sent or queued.
            Misstep::Repeated => return self.verdict(),
            Misstep::Wrong(reason) => self.refuse(reason),
        }
        if self.told.get().is_none() {
            self.unsent.push(report.clone());
            if self.reports.send(Waiting { report, _taken: taken }).is_ok() {
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

    /// Has the trial fail for this reason.
    pub fn refuse(&self, reason: String) {
        tracing::error!(reason, "the objective reports what cannot be taken; its trial fails");
        self.told.tell(Ending::Refused(reason.into()));
    }

    fn verdict(&self) -> Result<(), Stopped> {
        if self.told.get().is_some() { Err(Stopped) } else { Ok(()) }
    }

    /// Checks the step by the coordinator's rules, so that the objective gets the error from the wrong call
    /// itself.
    fn misstep(&self, report: &Report) -> Misstep {
        let (step, value) = (report.step, report.values.value);
        if i64::try_from(step).is_err() {
            return Misstep::Wrong(format!("step {step} was reported; they end at 2^63 - 1"));
        }
        match &self.newest {
            Some(newest) if step == newest.step && report.values.is(&newest.values) => {
                Misstep::Repeated
            }
            Some(Report { step: newest, values: before }) if step == *newest => {
                let before = before.value;
                let what = if before.to_bits() == value.to_bits() {
                    "with other values of other objectives".to_owned()
                } else {
                    format!("as {before} and as {value}")
                };
                Misstep::Wrong(format!("step {step} was reported twice, {what}; steps ascend"))
            }
            Some(Report { step: newest, .. }) if step < *newest => Misstep::Wrong(format!(
                "step {step} was reported after step {newest}; steps ascend"
            )),
            _ => Misstep::None,
        }
    }
}

/// The result of checking a report.
enum Misstep {
    None,
    /// Identical to the previous report.
    Repeated,
    Wrong(String),
}

impl Unsent {
    fn push(&self, report: Report) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push_back(report);
    }

    /// Removes the first report, because the coordinator has answered it.
    pub(super) fn taken(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
    }

    pub(super) fn list(&self) -> Vec<Report> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }
}
