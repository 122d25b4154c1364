//! What the coordinator remembers of its workers. Soft: nothing in here is stored, and a restart
//! learns it anew from their heartbeats.

use std::collections::BTreeMap;
use std::time::Duration;

use kindling_study::{Tick, WorkerId};

/// A worker that has been silent for so long, and holds nothing, is forgotten.
const FORGET_AFTER: Duration = Duration::from_mins(10);

/// What a worker says about itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct WorkerInfo {
    pub(crate) host: String,
    pub(crate) device: String,
    pub(crate) slots: u32,
}

/// A worker as the coordinator knows it.
#[derive(Debug, Clone)]
pub(crate) struct Worker {
    pub(crate) info: WorkerInfo,
    pub(crate) last_seen: Tick,
    /// What its newest process calls itself; 0 if nothing is known.
    session: u64,
    /// Heartbeat streams that stand. More than one while a reconnected worker's old one dies.
    pub(crate) connections: u32,
}

/// The workers heard of lately.
#[derive(Debug, Default)]
pub(crate) struct Workers {
    known: BTreeMap<WorkerId, Worker>,
}

impl Workers {
    pub(crate) fn seen(&mut self, id: &WorkerId, info: WorkerInfo, now: Tick) {
        let worker = self.entry(id, now);
        worker.info = info;
        worker.last_seen = now;
    }

    /// The id as it is kept here, so that a worker's trials share it.
    pub(crate) fn shared(&self, id: &WorkerId) -> WorkerId {
        self.known.get_key_value(id).map_or(id, |(known, _)| known).clone()
    }

    /// Notes which process speaks for a worker that was seen; whether another one did before.
    pub(crate) fn is_restarted(&mut self, id: &WorkerId, session: u64) -> bool {
        let Some(worker) = self.known.get_mut(id).filter(|_| session != 0) else { return false };
        let before = std::mem::replace(&mut worker.session, session);
        before != 0 && before != session
    }

    pub(crate) fn connected(&mut self, id: &WorkerId, now: Tick) {
        self.entry(id, now).connections += 1;
    }

    /// Whether that was the worker's last connection.
    pub(crate) fn disconnected(&mut self, id: &WorkerId) -> bool {
        let Some(worker) = self.known.get_mut(id) else { return true };
        worker.connections = worker.connections.saturating_sub(1);
        worker.connections == 0
    }

    pub(crate) fn forget_silent(&mut self, now: Tick, holds: impl Fn(&WorkerId) -> bool) {
        self.known.retain(|id, worker| {
            worker.connections > 0 || worker.last_seen + FORGET_AFTER > now || holds(id)
        });
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&WorkerId, &Worker)> {
        self.known.iter()
    }

    fn entry(&mut self, id: &WorkerId, now: Tick) -> &mut Worker {
        self.known.entry(id.clone()).or_insert_with(|| Worker {
            info: WorkerInfo::default(),
            last_seen: now,
            session: 0,
            connections: 0,
        })
    }
}
