//! One trial from lease to finish.
//!
//! Its reports go to the coordinator in order, and wait in the outbox while the coordinator is unreachable. A
//! result also waits on disk.

use std::time::Duration;

use kindling_proto::limits;
use kindling_telemetry::overhear;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tracing::{Instrument as _, Span};

use super::deliver::{deliver, failed, refused_report};
use super::files::Files;
use super::keeper::{Closing, Keeper, Keeping};
use super::link::Link;
use super::output::Writing;
use super::spool::Undelivered;
use super::told::{Ending, Told};
use super::training::{Noted, Outbox, Outcome, Ran, Unsent, Waiting};
use super::{Session, WorkerError};
use crate::device::Fault;
use crate::lease::{Assignment, Claim, End, Finish, Refusal, Verdict, Why};
use crate::observe;
use crate::output::OutputStream;
use crate::trial::TrialError;

/// How long a stopping worker tries to hand a trial back, or to deliver a finished one.
const LAST_WORD: Duration = Duration::from_secs(3);
/// How long, after a trial's end, it is tried again to save what its artifact store does not take. The result waits.
const LAST_TRIES: Duration = Duration::from_secs(30);

/// Trains one leased trial and tells the coordinator how it went.
pub(super) async fn train(session: &Session, assignment: Assignment, claim: &Claim, told: &Told) {
    if !may_begin(session, claim, told).await {
        return;
    }
    let writing = begin_output(session, claim);
    tracing::info!("training");
    let keeper = Keeper::default();
    let files = Files::new(session, &assignment, told, &keeper);
    let (outbox, reports, unsent) = Outbox::new(files, &writing.output);
    let keeping = Keeping::start(session, claim, unsent.clone(), keeper);
    let link = session.link.clone();
    let sending = send_all(link, claim.clone(), reports, unsent.clone(), told.clone());
    let sending = tokio::spawn(sending.in_current_span());
    let mut training = session.training.train(assignment, outbox);
    let outcome = tokio::select! {
        biased;
        outcome = &mut training => outcome,
        ending = told.abandoned() => {
            if ending == Ending::Dropped {
                drop(keeping);
                // Wait for the thread: until it ends, the slot is not free.
                tracing::warn!("dropped: not this worker's any more");
                let ended = tokio::select! {
                    ended = training => ended,
                    // A worker that leaves does not wait for an objective that ignores the stop request.
                    () = session.hand_back.cancelled() => return,
                };
                if let Ran::Fault(Fault::Lost(reason) | Fault::BrokenByTrial(reason)) = ended {
                    session.end(WorkerError::DeviceLost { reason });
                }
            } else {
                hand_back_whole(session, claim, "", keeping, told).await;
            }
            return;
        }
    };
    let (outcome, noted) = match outcome {
        Ran::Ended(Err(TrialError::Unfit(reason)), _) => {
            // First, so that the next call for work does not ask for this study.
            session.unfit(claim.study_id, &reason);
            hand_back(session, claim, &reason).await;
            return;
        }
        // It went on until the worker left.
        Ran::Ended(Err(TrialError::HandBack(_) | TrialError::Stopped), _)
            if told.get() == Some(Ending::HandBack) =>
        {
            hand_back_whole(session, claim, "", keeping, told).await;
            return;
        }
        Ran::Ended(Err(TrialError::HandBack(reason)), _) if told.get().is_none() => {
            if session.stop.is_cancelled() {
                hand_back_whole(session, claim, "", keeping, told).await;
                return;
            }
            tracing::warn!(reason, "the trial asks to be handed back");
            // Whoever always does that must not lease it over and over.
            session.aside.rest(claim.study_id, Instant::now());
            hand_back_whole(session, claim, &reason, keeping, told).await;
            return;
        }
        // With other trials running beside it, the cause is unknown.
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
            (Err(TrialError::Failed(reason)), Noted::default())
        }
        Ran::Fault(Fault::OutOfMemory(reason)) => {
            let reason = format!("{reason} hint: fewer slots or a smaller batch");
            (Err(TrialError::Failed(reason)), Noted::default())
        }
        Ran::Ended(outcome, noted) => (outcome, noted),
    };
    let Some(finish) = finish_of(claim, outcome, noted, told.get()) else { return };
    session.aside.wake(claim.study_id);
    observe::ended(&finish.end);
    let kept = session.keep(&undelivered(&unsent, &finish)).await;
    // Training is over, so no reports are added. Those that remain are in the outbox.
    _ = sending.await;
    if !matches!(told.get(), Some(Ending::Refused(_))) {
        let closing = Closing::within(LAST_TRIES, true);
        keeping.finish(closing, told, leaving(session)).await;
    }
    let last_word = match told.get() {
        // The last report was refused after training had ended, so the result does not count.
        Some(Ending::Refused(reason)) => {
            Undelivered { reports: Vec::new(), finish: failed(claim, &reason) }
        }
        _ => undelivered(&unsent, &finish),
    };
    // Send it even if the trial was dropped meanwhile: only the coordinator knows whether its store may still
    // want it.
    if tell(session, last_word).await {
        if let Some(kept) = kept {
            kept.forget();
        }
    } else {
        let file = kept.as_ref().map(|kept| kept.path().display().to_string());
        tracing::error!(file, "a result was not delivered; from its file the next worker can");
    }
}

/// Takes what is logged about the trial from here on.
fn begin_output(session: &Session, claim: &Claim) -> Writing {
    let writing = session.outputs.begin(claim);
    let output = writing.output.clone();
    overhear(&Span::current(), move |text| output.write(OutputStream::Log, text));
    writing
}

/// Whether to train a trial now. One that is not trained is handed back.
///
/// Of a study that is set aside or rests, a trial comes only if the call for it was under way before, or from a
/// coordinator that does not know the difference. It must not be leased over and over.
async fn may_begin(session: &Session, claim: &Claim, told: &Told) -> bool {
    let (study, now) = (claim.study_id, Instant::now());
    if let Some(reason) = session.aside.reason(study) {
        hand_back(session, claim, &reason).await;
        rest(session, session.aside.rest(study, now)).await;
        return false;
    }
    let Some(until) = session.aside.rests_until(study, now) else { return true };
    tokio::select! {
        biased;
        _ = told.abandoned() => {}
        has_rested = rest(session, until) => if has_rested {
            return true;
        }
    }
    if told.get() != Some(Ending::Dropped) {
        hand_back(session, claim, "").await;
    }
    false
}

/// Rests, and returns whether the worker goes on then.
async fn rest(session: &Session, until: Instant) -> bool {
    tokio::select! {
        biased;
        () = session.stop.cancelled() => false,
        () = tokio::time::sleep_until(until) => true,
    }
}

/// The result, with the reports that the coordinator does not have yet.
fn undelivered(unsent: &Unsent, finish: &Finish) -> Undelivered {
    Undelivered { reports: unsent.list(), finish: finish.clone() }
}

/// Sends the reports in order, until training adds no more or the trial is abandoned.
async fn send_all(
    link: Link,
    claim: Claim,
    mut reports: mpsc::UnboundedReceiver<Waiting>,
    unsent: Unsent,
    told: Told,
) {
    while let Some(waiting) = reports.recv().await {
        let answer = tokio::select! {
            biased;
            _ = told.abandoned() => return,
            answer = link.report(&claim, &waiting.report) => answer,
        };
        unsent.taken();
        match answer {
            Ok(Verdict::Continue) => {}
            Ok(Verdict::Prune) => told.tell(Ending::Pruned),
            Ok(Verdict::Drop) => told.tell(Ending::Dropped),
            Err(refusal) if refusal.is_for_good() => {
                let reason = refused_report(waiting.report.step, &refusal);
                tracing::error!(reason, "the trial fails");
                told.tell(Ending::Refused(reason.into()));
                return;
            }
            Err(Refusal { reason, .. }) => {
                tracing::warn!(reason, "report refused");
                told.tell(Ending::Dropped);
            }
        }
        // This releases the training thread, which then checks what it was told.
        drop(waiting);
    }
}

/// The message for an outcome; `None` if the trial is no longer this worker's.
fn finish_of(
    claim: &Claim,
    outcome: Outcome,
    noted: Noted,
    told: Option<Ending>,
) -> Option<Finish> {
    let Noted { mut attributes, constraints } = noted;
    let failed = |reason: String| End::Failed(limits::cut(reason, limits::REASON));
    let end = match (outcome, told) {
        (_, Some(Ending::Dropped)) => return None,
        (_, Some(Ending::Refused(reason))) => failed(reason.to_string()),
        (Ok(done), _) => {
            let (values, noted) = done.into_parts();
            attributes.extend(noted);
            End::Complete(values)
        }
        (Err(TrialError::Stopped | TrialError::HandBack(_)), Some(Ending::Pruned))
        | (Err(TrialError::Pruned), _) => End::Pruned,
        (
            Err(
                TrialError::Failed(reason)
                | TrialError::Unfit(reason)
                | TrialError::HandBack(reason),
            ),
            _,
        ) => failed(reason),
        (Err(TrialError::Stopped), _) => {
            failed("the objective stopped without being told to".to_owned())
        }
    };
    let constraints = if matches!(end, End::Failed(_)) { Vec::new() } else { constraints };
    Some(Finish { claim: claim.clone(), end, constraints, attributes: attributes.into_wire() })
}

/// Delivers the result, for as long as this worker may wait.
///
/// Returns whether the coordinator has the result or will never want it.
async fn tell(session: &Session, undelivered: Undelivered) -> bool {
    let end = undelivered.finish.end.clone();
    tokio::select! {
        biased;
        answer = deliver(&session.link, undelivered) => {
            match answer {
                Ok(()) => log(&end),
                Err(Refusal { why, reason }) => {
                    tracing::warn!(reason, "finish refused");
                    // The store is on another history and may be restored to the one of this result.
                    return why != Why::Unknown;
                }
            }
            true
        }
        () = leaving(session) => false,
    }
}

/// Logs how a trial ended.
fn log(end: &End) {
    match end {
        End::Complete(values) => match values.as_slice() {
            [value] => tracing::info!(value, "complete"),
            values => tracing::info!(?values, "complete"),
        },
        End::Pruned => tracing::info!("pruned"),
        End::Failed(reason) => tracing::warn!(reason, "failed"),
    }
}

/// Waits until the worker leaves, and then for as long as its last word takes.
async fn leaving(session: &Session) {
    session.hand_back.cancelled().await;
    tokio::time::sleep(LAST_WORD).await;
}

/// Hands a trial back once what it saved is safe.
async fn hand_back_whole(
    session: &Session,
    claim: &Claim,
    reason: &str,
    keeping: Keeping,
    told: &Told,
) {
    // Otherwise nothing arrives, and the trial is to be free soon.
    if session.link.is_up() {
        keeping.finish(Closing::within(LAST_WORD, false), told, leaving(session)).await;
    }
    hand_back(session, claim, reason).await;
}

async fn hand_back(session: &Session, claim: &Claim, reason: &str) {
    match tokio::time::timeout(LAST_WORD, session.link.release(claim, reason)).await {
        Ok(Ok(())) => tracing::info!("handed back"),
        Ok(Err(Refusal { reason, .. })) => tracing::warn!(reason, "release refused"),
        Err(_) => tracing::warn!("could not be handed back; it will expire"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::objective::Completion;

    fn claim() -> Claim {
        Claim {
            study_id: 1,
            trial: 0,
            attempt: 1,
            worker_id: "w".to_owned(),
            mark: vec![],
            history: vec![],
        }
    }

    fn told_of(outcome: Outcome, told: Option<Ending>) -> Option<End> {
        Some(finish_of(&claim(), outcome, Noted::default(), told)?.end)
    }

    #[test]
    fn a_dropped_trial_is_not_spoken_of() {
        assert_eq!(told_of(Ok(Completion::new(1.0)), Some(Ending::Dropped)), None);
        assert_eq!(told_of(Ok(Completion::new(1.0)), None), Some(End::Complete(1.0.into())));
    }

    #[test]
    fn a_stop_that_nobody_asked_for_is_a_failure() {
        let end = told_of(Err(TrialError::Stopped), None).expect("told");
        assert!(matches!(end, End::Failed(_)));
        assert_eq!(told_of(Err(TrialError::Stopped), Some(Ending::Pruned)), Some(End::Pruned));
    }

    #[test]
    fn a_refused_report_fails_the_trial_whatever_its_objective_says_then() {
        let refused = || Some(Ending::Refused("step 1 was reported twice".into()));
        for outcome in [Ok(Completion::new(1.0)), Err(TrialError::Stopped)] {
            let failed = End::Failed("step 1 was reported twice".to_owned());
            assert_eq!(told_of(outcome, refused()), Some(failed));
        }
    }
}
