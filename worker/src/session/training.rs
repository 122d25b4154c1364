//! The interface between a session and whatever trains its trials.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;

use tokio::sync::{mpsc, oneshot, watch};

use super::files::Files;
use super::link::Link;
use super::told::{Ending, Told};
use crate::content::{Content, SavedCheckpoint};
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

/// A trial's queue of reports, sent to the coordinator in order, and the files that it saves and loads.
pub struct Outbox {
    newest: Option<Report>,
    reports: mpsc::UnboundedSender<Waiting>,
    unsent: Unsent,
    told: Told,
    link: Link,
    files: Files,
    output: Output,
}

/// A queued report. Dropped once the coordinator has it.
pub(super) struct Waiting {
    pub(super) report: Report,
    _taken: oneshot::Sender<()>,
}

/// The reports that the coordinator does not have yet, in order.
#[derive(Clone, Default)]
pub(super) struct Unsent(Arc<watch::Sender<VecDeque<Report>>>);

impl Outbox {
    /// An outbox, and the receiving end from which its reports are sent.
    pub(super) fn new(
        files: Files,
        output: &Output,
    ) -> (Self, mpsc::UnboundedReceiver<Waiting>, Unsent) {
        let (reports, waiting) = mpsc::unbounded_channel();
        let unsent = Unsent::default();
        let outbox = Self {
            newest: None,
            reports,
            unsent: unsent.clone(),
            told: files.told.clone(),
            link: files.link.clone(),
            files,
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

    /// What an earlier attempt saved last, in a file that stays until the trial is over; `None` at the first attempt.
    ///
    /// Waits for the coordinator, for as long as the trial goes on. Blocks while it writes.
    pub async fn load_checkpoint(&mut self) -> Result<Option<SavedCheckpoint>, TrialError> {
        self.files.load().await
    }

    /// The same in memory, with the last step that it contains.
    pub async fn load_checkpoint_bytes(&mut self) -> Result<Option<(u64, Vec<u8>)>, TrialError> {
        self.files.load_bytes().await
    }

    /// Saves what a next attempt can go on from: all up to this step. Report the step first.
    ///
    /// Waits until it is safe, but only while the coordinator and its artifact store are in reach. Blocks while it takes
    /// a file. Returns [`TrialError::HandBack`] if the worker is about to leave, and the checkpoint is safe.
    pub async fn save_checkpoint(
        &mut self,
        step: u64,
        content: impl Into<Content>,
    ) -> Result<(), TrialError> {
        self.files.save_checkpoint(step, content.into()).await
    }

    /// Keeps a file under this name, in place of one that has it already. Waits as [`Self::save_checkpoint`] does.
    pub async fn save_artifact(
        &mut self,
        name: &str,
        media_type: &str,
        content: impl Into<Content>,
    ) -> Result<(), TrialError> {
        self.files.save_artifact(name, media_type, content.into()).await
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
        self.0.send_modify(|reports| reports.push_back(report));
    }

    /// Removes the first report, because the coordinator has answered it.
    pub(super) fn taken(&self) {
        self.0.send_modify(|reports| _ = reports.pop_front());
    }

    /// Waits until the coordinator has all reports up to this step.
    pub(super) async fn sent_up_to(&self, step: u64) {
        let is_sent = |reports: &VecDeque<Report>| reports.front().is_none_or(|r| r.step > step);
        // This holds a sender.
        _ = self.0.subscribe().wait_for(is_sent).await;
    }

    pub(super) fn list(&self) -> Vec<Report> {
        self.0.borrow().iter().cloned().collect()
    }
}
