//! One trial from lease to finish. What its training says goes to the coordinator in order, and waits
//! in the outbox while there is no coordinator; a result waits on disk, too.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use kindling_proto::attributes::{Attributes, LEFT_OUT};
use kindling_proto::v1::finish_request::Result as WireResult;
use kindling_proto::{limits, v1};
use kindling_telemetry::carry;
use tokio::sync::mpsc;
use tonic::{Code, Status};
use tracing::{Instrument as _, info_span};

use super::link::Link;
use super::spool::Undelivered;
use super::told::{Ending, Told};
use super::training::{Outbox, Outcome, Ran, Report, Unsent};
use super::{Session, WorkerError};
use crate::device::Fault;
use crate::objective::TrialError;
use crate::observe;

/// How long a worker that stops tries to hand a trial back, or to deliver a finished one.
const LAST_WORD: Duration = Duration::from_secs(3);

/// Trains one leased trial and tells the coordinator how it went.
pub(super) async fn train(
    session: &Session,
    assignment: v1::Assignment,
    claim: &v1::Claim,
    told: &Told,
) {
    tracing::info!("training");
    let (outbox, reports, unsent) = Outbox::new(told, &session.link);
    let sending =
        send_all(session.link.clone(), claim.clone(), reports, unsent.clone(), told.clone());
    let sending = tokio::spawn(sending.in_current_span());
    let mut training = session.training.train(assignment, outbox);
    let outcome = tokio::select! {
        biased;
        outcome = &mut training => outcome,
        ending = told.abandoned() => {
            if ending == Ending::Dropped {
                // The slot is not free before its thread is.
                tracing::warn!("dropped: not this worker's any more");
                if let Ran::Fault(Fault::Lost(reason) | Fault::BrokenByTrial(reason)) = training.await {
                    session.end(WorkerError::DeviceLost { reason });
                }
            } else {
                hand_back(session, claim).await;
            }
            return;
        }
    };
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
    let Some(finish) = finish_of(claim, outcome, told.get()) else { return };
    if let Some(result) = &finish.result {
        observe::ended(result);
    }
    let kept = session.keep(&undelivered(&unsent, &finish)).await;
    // The training is done, and with it the reports: all that is left waits in the outbox.
    _ = sending.await;
    let last_word = match told.get() {
        // The last of its reports was: it is not what it says it is.
        Some(Ending::Refused(reason)) => {
            Undelivered { reports: Vec::new(), finish: failed(claim, &reason) }
        }
        _ => undelivered(&unsent, &finish),
    };
    // Though it was dropped meanwhile: only the coordinator can say whether its store never wants it.
    if tell(session, last_word).await {
        if let Some(kept) = kept {
            kept.forget();
        }
    } else {
        let file = kept.as_ref().map(|kept| kept.path().display().to_string());
        tracing::error!(file, "a result was not delivered; from its file the next worker can");
    }
}

/// The result, after the reports that the coordinator does not have yet.
fn undelivered(unsent: &Unsent, finish: &v1::FinishRequest) -> Undelivered {
    let report = |(step, value)| v1::ReportRequest { claim: finish.claim.clone(), step, value };
    let reports = unsent.list().into_iter().map(report).collect();
    Undelivered { reports, finish: finish.clone() }
}

/// Sends the reports in order until the training has no more or the trial is abandoned.
async fn send_all(
    link: Link,
    claim: v1::Claim,
    mut reports: mpsc::UnboundedReceiver<Report>,
    unsent: Unsent,
    told: Told,
) {
    while let Some(report) = reports.recv().await {
        let Report { step, value, .. } = report;
        let request = v1::ReportRequest { claim: Some(claim.clone()), step, value };
        let answer = tokio::select! {
            biased;
            _ = told.abandoned() => return,
            answer = send_report(&link, request) => answer,
        };
        unsent.taken();
        match answer {
            Ok(v1::Verdict::Continue | v1::Verdict::Unspecified) => {}
            Ok(v1::Verdict::Prune) => told.tell(Ending::Pruned),
            Ok(v1::Verdict::Stop | v1::Verdict::Lost) => told.tell(Ending::Dropped),
            Err(status) if is_for_good(status.code()) => {
                let reason = refused_report(step, &status);
                tracing::error!(reason, "the trial fails");
                told.tell(Ending::Refused(reason.into()));
                return;
            }
            Err(status) => {
                tracing::warn!(reason = status.message(), "report refused");
                told.tell(Ending::Dropped);
            }
        }
        // Only now does the training look at what it was told.
        drop(report);
    }
}

async fn send_report(link: &Link, request: v1::ReportRequest) -> Result<v1::Verdict, Status> {
    let span = info_span!("report", step = request.step, value = request.value);
    let call = link.persist("report", |mut client| {
        let request = carry(request.clone());
        async move { client.report(request).await }
    });
    Ok(call.instrument(span).await?.verdict())
}

/// Whether a call is refused for what it says, and not because the trial is not this worker's any more.
/// It would be refused again from whoever trained the trial next.
fn is_of_form(code: Code) -> bool {
    matches!(code, Code::InvalidArgument | Code::OutOfRange)
}

/// The same, or because something else was recorded in its place.
pub(super) fn is_for_good(code: Code) -> bool {
    is_of_form(code) || code == Code::AlreadyExists
}

fn refused_report(step: u64, status: &Status) -> String {
    format!("its report of step {step} was refused: {}", status.message())
}

/// What to tell of an outcome; `None` when the trial is not this worker's to speak of.
fn finish_of(
    claim: &v1::Claim,
    outcome: Outcome,
    told: Option<Ending>,
) -> Option<v1::FinishRequest> {
    let (result, attributes_json) = match (outcome, told) {
        (_, Some(Ending::Dropped)) => return None,
        (_, Some(Ending::Refused(reason))) => return Some(failed(claim, &reason)),
        (Ok(done), _) => {
            let completed = v1::Completed { values: vec![done.value] };
            (WireResult::Completed(completed), done.into_attributes())
        }
        (Err(TrialError::Stopped), Some(Ending::Pruned)) => {
            (WireResult::Pruned(v1::Pruned {}), HashMap::new())
        }
        (Err(TrialError::Failed(reason) | TrialError::Unfit(reason)), _) => {
            return Some(failed(claim, &reason));
        }
        (Err(TrialError::Stopped), _) => {
            return Some(failed(claim, "the objective stopped without being told to"));
        }
    };
    Some(v1::FinishRequest { claim: Some(claim.clone()), result: Some(result), attributes_json })
}

/// That the trial failed, and why.
fn failed(claim: &v1::Claim, reason: &str) -> v1::FinishRequest {
    let reason = limits::cut(reason.to_owned(), limits::REASON);
    v1::FinishRequest {
        claim: Some(claim.clone()),
        result: Some(WireResult::Failed(v1::Failed { reason })),
        attributes_json: HashMap::new(),
    }
}

/// Tells the coordinator, for as long as this worker may; whether it has the result or never wants it.
async fn tell(session: &Session, undelivered: Undelivered) -> bool {
    let result = undelivered.finish.result.clone();
    let leaving = async {
        session.hand_back.cancelled().await;
        tokio::time::sleep(LAST_WORD).await;
    };
    tokio::select! {
        biased;
        answer = deliver(&session.link, undelivered) => {
            match answer {
                Ok(()) => log(result.as_ref()),
                Err(status) => {
                    tracing::warn!(reason = status.message(), "finish refused");
                    // It is of another history, to which its store may come back.
                    return status.code() != Code::NotFound;
                }
            }
            true
        }
        () = leaving => false,
    }
}

/// Says how a trial ended.
fn log(result: Option<&WireResult>) {
    match result {
        Some(WireResult::Completed(done)) => {
            let value = done.values.first();
            tracing::info!(value, "complete");
        }
        Some(WireResult::Pruned(_)) => tracing::info!("pruned"),
        Some(WireResult::Failed(failed)) => tracing::warn!(reason = failed.reason, "failed"),
        None => {}
    }
}

/// Delivers a result, and first the reports that belong before it.
///
/// What the coordinator refuses for its form it would refuse from everybody: then the result goes without
/// its attributes, and if that is refused as well, as a failure that says why. So nothing is trained again
/// for it.
pub(super) async fn deliver(
    link: &Link,
    Undelivered { reports, finish }: Undelivered,
) -> Result<(), Status> {
    let claim = finish.claim.clone().unwrap_or_default();
    for report in reports {
        let step = report.step;
        match send_report(link, report).await {
            Err(status) if is_for_good(status.code()) => {
                let reason = refused_report(step, &status);
                tracing::error!(reason, "the trial fails");
                return send_finish(link, failed(&claim, &reason)).await;
            }
            answer => _ = answer?,
        }
    }
    let refused = match send_finish(link, fitting(finish.clone())).await {
        Err(status) if is_of_form(status.code()) => status,
        answer => return answer,
    };
    tracing::error!(reason = refused.message(), "refused; it is sent without its attributes");
    let note = format!("all of them: they were refused: {}", refused.message());
    let note = serde_json::Value::from(note).to_string();
    let attributes_json = [(LEFT_OUT.to_owned(), note)].into();
    match send_finish(link, v1::FinishRequest { attributes_json, ..finish }).await {
        Err(status) if is_of_form(status.code()) => {
            let reason = format!("its result was refused: {}", refused.message());
            send_finish(link, failed(&claim, &reason)).await
        }
        answer => answer,
    }
}

async fn send_finish(link: &Link, finish: v1::FinishRequest) -> Result<(), Status> {
    let call = link.persist("finish", |mut client| {
        let request = carry(finish.clone());
        async move { client.finish(request).await }
    });
    call.instrument(info_span!("finish")).await?;
    Ok(())
}

/// The result without what is over the limits, as one of an earlier version's worker may be.
fn fitting(finish: v1::FinishRequest) -> v1::FinishRequest {
    let mut attributes = Attributes::default();
    for (name, json) in finish.attributes_json.into_iter().collect::<BTreeMap<_, _>>() {
        if let Err(left_out) = attributes.set(&name, json) {
            tracing::warn!("{left_out}");
        }
    }
    let (kept, note) = attributes.into_parts();
    let result = finish.result.map(|result| match result {
        WireResult::Failed(v1::Failed { reason }) => {
            WireResult::Failed(v1::Failed { reason: limits::cut(reason, limits::REASON) })
        }
        other => other,
    });
    let attributes_json =
        kept.into_iter().chain(note.map(|note| (LEFT_OUT.to_owned(), note))).collect();
    v1::FinishRequest { claim: finish.claim, result, attributes_json }
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

#[cfg(test)]
mod tests {
    use prost::Message as _;

    use super::*;
    use crate::objective::Completion;

    fn told_of(outcome: Outcome, told: Option<Ending>) -> Option<WireResult> {
        finish_of(&v1::Claim::default(), outcome, told)?.result
    }

    #[test]
    fn a_dropped_trial_is_not_spoken_of() {
        assert_eq!(told_of(Ok(Completion::new(1.0)), Some(Ending::Dropped)), None);
        assert!(told_of(Ok(Completion::new(1.0)), None).is_some());
    }

    #[test]
    fn a_stop_that_nobody_asked_for_is_a_failure() {
        let result = told_of(Err(TrialError::Stopped), None).expect("told");
        assert!(matches!(result, WireResult::Failed(_)));
        let result = told_of(Err(TrialError::Stopped), Some(Ending::Pruned)).expect("told");
        assert!(matches!(result, WireResult::Pruned(_)));
    }

    #[test]
    fn a_refused_report_fails_the_trial_whatever_its_objective_says_then() {
        let refused = || Some(Ending::Refused("step 1 was reported twice".into()));
        for outcome in [Ok(Completion::new(1.0)), Err(TrialError::Stopped)] {
            let result = told_of(outcome, refused()).expect("told");
            let WireResult::Failed(v1::Failed { reason }) = result else { panic!("{result:?}") };
            assert_eq!(reason, "step 1 was reported twice");
        }
    }

    #[test]
    fn what_an_earlier_worker_left_is_made_to_fit() {
        let long = format!("\"{}\"", "x".repeat(60_000));
        let attributes_json = (0..100).map(|i| (format!("a{i:02}"), long.clone())).collect();
        let finish = v1::FinishRequest { claim: None, result: None, attributes_json };
        let fitting = fitting(finish);
        assert!(fitting.encoded_len() < limits::MESSAGE / 2);
        assert!(fitting.attributes_json.contains_key("a00"));
        assert!(fitting.attributes_json[LEFT_OUT].contains("`a17`"));
        let reason = "x".repeat(5_000_000);
        assert!(failed(&v1::Claim::default(), &reason).encoded_len() < limits::MESSAGE / 2);
    }
}
