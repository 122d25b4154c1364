//! The single writer. It drains the jobs that wait, lets the core decide each against the state
//! that includes its predecessors, commits all their events in one transaction, and only then
//! answers. Nobody is told what is not on disk, and many results share one fsync.
//!
//! While the store cannot keep anything, nothing is decided either: what would write is refused until
//! the store says that it can again.

use std::sync::Arc;
use std::time::{Duration, Instant};

use kindling_study::{Bug, Record, Refusal, Tick};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::bell::{Bell, Ear};
use crate::clock::Clock;
use crate::observe;
use crate::store::{Store, StoreError};
use crate::transaction::{State, Transaction};

/// Jobs that one commit may cover: bounds how long the first of them waits.
const MAX_BATCH: usize = 512;
/// Jobs that may wait; more are turned away.
const MAX_WAITING: usize = 8192;
/// How often overdue leases are looked for.
const EXPIRY_INTERVAL: Duration = Duration::from_millis(250);

/// How long after a commit that failed it is tried whether the store can keep something again. Twice
/// as long each time that it said so and could not.
const PROBE_INTERVAL: Duration = Duration::from_millis(250);
const MAX_PROBE_INTERVAL: Duration = Duration::from_secs(16);

/// Why the ledger did not do as asked.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum LedgerError {
    /// The core said no.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The store could not keep it now; nothing changed.
    #[error("the coordinator cannot write at the moment: {0}")]
    ReadOnly(String),
    /// Too many jobs wait.
    #[error("the coordinator is overloaded")]
    Overloaded,
    /// The ledger has ended.
    #[error("the coordinator is shutting down")]
    Closed,
}

/// Whether the ledger can write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Health {
    Serving,
    ReadOnly,
}

/// A way to the ledger; clones share it.
#[derive(Clone)]
pub struct Ledger {
    jobs: mpsc::Sender<Job>,
    commits: Ear,
    work: Ear,
    health: watch::Receiver<Health>,
    end: CancellationToken,
}

enum Job {
    /// Notes what is never stored, and answers at once.
    Note(Box<dyn FnOnce(&mut State) + Send>),
    Write(Decide),
    /// Looks, after the commit of the writes that waited with it.
    Read(Box<dyn FnOnce(&State) + Send>),
}

/// Decides, unless nothing can be kept; the closure that it returns gives the reply once the commit
/// is through.
type Decide = Box<dyn FnOnce(Result<&mut Transaction<'_>, LedgerError>) -> Ack + Send>;
type Ack = Box<dyn FnOnce(Option<LedgerError>) + Send>;

impl Ledger {
    /// Loads the store and starts the ledger on a thread of its own. The receiver gets the error
    /// that ended it, if one did; it ends in peace once the last handle is dropped, or by [`Self::end`].
    pub fn start(
        store: impl Store,
        clock: Arc<dyn Clock>,
        lease_term: Duration,
    ) -> Result<(Self, oneshot::Receiver<StoreError>), StoreError> {
        let (ledger, failed, writer) = Self::prepare(store, clock, lease_term)?;
        std::thread::spawn(move || writer.run_on_thread());
        Ok((ledger, failed))
    }

    /// The same as a task, which ends with the set.
    pub(crate) fn start_on(
        tasks: &mut JoinSet<()>,
        store: impl Store,
        clock: Arc<dyn Clock>,
        lease_term: Duration,
    ) -> Result<(Self, oneshot::Receiver<StoreError>), StoreError> {
        let (ledger, failed, writer) = Self::prepare(store, clock, lease_term)?;
        tasks.spawn(writer.run_on_task());
        Ok((ledger, failed))
    }

    fn prepare<S: Store>(
        mut store: S,
        clock: Arc<dyn Clock>,
        lease_term: Duration,
    ) -> Result<(Self, oneshot::Receiver<StoreError>, Writer<S>), StoreError> {
        let term = if Bug::NoTermAfterRestart.is_on() { Duration::ZERO } else { lease_term };
        let registry = store.load(clock.tick() + term)?;
        let state = State::new(registry, lease_term);
        let (jobs, waiting) = mpsc::channel(MAX_WAITING);
        let (commits, work) = (Bell::default(), Bell::default());
        let ears = (commits.ear(), work.ear());
        let (health_sender, health) = watch::channel(Health::Serving);
        let (failure, failed) = oneshot::channel();
        let end = CancellationToken::new();
        let writer = Writer {
            waiting,
            store,
            clock,
            state,
            commits,
            work,
            health: health_sender,
            outage: None,
            patience: PROBE_INTERVAL,
            end: end.clone(),
            failure,
        };
        Ok((Self { jobs, commits: ears.0, work: ears.1, health, end }, failed, writer))
    }

    /// Ends it, and closes its store, though handles are left: a connection that nobody ends keeps one.
    pub(crate) async fn end(&self) {
        self.end.cancel();
        // It may be waiting for something to do.
        _ = self.read(|_| ()).await;
    }

    /// Runs a decision and returns its reply once its events are on disk.
    pub(crate) async fn write<R: Send + 'static>(
        &self,
        decide: impl FnOnce(&mut Transaction<'_>) -> Result<R, Refusal> + Send + 'static,
    ) -> Result<R, LedgerError> {
        let (reply, answer) = oneshot::channel();
        let job = Job::Write(Box::new(move |transaction| {
            let decided = transaction.and_then(|t| decide(t).map_err(LedgerError::from));
            // A refusal, too, may rest on predecessors that a failure took back.
            Box::new(move |failure| _ = reply.send(failure.map_or(decided, Err)))
        }));
        self.jobs.try_send(job).map_err(turned_away)?;
        answer.await.map_err(|_| LedgerError::Closed)?
    }

    /// Notes something that is never stored, which goes on while nothing can be.
    pub(crate) async fn note<R: Send + 'static>(
        &self,
        note: impl FnOnce(&mut State) -> R + Send + 'static,
    ) -> Result<R, LedgerError> {
        let (reply, answer) = oneshot::channel();
        let job = Job::Note(Box::new(move |state| _ = reply.send(note(state))));
        self.jobs.try_send(job).map_err(turned_away)?;
        answer.await.map_err(|_| LedgerError::Closed)
    }

    /// Looks at the state as of the newest commit.
    pub(crate) async fn read<R: Send + 'static>(
        &self,
        look: impl FnOnce(&State) -> R + Send + 'static,
    ) -> Result<R, LedgerError> {
        let (reply, answer) = oneshot::channel();
        let job = Job::Read(Box::new(move |state| _ = reply.send(look(state))));
        self.jobs.try_send(job).map_err(turned_away)?;
        answer.await.map_err(|_| LedgerError::Closed)
    }

    /// Rings with every commit.
    pub(crate) fn commits(&self) -> &Ear {
        &self.commits
    }

    /// Rings with every commit that may have brought work.
    pub(crate) fn work(&self) -> &Ear {
        &self.work
    }

    /// Changes when the store becomes, or ceases to be, unable to write.
    pub(crate) fn health(&self) -> watch::Receiver<Health> {
        self.health.clone()
    }

    /// Ends overdue leases, for as long as the ledger lives.
    pub(crate) async fn expire_leases(self) {
        let mut interval = tokio::time::interval(EXPIRY_INTERVAL);
        interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            interval.tick().await;
            let expired = self.write(|transaction| {
                transaction.expire();
                Ok(())
            });
            match expired.await {
                Err(LedgerError::Closed) => return,
                Err(error) => tracing::debug!(%error, "leases could not be expired"),
                Ok(()) => {}
            }
        }
    }
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn turned_away(error: mpsc::error::TrySendError<Job>) -> LedgerError {
    match error {
        mpsc::error::TrySendError::Full(_) => LedgerError::Overloaded,
        mpsc::error::TrySendError::Closed(_) => LedgerError::Closed,
    }
}

struct Writer<S> {
    waiting: mpsc::Receiver<Job>,
    store: S,
    clock: Arc<dyn Clock>,
    state: State,
    commits: Bell,
    work: Bell,
    health: watch::Sender<Health>,
    outage: Option<Outage>,
    /// How long the next outage lasts at least.
    patience: Duration,
    end: CancellationToken,
    failure: oneshot::Sender<StoreError>,
}

/// The store cannot keep anything.
struct Outage {
    /// What writers are told.
    refusal: LedgerError,
    /// When to try again.
    until: Tick,
}

impl<S: Store> Writer<S> {
    fn run_on_thread(mut self) {
        let mut batch = Vec::with_capacity(MAX_BATCH);
        while self.waiting.blocking_recv_many(&mut batch, MAX_BATCH) > 0 {
            if let Err(error) = self.process(batch.drain(..)) {
                _ = self.failure.send(error);
                return;
            }
            if self.end.is_cancelled() {
                return;
            }
        }
    }

    async fn run_on_task(mut self) {
        let mut batch = Vec::with_capacity(MAX_BATCH);
        while self.waiting.recv_many(&mut batch, MAX_BATCH).await > 0 {
            if let Err(error) = self.process(batch.drain(..)) {
                _ = self.failure.send(error);
                return;
            }
            if self.end.is_cancelled() {
                return;
            }
        }
    }

    fn process(&mut self, batch: impl Iterator<Item = Job>) -> Result<(), StoreError> {
        observe::queue_depth(self.waiting.len());
        self.state.look_at(&*self.clock);
        let outage = self.outage()?;
        let (mut writes, mut reads) = (Vec::new(), Vec::new());
        for job in batch {
            match job {
                // First of all, so that who is heard of is not found overdue, and what is on disk answers.
                Job::Note(note) => note(&mut self.state),
                Job::Write(decide) => writes.push(decide),
                Job::Read(look) => reads.push(look),
            }
        }
        match outage {
            None => self.write(writes)?,
            Some(refusal) => {
                for decide in writes {
                    decide(Err(refusal.clone()))(None);
                }
            }
        }
        for look in reads {
            look(&self.state);
        }
        Ok(())
    }

    /// Decides, commits and answers.
    fn write(&mut self, writes: Vec<Decide>) -> Result<(), StoreError> {
        let mut transaction = Transaction::begin(&mut self.state);
        let mut acks: Vec<_> =
            writes.into_iter().map(|decide| decide(Ok(&mut transaction))).collect();
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

    /// Commits, or takes the batch back in memory too. The error is one that no retry mends.
    fn commit(&mut self, records: &[Record]) -> Result<Option<LedgerError>, StoreError> {
        let start = Instant::now();
        match self.store.commit(records) {
            Ok(()) => {
                self.patience = PROBE_INTERVAL;
                observe::committed(records, start);
                self.state.note_commit(records);
                self.commits.ring();
                if records.iter().any(|record| brings_work(&record.event)) {
                    self.work.ring();
                }
                Ok(None)
            }
            Err(error) if error.may_pass() => {
                tracing::error!(%error, hint = error.hint(), "writes are refused");
                self.health.send_replace(Health::ReadOnly);
                // What is on disk is the truth.
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

    /// Why nothing can be kept, if that is so. Now and then it is tried whether it still is.
    fn outage(&mut self) -> Result<Option<LedgerError>, StoreError> {
        let Some(outage) = &mut self.outage else { return Ok(None) };
        if self.clock.tick() >= outage.until {
            match self.store.probe() {
                Ok(()) => {
                    self.outage = None;
                    // Reports are signs of life, too, and were refused: all leases get a full term.
                    self.state.renew_all(self.lease_until());
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

    fn lease_until(&self) -> Tick {
        self.clock.tick() + self.state.lease_term()
    }
}

/// Whether somebody who found no work may find some after this event.
fn brings_work(event: &kindling_study::Event) -> bool {
    use kindling_study::Event;
    matches!(
        event,
        Event::Created { .. }
            | Event::StateChanged { .. }
            | Event::BudgetChanged { .. }
            | Event::Enqueued { .. }
            | Event::LeaseEnded { .. }
    )
}

#[cfg(test)]
mod tests;
