//! One batch of decisions on the ledger's state. The core decides, the events are applied to the state at once, and
//! they are collected for the commit.

use std::collections::{BTreeSet, HashSet};
use std::time::Instant;

use kindling_proto::limits;
use kindling_study::{
    Annotation, Asked, Attributes, Bug, Choice, ConfirmSpec, Creation, Decision, Deed, Event,
    MAX_NOTE, MAX_REMARKS, MAX_TAG, MAX_TAGS, Proposal, Recipient, Record, Refusal, Registry,
    Study, StudyId, StudySpec, StudyState, Told, Trial, TrialNumber, TrialResult, Verdict,
    WorkerId,
};
use kindling_telemetry::context;

use crate::actor::Actor;
use crate::observe;
use crate::state::{State, StudyClaim, is_newest};
use crate::workers::{Twin, WorkerInfo};

mod acting;
mod external;
mod kept;

pub(crate) use external::{Asker, REQUEST, check_room};

// The core checks these, and depends on no crate of ours.
const _: () = {
    assert!(limits::REMARK_NOTE == MAX_NOTE && limits::REMARKS == MAX_REMARKS);
    assert!(limits::TAGS == MAX_TAGS && limits::TAG == MAX_TAG);
};

/// A trial leased to a worker.
#[derive(Debug)]
pub(crate) struct Leased {
    pub(crate) study: StudyId,
    pub(crate) number: TrialNumber,
    /// The trace context with which the worker continues the trial's trace. Empty without tracing.
    pub(crate) trace: String,
}

/// What became of failed trials that were to be repeated.
#[derive(Debug)]
pub(crate) struct Retries {
    /// Each with the trial that repeats it.
    pub(crate) retried: Vec<(TrialNumber, TrialNumber)>,
    pub(crate) refused: Vec<(TrialNumber, Refusal)>,
}

/// Of which studies a worker takes trials.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wanted {
    /// Of those with these objectives.
    pub(crate) objectives: Vec<String>,
    /// But of none of these.
    pub(crate) without: BTreeSet<StudyId>,
}

/// One batch. Each decision sees the effects of those before it.
pub(crate) struct Transaction<'a> {
    state: &'a mut State,
    records: Vec<Record>,
}

impl<'a> Transaction<'a> {
    pub(crate) fn begin(state: &'a mut State) -> Self {
        Self { state, records: Vec::new() }
    }

    pub(crate) fn state(&self) -> &State {
        self.state
    }

    pub(crate) fn into_records(self) -> Vec<Record> {
        self.records
    }

    /// Returns the study's id and whether it is new.
    pub(crate) fn create_study(&mut self, spec: StudySpec) -> Result<(StudyId, bool), Refusal> {
        match self.state.registry.create(spec)? {
            Creation::Exists(id, events) => {
                self.record(id, events);
                Ok((id, false))
            }
            Creation::New(..) if self.state.registry.len() >= limits::STUDIES => {
                Err(Refusal::TooManyStudies(limits::STUDIES))
            }
            Creation::New(id, event) => {
                self.record(id, vec![event]);
                Ok((id, true))
            }
        }
    }

    /// Returns the id that it had.
    pub(crate) fn delete_study(&mut self, name: &str) -> Result<StudyId, Refusal> {
        let id = self.state.registry.id_of(name)?;
        let event = self.state.registry.delete(id)?;
        self.record(id, vec![event]);
        self.state.clients.forget_study(id);
        Ok(id)
    }

    /// Takes note of what a recipient was told of the study.
    pub(crate) fn told(
        &mut self,
        id: StudyId,
        recipient: &Recipient,
        told: Told,
    ) -> Result<(), Refusal> {
        let events = self.state.registry.get(id)?.note_told(recipient, told);
        self.record(id, events);
        Ok(())
    }

    /// Changes the state, and with it the budget and the confirmation settings. Either all of them
    /// change or, if one does not fit, none.
    pub(crate) fn change_state(
        &mut self,
        name: &str,
        state: StudyState,
        budget: Option<u32>,
        confirm: Option<ConfirmSpec>,
    ) -> Result<StudyId, Refusal> {
        let (id, study) = self.state.registry.find(name)?;
        let mut events = Vec::new();
        if let Some(trials) = budget {
            events.extend(study.change_budget(trials)?.0);
        }
        if let Some(confirm) = confirm {
            events.extend(study.change_confirm(confirm)?.0);
        }
        events.extend(study.change_state(state));
        self.record(id, events);
        Ok(id)
    }

    /// Changes the budget alone.
    pub(crate) fn change_budget(&mut self, name: &str, trials: u32) -> Result<StudyId, Refusal> {
        let (id, study) = self.state.registry.find(name)?;
        let (events, ()) = study.change_budget(trials)?;
        self.record(id, events);
        Ok(id)
    }

    pub(crate) fn enqueue(
        &mut self,
        name: &str,
        fixed: &[(String, Choice)],
        warm_start: Option<TrialNumber>,
        request: Option<String>,
    ) -> Result<(StudyId, TrialNumber), Refusal> {
        let (id, study) = self.state.registry.find(name)?;
        let (events, number) = study.enqueue(fixed, warm_start, request)?;
        self.record(id, events);
        Ok((id, number))
    }

    pub(crate) fn retry(
        &mut self,
        name: &str,
        failed: TrialNumber,
        request: Option<String>,
    ) -> Result<(StudyId, TrialNumber), Refusal> {
        let (id, study) = self.state.registry.find(name)?;
        let (events, number) = study.retry(failed, request)?;
        self.record(id, events);
        Ok((id, number))
    }

    /// Repeats each of these trials once, or says why not. All that are repeated are one commit.
    pub(crate) fn retry_all(
        &mut self,
        name: &str,
        failed: &[TrialNumber],
        request: Option<&str>,
    ) -> Result<Retries, Refusal> {
        self.state.registry.find(name)?;
        let (mut retried, mut refused) = (Vec::new(), Vec::new());
        for number in failed.iter().copied().collect::<BTreeSet<_>>() {
            let request = request.map(|request| format!("{request}/{number}"));
            match self.retry(name, number, request) {
                Ok((_, again)) => retried.push((number, again)),
                Err(refusal) => refused.push((number, refusal)),
            }
        }
        Ok(Retries { retried, refused })
    }

    /// Changes what people wrote about a study of either kind, or about one of its trials.
    pub(crate) fn annotate(
        &mut self,
        name: &str,
        number: Option<TrialNumber>,
        wanted: &Annotation,
    ) -> Result<StudyId, Refusal> {
        let id = self.state.registry.id_of(name)?;
        let events = match self.state.registry.external(id) {
            Ok(study) => {
                let (events, ()) = study.annotate(number, wanted)?;
                events.into_iter().map(Event::External).collect()
            }
            Err(_) => self.state.registry.get(id)?.annotate(number, wanted)?.0,
        };
        self.record(id, events);
        Ok(id)
    }

    /// Lets a process ask for work as this worker. Counts as a sign of life if the call has just
    /// arrived.
    pub(crate) fn admit(
        &mut self,
        worker: &WorkerId,
        info: WorkerInfo,
        objectives: &[String],
        is_heard: bool,
    ) -> Result<(), Twin> {
        self.state.admit(worker, &info)?;
        if is_heard {
            self.state.seen(worker, info);
            self.state.workers.offers(worker, objectives);
        }
        Ok(())
    }

    /// Leases trials to the worker.
    ///
    /// It first gets those it holds but does not name, then new ones until its slots are full.
    /// Before that, the leases of an earlier process of this worker are ended, like those of any
    /// dead worker. `give` takes each trial and says whether there is room for another.
    pub(crate) fn lease(
        &mut self,
        worker: &WorkerId,
        session: u64,
        slots: usize,
        wanted: &Wanted,
        holding: &[StudyClaim],
        mut give: impl FnMut(&State, Leased) -> bool,
    ) {
        let worker = &self.state.workers.shared(worker);
        let named = named(&self.state.registry, holding);
        self.lose_forgotten(worker, session, &named);
        let held = self.state.registry.held_by(worker);
        // The answer contains the lease's mark, which only the process that was given the lease may
        // see.
        let registry = &self.state.registry;
        let is_its = |held: &(StudyId, TrialNumber)| {
            let holder = holder_of(registry, *held);
            holder == 0 || holder == session
        };
        let own: Vec<_> = held.iter().filter(|h| !named.contains(*h) && is_its(h)).collect();
        let mut room = limits::ASSIGNMENTS;
        let mut give = |state: &State, leased| {
            room -= 1;
            give(state, leased) && room > 0
        };
        for &(study, number) in own.into_iter().take(slots.saturating_sub(holding.len())) {
            let leased = Leased { study, number, trace: String::new() };
            if !Bug::LostAnswerLosesTrial.is_on() && !give(self.state, leased) {
                return;
            }
        }
        for _ in held.len()..slots {
            let Some(new) = self.lease_new(worker, session, wanted) else { return };
            if !give(self.state, new) {
                return;
            }
        }
    }

    /// Ends the leases of an earlier process of this worker. A process that asks again because the
    /// answer got lost has not begun its trial. So if there are reports or a checkpoint of this
    /// attempt at a trial that this process does not name, another process made them.
    fn lose_forgotten(&mut self, worker: &WorkerId, session: u64, named: &Named) {
        let registry = &self.state.registry;
        let is_lost = |&(study, number): &(StudyId, TrialNumber)| {
            let trial = registry.get(study).ok().and_then(|s| s.get(number));
            let has_begun = trial.is_some_and(Trial::has_begun);
            let holder = holder_of(registry, (study, number));
            let is_another = session != 0 && holder != 0 && session != holder;
            !named.contains(&(study, number)) && (is_another || has_begun)
        };
        let held = registry.held_by(worker);
        let lost: Vec<_> = held.into_iter().filter(is_lost).collect();
        if Bug::RestartedWorkerKeepsLease.is_on() {
            return;
        }
        for (id, number) in lost {
            let Ok(study) = self.state.registry.get(id) else { continue };
            tracing::warn!(study = id.0, trial = number.0, %worker, "lost with its process");
            let events = study.lose(number);
            self.record(id, events);
        }
    }

    /// Records a proposal that was computed beside the ledger, unless its study has gone on meanwhile.
    pub(crate) fn take_proposal(&mut self, study: StudyId, asked: &Asked, proposal: Proposal) {
        if let Ok(known) = self.state.registry.get(study) {
            let events = known.take_proposal(asked, proposal);
            self.record(study, events);
        }
    }

    /// Leases a new trial. The trial's trace begins here.
    fn lease_new(
        &mut self,
        worker: &WorkerId,
        session: u64,
        Wanted { objectives, without }: &Wanted,
    ) -> Option<Leased> {
        let start = Instant::now();
        let mark = self.state.draw_mark();
        let State { registry, awaited, most_effort, .. } = &mut *self.state;
        let is_put_off = |id, study: &Study| {
            if without.contains(&id) {
                return true;
            }
            let takes_long = study.next_effort() > *most_effort;
            if takes_long {
                awaited.insert(id);
            }
            takes_long
        };
        let leased = registry.lease(worker, session, objectives, mark, is_put_off);
        let (study, events, number) = leased?;
        let seconds = start.elapsed().as_secs_f64();
        let span =
            tracing::info_span!("lease", study = study.0, trial = number.0, %worker, seconds);
        if events.iter().any(|event| matches!(event, Event::Proposed { .. })) {
            observe::proposed(start);
        }
        self.record(study, events);
        Some(Leased { study, number, trace: context(&span) })
    }

    pub(crate) fn report(
        &mut self,
        claim: &StudyClaim,
        step: u64,
        value: f64,
        others: &[(u16, f64)],
    ) -> Result<Verdict, Refusal> {
        let verdict = self.decide(claim, |study| {
            let decision = study.report(&claim.claim, step, value, others)?;
            let is_kept = |event: &Event| matches!(event, Event::Reported { .. });
            if decision.0.iter().any(is_kept) {
                check_reports(study, claim.claim.number, others.len())?;
            }
            Ok(decision)
        })?;
        // Only the worker knows the mark, so this report is a sign of life.
        self.state.renew(&claim.claim.worker);
        Ok(verdict)
    }

    pub(crate) fn finish(
        &mut self,
        claim: &StudyClaim,
        result: TrialResult,
        constraints: &[f64],
        attributes: Attributes,
    ) -> Result<(), Refusal> {
        self.decide(claim, |study| study.finish(&claim.claim, result, constraints, attributes))?;
        self.state.renew(&claim.claim.worker);
        Ok(())
    }

    /// Gives the trial back. A reason says what is wrong with it here; without one, the worker only stops.
    pub(crate) fn release(&mut self, claim: &StudyClaim, reason: String) -> Result<(), Refusal> {
        self.decide(claim, |study| study.release(&claim.claim))?;
        let (number, worker) = (claim.claim.number, &claim.claim.worker);
        let (_, now) = self.state.now();
        self.state.hand_backs.note(claim.study, number, worker, reason, now);
        Ok(())
    }

    /// Decides a call that is made under a lease.
    fn decide<R>(
        &mut self,
        claim: &StudyClaim,
        decide: impl FnOnce(&Study) -> Decision<R>,
    ) -> Result<R, Refusal> {
        let id = claim.study;
        match self.state.registry.get(id).and_then(decide) {
            Ok((events, reply)) => {
                self.record(id, events);
                Ok(reply)
            }
            Err(refusal) => Err(self.state.of_history(claim, refusal)),
        }
    }

    /// Gives every open lease a full term, because no worker could be heard until now.
    pub(crate) fn excuse_silence(&mut self) {
        self.state.excuse_silence();
    }

    /// Ends overdue leases and forgets workers that left long ago.
    pub(crate) fn expire(&mut self) {
        let (now, _) = self.state.now();
        let overdue: Vec<_> =
            self.state.registry.iter().map(|(id, study)| (id, study.expire(now))).collect();
        for (id, events) in overdue {
            for event in &events {
                if let Event::LeaseEnded { number, .. } = event {
                    tracing::warn!(study = id.0, trial = number.0, "lease expired");
                }
            }
            self.record(id, events);
        }
        self.expire_external();
        self.state.workers.find_silent(now, self.state.lease_term());
        let registry = &self.state.registry;
        self.state.workers.forget_silent(now, |worker| !registry.held_by(worker).is_empty());
    }

    fn record(&mut self, study: StudyId, events: Vec<Event>) {
        let (now, at) = self.state.now();
        for event in events {
            self.log_failure(study, &event);
            match &event {
                Event::Finished { .. } => self.state.hand_backs.note_finished(study),
                Event::Deleted => self.state.hand_backs.forget(study),
                _ => {}
            }
            let lease_until = now + self.state.lease_term();
            let record = self.state.registry.apply(study, at, event, lease_until);
            let paused = self.log_pause(&record);
            self.records.push(record);
            if let Some(reason) = paused {
                self.note(study, Actor::kindling().did(Deed::Pause, None, &reason));
            }
        }
    }
}

/// Log lines for operators.
impl Transaction<'_> {
    /// The first failure with a new reason is a warning; later ones with the same reason are not.
    fn log_failure(&self, study: StudyId, event: &Event) {
        let Event::Finished { number, outcome } = event else { return };
        let TrialResult::Fail(reason) = &outcome.result else { return };
        let Ok(study) = self.state.registry.get(study) else { return };
        let (name, trial) = (study.spec().name.as_str(), number.0);
        if study.failures().knows(reason) {
            tracing::info!(study = name, trial, reason, "trial failed, as others before");
        } else {
            tracing::warn!(study = name, trial, reason, "trial failed");
        }
    }

    /// Why the study has paused itself, if it has.
    fn log_pause(&self, record: &Record) -> Option<String> {
        let Event::StateChanged { because: Some(reason), .. } = &record.event else { return None };
        let study = self.state.registry.get(record.study).ok()?;
        let name = study.spec().name.as_str();
        tracing::warn!(study = name, reason, "paused; `kindling study resume` goes on");
        Some(reason.clone())
    }
}

/// The trials that a worker names with their newest lease.
type Named = HashSet<(StudyId, TrialNumber)>;

fn named(registry: &Registry, leases: &[StudyClaim]) -> Named {
    let newest = leases.iter().filter(|lease| is_newest(registry, lease));
    newest.map(|lease| (lease.study, lease.claim.number)).collect()
}

/// The process that holds the trial. 0 if it gave no session, or if nobody holds the trial.
fn holder_of(registry: &Registry, (study, number): (StudyId, TrialNumber)) -> u64 {
    let trial = registry.get(study).ok().and_then(|s| s.get(number));
    trial.and_then(Trial::lease).map_or(0, |lease| lease.session)
}

/// Whether the trial may have one more step, with values of so many other objectives.
fn check_reports(study: &Study, number: TrialNumber, others: usize) -> Result<(), Refusal> {
    let trial = study.trial_at(number)?;
    let reported = trial.curve.len() + trial.other_values.len() + others;
    if reported >= limits::REPORTS {
        return Err(Refusal::TooManyReports { number, most: limits::REPORTS });
    }
    Ok(())
}
