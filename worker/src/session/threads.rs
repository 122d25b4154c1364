//! Training on the worker's own threads, one per slot.

use std::collections::HashSet;
use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use kindling_telemetry::{context, follow, overhear};
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tracing::{Span, error_span};

use super::slots::Slots;
use super::training::{Noted, Outbox, Ran, Training};
use crate::device::{DeviceName, Devices};
use crate::lease::Assignment;
use crate::objective::{Objective, Progress, Reporter, Trial};
use crate::observe;
use crate::output::{Output, OutputStream};
use crate::stop::Stop;
use crate::takes;
use crate::trial::{JsonMap, Stopped, TrialError};
use crate::values::Intermediate;

/// The objectives, and the slots that they run in. Clones share them.
#[derive(Clone)]
pub(super) struct Threads {
    pub(super) devices: Arc<dyn Devices>,
    pub(super) slots: Slots,
    pub(super) objectives: Arc<Vec<Arc<dyn Objective>>>,
    pub(super) data_dir: Option<PathBuf>,
    pub(super) prepared: Prepared,
}

/// Objectives and settings that have already been prepared.
pub(super) type Prepared = Arc<Mutex<HashSet<(String, String)>>>;

impl Training for Threads {
    fn objectives(&self) -> Vec<String> {
        self.objectives.iter().map(|objective| objective.kind().to_owned()).collect()
    }

    fn train(
        &self,
        assignment: Assignment,
        outbox: Outbox,
    ) -> Pin<Box<dyn Future<Output = Ran> + Send>> {
        let threads = self.clone();
        Box::pin(async move {
            let slot = threads.slots.take().await;
            let trial = assignment.claim.trial;
            // Not a child of the session's span: a trial that is handed back does not wait for its thread.
            let span = error_span!(parent: None, "train", study = assignment.study, trial);
            follow(&span, &context(&Span::current()));
            let output = outbox.output();
            overhear(&span, move |text| output.write(OutputStream::Log, text));
            let reporter =
                ThreadReporter { outbox, runtime: Handle::current(), step_began: Instant::now() };
            let (done, ended) = oneshot::channel();
            slot.run(done, move |device| {
                let _in_span = span.entered();
                let run = AssertUnwindSafe(|| threads.run(device, assignment, reporter));
                std::panic::catch_unwind(run)
                    .unwrap_or_else(|panic| panicked(&*threads.devices, &*panic))
            });
            let gone = || failed("the trial's thread is gone".to_owned());
            ended.await.unwrap_or_else(|_| gone())
        })
    }
}

impl Threads {
    fn run(&self, device: DeviceName, assignment: Assignment, mut reporter: ThreadReporter) -> Ran {
        let objective = match self.ready(&assignment) {
            Ok(objective) => objective,
            Err(error) => return Ran::Ended(Err(error), Noted::default()),
        };
        let facts = match assignment.facts {
            Ok(facts) => facts,
            Err(reason) => return failed(reason),
        };
        let mut trial = Trial::new(&facts, device, self.data_dir.clone(), &mut reporter);
        let outcome = objective.run(&mut trial);
        let (outcome, noted) = trial.end(outcome);
        Ran::Ended(outcome, noted)
    }

    /// The objective of a trial, prepared for it.
    fn ready(&self, assignment: &Assignment) -> Result<&dyn Objective, TrialError> {
        let kind = &*assignment.objective;
        let objective: &dyn Objective = self
            .objectives
            .iter()
            .find(|o| o.kind() == kind)
            .ok_or_else(|| TrialError::Failed(format!("this worker has no objective `{kind}`")))?
            .as_ref();
        if let Ok(facts) = &assignment.facts {
            if let Some(takes) = objective.takes(&facts.settings) {
                takes::check(&takes, &facts.params)?;
            }
            self.prepare(objective, &facts.settings)?;
        }
        Ok(objective)
    }

    /// Prepares for trials with these settings, once. Other trials wait meanwhile.
    fn prepare(&self, objective: &dyn Objective, settings: &JsonMap) -> Result<(), TrialError> {
        let key = (objective.kind().to_owned(), serde_json::to_string(settings)?);
        let mut prepared = self.prepared.lock().unwrap_or_else(PoisonError::into_inner);
        if prepared.contains(&key) {
            return Ok(());
        }
        let mut progress = |progress| match progress {
            Progress::Fetching { .. } => tracing::debug!(?progress, "preparing"),
            Progress::Note(note) => tracing::info!("{note}"),
        };
        objective
            .prepare(settings, self.data_dir.as_deref(), &mut progress)
            .map_err(|unfit| TrialError::Unfit(unfit.to_string()))?;
        prepared.insert(key);
        Ok(())
    }
}

/// The training thread's side of the outbox.
struct ThreadReporter {
    outbox: Outbox,
    runtime: Handle,
    step_began: Instant,
}

impl Reporter for ThreadReporter {
    fn output(&self) -> Output {
        self.outbox.output()
    }

    fn stop(&self) -> Stop {
        self.outbox.stop()
    }

    fn refuse(&mut self, reason: String) {
        self.outbox.refuse(reason);
    }

    fn report(&mut self, step: u64, value: f64) -> Result<(), Stopped> {
        self.report_all(step, value.into())
    }

    fn report_all(&mut self, step: u64, values: Intermediate) -> Result<(), Stopped> {
        observe::step(self.step_began);
        let verdict = self.runtime.block_on(self.outbox.report(step, values));
        // Restart the clock here, so that waiting for the verdict counts towards no step.
        self.step_began = Instant::now();
        verdict
    }
}

fn failed(reason: String) -> Ran {
    Ran::Ended(Err(TrialError::Failed(reason)), Noted::default())
}

/// Turns a panic into a fault of the device or a failure of the objective.
fn panicked(devices: &dyn Devices, panic: &(dyn std::any::Any + Send)) -> Ran {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    let text = text.unwrap_or("no message");
    devices
        .fault(text)
        .map_or_else(|| failed(format!("the objective panicked: {text}")), Ran::Fault)
}
