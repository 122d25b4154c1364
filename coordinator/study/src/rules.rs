//! The rules behind a study's decisions, one function each. The simulation breaks them one at a time
//! ([`Bug`]). They stand here so that `decide.rs` can ignore bugs.

use crate::bug::Bug;
use crate::event::{Event, LeaseEnd, StudyState};
use crate::ids::{Attempt, TrialNumber};
use crate::kept::Checkpoint;
use crate::study::Study;
use crate::trial::{Claim, Phase, Trial};

/// Only an active study leases trials.
pub(crate) fn are_leased(state: StudyState) -> bool {
    state == StudyState::Active || Bug::PauseIsIgnored.is_on()
}

/// Whether the budget has room for another trial of the search.
pub(crate) fn has_place(study: &Study) -> bool {
    let taken = if Bug::BudgetAtLease.is_on() {
        study.trials().iter().map(|trial| trial.attempt.0 as usize).sum()
    } else {
        study.searched()
    };
    taken < study.budget() as usize || Bug::BudgetOfFinished.is_on() && !study.is_finished()
}

/// A trial is proposed once: a lease after a lost one has the same parameters. `None` means a new trial.
pub(crate) fn needs_proposal(trial: Option<&Trial>) -> bool {
    trial.is_none_or(|trial| trial.proposal.is_none()) || Bug::ProposedAgain.is_on()
}

/// Each lease of a trial has its own attempt. `None` means a new trial.
pub(crate) fn next_attempt(trial: Option<&Trial>) -> Attempt {
    let last = trial.map(|trial| trial.attempt).unwrap_or_default();
    if Bug::AttemptReused.is_on() && last.0 > 0 { last } else { last.next() }
}

/// Only finite values are recorded.
pub(crate) fn is_recordable(value: f64) -> bool {
    value.is_finite() || Bug::NanIsRecorded.is_on()
}

/// The value that the newest attempt reported for a step. A repeated report is answered, not recorded again.
pub(crate) fn reported(trial: &Trial, step: u64) -> Option<f64> {
    let is_own = trial.is_of_newest(step);
    trial.intermediate(step).filter(|_| is_own && !Bug::ReportAppendsTwice.is_on())
}

/// Whether a claim allows a call: its lease must be the newest, and the trial must be running or finished
/// under it.
pub(crate) fn may_speak(trial: &Trial, claim: &Claim) -> bool {
    let is_running = matches!(trial.phase, Phase::Running(_));
    trial.is_claimed_by(claim) && !matches!(trial.phase, Phase::Waiting)
        || Bug::NoAttemptCheck.is_on() && is_running
}

/// The same for what a trial leaves behind.
pub(crate) fn may_save(trial: &Trial, claim: &Claim) -> bool {
    may_speak(trial, claim) || Bug::ZombieSaves.is_on() && matches!(trial.phase, Phase::Running(_))
}

/// Whether a checkpoint of the newest attempt comes after all that the attempt saved before.
pub(crate) fn is_newer(newest: Option<&Checkpoint>, step: u64) -> bool {
    newest.is_none_or(|newest| newest.step < step) || Bug::OlderCheckpointReplacesNewer.is_on()
}

/// Whether an intermediate value of an earlier attempt is kept, as part of what its successor goes on from.
pub(crate) fn is_kept(step: u64, resumed: Option<u64>) -> bool {
    resumed.is_some_and(|resumed| step <= resumed || Bug::CurveBeyondCheckpointIsKept.is_on())
}

/// Whether a note may be replaced by one whose author read that version of it, or did not say which.
pub(crate) fn may_replace_note(read: Option<u32>, now: u32) -> bool {
    read.is_none_or(|read| read == now) || Bug::NoteIsOverwritten.is_on()
}

/// Handing a trial back does not count as losing it.
pub(crate) fn hand_back(study: &Study, number: TrialNumber) -> Vec<Event> {
    if Bug::HandBackIsLoss.is_on() {
        return study.lose(number);
    }
    vec![Event::LeaseEnded { number, end: LeaseEnd::HandedBack }]
}

/// A trial that gets further each time may be lost this many times as often as others.
const MOST_FORGIVEN: u32 = 10;

/// How often a running trial was lost, if it is lost now: since its newest checkpoint, unless that is too often in all.
/// `None`: not often enough to fail. A loss of the attempt that saved the checkpoint is forgiven, as it got further.
pub(crate) fn lost_for_good(study: &Study, trial: &Trial) -> Option<Losses> {
    let most = study.spec().max_attempts;
    if Bug::LostForever.is_on() {
        return None;
    }
    let in_all = trial.losses + 1;
    if in_all >= most.saturating_mul(MOST_FORGIVEN) {
        return Some(Losses::InAll(in_all));
    }
    let newest = trial.checkpoints.last().map_or(0, |newest| newest.attempt.0);
    let since = if trial.attempt.0 > newest { trial.losses_after(newest) + 1 } else { 0 };
    let since = if Bug::CheckpointForgivesNothing.is_on() { in_all } else { since };
    (since >= most).then_some(if since == in_all {
        Losses::InAll(in_all)
    } else {
        Losses::Since(since)
    })
}

/// Too many losses of a trial.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Losses {
    InAll(u32),
    /// Since its newest checkpoint.
    Since(u32),
}

/// The trial that this enqueue request added before. It is not added again.
pub(crate) fn enqueued_before(known: Option<TrialNumber>) -> Option<TrialNumber> {
    known.filter(|_| !Bug::RequestAddsTwice.is_on())
}

/// The trial that this retry request added before. It is not added again.
pub(crate) fn retried_before(known: Option<TrialNumber>) -> Option<TrialNumber> {
    known.filter(|_| !Bug::RetryAddsTwice.is_on())
}

/// Whether running trials are called back when the study enters this state.
pub(crate) fn calls_back(state: StudyState) -> bool {
    state == StudyState::Stopped && !Bug::StopCallsNobodyBack.is_on()
}

/// How many finished trials a proposal made now sees.
pub(crate) fn finished_in_sight(study: &Study) -> u32 {
    let finished = study.finish_order().len() as u32;
    if Bug::SawLessThanItDid.is_on() { finished.saturating_sub(1) } else { finished }
}
