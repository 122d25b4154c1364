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

mod job;
mod pulse;
mod writer;

use std::panic::resume_unwind;
use std::sync::Arc;
use std::time::Duration;

use kindling_study::{Bug, Refusal};
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
use crate::state::State;
use crate::store::{Store, StoreError};
use crate::transaction::Transaction;
use crate::upkeep::Care;
pub(crate) use job::Health;
pub use job::LedgerError;
use job::{Decide, Job, Look, Note};
use pulse::Pulse;
use writer::{PROBE_INTERVAL, Queues, Writer, hand_in};

/// How often to look for overdue leases.
const EXPIRY_INTERVAL: Duration = Duration::from_millis(250);

/// A pause of the process after which workers may have spoken without being heard: a quarter of the
/// lease term, but between these two.
const SHORTEST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

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
    /// If the process or its machine was stopped, every lease is overdue when it continues. So each time the pulse is
    /// asked whether there was a pause.
    pub(crate) async fn expire_leases(self) {
        let pulse = Arc::new(Pulse::new(self.clock.tick()));
        tokio::select! {
            () = pulse.beat(&*self.clock) => {}
            () = self.expire(&pulse) => {}
        }
    }

    async fn expire(&self, pulse: &Arc<Pulse>) {
        let mut interval = tokio::time::interval(EXPIRY_INTERVAL);
        interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            interval.tick().await;
            let pulse = pulse.clone();
            let expired = self.write(Class::End, move |transaction| {
                let gap = pulse.take_gap(transaction.state().now().0);
                if is_pause(gap, transaction.state().lease_term()) {
                    let seconds = gap.as_secs_f64();
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

/// Whether so long without a beat was a pause of the process.
fn is_pause(gap: Duration, lease_term: Duration) -> bool {
    gap > (lease_term / 4).clamp(SHORTEST_PAUSE, LONGEST_PAUSE) && !Bug::PauseIsSilence.is_on()
}

#[cfg(test)]
mod tests;
