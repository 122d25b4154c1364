//! One trial from lease to finish. The objective trains on its seat's thread; what it says goes to
//! the coordinator in order, and waits in the outbox while there is no coordinator.

use std::panic::AssertUnwindSafe;
use std::time::{Duration, Instant};

use burn::tensor::Device;
use kindling_proto::v1;
use kindling_proto::v1::finish_request::Result as WireResult;
use kindling_telemetry::{carry, context, follow};
use tokio::sync::{mpsc, oneshot};
use tracing::{Instrument as _, Span, error_span, info_span};

use super::seats::Seat;
use super::told::{Ending, Told};
use super::{Session, WorkerError};
use crate::convert;
use crate::device::Fault;
use crate::objective::{
    Completion, JsonMap, Objective, Reporter, Stopped, Trial, TrialError, TrialFacts,
};
use crate::observe;

/// How long a worker that stops tries to hand a trial back, or to deliver a finished one.
const LAST_WORD: Duration = Duration::from_secs(3);

type Outcome = Result<Completion, TrialError>;

/// How a trial's thread ended.
enum Ran {
    Ended(Outcome),
    /// The device failed, not the objective.
    Fault(Fault),
}

/// An intermediate value on its way. `taken` is dropped once the coordinator has it.
struct Report {
    step: u64,
    value: f64,
    taken: oneshot::Sender<()>,
}

/// Trains one leased trial and tells the coordinator how it went.
pub(super) async fn train(
    session: &Session,
    assignment: v1::Assignment,
    claim: &v1::Claim,
    told: &Told,
) {
    tracing::info!("training");
    let (reports, outbox) = mpsc::unbounded_channel();
    let sending = send_all(session.clone(), claim.clone(), outbox, told.clone());
    let sending = tokio::spawn(sending.in_current_span());
    let seat = session.seats.take().await;
    let mut training = start(session, seat, assignment, reports, told);
    let outcome = tokio::select! {
        outcome = &mut training => outcome,
        ending = told.abandoned() => {
            if ending == Ending::Dropped {
                // The slot is not free before its thread is.
                tracing::warn!("dropped: not this worker's any more");
                if let Ok(Ran::Fault(Fault::Lost(reason) | Fault::BrokenByTrial(reason))) = training.await {
                    session.end(WorkerError::DeviceLost { reason });
                }
            } else {
                hand_back(session, claim).await;
            }
            return;
        }
    };
    let outcome = outcome.unwrap_or_else(|_| {
        Ran::Ended(Err(TrialError::Failed("the trial's thread is gone".into())))
    });
    let outcome = match outcome {
        Ran::Ended(Err(TrialError::Unfit(reason))) => {
            tracing::error!(reason, "this worker cannot train");
            session.end(WorkerError::Unfit { reason });
            hand_back(session, claim).await;
            return;
        }
        // Beside other trials nobody can tell whose doing it was.
        Ran::Fault(Fault::BrokenByTrial(reason)) if session.holding.claims().len() > 1 => {
            session.lose_device(reason);
            return;
        }
        Ran::Fault(Fault::Lost(reason)) => {
            session.lose_device(reason);
            return;
        }
        Ran::Fault(Fault::BrokenByTrial(reason)) => {
            tracing::error!(reason, "the device is of no more use to this worker");
            session.end(WorkerError::Broken { reason: reason.clone() });
            Err(TrialError::Failed(reason))
        }
        Ran::Fault(Fault::OutOfMemory(reason)) => {
            Err(TrialError::Failed(format!("{reason} hint: fewer slots or a smaller batch")))
        }
        Ran::Ended(outcome) => outcome,
    };
    // The thread is done, and with it the reports: all that is left waits in the outbox.
    _ = sending.await;
    if let Some((result, attributes)) = result_of(outcome, told.get()) {
        observe::ended(&result);
        finish(session, claim, result, attributes).await;
    }
}

/// Runs the objective on its seat's thread.
fn start(
    session: &Session,
    seat: Seat,
    assignment: v1::Assignment,
    reports: mpsc::UnboundedSender<Report>,
    told: &Told,
) -> oneshot::Receiver<Ran> {
    let trial = assignment.claim.as_ref().map(|claim| claim.trial);
    let (done, outcome) = oneshot::channel();
    let reporter = ThreadReporter {
        reports,
        told: told.clone(),
        session: session.clone(),
        runtime: tokio::runtime::Handle::current(),
        step_began: Instant::now(),
    };
    // Not the session's own span: a trial that is handed back does not wait for its thread.
    let span = error_span!(parent: None, "train", study = assignment.study, trial);
    follow(&span, &context(&Span::current()));
    let session = session.clone();
    seat.run(done, move |device| {
        let _in_span = span.entered();
        let run = AssertUnwindSafe(|| run(&session, device, assignment, reporter));
        std::panic::catch_unwind(run).map_or_else(|panic| panicked(&*panic), Ran::Ended)
    });
    outcome
}

fn run(
    session: &Session,
    device: &Device,
    assignment: v1::Assignment,
    mut reporter: ThreadReporter,
) -> Outcome {
    let kind = assignment.objective.as_ref().map_or("", |o| o.kind.as_str());
    let objective: &dyn Objective = session
        .objectives
        .iter()
        .find(|o| o.kind() == kind)
        .ok_or_else(|| TrialError::Failed(format!("this worker has no objective `{kind}`")))?
        .as_ref();
    let facts: TrialFacts = convert::facts(assignment)?;
    let data_dir = session.data_dir.clone();
    let mut trial = Trial::new(&facts, device.clone(), data_dir, &mut reporter);
    objective.run(&mut trial)
}

/// The training thread's end of the outbox.
struct ThreadReporter {
    reports: mpsc::UnboundedSender<Report>,
    told: Told,
    session: Session,
    runtime: tokio::runtime::Handle,
    step_began: Instant,
}

impl Reporter for ThreadReporter {
    /// Waits for the verdict while the coordinator is in reach, and never for a coordinator.
    fn report(&mut self, step: u64, value: f64) -> Result<(), Stopped> {
        let (taken, verdict) = oneshot::channel();
        observe::step(self.step_began);
        if self.told.get().is_none() && self.reports.send(Report { step, value, taken }).is_ok() {
            self.runtime.block_on(async {
                tokio::select! {
                    _ = verdict => {}
                    _ = self.told.abandoned() => {}
                    () = self.session.link.down() => {}
                }
            });
        }
        // What follows is the next step's; waiting for the verdict was nobody's.
        self.step_began = Instant::now();
        if self.told.get().is_some() { Err(Stopped) } else { Ok(()) }
    }
}

/// Sends the reports in order until the thread has no more or the trial is abandoned.
async fn send_all(
    session: Session,
    claim: v1::Claim,
    mut outbox: mpsc::UnboundedReceiver<Report>,
    told: Told,
) {
    while let Some(Report { step, value, taken }) = outbox.recv().await {
        let request = v1::ReportRequest { claim: Some(claim.clone()), step, value };
        let call = session.link.persist("report", |mut client| {
            let request = carry(request.clone());
            async move { client.report(request).await }
        });
        let call = call.instrument(info_span!("report", step, value));
        let answer = tokio::select! {
            answer = call => answer,
            _ = told.abandoned() => return,
        };
        match answer.map(|response| response.verdict()) {
            Ok(v1::Verdict::Continue | v1::Verdict::Unspecified) => {}
            Ok(v1::Verdict::Prune) => told.tell(Ending::Pruned),
            Ok(v1::Verdict::Stop | v1::Verdict::Lost) => told.tell(Ending::Dropped),
            Err(status) => {
                tracing::warn!(reason = status.message(), "report refused");
                told.tell(Ending::Dropped);
            }
        }
        drop(taken);
    }
}

/// What to tell of an outcome; `None` when the trial is not this worker's to speak of.
fn result_of(outcome: Outcome, told: Option<Ending>) -> Option<(WireResult, JsonMap)> {
    let (result, attributes) = match (outcome, told) {
        (_, Some(Ending::Dropped)) => return None,
        (Ok(Completion { value, attributes }), _) => {
            (WireResult::Completed(v1::Completed { values: vec![value] }), attributes)
        }
        (Err(TrialError::Stopped), Some(Ending::Pruned)) => {
            (WireResult::Pruned(v1::Pruned {}), JsonMap::new())
        }
        (Err(TrialError::Failed(reason) | TrialError::Unfit(reason)), _) => {
            (WireResult::Failed(v1::Failed { reason }), JsonMap::new())
        }
        (Err(TrialError::Stopped), _) => {
            let reason = "the objective stopped without being told to".to_owned();
            (WireResult::Failed(v1::Failed { reason }), JsonMap::new())
        }
    };
    Some((result, attributes))
}

async fn finish(session: &Session, claim: &v1::Claim, result: WireResult, attributes: JsonMap) {
    let attributes = attributes.into_iter().map(|(k, v)| (k, v.to_string())).collect();
    let request = v1::FinishRequest {
        claim: Some(claim.clone()),
        result: Some(result),
        attributes_json: attributes,
    };
    let call = session.link.persist("finish", |mut client| {
        let request = carry(request.clone());
        async move { client.finish(request).await }
    });
    let call = call.instrument(info_span!("finish"));
    let leaving = async {
        session.hand_back.cancelled().await;
        tokio::time::sleep(LAST_WORD).await;
    };
    tokio::select! {
        answer = call => match answer {
            Ok(_) => tracing::info!("finished"),
            Err(status) => {
                tracing::warn!(reason = status.message(), "finish refused");
            }
        },
        () = leaving => tracing::error!("a result could not be delivered"),
    }
}

async fn hand_back(session: &Session, claim: &v1::Claim) {
    let request = v1::ReleaseRequest { claim: Some(claim.clone()) };
    let call = session.link.persist("release", |mut client| {
        let request = request.clone();
        async move { client.release(request).await }
    });
    match tokio::time::timeout(LAST_WORD, call).await {
        Ok(Ok(_)) => tracing::info!("handed back"),
        Ok(Err(status)) => {
            tracing::warn!(reason = status.message(), "release refused");
        }
        Err(_) => tracing::warn!("could not be handed back; it will expire"),
    }
}

/// What a panic says: of the device, or of the objective.
fn panicked(panic: &(dyn std::any::Any + Send)) -> Ran {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    let text = text.unwrap_or("no message");
    Fault::of(text).map_or_else(
        || Ran::Ended(Err(TrialError::Failed(format!("the objective panicked: {text}")))),
        Ran::Fault,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dropped_trial_is_not_spoken_of() {
        assert_eq!(result_of(Ok(Completion::new(1.0)), Some(Ending::Dropped)), None);
        assert!(result_of(Ok(Completion::new(1.0)), None).is_some());
    }

    #[test]
    fn a_stop_that_nobody_asked_for_is_a_failure() {
        let (result, _) = result_of(Err(TrialError::Stopped), None).expect("told");
        assert!(matches!(result, WireResult::Failed(_)));
        let (result, _) = result_of(Err(TrialError::Stopped), Some(Ending::Pruned)).expect("told");
        assert!(matches!(result, WireResult::Pruned(_)));
    }
}
