//! The single writer. It drains the jobs that wait, lets the core decide each against the state
//! that includes its predecessors, commits all their events in one transaction, and only then
//! answers. Nobody is told what is not on disk, and many results share one fsync.

use std::sync::Arc;
use std::time::{Duration, Instant};

use kindling_study::Refusal;
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

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

/// What changed with a commit: wakes those who wait for work or watch a study.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Version {
    /// Grows with every commit.
    pub(crate) commits: u64,
    /// Grows with every commit that may have brought work.
    pub(crate) work: u64,
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
    version: watch::Receiver<Version>,
    health: watch::Receiver<Health>,
    end: CancellationToken,
}

type Ack = Box<dyn FnOnce(Option<LedgerError>) + Send>;

enum Job {
    /// Decides; the closure that it returns gives the reply once the commit is through.
    Write(Box<dyn FnOnce(&mut Transaction<'_>) -> Ack + Send>),
    /// Looks, after the commit of the writes that waited with it.
    Read(Box<dyn FnOnce(&State) + Send>),
}

impl Ledger {
    /// Loads the store and starts the ledger on a thread of its own. The receiver gets the error
    /// that ended it, if one did; it ends in peace once the last handle is dropped, or by [`Self::end`].
    pub fn start(
        mut store: impl Store,
        clock: Arc<dyn Clock>,
        lease_term: Duration,
    ) -> Result<(Self, oneshot::Receiver<StoreError>), StoreError> {
        let registry = store.load(clock.tick() + lease_term)?;
        let state = State::new(registry, lease_term);
        let (jobs, waiting) = mpsc::channel(MAX_WAITING);
        let (version_sender, version) = watch::channel(Version::default());
        let (health_sender, health) = watch::channel(Health::Serving);
        let (failure, failed) = oneshot::channel();
        let end = CancellationToken::new();
        let writer = Writer {
            store,
            clock,
            state,
            version: version_sender,
            health: health_sender,
            end: end.clone(),
        };
        std::thread::spawn(move || {
            if let Err(error) = writer.run(waiting) {
                _ = failure.send(error);
            }
        });
        Ok((Self { jobs, version, health, end }, failed))
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
            let decided = decide(transaction);
            Box::new(move |failure| {
                // A refusal, too, may rest on predecessors that the failure took back.
                let result = failure.map_or_else(|| decided.map_err(LedgerError::from), Err);
                _ = reply.send(result);
            })
        }));
        self.jobs.try_send(job).map_err(turned_away)?;
        answer.await.map_err(|_| LedgerError::Closed)?
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

    /// Changes with every commit.
    pub(crate) fn version(&self) -> watch::Receiver<Version> {
        self.version.clone()
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
    store: S,
    clock: Arc<dyn Clock>,
    state: State,
    version: watch::Sender<Version>,
    health: watch::Sender<Health>,
    end: CancellationToken,
}

impl<S: Store> Writer<S> {
    fn run(mut self, mut waiting: mpsc::Receiver<Job>) -> Result<(), StoreError> {
        let mut batch = Vec::with_capacity(MAX_BATCH);
        while waiting.blocking_recv_many(&mut batch, MAX_BATCH) > 0 {
            observe::queue_depth(waiting.len());
            self.process(batch.drain(..))?;
            if self.end.is_cancelled() {
                break;
            }
        }
        Ok(())
    }

    fn process(&mut self, batch: impl Iterator<Item = Job>) -> Result<(), StoreError> {
        let mut transaction = Transaction::begin(&mut self.state, &*self.clock);
        let (mut acks, mut reads) = (Vec::new(), Vec::new());
        for job in batch {
            match job {
                Job::Write(decide) => acks.push(decide(&mut transaction)),
                Job::Read(look) => reads.push(look),
            }
        }
        let records = transaction.into_records();
        let failure = if records.is_empty() { None } else { self.commit(&records)? };
        for ack in acks {
            ack(failure.clone());
        }
        for look in reads {
            look(&self.state);
        }
        Ok(())
    }

    /// Commits, or takes the batch back in memory too. The error is one that no retry mends.
    fn commit(
        &mut self,
        records: &[kindling_study::Record],
    ) -> Result<Option<LedgerError>, StoreError> {
        let start = Instant::now();
        match self.store.commit(records) {
            Ok(()) => {
                observe::committed(records, start);
                let brings_work = records.iter().any(|r| brings_work(&r.event));
                let commits = self.state.note_commit(records);
                self.version.send_modify(|version| {
                    version.commits = commits;
                    version.work += u64::from(brings_work);
                });
                if self.health.send_replace(Health::Serving) == Health::ReadOnly {
                    tracing::info!("the store can be written again");
                }
                Ok(None)
            }
            Err(error) if error.may_pass() => {
                // What is on disk is the truth; open leases get a full term, as after a restart.
                let lease_until = self.clock.tick() + self.state.lease_term();
                let registry = self.store.load(lease_until)?;
                self.state.reset(registry);
                if self.health.send_replace(Health::ReadOnly) == Health::Serving {
                    tracing::error!(%error, hint = error.hint(), "writes are refused");
                }
                Ok(Some(LedgerError::ReadOnly(error.to_string())))
            }
            Err(error) => Err(error),
        }
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
