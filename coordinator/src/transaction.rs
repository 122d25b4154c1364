//! What the ledger holds, and one batch of decisions on it: the core decides, the state changes,
//! and the events pile up for the commit.

use std::collections::{HashSet, VecDeque};
use std::time::{Duration, Instant};

use kindling_proto::limits;
use kindling_study::{
    Attributes, Bug, Choice, Claim, ConfirmSpec, Creation, Decision, Event, Mark, Record, Refusal,
    Registry, Study, StudyId, StudySpec, StudyState, Tick, Trial, TrialNumber, TrialResult,
    Verdict, Wall, WorkerId,
};
use kindling_telemetry::context;
use rand::CryptoRng;

use crate::clock::Clock;
use crate::observe;
use crate::store::History;
use crate::workers::{Twin, WorkerInfo, Workers};

/// A worker whose connection was lost has so long to come back before its trials are leased again.
const RECONNECT_GRACE: Duration = Duration::from_secs(3);

/// Changes that are remembered for those who watch.
const MAX_CHANGES: usize = 10_000;

/// All that the ledger knows.
pub(crate) struct State {
    registry: Registry,
    /// The store's.
    history: History,
    workers: Workers,
    lease_term: Duration,
    /// Until then a connection that breaks may be one that broke while nobody could be heard.
    excused_until: Tick,
    /// Where marks come from.
    random: Box<dyn CryptoRng + Send>,
    now: (Tick, Wall),
    /// How often a trial changed.
    changed: u64,
    /// The newest of these changes. Bounded.
    changes: VecDeque<(StudyId, TrialNumber)>,
}

/// A lease as its holder names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StudyClaim {
    pub(crate) study: StudyId,
    pub(crate) claim: Claim,
    /// The history in which it was given, if the holder says so.
    pub(crate) history: Option<History>,
}

/// A trial that a worker was given.
#[derive(Debug)]
pub(crate) struct Leased {
    pub(crate) study: StudyId,
    pub(crate) number: TrialNumber,
    /// For the worker to go on with the trial's trace; empty if nobody traces.
    pub(crate) trace: String,
}

impl State {
    /// What a store held at this time. Whoever holds a lease in it is to be heard of.
    pub(crate) fn new(
        registry: Registry,
        history: History,
        lease_term: Duration,
        now: Tick,
        random: Box<dyn CryptoRng + Send>,
    ) -> Self {
        let workers = Workers::expecting(registry.holders(), now);
        Self {
            registry,
            history,
            workers,
            lease_term,
            excused_until: Tick::default(),
            random,
            now: Default::default(),
            changed: 0,
            changes: VecDeque::new(),
        }
    }

    pub(crate) fn registry(&self) -> &Registry {
        &self.registry
    }

    pub(crate) fn history(&self) -> History {
        self.history
    }

    pub(crate) fn workers(&self) -> &Workers {
        &self.workers
    }

    pub(crate) fn lease_term(&self) -> Duration {
        self.lease_term
    }

    /// The clocks as of the newest batch.
    pub(crate) fn now(&self) -> (Tick, Wall) {
        self.now
    }

    /// How often a trial changed until now.
    pub(crate) fn changes(&self) -> u64 {
        self.changed
    }

    /// Which trials changed after the first so many changes, as far as is remembered: how many changes came
    /// before each, and of which trial it is.
    pub(crate) fn changes_since(
        &self,
        seen: u64,
    ) -> impl Iterator<Item = (u64, StudyId, TrialNumber)> {
        let forgotten = self.changed - self.changes.len() as u64;
        let skipped = usize::try_from(seen.saturating_sub(forgotten)).unwrap_or(usize::MAX);
        let remembered = (forgotten..).zip(&self.changes).skip(skipped);
        remembered.map(|(place, (study, number))| (place, *study, *number))
    }

    /// Notes what a commit changed.
    pub(crate) fn note_commit(&mut self, records: &[Record]) {
        for record in records {
            if let Some(number) = record.event.trial() {
                self.changes.push_back((record.study, number));
                self.changed += 1;
            }
        }
        let excess = self.changes.len().saturating_sub(MAX_CHANGES);
        self.changes.drain(..excess);
    }

    /// Replaces the studies by what is on disk; what is known of workers stays.
    pub(crate) fn reset(&mut self, registry: Registry) {
        self.registry = registry;
    }

    /// Looks at the clocks: what follows happens now.
    pub(crate) fn look_at(&mut self, clock: &dyn Clock) {
        self.now = (clock.tick(), clock.wall());
        if Bug::DeadlineIsWallTime.is_on() {
            self.now.0 = Tick(Duration::from_micros(self.now.1.0.cast_unsigned()));
        }
    }

    /// Notes that the worker lives. Returns those of its leases that are not its own any more.
    pub(crate) fn heartbeat(
        &mut self,
        worker: &WorkerId,
        info: WorkerInfo,
        holding: Vec<StudyClaim>,
    ) -> Result<Vec<StudyClaim>, Twin> {
        self.admit(worker, &info)?;
        if !Bug::HeartbeatRenewsNothing.is_on() {
            self.seen(worker, info);
        }
        let held: HashSet<_> = self.registry.held_by(worker).into_iter().collect();
        let is_held = |h: &StudyClaim| {
            held.contains(&(h.study, h.claim.number)) && is_newest(&self.registry, h)
        };
        Ok(holding.into_iter().filter(|h| !is_held(h)).collect())
    }

    pub(crate) fn connected(&mut self, worker: &WorkerId) {
        self.workers.connected(worker, self.now.0);
    }

    /// A connection of the worker ended. Without another one it has a moment to come back.
    pub(crate) fn disconnected(&mut self, worker: &WorkerId) {
        if self.workers.disconnected(worker) && self.now.0 >= self.excused_until {
            let deadline = self.now.0 + RECONNECT_GRACE.min(self.lease_term);
            self.registry.hasten(worker, deadline);
        }
    }

    /// Nobody could be heard until now: every open lease gets a full term.
    pub(crate) fn excuse_silence(&mut self) {
        let (now, _) = self.now;
        self.excused_until = now + self.lease_term;
        self.registry.renew_all(self.excused_until);
        self.workers.excuse_all(now);
    }

    /// Whether the process that calls may speak for the worker.
    fn admit(&mut self, worker: &WorkerId, info: &WorkerInfo) -> Result<(), Twin> {
        self.workers.admit(worker, info.session, self.now.0, self.lease_term)
    }

    /// A mark for one lease.
    fn draw_mark(&mut self) -> Mark {
        let mut bytes = [0; Mark::LEN];
        self.random.fill_bytes(&mut bytes);
        Mark::new(bytes)
    }

    fn seen(&mut self, worker: &WorkerId, info: WorkerInfo) {
        self.workers.seen(worker, info, self.now.0);
        self.renew(worker);
    }

    fn renew(&mut self, worker: &WorkerId) {
        self.registry.renew(worker, self.now.0 + self.lease_term);
    }
}

/// One batch. Every decision sees those before it.
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

    /// The study, and whether it is new.
    pub(crate) fn create_study(&mut self, spec: StudySpec) -> Result<(StudyId, bool), Refusal> {
        match self.state.registry.create(spec)? {
            Creation::Exists(id) => Ok((id, false)),
            Creation::New(..) if self.state.registry.len() >= limits::STUDIES => {
                Err(Refusal::TooManyStudies(limits::STUDIES))
            }
            Creation::New(id, event) => {
                self.record(id, vec![event]);
                Ok((id, true))
            }
        }
    }

    pub(crate) fn delete_study(&mut self, name: &str) -> Result<(), Refusal> {
        let (id, _) = self.state.registry.find(name)?;
        let event = self.state.registry.delete(id)?;
        self.record(id, vec![event]);
        Ok(())
    }

    /// Sets the state, and with it the budget and what is confirmed: all of it or, if one of them does
    /// not fit, nothing.
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

    pub(crate) fn enqueue(
        &mut self,
        name: &str,
        fixed: &[(String, Choice)],
        request: Option<String>,
    ) -> Result<(StudyId, TrialNumber), Refusal> {
        let (id, study) = self.state.registry.find(name)?;
        let (events, number) = study.enqueue(fixed, request)?;
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

    /// Lets a process ask for work in a worker's name, which is a sign of life if it was heard just now.
    pub(crate) fn admit(
        &mut self,
        worker: &WorkerId,
        info: WorkerInfo,
        is_heard: bool,
    ) -> Result<(), Twin> {
        self.state.admit(worker, &info)?;
        if is_heard {
            self.state.seen(worker, info);
        }
        Ok(())
    }

    /// Gives the worker its own leases that it does not name, and new ones up to its slots. Those
    /// that it lost with an earlier process of its are ended first, as any dead worker's. `give` takes
    /// each, and says whether there is room for another.
    pub(crate) fn lease(
        &mut self,
        worker: &WorkerId,
        session: u64,
        slots: usize,
        objectives: &[String],
        holding: &[StudyClaim],
        mut give: impl FnMut(&State, Leased) -> bool,
    ) {
        let worker = &self.state.workers.shared(worker);
        let named = named(&self.state.registry, holding);
        self.lose_forgotten(worker, session, &named);
        let held = self.state.registry.held_by(worker);
        // Whoever is told a lease is told its mark. That is for the process that was given it.
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
            let Some(new) = self.lease_new(worker, session, objectives) else { return };
            if !give(self.state, new) {
                return;
            }
        }
    }

    /// Ends the worker's leases that an earlier process of its had. One that asks again because it got
    /// no answer has not begun with the trial; whoever has reported on it and does not name it any more
    /// is another process.
    fn lose_forgotten(&mut self, worker: &WorkerId, session: u64, named: &Named) {
        let registry = &self.state.registry;
        let is_lost = |&(study, number): &(StudyId, TrialNumber)| {
            let trial = registry.get(study).ok().and_then(|s| s.get(number));
            let has_begun = trial.is_some_and(|trial| !trial.curve.is_empty());
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

    /// Where a trial's trace begins.
    fn lease_new(
        &mut self,
        worker: &WorkerId,
        session: u64,
        objectives: &[String],
    ) -> Option<Leased> {
        let start = Instant::now();
        let mark = self.state.draw_mark();
        let leased = self.state.registry.lease(worker, session, objectives, mark);
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
    ) -> Result<Verdict, Refusal> {
        let verdict = self.decide(claim, |study| {
            let decision = study.report(&claim.claim, step, value)?;
            let is_kept = |event: &Event| matches!(event, Event::Reported { .. });
            if decision.0.iter().any(is_kept) {
                check_reports(study, claim.claim.number)?;
            }
            Ok(decision)
        })?;
        // Nobody but the worker has its mark.
        self.state.renew(&claim.claim.worker);
        Ok(verdict)
    }

    pub(crate) fn finish(
        &mut self,
        claim: &StudyClaim,
        result: TrialResult,
        attributes: Attributes,
    ) -> Result<(), Refusal> {
        self.decide(claim, |study| study.finish(&claim.claim, result, attributes))?;
        self.state.renew(&claim.claim.worker);
        Ok(())
    }

    pub(crate) fn release(&mut self, claim: &StudyClaim) -> Result<(), Refusal> {
        self.decide(claim, |study| study.release(&claim.claim))
    }

    /// Decides a call under a lease. What is refused because there is no such lease may be of another
    /// history: that is said, so that whoever calls keeps it for a store that knows it.
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
            Err(Refusal::StaleLease { number, .. } | Refusal::UnknownTrial { number, .. })
                if claim.history.is_some_and(|history| history != self.state.history) =>
            {
                Err(Refusal::OtherHistory { number })
            }
            Err(refusal) => Err(refusal),
        }
    }

    /// Nobody could be heard until now.
    pub(crate) fn excuse_silence(&mut self) {
        self.state.excuse_silence();
    }

    /// Ends overdue leases and forgets workers that are long gone.
    pub(crate) fn expire(&mut self) {
        let (now, _) = self.state.now;
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
        self.state.workers.find_silent(now, self.state.lease_term);
        let registry = &self.state.registry;
        self.state.workers.forget_silent(now, |worker| !registry.held_by(worker).is_empty());
    }

    fn record(&mut self, study: StudyId, events: Vec<Event>) {
        let (now, at) = self.state.now;
        for event in events {
            let record = Record { study, at, event };
            self.log_failure(&record);
            self.state.registry.apply(&record, now + self.state.lease_term);
            self.log_pause(&record);
            self.records.push(record);
        }
    }
}

/// What an operator should hear of.
impl Transaction<'_> {
    /// A reason that is new to the study is worth more than the next trial that fails for it.
    fn log_failure(&self, record: &Record) {
        let Event::Finished { number, outcome } = &record.event else { return };
        let TrialResult::Fail(reason) = &outcome.result else { return };
        let Ok(study) = self.state.registry.get(record.study) else { return };
        let (name, trial) = (study.spec().name.as_str(), number.0);
        if study.failures().knows(reason) {
            tracing::info!(study = name, trial, reason, "trial failed, as others before");
        } else {
            tracing::warn!(study = name, trial, reason, "trial failed");
        }
    }

    fn log_pause(&self, record: &Record) {
        let Event::StateChanged { because: Some(reason), .. } = &record.event else { return };
        let Ok(study) = self.state.registry.get(record.study) else { return };
        let name = study.spec().name.as_str();
        tracing::warn!(study = name, reason, "paused; `kindling study resume` goes on");
    }
}

/// The trials that a worker names by their newest leases.
type Named = HashSet<(StudyId, TrialNumber)>;

fn named(registry: &Registry, leases: &[StudyClaim]) -> Named {
    let newest = leases.iter().filter(|lease| is_newest(registry, lease));
    newest.map(|lease| (lease.study, lease.claim.number)).collect()
}

/// Which process holds the trial; 0 if it did not say, or if nobody does.
fn holder_of(registry: &Registry, (study, number): (StudyId, TrialNumber)) -> u64 {
    let trial = registry.get(study).ok().and_then(|s| s.get(number));
    trial.and_then(Trial::lease).map_or(0, |lease| lease.session)
}

/// Whether the lease is the newest one of its trial.
fn is_newest(registry: &Registry, lease: &StudyClaim) -> bool {
    let trial = registry.get(lease.study).ok().and_then(|study| study.get(lease.claim.number));
    trial.is_some_and(|trial| trial.is_claimed_by(&lease.claim))
}

/// Whether a trial may have another intermediate value.
fn check_reports(study: &Study, number: TrialNumber) -> Result<(), Refusal> {
    let reported = study.trial_at(number)?.curve.len();
    if reported >= limits::REPORTS {
        return Err(Refusal::TooManyReports { number, most: limits::REPORTS });
    }
    Ok(())
}
