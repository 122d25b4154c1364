//! A study: its trials, the indices over them, and `apply`, which is the only way to change it.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use crate::attempts::NewLease;
use crate::best::Best;
use crate::confirm::{ConfirmSpec, Confirmation};
use crate::event::{Event, StudyState};
use crate::failures::Failures;
use crate::ids::{TrialId, TrialNumber, WorkerId};
use crate::kept::{self, Artifact};
use crate::notify::{Notify, Told};
use crate::plan;
use crate::pruner::{Progress, PrunerSpec};
use crate::refusal::Refusal;
use crate::remarks::Remarks;
use crate::sampler::{Archive, Goal};
use crate::seed::{confirmation_seed, trial_seed};
use crate::spec::StudySpec;
use crate::time::{Tick, Wall};
use crate::trial::{Outcome, Phase, Trial, TrialResult};

/// A study and everything that happened to it.
#[derive(Debug, Clone, PartialEq)]
pub struct Study {
    /// Shared with the proposals that are under way, as is the archive.
    spec: Arc<StudySpec>,
    state: StudyState,
    pause_reason: Option<String>,
    budget: u32,
    confirm: Option<ConfirmSpec>,
    notify: Option<Notify>,
    told: Told,
    created: Wall,
    trials: Vec<Trial>,
    /// Its own artifacts, by name.
    artifacts: Vec<Artifact>,
    /// Notes and tags, on it and on its trials.
    remarks: Remarks,
    /// Finished trials in the order in which they finished, whatever their result.
    finish_order: Vec<TrialNumber>,
    // Indices derived from `trials`.
    waiting: BTreeSet<TrialNumber>,
    running: BTreeSet<TrialNumber>,
    holders: HashMap<WorkerId, BTreeSet<TrialNumber>>,
    requests: HashMap<String, TrialNumber>,
    best: Best,
    archive: Arc<Archive>,
    progress: Progress,
    proposed: u32,
    finished: Finished,
    failures: Failures,
    first_started: Option<Wall>,
    /// How many confirmation trials exist, and how many of them have finished.
    confirming: Confirming,
    /// The confirmations still to be run. Empty until the search is over.
    outstanding: VecDeque<Confirmation>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Confirming {
    made: usize,
    finished: usize,
}

/// How many trials finished, by result.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Finished {
    /// COMPLETE.
    pub complete: u32,
    /// PRUNED.
    pub pruned: u32,
    /// FAIL.
    pub fail: u32,
}

impl Study {
    /// A new study without trials.
    pub fn new(spec: StudySpec, created: Wall) -> Self {
        let budget = spec.trials;
        let confirm = spec.confirm.clone();
        let (trials, order) = (Vec::new(), Vec::new());
        Self::restore(spec, StudyState::Active, budget, confirm, created, trials, order)
    }

    /// A study as loaded from a store. `finish_order` lists the finished trials in the order in which they
    /// finished. Running trials carry the lease that the caller gave them.
    pub fn restore(
        spec: StudySpec,
        state: StudyState,
        budget: u32,
        confirm: Option<ConfirmSpec>,
        created: Wall,
        trials: Vec<Trial>,
        finish_order: Vec<TrialNumber>,
    ) -> Self {
        let archive = Archive::new(&spec.space, Goal::of(&spec));
        let notify = spec.notify.clone();
        let mut study = Self {
            spec: Arc::new(spec),
            state,
            pause_reason: None,
            budget,
            confirm,
            notify,
            told: Told::default(),
            created,
            trials,
            artifacts: Vec::new(),
            remarks: Remarks::default(),
            finish_order: Vec::new(),
            waiting: BTreeSet::new(),
            running: BTreeSet::new(),
            holders: HashMap::new(),
            requests: HashMap::new(),
            best: Best::default(),
            archive: Arc::new(archive),
            progress: Progress::default(),
            proposed: 0,
            finished: Finished::default(),
            failures: Failures::default(),
            first_started: None,
            confirming: Confirming::default(),
            outstanding: VecDeque::new(),
        };
        for number in (0..study.trials.len() as u32).map(TrialNumber) {
            let trial = study.trial(number);
            let (request, started) = (trial.request.clone(), trial.started);
            let is_proposed = trial.proposal.is_some();
            let confirms = trial.confirms.is_some();
            match trial.phase {
                Phase::Waiting => _ = study.waiting.insert(number),
                Phase::Running(_) => {
                    study.note_leased(number);
                    study.note_curve(number);
                }
                Phase::Finished(_) => study.note_curve(number),
            }
            study.proposed += u32::from(is_proposed);
            study.confirming.made += usize::from(confirms);
            study.requests.extend(request.map(|r| (r, number)));
            if let Some(at) = started {
                study.note_started(at);
            }
        }
        for number in finish_order {
            study.note_finished(number);
        }
        study.plan_confirmations();
        study
    }

    /// A copy for a replay. It leaves out most of the curves and all attributes, which take most of the
    /// memory.
    #[must_use]
    pub fn to_replay(&self) -> Self {
        let mut copy = Self::new((*self.spec).clone(), self.created);
        copy.trials = self.trials.iter().map(Trial::in_short).collect();
        copy.finish_order.clone_from(&self.finish_order);
        copy
    }

    /// The spec that it was created with.
    pub fn spec(&self) -> &StudySpec {
        &self.spec
    }

    /// Whether trials are leased.
    pub fn state(&self) -> StudyState {
        self.state
    }

    /// How many trials the search has to finish.
    pub fn budget(&self) -> u32 {
        self.budget
    }

    /// Which configurations are run again once the search is over.
    pub fn confirm(&self) -> Option<&ConfirmSpec> {
        self.confirm.as_ref()
    }

    /// Whom to tell of its news.
    pub fn notify(&self) -> Option<&Notify> {
        self.notify.as_ref()
    }

    /// What was told there.
    pub fn told(&self) -> &Told {
        &self.told
    }

    /// The study with what a store kept of whom it tells, and of what was told there.
    #[must_use]
    pub fn telling(mut self, notify: Option<Notify>, told: Told) -> Self {
        (self.notify, self.told) = (notify, told);
        self
    }

    /// How many confirmation trials exist or are still to come. An upper bound until the search is over.
    pub fn confirmations(&self) -> u32 {
        let to_come = match &self.confirm {
            Some(confirm) if !self.search_is_over() => plan::most(confirm, &self.spec, self.budget),
            _ => self.outstanding.len() as u32,
        };
        to_come.saturating_add(self.confirming.made as u32)
    }

    /// Whether the search is over and some confirmations are still to be added.
    pub fn has_confirmations_left(&self) -> bool {
        !self.outstanding.is_empty()
    }

    /// The next confirmation to add once the search is over.
    pub(crate) fn next_confirmation(&self) -> Option<Confirmation> {
        self.outstanding.front().copied()
    }

    /// When it was created.
    pub fn created(&self) -> Wall {
        self.created
    }

    /// Its trials; a trial's number is its index.
    pub fn trials(&self) -> &[Trial] {
        &self.trials
    }

    /// The trial with this number, if there is one.
    pub fn get(&self, number: TrialNumber) -> Option<&Trial> {
        self.trials.get(number.index())
    }

    /// The trial with this number, or a refusal.
    pub fn trial_at(&self, number: TrialNumber) -> std::result::Result<&Trial, Refusal> {
        let trials = self.trials.len();
        self.get(number).ok_or(Refusal::UnknownTrial { number, trials })
    }

    /// The waiting trials, lowest number first.
    pub fn waiting(&self) -> &BTreeSet<TrialNumber> {
        &self.waiting
    }

    /// The running trials.
    pub fn running(&self) -> &BTreeSet<TrialNumber> {
        &self.running
    }

    /// The trials that the worker holds.
    pub fn held_by(&self, worker: &WorkerId) -> impl Iterator<Item = TrialNumber> {
        self.holders.get(worker).into_iter().flatten().copied()
    }

    /// The workers that hold trials.
    pub(crate) fn holders(&self) -> impl Iterator<Item = &WorkerId> {
        self.holders.keys()
    }

    /// Finished trials in the order in which they finished.
    pub fn finish_order(&self) -> &[TrialNumber] {
        &self.finish_order
    }

    /// How many trials of the search exist.
    pub(crate) fn searched(&self) -> usize {
        self.trials.len() - self.confirming.made
    }

    /// The seed for the trial's objective. All attempts get the same one.
    pub fn seed_of(&self, number: TrialNumber) -> u64 {
        match self.get(number).and_then(|trial| trial.confirms) {
            Some(Confirmation { seed, .. }) => confirmation_seed(self.spec.seed, seed),
            None => trial_seed(self.spec.seed, number),
        }
    }

    /// The completed, feasible trial of the search with the best value. Of equal ones, the first to finish. Of several
    /// objectives, the first of the front.
    pub fn best(&self) -> Option<TrialNumber> {
        self.best.first()
    }

    /// How many trials had finished when the newest of the front had; 0 without one. It grows with each change of the front.
    pub(crate) fn newest_best(&self) -> u32 {
        self.best.newest()
    }

    /// The completed, feasible trials of the search that no other dominates, by the first objective, then by the next.
    /// Of one objective, the best alone.
    pub fn front(&self) -> impl ExactSizeIterator<Item = TrialNumber> {
        self.best.front()
    }

    /// How many trials finished, by result.
    pub fn finished(&self) -> Finished {
        self.finished
    }

    /// Why trials failed.
    pub fn failures(&self) -> &Failures {
        &self.failures
    }

    /// Why the study paused itself. `None` if somebody asked for the pause.
    pub fn pause_reason(&self) -> Option<&str> {
        self.pause_reason.as_deref()
    }

    /// The study with the pause reason that a store kept.
    #[must_use]
    pub fn paused_because(mut self, reason: Option<String>) -> Self {
        self.pause_reason = reason;
        self
    }

    /// The files that the study itself keeps, by name.
    pub fn artifacts(&self) -> &[Artifact] {
        &self.artifacts
    }

    /// The study with the artifacts that a store kept, by name.
    #[must_use]
    pub fn with_artifacts(mut self, artifacts: Vec<Artifact>) -> Self {
        self.artifacts = artifacts;
        self
    }

    /// Notes and tags, on it and on its trials.
    pub fn remarks(&self) -> &Remarks {
        &self.remarks
    }

    /// The study with the remarks that a store kept.
    #[must_use]
    pub fn with_remarks(mut self, remarks: Remarks) -> Self {
        self.remarks = remarks;
        self
    }

    /// How many trials have parameters.
    pub(crate) fn proposed(&self) -> u32 {
        self.proposed
    }

    /// When the first trial was leased, by the wall clock.
    pub fn first_started(&self) -> Option<Wall> {
        self.first_started
    }

    /// Whether all trials of the budget and all confirmations have finished.
    pub fn is_finished(&self) -> bool {
        self.search_is_over()
            && self.outstanding.is_empty()
            && self.confirming.made == self.confirming.finished
    }

    /// Whether the search is over, so that the confirmations are known.
    pub fn search_is_over(&self) -> bool {
        self.finish_order.len() - self.confirming.finished >= self.budget as usize
    }

    /// The trial that this request enqueued.
    pub(crate) fn enqueued_by(&self, request: &str) -> Option<TrialNumber> {
        self.requests.get(request).copied()
    }

    /// How far each trial has come, for pruners.
    pub(crate) fn progress(&self) -> &Progress {
        &self.progress
    }

    pub(crate) fn trial(&self, number: TrialNumber) -> &Trial {
        &self.trials[number.index()]
    }

    /// What samplers learn from.
    pub(crate) fn archive(&self) -> &Arc<Archive> {
        &self.archive
    }

    /// What was asked for, to be shared.
    pub(crate) fn shared_spec(&self) -> &Arc<StudySpec> {
        &self.spec
    }

    /// Applies an event. If it adds a trial, that gets the id `next`. `lease_until` is the deadline of a lease
    /// that starts with it.
    ///
    /// Events come from this study's own decisions or from its store, so they always fit.
    pub fn apply(&mut self, event: &Event, next: TrialId, at: Wall, lease_until: Tick) {
        match event {
            // The registry handles these.
            Event::Created { .. } | Event::Deleted | Event::External(_) | Event::Acted { .. } => {}
            Event::StateChanged { state, because } => {
                self.state = *state;
                self.pause_reason.clone_from(because);
            }
            Event::BudgetChanged { trials } => {
                self.budget = *trials;
                self.plan_confirmations();
            }
            Event::ConfirmChanged { confirm } => {
                self.confirm = Some(confirm.clone());
                self.plan_confirmations();
            }
            Event::NotifyChanged { notify } => {
                (self.notify, self.told) = (Some(notify.clone()), Told::default());
            }
            Event::Told { told } => self.told = (**told).clone(),
            Event::Enqueued { number, fixed, retry_of, confirms, warm_start, request } => {
                let mut trial = Trial::waiting(next, fixed.clone());
                if let Some(warm_start) = warm_start {
                    trial.start_from(warm_start);
                }
                trial.retry_of = *retry_of;
                trial.confirms = *confirms;
                trial.request.clone_from(request);
                if confirms.is_some() {
                    self.confirming.made += 1;
                    self.outstanding.pop_front_if(|next| Some(*next) == *confirms);
                }
                self.requests.extend(request.clone().map(|r| (r, *number)));
                self.push(*number, trial);
            }
            Event::Proposed { number, proposal } => {
                if number.index() == self.trials.len() {
                    self.push(*number, Trial::waiting(next, self.spec.space.nothing()));
                }
                self.trials[number.index()].proposal = Some(proposal.clone());
                self.proposed += 1;
            }
            Event::Leased { number, attempt, worker, session, mark, resumed } => {
                let trial = &mut self.trials[number.index()];
                let (attempt, mark, session, resumed) = (*attempt, *mark, *session, *resumed);
                let lease = NewLease { attempt, worker, mark, session, resumed };
                let started = trial.begin_attempt(&lease, at, lease_until);
                self.waiting.remove(number);
                self.note_started(started);
                self.note_leased(*number);
                self.note_curve(*number);
            }
            Event::Rewound { number, resumed } => {
                self.trials[number.index()].keep_curve(*resumed);
                self.progress.forget(*number);
                self.note_curve(*number);
            }
            Event::CheckpointSaved { number, checkpoint } => {
                let keep = self.spec.keep_checkpoints as usize;
                self.trials[number.index()].put_checkpoint(checkpoint.clone(), keep);
            }
            Event::ArtifactSaved { number, name, media_type, blob, replaces: _ } => {
                let (name, media_type, blob) = (name.clone(), media_type.clone(), blob.clone());
                let artifacts = match number {
                    Some(number) => &mut self.trials[number.index()].artifacts,
                    None => &mut self.artifacts,
                };
                kept::put(artifacts, Artifact { name, media_type, blob, saved: at });
            }
            Event::RemarkSet { key, value, .. } => self.remarks.put(key, value),
            Event::LeaseEnded { number, end } => {
                self.trials[number.index()].end_attempt(*end, at);
                self.note_unleased(*number);
                self.waiting.insert(*number);
                self.progress.forget(*number);
            }
            Event::Reported { number, step, value, others, prune } => {
                self.note_report(*number, *step, *value);
                let trial = &mut self.trials[number.index()];
                trial.curve.push((*step, *value));
                trial.other_values.extend(others);
                if *prune {
                    trial.pruned_at.get_or_insert(*step);
                    self.progress.give_up(*number);
                }
            }
            Event::Finished { number, outcome } => {
                let trial = &mut self.trials[number.index()];
                trial.phase = Phase::Finished(outcome.clone());
                trial.finished = Some(at);
                // A copy: an allocator may not free the spare capacity when a list shrinks by less than half.
                trial.curve = trial.curve.as_slice().to_vec();
                trial.other_values = trial.other_values.as_slice().to_vec();
                trial.keep_checkpoints(1);
                self.waiting.remove(number);
                self.note_unleased(*number);
                self.note_finished(*number);
                if self.trial(*number).confirms.is_none() {
                    self.plan_confirmations();
                }
            }
        }
    }

    /// Renews every lease that the worker holds. There is no event for this, because deadlines are not
    /// stored.
    pub fn renew(&mut self, worker: &WorkerId, deadline: Tick) {
        self.set_deadlines(worker, |_| deadline);
    }

    /// Renews every lease.
    pub fn renew_all(&mut self, deadline: Tick) {
        for number in &self.running {
            if let Phase::Running(lease) = &mut self.trials[number.index()].phase {
                lease.deadline = deadline;
            }
        }
    }

    /// The worker lost its connection: its leases end by `deadline` at the latest, unless it renews them.
    pub fn hasten(&mut self, worker: &WorkerId, deadline: Tick) {
        self.set_deadlines(worker, |current| current.min(deadline));
    }

    /// How long the trial has been running, or ran, by the wall clock.
    pub fn duration(&self, number: TrialNumber, now: Wall) -> Option<Duration> {
        let trial = self.get(number)?;
        let end = trial.finished.unwrap_or(now);
        let micros = end.0.saturating_sub(trial.started?.0);
        Some(Duration::from_micros(u64::try_from(micros).unwrap_or(0)))
    }

    fn set_deadlines(&mut self, worker: &WorkerId, new: impl Fn(Tick) -> Tick) {
        for number in self.holders.get(worker).into_iter().flatten() {
            if let Phase::Running(lease) = &mut self.trials[number.index()].phase {
                lease.deadline = new(lease.deadline);
            }
        }
    }

    fn push(&mut self, number: TrialNumber, trial: Trial) {
        debug_assert_eq!(number.index(), self.trials.len());
        self.trials.push(trial);
        self.waiting.insert(number);
    }

    /// Plans the confirmations again: the search may have ended, or may have been extended.
    fn plan_confirmations(&mut self) {
        self.outstanding = match self.confirm() {
            Some(confirm) if self.search_is_over() => {
                plan::outstanding(confirm, &self.spec, self.trials(), self.front())
            }
            _ => VecDeque::new(),
        };
    }

    fn note_started(&mut self, at: Wall) {
        self.first_started = Some(self.first_started.map_or(at, |first| Wall(first.0.min(at.0))));
    }

    fn note_leased(&mut self, number: TrialNumber) {
        self.running.insert(number);
        if let Some(worker) = self.trial(number).worker.clone() {
            self.holders.entry(worker).or_default().insert(number);
        }
    }

    fn note_unleased(&mut self, number: TrialNumber) {
        self.running.remove(&number);
        let Some(worker) = self.trial(number).worker.clone() else { return };
        if let Some(held) = self.holders.get_mut(&worker) {
            held.remove(&number);
            if held.is_empty() {
                self.holders.remove(&worker);
            }
        }
    }

    fn note_curve(&mut self, number: TrialNumber) {
        for place in 0..self.trial(number).curve.len() {
            let (step, value) = self.trial(number).curve[place];
            self.note_report(number, step, value);
        }
        if self.trial(number).pruned_at.is_some() {
            self.progress.give_up(number);
        }
    }

    fn note_report(&mut self, number: TrialNumber, step: u64, value: f64) {
        // Without a pruner nobody reads the progress. Confirmations repeat a configuration, so they are not
        // compared.
        let is_compared = self.trial(number).confirms.is_none();
        if self.spec.pruner != PrunerSpec::None && is_compared {
            self.progress.report(number, step, self.spec.pruner_direction().loss(value));
        }
    }

    fn note_finished(&mut self, number: TrialNumber) {
        self.finish_order.push(number);
        let is_search = self.trial(number).confirms.is_none();
        let archive = Arc::make_mut(&mut self.archive);
        archive.add(&self.spec.space, &self.trials[number.index()]);
        self.confirming.finished += usize::from(!is_search);
        let Phase::Finished(Outcome { result, .. }) = &self.trials[number.index()].phase else {
            return;
        };
        self.failures.note(number, result);
        match result {
            TrialResult::Complete(values) => {
                self.finished.complete += 1;
                let trial = &self.trials[number.index()];
                let is_feasible = trial.violation(self.spec.metrics.constraints.len()) <= 0.0;
                if is_search && is_feasible {
                    let age = self.finish_order.len() as u32;
                    self.best.add(number, age, values, &self.spec.directions);
                }
                self.progress.complete(number);
            }
            TrialResult::Pruned => {
                self.finished.pruned += 1;
                self.progress.give_up(number);
            }
            TrialResult::Fail(_) => {
                self.finished.fail += 1;
                self.progress.forget(number);
            }
        }
    }
}
