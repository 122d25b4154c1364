//! The attempts at a trial, and what passes from one to the next: the newest checkpoint, and the curve up to its step.

use crate::event::{Event, LeaseEnd};
use crate::ids::{Attempt, TrialNumber, WorkerId};
use crate::kept::Checkpoint;
use crate::mark::Mark;
use crate::rules;
use crate::time::{Tick, Wall};
use crate::trial::{Lease, Phase, Trial};

/// How many attempts of a trial are known: the newest one and those before it.
pub const KNOWN_ATTEMPTS: u32 = 32;

/// An attempt whose lease ended without a result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastAttempt {
    /// Its number.
    pub attempt: Attempt,
    /// Who held the lease.
    pub worker: WorkerId,
    /// When it was leased.
    pub leased: Wall,
    /// When the lease ended.
    pub ended: Wall,
    /// Why.
    pub end: LeaseEnd,
    /// The step that it went on after. `None`: it began at the start.
    pub resumed: Option<u64>,
}

/// A lease as its event tells it.
pub(crate) struct NewLease<'a> {
    pub(crate) attempt: Attempt,
    pub(crate) worker: &'a WorkerId,
    pub(crate) mark: Mark,
    pub(crate) session: u64,
    pub(crate) resumed: Option<u64>,
}

impl Trial {
    /// Whether its newest attempt has reported. What the curve has up to `resumed` is of attempts before.
    pub fn has_reported(&self) -> bool {
        self.curve.last().is_some_and(|(step, _)| self.is_of_newest(*step))
    }

    /// Whether its newest attempt has shown that it trains.
    pub fn has_begun(&self) -> bool {
        let newest = self.checkpoints.last();
        self.has_reported() || newest.is_some_and(|newest| newest.attempt == self.attempt)
    }

    /// The checkpoint that its newest attempt was leased with, if that is still kept.
    pub fn start(&self) -> Option<&Checkpoint> {
        self.checkpoints.iter().rev().find(|checkpoint| checkpoint.attempt < self.attempt)
    }

    /// Whether a value that the curve has for this step was reported by the newest attempt.
    pub(crate) fn is_of_newest(&self, step: u64) -> bool {
        self.resumed.is_none_or(|resumed| step > resumed)
    }

    /// What happens by a report of this step, if it is the newest attempt's first and goes over what is kept of the
    /// curve.
    pub(crate) fn rewound(&self, number: TrialNumber, step: u64) -> Option<Event> {
        if self.is_of_newest(step) || self.has_reported() {
            return None;
        }
        let before = self.curve.first().is_some_and(|(first, _)| *first < step);
        Some(Event::Rewound { number, resumed: step.checked_sub(1).filter(|_| before) })
    }

    /// Returns when the trial was first leased.
    pub(crate) fn begin_attempt(&mut self, lease: &NewLease<'_>, at: Wall, until: Tick) -> Wall {
        self.attempt = lease.attempt;
        self.worker = Some(lease.worker.clone());
        self.mark = Some(lease.mark);
        self.leased = Some(at);
        self.keep_curve(lease.resumed);
        self.phase = Phase::Running(Lease { session: lease.session, deadline: until });
        self.attempts.retain(|past| past.attempt.0 + KNOWN_ATTEMPTS > lease.attempt.0);
        *self.started.get_or_insert(at)
    }

    /// How often it was lost in attempts after this one. Of those that nobody knows any more, all that were lost may count.
    pub(crate) fn losses_after(&self, attempt: u32) -> u32 {
        let is_loss = |past: &&PastAttempt| past.end == LeaseEnd::Expired;
        let known = self.attempts.iter().filter(is_loss).count() as u32;
        let known_after = self.attempts.iter().filter(is_loss);
        let known_after = known_after.filter(|past| past.attempt.0 > attempt).count() as u32;
        let oldest = self.attempts.first().map_or(self.attempt.0, |past| past.attempt.0);
        let forgotten = oldest.saturating_sub(attempt + 1);
        known_after + forgotten.min(self.losses.saturating_sub(known))
    }

    pub(crate) fn end_attempt(&mut self, end: LeaseEnd, at: Wall) {
        self.phase = Phase::Waiting;
        self.losses += u32::from(end == LeaseEnd::Expired);
        if let (Some(worker), Some(leased)) = (self.worker.clone(), self.leased) {
            let (attempt, resumed) = (self.attempt, self.resumed);
            self.attempts.push(PastAttempt { attempt, worker, leased, ended: at, end, resumed });
        }
    }

    /// Keeps the curve up to this step, as that of attempts before, or nothing of it.
    pub(crate) fn keep_curve(&mut self, to: Option<u64>) {
        self.resumed = to;
        let is_kept = |step: u64| rules::is_kept(step, to);
        self.curve.retain(|(step, _)| is_kept(*step));
        self.other_values.retain(|other| is_kept(other.step));
        self.pruned_at = self.pruned_at.filter(|at| is_kept(*at));
    }
}
