//! Everything the ledger knows: the studies, the workers, and what is going on.

use std::collections::{BTreeSet, HashSet};
use std::time::Duration;

use kindling_artifacts::Key;
use kindling_study::{
    Asked, Bug, Claim, Mark, Record, Refusal, Registry, StudyId, Tick, Wall, WorkerId,
};
use rand::CryptoRng;

use crate::changes::Changes;
use crate::clients::Clients;
use crate::clock::Clock;
use crate::hand_backs::HandBacks;
use crate::store::History;
use crate::workers::{Twin, WorkerInfo, Workers};

/// How long a worker may take to reconnect before its trials are leased to others.
const RECONNECT_GRACE: Duration = Duration::from_secs(3);

/// Some milliseconds.
const MOST_EFFORT: usize = 2_500_000;

/// Everything the ledger knows.
pub(crate) struct State {
    pub(crate) registry: Registry,
    /// The history of the store.
    history: History,
    pub(crate) workers: Workers,
    pub(crate) hand_backs: HandBacks,
    lease_term: Duration,
    /// A connection that breaks before this time may have broken while the coordinator could hear
    /// nobody.
    excused_until: Tick,
    /// Lease marks are drawn from it.
    random: Box<dyn CryptoRng + Send>,
    now: (Tick, Wall),
    /// How much a lease may compute, in the core's steps. Proposals that take more are computed beside the ledger.
    pub(crate) most_effort: usize,
    /// The studies for whose proposal somebody waits, and those for which one is being computed.
    pub(crate) awaited: BTreeSet<StudyId>,
    proposing: HashSet<StudyId>,
    changes: Changes,
    /// Who speaks for the running trials of external studies.
    pub(crate) clients: Clients,
}

/// A lease, as its holder names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StudyClaim {
    pub(crate) study: StudyId,
    pub(crate) claim: Claim,
    /// The history in which the lease was given, if the holder says so.
    pub(crate) history: Option<History>,
}

impl State {
    /// Starts from what the store holds. Workers that hold a lease in it are expected to report
    /// back.
    pub(crate) fn new(
        mut registry: Registry,
        history: History,
        lease_term: Duration,
        now: Tick,
        random: Box<dyn CryptoRng + Send>,
    ) -> Self {
        let workers = Workers::expecting(registry.holders(), now);
        registry.leave_all(now);
        Self {
            registry,
            history,
            workers,
            hand_backs: HandBacks::default(),
            lease_term,
            excused_until: Tick::default(),
            random,
            now: Default::default(),
            most_effort: MOST_EFFORT,
            awaited: BTreeSet::new(),
            proposing: HashSet::new(),
            changes: Changes::default(),
            clients: Clients::default(),
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

    pub(crate) fn hand_backs(&self) -> &HandBacks {
        &self.hand_backs
    }

    pub(crate) fn lease_term(&self) -> Duration {
        self.lease_term
    }

    /// Both clocks, read at the start of the newest batch.
    pub(crate) fn now(&self) -> (Tick, Wall) {
        self.now
    }

    /// Which trials have changed.
    pub(crate) fn changes(&self) -> &Changes {
        &self.changes
    }

    /// Changes how much a lease may compute.
    pub(crate) fn limit_effort(&mut self, most: usize) {
        self.most_effort = most;
    }

    /// The proposals that somebody waits for and nobody computes yet. From now on somebody does.
    pub(crate) fn take_awaited(&mut self) -> Vec<(StudyId, Asked)> {
        let awaited = std::mem::take(&mut self.awaited);
        let asked = |id: StudyId| Some((id, self.registry.get(id).ok()?.ask()?));
        let begun: Vec<_> = awaited
            .into_iter()
            .filter(|id| !self.proposing.contains(id))
            .filter_map(asked)
            .collect();
        self.proposing.extend(begun.iter().map(|(id, _)| *id));
        begun
    }

    /// The proposal for this study has been computed.
    pub(crate) fn note_proposed(&mut self, study: StudyId) {
        self.proposing.remove(&study);
    }

    /// Remembers which trials a commit changed.
    pub(crate) fn note_commit(&mut self, records: &[Record]) {
        self.changes.note(records);
    }

    /// Replaces the studies by what is on disk. What is known of the workers stays.
    pub(crate) fn reset(&mut self, registry: Registry) {
        self.registry = registry;
        self.registry.leave_all(self.now.0);
        for (study, number) in self.clients.all() {
            self.registry.hear(study, number);
        }
    }

    /// Reads the clocks. Everything until the next call happens at this time.
    pub(crate) fn look_at(&mut self, clock: &dyn Clock) {
        self.now = (clock.tick(), clock.wall());
        if Bug::DeadlineIsWallTime.is_on() {
            self.now.0 = Tick(Duration::from_micros(self.now.1.0.cast_unsigned()));
        }
    }

    /// Notes a worker's heartbeat. Returns the leases it named that it no longer holds.
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

    /// Notes that one of the worker's connections ended. If it was the last, the worker has a short
    /// grace to reconnect.
    pub(crate) fn disconnected(&mut self, worker: &WorkerId) {
        if self.workers.disconnected(worker) && self.now.0 >= self.excused_until {
            let deadline = self.now.0 + RECONNECT_GRACE.min(self.lease_term);
            self.registry.hasten(worker, deadline);
        }
    }

    /// An Optuna client's connection has ended. Its running trials are lost unless somebody speaks for them in time.
    pub(crate) fn client_left(&mut self, connection: u64) {
        let trials = self.clients.left(connection);
        self.registry.leave(trials, self.now.0);
    }

    /// Gives every open lease a full term, because no worker could be heard until now.
    pub(crate) fn excuse_silence(&mut self) {
        let (now, _) = self.now;
        self.excused_until = now + self.lease_term;
        self.registry.renew_all(self.excused_until);
        self.registry.excuse_clients(now);
        self.workers.excuse_all(now);
    }

    /// Whether this process may speak for the worker.
    pub(crate) fn admit(&mut self, worker: &WorkerId, info: &WorkerInfo) -> Result<(), Twin> {
        self.workers.admit(worker, info.session, self.now.0, self.lease_term)
    }

    /// Draws a mark for one lease.
    pub(crate) fn draw_mark(&mut self) -> Mark {
        let mut bytes = [0; Mark::LEN];
        self.random.fill_bytes(&mut bytes);
        Mark::new(bytes)
    }

    /// Draws a key for bytes that are about to be saved.
    pub(crate) fn draw_key(&mut self) -> Key {
        let mut random = [0; 16];
        self.random.fill_bytes(&mut random);
        Key { history: self.history.0, random }
    }

    /// The refusal of a call that is made under a lease. If there is no such lease, it may belong to
    /// another history. Then the refusal says so, and the caller keeps the call for a store that
    /// knows the lease.
    pub(crate) fn of_history(&self, claim: &StudyClaim, refusal: Refusal) -> Refusal {
        match refusal {
            Refusal::StaleLease { number, .. } | Refusal::UnknownTrial { number, .. }
                if claim.history.is_some_and(|history| history != self.history) =>
            {
                Refusal::OtherHistory { number }
            }
            refusal => refusal,
        }
    }

    pub(crate) fn seen(&mut self, worker: &WorkerId, info: WorkerInfo) {
        self.workers.seen(worker, info, self.now.0);
        self.renew(worker);
    }

    pub(crate) fn renew(&mut self, worker: &WorkerId) {
        self.registry.renew(worker, self.now.0 + self.lease_term);
    }
}

/// Whether the lease is the newest one of its trial.
pub(crate) fn is_newest(registry: &Registry, lease: &StudyClaim) -> bool {
    let trial = registry.get(lease.study).ok().and_then(|study| study.get(lease.claim.number));
    trial.is_some_and(|trial| trial.is_claimed_by(&lease.claim))
}
