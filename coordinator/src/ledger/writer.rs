//! The ledger's own side: its turns, on one thread.

use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use kindling_study::{Asked, Bug, Event, Proposal, Record, Study, StudyId, Tick};
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

use super::job::{Decide, Health, Job, LedgerError, Look, Note};
use crate::admission::Class;
use crate::bell::Bell;
use crate::clock::Clock;
use crate::observe;
use crate::proposers::Proposers;
use crate::state::State;
use crate::store::{Store, StoreError};
use crate::transaction::Transaction;
use crate::upkeep::Care;

/// The most writes of each class that one commit covers.
const MAX_ENDED: usize = 512;
const MAX_REPORTED: usize = 256;
const MAX_BEGUN: usize = 128;
/// How long one turn may begin new work, and then answer reads: a single one may be costly.
const TURN: Duration = Duration::from_millis(50);

/// How long to wait after a failed commit before the store is probed. The wait doubles each time a
/// probe succeeds and the next commit fails again.
pub(super) const PROBE_INTERVAL: Duration = Duration::from_millis(250);
pub(super) const MAX_PROBE_INTERVAL: Duration = Duration::from_secs(16);

pub(super) struct Writer<S> {
    pub(super) waiting: mpsc::UnboundedReceiver<Job>,
    pub(super) store: S,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) state: State,
    pub(super) commits: Bell,
    pub(super) work: Bell,
    pub(super) health: watch::Sender<Health>,
    pub(super) care: Care,
    pub(super) queues: Queues,
    pub(super) proposers: Proposers,
    pub(super) outage: Option<Outage>,
    /// The least duration of the next outage.
    pub(super) patience: Duration,
    pub(super) end: CancellationToken,
    /// Receives the error that ends the ledger.
    pub(super) failure: Option<oneshot::Sender<StoreError>>,
}

/// The store cannot write.
pub(super) struct Outage {
    /// The answer to writers.
    refusal: LedgerError,
    /// When to probe the store again.
    until: Tick,
}

/// Waiting jobs, in the order in which they are served.
#[derive(Default)]
pub(super) struct Queues {
    notes: VecDeque<Note>,
    ends: VecDeque<Decide>,
    reports: VecDeque<Decide>,
    begins: VecDeque<Decide>,
    looks: VecDeque<Look>,
}

impl Queues {
    fn len(&self) -> usize {
        let writes = self.ends.len() + self.reports.len() + self.begins.len();
        self.notes.len() + writes + self.looks.len()
    }

    fn add(&mut self, job: Job) {
        match job {
            Job::Note(note) => self.notes.push_back(note),
            Job::Write(Class::End, decide) => self.ends.push_back(decide),
            Job::Write(Class::Report, decide) => self.reports.push_back(decide),
            Job::Write(Class::Begin | Class::Look, decide) => self.begins.push_back(decide),
            Job::Look(look) => self.looks.push_back(look),
        }
    }
}

impl<S: Store> Writer<S> {
    pub(super) fn run_on_thread(mut self) {
        loop {
            if self.queues.len() == 0 {
                let Some(job) = self.waiting.blocking_recv() else { return };
                self.queues.add(job);
            }
            if self.go_on().is_break() {
                return;
            }
        }
    }

    pub(super) async fn run_on_task(mut self) {
        loop {
            if self.queues.len() == 0 {
                let Some(job) = self.waiting.recv().await else { return };
                self.queues.add(job);
            }
            if self.go_on().is_break() {
                return;
            }
        }
    }

    /// Takes one turn with all waiting jobs. Breaks if it was the last.
    fn go_on(&mut self) -> ControlFlow<()> {
        while let Ok(job) = self.waiting.try_recv() {
            self.queues.add(job);
        }
        observe::queue_depth(self.queues.len());
        if let Err(error) = self.take_turn() {
            if let Some(failure) = self.failure.take() {
                _ = failure.send(error);
            }
            return ControlFlow::Break(());
        }
        if self.end.is_cancelled() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    fn take_turn(&mut self) -> Result<(), StoreError> {
        self.state.look_at(&*self.clock);
        self.tend()?;
        // Notes come first: a worker that was just heard must not count as overdue, and reads must
        // work during an outage.
        for note in self.queues.notes.drain(..) {
            note(&mut self.state);
        }
        if let Some(refusal) = self.outage()? {
            let Queues { ends, reports, begins, .. } = &mut self.queues;
            for decide in ends.drain(..).chain(reports.drain(..)).chain(begins.drain(..)) {
                decide(Err(refusal.clone()))(None);
            }
        } else {
            self.write()?;
            for (study, asked) in self.state.take_awaited() {
                if let Some((asked, proposal)) = self.proposers.start(study, asked) {
                    for job in hand_in(study, asked, proposal) {
                        self.queues.add(job);
                    }
                }
            }
        }
        let start = self.clock.tick();
        while let Some(look) = self.queues.looks.pop_front() {
            look(&self.state);
            if self.clock.tick() > start + TURN {
                break;
            }
        }
        Ok(())
    }

    /// Tends the store when it is due. An error is final.
    fn tend(&mut self) -> Result<(), StoreError> {
        if !self.care.is_due(self.clock.tick()) {
            return Ok(());
        }
        match self.store.tend() {
            Ok(upkeep) => self.care.note(upkeep),
            Err(error) if error.may_pass() => {
                tracing::debug!(%error, "the store was not looked after");
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Decides, commits and answers one batch.
    fn write(&mut self) -> Result<(), StoreError> {
        let Queues { ends, reports, begins, .. } = &mut self.queues;
        let mut transaction = Transaction::begin(&mut self.state);
        let mut acks = Vec::new();
        for (queue, most) in [(ends, MAX_ENDED), (reports, MAX_REPORTED)] {
            let now = queue.drain(..most.min(queue.len()));
            acks.extend(now.map(|decide| decide(Ok(&mut transaction))));
        }
        let start = self.clock.tick();
        for _ in 0..MAX_BEGUN {
            let Some(decide) = begins.pop_front() else { break };
            acks.push(decide(Ok(&mut transaction)));
            if self.clock.tick() > start + TURN {
                break;
            }
        }
        let records = transaction.into_records();
        if Bug::AcknowledgedBeforeCommit.is_on() {
            acks.drain(..).for_each(|ack| ack(None));
        }
        let failure = if records.is_empty() { None } else { self.commit(&records)? };
        for ack in acks {
            ack(failure.clone());
        }
        Ok(())
    }

    /// Commits a batch. If that fails, takes it back in memory too. An error is final.
    fn commit(&mut self, records: &[Record]) -> Result<Option<LedgerError>, StoreError> {
        let start = Instant::now();
        match self.store.commit(records) {
            Ok(()) => {
                self.patience = PROBE_INTERVAL;
                observe::committed(records, start);
                self.state.note_commit(records);
                self.commits.ring();
                if records.iter().any(|record| self.brings_work(record)) {
                    self.work.ring();
                }
                Ok(None)
            }
            Err(error) if error.may_pass() => {
                tracing::error!(%error, hint = error.hint(), "writes are refused");
                self.health.send_replace(Health::ReadOnly);
                // What is on disk is the truth, so load it again.
                if !Bug::RefusedBatchStaysInMemory.is_on() {
                    let registry = self.store.load(self.lease_until())?;
                    self.state.reset(registry);
                }
                let refusal = LedgerError::ReadOnly(error.to_string());
                let until = self.clock.tick() + self.patience;
                self.outage = Some(Outage { refusal: refusal.clone(), until });
                self.patience = (self.patience * 2).min(MAX_PROBE_INTERVAL);
                Ok(Some(refusal))
            }
            Err(error) => Err(error),
        }
    }

    /// Why the store cannot write, if it cannot. Probes the store from time to time.
    fn outage(&mut self) -> Result<Option<LedgerError>, StoreError> {
        let Some(outage) = &mut self.outage else { return Ok(None) };
        if self.clock.tick() >= outage.until {
            match self.store.probe() {
                Ok(()) => {
                    self.outage = None;
                    // Reports, which are signs of life too, were refused meanwhile. So all leases
                    // get a full term.
                    self.state.excuse_silence();
                    self.health.send_replace(Health::Serving);
                    tracing::info!("the store can be written again");
                    return Ok(None);
                }
                Err(error) if error.may_pass() => {
                    outage.refusal = LedgerError::ReadOnly(error.to_string());
                    outage.until = self.clock.tick() + PROBE_INTERVAL;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(Some(outage.refusal.clone()))
    }

    /// Whether a worker that found no work may find some after this event.
    fn brings_work(&self, record: &Record) -> bool {
        match record.event {
            Event::Created { .. }
            | Event::StateChanged { .. }
            | Event::BudgetChanged { .. }
            | Event::ConfirmChanged { .. }
            | Event::Enqueued { .. }
            | Event::LeaseEnded { .. } => true,
            // This may end the search, and then the best trials are to be confirmed.
            Event::Finished { .. } => {
                let study = self.state.registry().get(record.study);
                study.is_ok_and(Study::has_confirmations_left)
            }
            // If it was computed beside the ledger, its trial waits to be leased.
            Event::Proposed { number, .. } => {
                let study = self.state.registry().get(record.study);
                study.is_ok_and(|study| study.waiting().contains(&number))
            }
            Event::Deleted
            | Event::NotifyChanged { .. }
            | Event::Told { .. }
            | Event::Leased { .. }
            | Event::Rewound { .. }
            | Event::CheckpointSaved { .. }
            | Event::ArtifactSaved { .. }
            | Event::RemarkSet { .. }
            | Event::Reported { .. }
            | Event::External(_)
            | Event::Acted { .. } => false,
        }
    }

    fn lease_until(&self) -> Tick {
        self.clock.tick() + self.state.lease_term()
    }
}

/// Brings a proposal to the ledger. The note is taken even while nothing can be written. Then the proposal is lost,
/// and may be asked for again.
pub(super) fn hand_in(study: StudyId, asked: Asked, proposal: Proposal) -> Vec<Job> {
    let decide: Decide = Box::new(move |transaction| {
        if let Ok(transaction) = transaction {
            transaction.take_proposal(study, &asked, proposal);
        }
        Box::new(|_| ())
    });
    let note = Job::Note(Box::new(move |state| state.note_proposed(study)));
    vec![note, Job::Write(Class::End, decide)]
}
