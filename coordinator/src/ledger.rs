//! The single writer. It drains the jobs that wait, lets the core decide each against the state
//! that includes its predecessors, commits all their events in one transaction, and only then
//! answers. Nobody is told what is not on disk, and many results share one fsync.
//!
//! While the store cannot keep anything, nothing is decided either: what would write is refused until
//! the store says that it can again.
//!
//! It takes turns: in each, signs of life come first, then what ends work, what goes on, and what
//! begins, so many of each; and after the commit those who look, for a while. So a crowd of one kind
//! bounds how long the others wait.

use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use kindling_study::{Bug, Event, Record, Refusal, Study, Tick};
use rand::CryptoRng;
use rand::rand_core::UnwrapErr;
use rand::rngs::SysRng;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::admission::{Admission, Class, Place};
use crate::bell::{Bell, Ear};
use crate::clock::Clock;
use crate::observe;
use crate::store::{Store, StoreError};
use crate::transaction::{State, Transaction};
use crate::upkeep::Care;

/// How many of each class of writes one commit may cover.
const MAX_ENDED: usize = 512;
const MAX_REPORTED: usize = 256;
const MAX_BEGUN: usize = 128;
/// No more work is begun in a turn after this time, nor after it looked at: some of either is costly.
const TURN: Duration = Duration::from_millis(50);
/// How often overdue leases are looked for.
const EXPIRY_INTERVAL: Duration = Duration::from_millis(250);

/// If the process did not run for longer than this, or than a quarter of a lease's term that is between
/// the two, workers may have spoken in vain.
const SHORTEST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

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
    /// Too many jobs of its kind wait.
    #[error("the coordinator is overloaded: too many calls of this kind wait; try again later")]
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
    jobs: mpsc::UnboundedSender<Job>,
    admission: Admission,
    commits: Ear,
    work: Ear,
    health: watch::Receiver<Health>,
    clock: Arc<dyn Clock>,
    long_log: watch::Receiver<bool>,
    end: CancellationToken,
}

enum Job {
    /// Notes what is never stored, and answers at once.
    Note(Note),
    Write(Class, Decide),
    /// Looks, after the commit of the writes that waited with it.
    Look(Look),
}

type Note = Box<dyn FnOnce(&mut State) + Send>;
type Look = Box<dyn FnOnce(&State) + Send>;

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
        // Asked anew for every mark: a generator of our own would tell the same ones again in a virtual
        // machine that is put back to where it was.
        Self::start_drawing(store, clock, lease_term, Box::new(UnwrapErr(SysRng)))
    }

    /// The same with marks from a generator of the caller's.
    pub(crate) fn start_drawing(
        store: impl Store,
        clock: Arc<dyn Clock>,
        lease_term: Duration,
        random: Box<dyn CryptoRng + Send>,
    ) -> Result<(Self, oneshot::Receiver<StoreError>), StoreError> {
        let (ledger, failed, writer) = Self::prepare(store, clock, lease_term, random)?;
        std::thread::spawn(move || writer.run_on_thread());
        Ok((ledger, failed))
    }

    /// The same as a task, which ends with the set.
    pub(crate) fn start_on(
        tasks: &mut JoinSet<()>,
        store: impl Store,
        clock: Arc<dyn Clock>,
        lease_term: Duration,
        random: Box<dyn CryptoRng + Send>,
    ) -> Result<(Self, oneshot::Receiver<StoreError>), StoreError> {
        let (ledger, failed, writer) = Self::prepare(store, clock, lease_term, random)?;
        tasks.spawn(writer.run_on_task());
        Ok((ledger, failed))
    }

    fn prepare<S: Store>(
        mut store: S,
        clock: Arc<dyn Clock>,
        lease_term: Duration,
        random: Box<dyn CryptoRng + Send>,
    ) -> Result<(Self, oneshot::Receiver<StoreError>, Writer<S>), StoreError> {
        let term = if Bug::NoTermAfterRestart.is_on() { Duration::ZERO } else { lease_term };
        let registry = store.load(clock.tick() + term)?;
        let state = State::new(registry, store.history(), lease_term, clock.tick(), random);
        let (jobs, waiting) = mpsc::unbounded_channel();
        let (commits, work) = (Bell::default(), Bell::default());
        let ears = (commits.ear(), work.ear());
        let (health_sender, health) = watch::channel(Health::Serving);
        let care = Care::new(clock.tick());
        let long_log = care.long_log();
        let (failure, failed) = oneshot::channel();
        let end = CancellationToken::new();
        let writer = Writer {
            waiting,
            store,
            clock: clock.clone(),
            state,
            commits,
            work,
            health: health_sender,
            care,
            queues: Queues::default(),
            outage: None,
            patience: PROBE_INTERVAL,
            end: end.clone(),
            failure: Some(failure),
        };
        let admission = Admission::default();
        let ledger =
            Self { jobs, admission, commits: ears.0, work: ears.1, health, long_log, clock, end };
        Ok((ledger, failed, writer))
    }

    /// Ends it, and closes its store, though handles are left: a connection that nobody ends keeps one.
    pub(crate) async fn end(&self) {
        self.end.cancel();
        // It may be waiting for something to do.
        _ = self.look_after_write(|_| ()).await;
    }

    /// Runs a decision and returns its reply once its events are on disk.
    pub(crate) async fn write<R: Send + 'static>(
        &self,
        class: Class,
        decide: impl FnOnce(&mut Transaction<'_>) -> Result<R, Refusal> + Send + 'static,
    ) -> Result<R, LedgerError> {
        let place = self.admit(class)?;
        let (reply, answer) = oneshot::channel();
        let decide: Decide = Box::new(move |transaction| {
            let decided = transaction.and_then(|t| decide(t).map_err(LedgerError::from));
            // A refusal, too, may rest on predecessors that a failure took back.
            Box::new(move |failure| {
                _ = reply.send(failure.map_or(decided, Err));
                drop(place);
            })
        });
        self.jobs.send(Job::Write(class, decide)).map_err(|_| LedgerError::Closed)?;
        answer.await.map_err(|_| LedgerError::Closed)?
    }

    /// Notes something that is never stored, which goes on while nothing can be. It always may.
    pub(crate) async fn note<R: Send + 'static>(
        &self,
        note: impl FnOnce(&mut State) -> R + Send + 'static,
    ) -> Result<R, LedgerError> {
        let (reply, answer) = oneshot::channel();
        let note: Note = Box::new(move |state| _ = reply.send(note(state)));
        self.jobs.send(Job::Note(note)).map_err(|_| LedgerError::Closed)?;
        answer.await.map_err(|_| LedgerError::Closed)
    }

    /// Looks at the state as of the newest commit.
    pub(crate) async fn look<R: Send + 'static>(
        &self,
        look: impl FnOnce(&State) -> R + Send + 'static,
    ) -> Result<R, LedgerError> {
        let place = self.admit(Class::Look)?;
        let look = move |state: &State| (look(state), drop(place)).0;
        self.look_after_write(look).await
    }

    /// Looks for the answer to a write, which must not be turned away once that is done.
    pub(crate) async fn look_after_write<R: Send + 'static>(
        &self,
        look: impl FnOnce(&State) -> R + Send + 'static,
    ) -> Result<R, LedgerError> {
        let (reply, answer) = oneshot::channel();
        let look: Look = Box::new(move |state| _ = reply.send(look(state)));
        self.jobs.send(Job::Look(look)).map_err(|_| LedgerError::Closed)?;
        answer.await.map_err(|_| LedgerError::Closed)
    }

    fn admit(&self, class: Class) -> Result<Place, LedgerError> {
        self.admission.admit(class).ok_or_else(|| {
            observe::turned_away(class);
            LedgerError::Overloaded
        })
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

    /// Changes when the store's log becomes, or ceases to be, longer than it should.
    pub(crate) fn long_log(&self) -> watch::Receiver<bool> {
        self.long_log.clone()
    }

    /// Ends overdue leases, for as long as the ledger lives.
    ///
    /// A process that was stopped, or whose machine was, finds every lease overdue when it goes on. It
    /// notices by its sleep, which took longer than it should. Only sleep is measured: a commit that takes
    /// long keeps nobody from being heard.
    pub(crate) async fn expire_leases(self) {
        let mut interval = tokio::time::interval(EXPIRY_INTERVAL);
        interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let asleep = self.clock.tick();
            interval.tick().await;
            let slept = self.clock.tick().since(asleep);
            let expired = self.write(Class::End, move |transaction| {
                if is_pause(slept, transaction.state().lease_term()) {
                    let seconds = slept.as_secs_f64();
                    tracing::warn!(seconds, "the process was paused: every lease gets a full term");
                    transaction.excuse_silence();
                }
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

/// Whether so long a sleep was more than sleep.
fn is_pause(slept: Duration, lease_term: Duration) -> bool {
    slept > (lease_term / 4).clamp(SHORTEST_PAUSE, LONGEST_PAUSE) && !Bug::PauseIsSilence.is_on()
}

struct Writer<S> {
    waiting: mpsc::UnboundedReceiver<Job>,
    store: S,
    clock: Arc<dyn Clock>,
    state: State,
    commits: Bell,
    work: Bell,
    health: watch::Sender<Health>,
    care: Care,
    queues: Queues,
    outage: Option<Outage>,
    /// How long the next outage lasts at least.
    patience: Duration,
    end: CancellationToken,
    /// Where the error goes that ends it.
    failure: Option<oneshot::Sender<StoreError>>,
}

/// The store cannot keep anything.
struct Outage {
    /// What writers are told.
    refusal: LedgerError,
    /// When to try again.
    until: Tick,
}

/// What waits, by who goes first.
#[derive(Default)]
struct Queues {
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
    fn run_on_thread(mut self) {
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

    async fn run_on_task(mut self) {
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

    /// One turn with all that waits; it may be the last.
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
        // First of all, so that who is heard of is not found overdue, and what is on disk answers.
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

    /// Looks after the store, if its time has come. The error is one that nothing mends.
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

    /// Decides, commits and answers.
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

    /// Commits, or takes the batch back in memory too. The error is one that no retry mends.
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

    /// Whether somebody who found no work may find some after this.
    fn brings_work(&self, record: &Record) -> bool {
        match record.event {
            Event::Created { .. }
            | Event::StateChanged { .. }
            | Event::BudgetChanged { .. }
            | Event::ConfirmChanged { .. }
            | Event::Enqueued { .. }
            | Event::LeaseEnded { .. } => true,
            // The search may be over with it, and what it found is to be confirmed.
            Event::Finished { .. } => {
                let study = self.state.registry().get(record.study);
                study.is_ok_and(Study::has_confirmations_left)
            }
            Event::Deleted
            | Event::Proposed { .. }
            | Event::Leased { .. }
            | Event::Reported { .. } => false,
        }
    }

    fn lease_until(&self) -> Tick {
        self.clock.tick() + self.state.lease_term()
    }
}

#[cfg(test)]
mod tests;
