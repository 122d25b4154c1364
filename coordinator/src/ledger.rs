//! The ledger is the single writer.
//!
//! It takes all waiting jobs and lets the core decide each one. The events of each decision are
//! applied in memory at once, so the next decision sees them. Then it commits all events of the
//! batch in one transaction, and only after that it answers. So no caller is told anything that is
//! not on disk, and one fsync serves many results. If the commit fails, the ledger loads the store
//! again, which takes the batch back.
//!
//! While the store cannot write, nothing is decided either. Writes are refused until the store says
//! that it can write again.
//!
//! The ledger works in turns. In each turn, all signs of life come first. Then come, up to a limit
//! of each, calls that end work, reports, and calls that begin work. After the commit it answers
//! reads, for a limited time. So a crowd of one kind can delay the others only by a bounded time.

use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::time::{Duration, Instant};

use kindling_study::{Asked, Bug, Event, Proposal, Record, Refusal, Study, StudyId, Tick};
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
use crate::proposers::Proposers;
use crate::store::{Store, StoreError};
use crate::transaction::{State, Transaction};
use crate::upkeep::Care;

/// The most writes of each class that one commit covers.
const MAX_ENDED: usize = 512;
const MAX_REPORTED: usize = 256;
const MAX_BEGUN: usize = 128;
/// How long one turn may begin new work, and then answer reads: a single one may be costly.
const TURN: Duration = Duration::from_millis(50);
/// How often to look for overdue leases.
const EXPIRY_INTERVAL: Duration = Duration::from_millis(250);

/// A pause of the process after which workers may have spoken without being heard: a quarter of the
/// lease term, but between these two.
const SHORTEST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// How long to wait after a failed commit before the store is probed. The wait doubles each time a
/// probe succeeds and the next commit fails again.
const PROBE_INTERVAL: Duration = Duration::from_millis(250);
const MAX_PROBE_INTERVAL: Duration = Duration::from_secs(16);

/// Why the ledger did not do what was asked.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum LedgerError {
    /// The core refused.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The store cannot write at the moment. Nothing changed.
    #[error("the coordinator cannot write at the moment: {0}")]
    ReadOnly(String),
    /// Too many jobs of this class wait.
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

/// A handle to the ledger. Clones share it.
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
    /// Changes what is never stored, and answers at once.
    Note(Note),
    Write(Class, Decide),
    /// Reads the state, after the commit of the writes that waited at the same time.
    Look(Look),
}

type Note = Box<dyn FnOnce(&mut State) + Send>;
type Look = Box<dyn FnOnce(&State) + Send>;

/// Decides, or learns why nothing can be written. Returns a closure that sends the reply after the
/// commit.
type Decide = Box<dyn FnOnce(Result<&mut Transaction<'_>, LedgerError>) -> Ack + Send>;
type Ack = Box<dyn FnOnce(Option<LedgerError>) + Send>;

impl Ledger {
    /// Loads the store and starts the ledger on its own thread. If an error ends the ledger, the
    /// receiver gets it. Otherwise the ledger ends when the last handle is dropped, or by
    /// [`Self::end`].
    pub fn start(
        store: impl Store,
        clock: Arc<dyn Clock>,
        lease_term: Duration,
    ) -> Result<(Self, oneshot::Receiver<StoreError>), StoreError> {
        // The system draws every mark. A generator in the process would repeat marks in a virtual
        // machine that is reset to a snapshot.
        Self::start_drawing(store, clock, lease_term, Box::new(UnwrapErr(SysRng)))
    }

    /// Like [`Self::start`], with the caller's random generator for the marks.
    pub(crate) fn start_drawing(
        store: impl Store,
        clock: Arc<dyn Clock>,
        lease_term: Duration,
        random: Box<dyn CryptoRng + Send>,
    ) -> Result<(Self, oneshot::Receiver<StoreError>), StoreError> {
        let (ledger, failed, mut writer) = Self::prepare(store, clock, lease_term, random)?;
        let jobs = ledger.jobs.downgrade();
        writer.proposers = Proposers::on_threads(move |study, asked, proposal| {
            let Some(jobs) = jobs.upgrade() else { return };
            // A panic is the ledger's, wherever it happened: it must not leave a study without proposals.
            let panic = |panic| vec![Job::Note(Box::new(|_| resume_unwind(panic)))];
            for job in proposal.map_or_else(panic, |proposal| hand_in(study, asked, proposal)) {
                // If that fails, the ledger has ended.
                _ = jobs.send(job);
            }
        });
        std::thread::spawn(move || writer.run_on_thread());
        Ok((ledger, failed))
    }

    /// Like [`Self::start_drawing`], as a task of the set. The ledger ends with the set. A proposal of more than
    /// `most_effort` is computed apart from the lease, but on this task, too.
    pub(crate) fn start_on(
        tasks: &mut JoinSet<()>,
        store: impl Store,
        clock: Arc<dyn Clock>,
        lease_term: Duration,
        random: Box<dyn CryptoRng + Send>,
        most_effort: usize,
    ) -> Result<(Self, oneshot::Receiver<StoreError>), StoreError> {
        let (ledger, failed, mut writer) = Self::prepare(store, clock, lease_term, random)?;
        writer.state.limit_effort(most_effort);
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
            proposers: Proposers::Here,
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

    /// Ends the ledger and closes its store, even if handles are left. A connection that nobody
    /// closes keeps one.
    pub(crate) async fn end(&self) {
        self.end.cancel();
        // Wakes the ledger if it is waiting for a job.
        _ = self.look_after_write(|_| ()).await;
    }

    /// Runs a decision. Returns its reply once its events are on disk.
    pub(crate) async fn write<R: Send + 'static>(
        &self,
        class: Class,
        decide: impl FnOnce(&mut Transaction<'_>) -> Result<R, Refusal> + Send + 'static,
    ) -> Result<R, LedgerError> {
        let place = self.admit(class)?;
        let (reply, answer) = oneshot::channel();
        let decide: Decide = Box::new(move |transaction| {
            let decided = transaction.and_then(|t| decide(t).map_err(LedgerError::from));
            // A refusal may rest on earlier decisions of the batch, so a failed commit replaces it
            // too.
            Box::new(move |failure| {
                _ = reply.send(failure.map_or(decided, Err));
                drop(place);
            })
        });
        self.jobs.send(Job::Write(class, decide)).map_err(|_| LedgerError::Closed)?;
        answer.await.map_err(|_| LedgerError::Closed)?
    }

    /// Changes what is never stored. Works while the store cannot write, and is never turned away.
    pub(crate) async fn note<R: Send + 'static>(
        &self,
        note: impl FnOnce(&mut State) -> R + Send + 'static,
    ) -> Result<R, LedgerError> {
        let (reply, answer) = oneshot::channel();
        let note: Note = Box::new(move |state| _ = reply.send(note(state)));
        self.jobs.send(Job::Note(note)).map_err(|_| LedgerError::Closed)?;
        answer.await.map_err(|_| LedgerError::Closed)
    }

    /// Reads the state as of the newest commit.
    pub(crate) async fn look<R: Send + 'static>(
        &self,
        look: impl FnOnce(&State) -> R + Send + 'static,
    ) -> Result<R, LedgerError> {
        let place = self.admit(Class::Look)?;
        let look = move |state: &State| (look(state), drop(place)).0;
        self.look_after_write(look).await
    }

    /// Reads the answer to a write. Once the write is done, this must not be turned away.
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

    /// Rings after every commit.
    pub(crate) fn commits(&self) -> &Ear {
        &self.commits
    }

    /// Rings after every commit that may have brought work.
    pub(crate) fn work(&self) -> &Ear {
        &self.work
    }

    /// Changes when the store loses or regains the ability to write.
    pub(crate) fn health(&self) -> watch::Receiver<Health> {
        self.health.clone()
    }

    /// Changes when the store's log becomes too long, or is no longer too long.
    pub(crate) fn long_log(&self) -> watch::Receiver<bool> {
        self.long_log.clone()
    }

    /// Ends overdue leases, for as long as the ledger lives.
    ///
    /// If the process or its machine was stopped, every lease is overdue when it continues. The
    /// process notices this by a sleep that took too long. Only the sleep is measured: during a
    /// slow commit, workers are still heard.
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

/// Brings a proposal to the ledger. The note is taken even while nothing can be written. Then the proposal is lost,
/// and may be asked for again.
fn hand_in(study: StudyId, asked: Asked, proposal: Proposal) -> Vec<Job> {
    let decide: Decide = Box::new(move |transaction| {
        if let Ok(transaction) = transaction {
            transaction.take_proposal(study, &asked, proposal);
        }
        Box::new(|_| ())
    });
    let note = Job::Note(Box::new(move |state| state.note_proposed(study)));
    vec![note, Job::Write(Class::End, decide)]
}

/// Whether the process was paused during this sleep.
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
    proposers: Proposers,
    outage: Option<Outage>,
    /// The least duration of the next outage.
    patience: Duration,
    end: CancellationToken,
    /// Receives the error that ends the ledger.
    failure: Option<oneshot::Sender<StoreError>>,
}

/// The store cannot write.
struct Outage {
    /// The answer to writers.
    refusal: LedgerError,
    /// When to probe the store again.
    until: Tick,
}

/// Waiting jobs, in the order in which they are served.
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
            Event::Deleted | Event::Leased { .. } | Event::Reported { .. } => false,
        }
    }

    fn lease_until(&self) -> Tick {
        self.clock.tick() + self.state.lease_term()
    }
}

#[cfg(test)]
mod tests;
