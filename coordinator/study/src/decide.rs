//! The decisions of a study: each command returns events and a typed reply, or a refusal. Nothing here
//! changes the study; [`Study::apply`] does. The ledger applies the events in memory, then commits them. If
//! the commit fails, it loads the store again.

use crate::confirm::{ConfirmSpec, Confirmation};
use crate::event::{Event, LeaseEnd, StudyState};
use crate::ids::{TrialNumber, WorkerId};
use crate::mark::Mark;
use crate::pruner::Report;
use crate::refusal::Refusal;
use crate::rules::{self, Losses};
use crate::space::{Choice, unsigned_zero};
use crate::study::Study;
use crate::time::Tick;
use crate::trial::{Attributes, Claim, OtherValue, Outcome, Phase, Trial, TrialResult, Verdict};
use crate::values::Values;

/// Events to commit, and the reply to send after the commit.
pub type Decision<R> = Result<(Vec<Event>, R), Refusal>;

impl Study {
    /// Leases the next trial to the worker: a waiting one, or else a new one while the budget lasts. `None`
    /// if there is nothing to do. The mark must never have been used before.
    pub fn lease(
        &self,
        worker: &WorkerId,
        session: u64,
        mark: Mark,
    ) -> Option<(Vec<Event>, TrialNumber)> {
        if !rules::are_leased(self.state()) {
            return None;
        }
        let Some((number, trial)) = self.next_of_search() else {
            let next = self.next_confirmation()?;
            return Some(self.lease_confirmation(worker, session, mark, next));
        };
        let mut events = Vec::with_capacity(2);
        if rules::needs_proposal(trial) {
            let proposal = self.propose(number, trial);
            events.push(Event::Proposed { number, proposal });
        }
        let attempt = rules::next_attempt(trial);
        let resumed = trial.and_then(|trial| trial.checkpoints.last()).map(|newest| newest.step);
        let worker = worker.clone();
        events.push(Event::Leased { number, attempt, worker, session, mark, resumed });
        Some((events, number))
    }

    /// Adds the next confirmation trial and leases it.
    fn lease_confirmation(
        &self,
        worker: &WorkerId,
        session: u64,
        mark: Mark,
        confirmation: Confirmation,
    ) -> (Vec<Event>, TrialNumber) {
        let number = TrialNumber(self.trials().len() as u32);
        let confirmed = self.trial(confirmation.of);
        let fixed = confirmed.params().unwrap_or(&confirmed.fixed).clone();
        // Nothing is left for a sampler to choose.
        let proposal = self.proposal(fixed.clone());
        let (confirms, attempt) = (Some(confirmation), rules::next_attempt(None));
        let (warm_start, worker) = (self.same_start(confirmed), worker.clone());
        let resumed = warm_start.as_ref().map(|start| start.step);
        let events = vec![
            Event::Enqueued { number, fixed, retry_of: None, confirms, warm_start, request: None },
            Event::Proposed { number, proposal },
            Event::Leased { number, attempt, worker, session, mark, resumed },
        ];
        (events, number)
    }

    /// Takes the intermediate value of the objective that the pruner compares, and of others by index. A repeated
    /// report gets the same answer again. A value that is not finite fails the trial. Steps must ascend, so
    /// that a verdict never changes.
    pub fn report(
        &self,
        claim: &Claim,
        step: u64,
        value: f64,
        others: &[(u16, f64)],
    ) -> Decision<Verdict> {
        let number = claim.number;
        let trial = self.claimed(claim)?;
        let value = unsigned_zero(value);
        let others = self.others(step, others)?;
        if i64::try_from(step).is_err() {
            return Err(Refusal::StepTooLarge(step));
        }
        let over = match &trial.phase {
            Phase::Finished(outcome) => Some(outcome),
            _ => None,
        };
        let mut values = [value].into_iter().chain(others.iter().map(|other| other.value));
        if let Some(value) = values.find(|value| !rules::is_recordable(*value)) {
            let outcome = failed(format!("the intermediate value of step {step} is {value}"));
            return match over {
                Some(recorded) if *recorded == outcome => Ok((vec![], Verdict::Stop)),
                Some(_) => Err(stale(claim, trial)),
                None => {
                    Ok((self.pausing(vec![Event::Finished { number, outcome }]), Verdict::Stop))
                }
            };
        }
        if let Some(recorded) = rules::reported(trial, step) {
            #[expect(clippy::float_cmp, reason = "a repeated report repeats the very value")]
            if recorded != value || *trial.others_at(step) != *others {
                return Err(Refusal::Conflict { number, what: format!("step {step}") });
            }
            let verdict = match trial.pruned_at {
                Some(at) if at <= step => Verdict::Prune,
                _ => Verdict::Continue,
            };
            return Ok((vec![], verdict));
        }
        if over.is_some() {
            return Err(stale(claim, trial));
        }
        let newest = trial.curve.last().filter(|_| trial.has_reported());
        if let Some((newest, _)) = newest.filter(|(newest, _)| *newest > step) {
            return Err(Refusal::StepGoesBack { number, step, newest: *newest });
        }
        let mut events = Vec::with_capacity(2);
        events.extend(trial.rewound(number, step));
        let is_given_up = trial.pruned_at.is_some_and(|at| at < step);
        let prune = is_given_up || self.pruner_gives_up(number, step, value);
        let verdict = if prune { Verdict::Prune } else { Verdict::Continue };
        events.push(Event::Reported { number, step, value, others, prune });
        Ok((events, verdict))
    }

    /// The values of a step for objectives that the pruner does not compare.
    fn others(&self, step: u64, others: &[(u16, f64)]) -> Result<Box<[OtherValue]>, Refusal> {
        let objectives = self.spec().directions.as_slice().len();
        let compared = self.spec().metrics.pruner_objective;
        let is_other = |objective: u16| {
            usize::from(objective) < objectives && usize::from(objective) != compared
        };
        if !others.iter().all(|(objective, _)| is_other(*objective)) {
            let message = format!("others: expected objectives below {objectives} but {compared}");
            return Err(Refusal::OddReport(message));
        }
        if !others.is_sorted_by(|(a, _), (b, _)| a < b) {
            return Err(Refusal::OddReport(
                "others: expected each objective once, ascending".into(),
            ));
        }
        let value = |(objective, value): &(u16, f64)| OtherValue {
            step,
            objective: *objective,
            value: unsigned_zero(*value),
        };
        Ok(others.iter().map(value).collect())
    }

    /// Takes a trial's result. Repeating it changes nothing; a different result is refused. A value that is
    /// not finite fails the trial, as does a completed one that leaves a constraint open.
    pub fn finish(
        &self,
        claim: &Claim,
        result: TrialResult,
        constraints: &[f64],
        attributes: Attributes,
    ) -> Decision<()> {
        let number = claim.number;
        let trial = self.claimed(claim)?;
        let result = match result {
            TrialResult::Complete(values) => self.recordable(&values),
            result => result,
        };
        let (result, constraints) = match self.unfit(&result, constraints) {
            Some(reason) => (TrialResult::Fail(reason), [].into()),
            None if matches!(result, TrialResult::Fail(_)) => (result, [].into()),
            None => (result, constraints.iter().copied().map(unsigned_zero).collect()),
        };
        let outcome = Outcome { result, constraints, attributes };
        match &trial.phase {
            Phase::Finished(recorded) if *recorded == outcome => Ok((vec![], ())),
            Phase::Finished(_) => Err(Refusal::Conflict { number, what: "its result".into() }),
            _ => Ok((self.pausing(vec![Event::Finished { number, outcome }]), ())),
        }
    }

    /// The values to record, or the reason why the trial fails instead.
    fn recordable(&self, values: &Values) -> TrialResult {
        let (found, wanted) = (values.as_slice().len(), self.spec().directions.as_slice().len());
        if found != wanted {
            let objectives = if wanted == 1 { "objective" } else { "objectives" };
            let reason = format!("its result has {found} values, for {wanted} {objectives}");
            return TrialResult::Fail(reason);
        }
        match values.as_slice().iter().find(|value| !rules::is_recordable(**value)) {
            Some(value) => TrialResult::Fail(format!("the objective value is {value}")),
            None => TrialResult::Complete(values.map(unsigned_zero)),
        }
    }

    /// Why the trial fails for what it says of the constraints.
    fn unfit(&self, result: &TrialResult, told: &[f64]) -> Option<String> {
        let names = &self.spec().metrics.constraints;
        let needed = match result {
            TrialResult::Fail(_) => return None,
            TrialResult::Pruned if told.is_empty() => 0,
            TrialResult::Complete(_) | TrialResult::Pruned => names.len(),
        };
        if told.len() != needed {
            let wanted = names.join("`, `");
            return Some(format!("its result has {} constraints, not `{wanted}`", told.len()));
        }
        let odd = names.iter().zip(told).find(|(_, value)| !rules::is_recordable(**value));
        odd.map(|(name, value)| format!("the constraint `{name}` is {value}"))
    }

    /// Takes a trial back. It is leased again later with the same parameters.
    pub fn release(&self, claim: &Claim) -> Decision<()> {
        let number = claim.number;
        let trial = self.trial_at(number)?;
        match trial.phase {
            Phase::Waiting if trial.is_claimed_by(claim) => Ok((vec![], ())),
            Phase::Running(_) if trial.is_claimed_by(claim) => {
                Ok((rules::hand_back(self, number), ()))
            }
            _ => Err(stale(claim, trial)),
        }
    }

    /// Ends the leases whose deadline has passed. A trial that has lost too many fails.
    pub fn expire(&self, now: Tick) -> Vec<Event> {
        let overdue = |number: &&TrialNumber| matches!(self.trial(**number).phase, Phase::Running(lease) if lease.deadline <= now);
        let overdue = self.running().iter().filter(overdue);
        self.pausing(overdue.flat_map(|number| self.lost(*number)).collect())
    }

    /// Ends the lease of a running trial whose worker is gone. A trial that has lost too many fails.
    pub fn lose(&self, number: TrialNumber) -> Vec<Event> {
        self.pausing(self.lost(number))
    }

    fn lost(&self, number: TrialNumber) -> Vec<Event> {
        let mut events = vec![Event::LeaseEnded { number, end: LeaseEnd::Expired }];
        let trial = self.trial(number);
        if let Some(losses) = rules::lost_for_good(self, trial) {
            let last = trial.worker.as_ref().map_or("nobody", WorkerId::as_str);
            let often = match losses {
                Losses::InAll(losses) => format!("lost {losses} times with its worker"),
                Losses::Since(losses) => {
                    format!("lost {losses} times with its worker without getting further")
                }
            };
            let reason = format!("{often}, last with {last}");
            events.push(Event::Finished { number, outcome: failed(reason) });
        }
        events
    }

    /// Adds a pause to the events if they bring too many failures in a row.
    fn pausing(&self, mut events: Vec<Event>) -> Vec<Event> {
        if self.state() == StudyState::Active {
            let reasons: Vec<_> = events.iter().filter_map(Event::failure).collect();
            let most = self.spec().max_failures_in_a_row;
            if let Some(because) = self.failures().too_many_with(&reasons, most) {
                let (state, because) = (StudyState::Paused, Some(because));
                events.push(Event::StateChanged { state, because });
            }
        }
        events
    }

    /// Adds a trial with some values fixed. It counts against the budget. With `warm_start` its first attempt goes on
    /// from the newest checkpoint that this other trial has now.
    pub fn enqueue(
        &self,
        fixed: &[(String, Choice)],
        warm_start: Option<TrialNumber>,
        request: Option<String>,
    ) -> Decision<TrialNumber> {
        let fixed = self.spec().space.fix(fixed)?;
        let same = |trial: &Trial| {
            trial.retry_of.is_none() && trial.fixed == fixed && trial.warm_start == warm_start
        };
        let known = self.added_by(request.as_deref(), same)?;
        if let Some(number) = rules::enqueued_before(known) {
            return Ok((vec![], number));
        }
        if self.searched() >= self.budget() as usize {
            return Err(Refusal::BudgetSpent { budget: self.budget() });
        }
        let warm_start = warm_start.map(|from| self.warm_start(from)).transpose()?;
        let number = TrialNumber(self.trials().len() as u32);
        let (retry_of, confirms) = (None, None);
        let enqueued = Event::Enqueued { number, fixed, retry_of, confirms, warm_start, request };
        Ok((vec![enqueued], number))
    }

    /// Adds a trial with the parameters of a failed one, because a finished trial is never reopened. It begins where that
    /// one began, not at its checkpoint, which may be why it failed. The budget grows by one, unless the failed trial was
    /// a confirmation.
    pub fn retry(&self, failed: TrialNumber, request: Option<String>) -> Decision<TrialNumber> {
        let same = |trial: &Trial| trial.retry_of == Some(failed);
        let known = self.added_by(request.as_deref(), same)?;
        if let Some(number) = rules::retried_before(known) {
            return Ok((vec![], number));
        }
        let trial = self.trial_at(failed)?;
        let Phase::Finished(Outcome { result: TrialResult::Fail(_), .. }) = trial.phase else {
            return Err(Refusal::NotFailed(failed));
        };
        let fixed = trial.params().unwrap_or(&trial.fixed).clone();
        let number = TrialNumber(self.trials().len() as u32);
        let (confirms, retry_of) = (trial.confirms, Some(failed));
        let warm_start = self.same_start(trial);
        let mut events = Vec::with_capacity(2);
        if confirms.is_none() {
            events.push(Event::BudgetChanged { trials: self.budget().saturating_add(1) });
        }
        events.push(Event::Enqueued { number, fixed, retry_of, confirms, warm_start, request });
        Ok((events, number))
    }

    /// The trial that this request added before, if the request asks for the same thing.
    fn added_by(
        &self,
        request: Option<&str>,
        same: impl Fn(&Trial) -> bool,
    ) -> Result<Option<TrialNumber>, Refusal> {
        let Some(request) = request else { return Ok(None) };
        let Some(number) = self.enqueued_by(request) else { return Ok(None) };
        if !same(self.trial(number)) {
            return Err(Refusal::RequestReused { request: request.to_owned(), number });
        }
        Ok(Some(number))
    }

    /// Pauses, resumes or stops the study. Stopping ends the leases of running trials. They keep their
    /// parameters and wait until the study is resumed.
    pub fn change_state(&self, state: StudyState) -> Vec<Event> {
        let mut events = Vec::new();
        if rules::calls_back(state) {
            let end = LeaseEnd::StudyStopped;
            events.extend(self.running().iter().map(|n| Event::LeaseEnded { number: *n, end }));
        }
        if state != self.state() {
            events.push(Event::StateChanged { state, because: None });
            events.extend(self.forget_pause(state));
        }
        events
    }

    /// Sets the number of trials to finish.
    pub fn change_budget(&self, trials: u32) -> Decision<()> {
        if (trials as usize) < self.searched() {
            return Err(Refusal::BudgetTooSmall { wanted: trials, existing: self.searched() });
        }
        let change = Event::BudgetChanged { trials };
        Ok((if trials == self.budget() { vec![] } else { vec![change] }, ()))
    }

    /// Sets what is run again once the search is over. Confirmations that exist stay.
    pub fn change_confirm(&self, confirm: ConfirmSpec) -> Decision<()> {
        confirm.check(&self.spec().space, self.spec().directions.as_slice().len())?;
        let is_new = self.confirm() != Some(&confirm);
        Ok((if is_new { vec![Event::ConfirmChanged { confirm }] } else { vec![] }, ()))
    }

    fn pruner_gives_up(&self, number: TrialNumber, step: u64, value: f64) -> bool {
        let trial = self.trial(number);
        if trial.confirms.is_some() {
            return false;
        }
        let direction = self.spec().pruner_direction();
        let earlier = &trial.curve[..trial.curve.partition_point(|(earlier, _)| *earlier < step)];
        let report = Report { number, step, loss: direction.loss(value), earlier };
        if earlier.len() == trial.curve.len() {
            return self.spec().pruner.prunes(self.progress(), &report);
        }
        // It goes over what is kept of its curve, which therefore counts no more.
        let mut progress = self.progress().clone();
        progress.forget(number);
        for (step, value) in earlier {
            progress.report(number, *step, direction.loss(*value));
        }
        self.spec().pruner.prunes(&progress, &report)
    }

    /// The trial, if the claim names its newest lease and it is running or finished under that lease.
    pub(crate) fn claimed(&self, claim: &Claim) -> Result<&Trial, Refusal> {
        let trial = self.trial_at(claim.number)?;
        if rules::may_speak(trial, claim) { Ok(trial) } else { Err(stale(claim, trial)) }
    }
}

pub(crate) fn stale(claim: &Claim, trial: &Trial) -> Refusal {
    // Reveal neither the holder nor anything else that would help to forge a claim.
    let stands = match trial.phase {
        _ if claim.mark.is_none() => {
            "the call shows no mark, as workers of earlier versions do not"
        }
        Phase::Waiting => "it waits to be leased",
        Phase::Running(_) => "it runs under another lease",
        Phase::Finished(_) => "it is finished",
    };
    Refusal::StaleLease { number: claim.number, claimed: claim.attempt, stands }
}

fn failed(reason: String) -> Outcome {
    let (constraints, attributes) = ([].into(), Attributes::new());
    Outcome { result: TrialResult::Fail(reason), constraints, attributes }
}
