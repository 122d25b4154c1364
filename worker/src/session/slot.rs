//! One trial from lease to finish. What its training says goes to the coordinator in order, and waits
//! in the outbox while there is no coordinator; a result waits on disk, too.

use std::time::Duration;

use kindling_proto::v1;
use kindling_proto::v1::finish_request::Result as WireResult;
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
use crate::objective::{Completion, JsonMap, TrialError};
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
    let Some((result, attributes)) = result_of(outcome, told.get()) else { return };
    observe::ended(&result);
    let finish = v1::FinishRequest {
        claim: Some(claim.clone()),
        result: Some(result),
        attributes_json: attributes.into_iter().map(|(k, v)| (k, v.to_string())).collect(),
    };
    let kept = session.keep(&undelivered(&unsent, &finish)).await;
    // The training is done, and with it the reports: all that is left waits in the outbox.
    _ = sending.await;
    // Though it was dropped meanwhile: only the coordinator can say whether its store never wants it.
    if tell(session, undelivered(&unsent, &finish)).await {
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
pub(super) async fn deliver(
    link: &Link,
    Undelivered { reports, finish }: Undelivered,
) -> Result<(), Status> {
    for report in reports {
        send_report(link, report).await?;
    }
    let call = link.persist("finish", |mut client| {
        let request = carry(finish.clone());
        async move { client.finish(request).await }
    });
    call.instrument(info_span!("finish")).await?;
    Ok(())
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
