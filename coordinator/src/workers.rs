//! What the coordinator remembers of its workers. None of it is stored. After a restart it is
//! learned again from their heartbeats.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::time::Duration;

use kindling_proto::limits;
use kindling_study::{Bug, Tick, WorkerId};

/// A worker that holds nothing is forgotten after this much silence.
const FORGET_AFTER: Duration = Duration::from_mins(10);
/// The names of a worker's objectives are kept up to this many bytes: there may be many workers.
const OFFERED: usize = 1024;

/// What a worker says about itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct WorkerInfo {
    pub(crate) host: String,
    pub(crate) device: String,
    pub(crate) slots: u32,
    /// Different for each process of the worker. 0 if the worker does not say.
    pub(crate) session: u64,
}

/// A worker as the coordinator knows it.
#[derive(Debug, Clone)]
pub(crate) struct Worker {
    pub(crate) info: WorkerInfo,
    /// The objectives that it offers; none if that is unknown.
    pub(crate) objectives: Vec<String>,
    pub(crate) last_seen: Tick,
    /// Whether it held a lease when the coordinator started, and has not connected since.
    is_expected: bool,
    /// Whether it has been silent for a whole lease term.
    is_silent: bool,
    /// Since when another process has been asking for its name.
    challenged: Option<Tick>,
    /// Open heartbeat streams. There may be several while the old one of a reconnected worker dies.
    pub(crate) connections: u32,
}

/// Why a process may not speak for a worker.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Twin {
    /// Another process has the name, and was heard after this one asked.
    #[error("another process works under the id `{id}`, on {host}")]
    Alive {
        /// The name both use.
        id: WorkerId,
        /// Where the other process runs.
        host: String,
    },
    /// Another process has the name and is still connected. It may or may not be alive.
    #[error("another process worked under the id `{0}` until now; it may be gone")]
    Unknown(WorkerId),
    /// Too many workers are known already.
    #[error("{0} workers are known, and no more can be; those that have left are forgotten soon")]
    Crowded(usize),
}

/// The workers heard of lately.
#[derive(Debug, Default)]
pub(crate) struct Workers {
    known: BTreeMap<WorkerId, Worker>,
}

impl Workers {
    /// Starts with the workers, and their processes, that hold leases when the coordinator starts.
    pub(crate) fn expecting<'a>(
        holders: impl Iterator<Item = (&'a WorkerId, u64)>,
        now: Tick,
    ) -> Self {
        let mut workers = Self::default();
        for (id, session) in holders {
            let worker = workers.entry(id, now);
            worker.info.session = session;
            worker.is_expected = true;
        }
        workers
    }

    pub(crate) fn seen(&mut self, id: &WorkerId, info: WorkerInfo, now: Tick) {
        let worker = self.entry(id, now);
        let session = if info.session == 0 { worker.info.session } else { info.session };
        worker.info = WorkerInfo { session, ..info };
        worker.last_seen = now;
        worker.is_silent = false;
    }

    /// Notes which objectives a known worker offers.
    pub(crate) fn offers(&mut self, id: &WorkerId, objectives: &[String]) {
        let Some(worker) = self.known.get_mut(id) else { return };
        let bytes: usize = objectives.iter().map(String::len).sum();
        if bytes > OFFERED {
            worker.objectives.clear();
        } else if worker.objectives != objectives {
            worker.objectives = objectives.to_vec();
        }
    }

    /// The stored copy of the id, so that all trials of a worker share one allocation.
    pub(crate) fn shared(&self, id: &WorkerId) -> WorkerId {
        self.known.get_key_value(id).map_or(id, |(known, _)| known).clone()
    }

    /// Lets a process speak for a worker, unless another process does.
    ///
    /// An open connection proves nothing: a machine that lost its power leaves one behind. So the
    /// first process has one lease `term` to be heard, and keeps its name if it is.
    pub(crate) fn admit(
        &mut self,
        id: &WorkerId,
        session: u64,
        now: Tick,
        term: Duration,
    ) -> Result<(), Twin> {
        let is_full = self.known.len() >= limits::WORKERS;
        let Some(worker) = self.known.get_mut(id) else {
            return if is_full { Err(Twin::Crowded(limits::WORKERS)) } else { Ok(()) };
        };
        let known = worker.info.session;
        if session == 0 || known == 0 || session == known {
            return Ok(());
        }
        let may_live = worker.connections > 0 || worker.is_expected;
        if may_live && !Bug::TwinIsLetIn.is_on() {
            let asked = worker.challenged.filter(|since| now < *since + term);
            let since = *worker.challenged.insert(asked.unwrap_or(now));
            if worker.last_seen > since {
                // The next one to ask starts anew: this process may be dead by then.
                worker.challenged = None;
                return Err(Twin::Alive { id: id.clone(), host: worker.info.host.clone() });
            }
            if !worker.is_silent {
                return Err(Twin::Unknown(id.clone()));
            }
        }
        worker.info.session = session;
        worker.challenged = None;
        Ok(())
    }

    /// Marks the workers that have been silent for a lease term. Call it only when it is known that
    /// workers could be heard: when a stopped machine continues, everybody looks silent by the
    /// clock.
    pub(crate) fn find_silent(&mut self, now: Tick, term: Duration) {
        for worker in self.known.values_mut() {
            worker.is_silent = worker.last_seen + term <= now;
        }
    }

    /// Forgives all silence until now, because no worker could be heard.
    pub(crate) fn excuse_all(&mut self, now: Tick) {
        for worker in self.known.values_mut() {
            worker.last_seen = now;
            worker.challenged = None;
        }
    }

    pub(crate) fn connected(&mut self, id: &WorkerId, now: Tick) {
        let worker = self.entry(id, now);
        worker.connections += 1;
        worker.is_expected = false;
    }

    /// Notes that one of the worker's connections ended. Returns whether it was the last.
    pub(crate) fn disconnected(&mut self, id: &WorkerId) -> bool {
        let Some(worker) = self.known.get_mut(id) else { return true };
        worker.connections = worker.connections.saturating_sub(1);
        worker.connections == 0
    }

    pub(crate) fn forget_silent(&mut self, now: Tick, holds: impl Fn(&WorkerId) -> bool) {
        // When the list is full, names that were made up for one call must not keep workers out.
        let is_full = self.known.len() >= limits::WORKERS;
        let is_recent = |worker: &Worker| !is_full && worker.last_seen + FORGET_AFTER > now;
        self.known.retain(|id, worker| worker.connections > 0 || is_recent(worker) || holds(id));
    }

    pub(crate) fn len(&self) -> usize {
        self.known.len()
    }

    /// The workers with ids after this one, in ascending order.
    pub(crate) fn after(
        &self,
        id: Option<&WorkerId>,
    ) -> impl Iterator<Item = (&WorkerId, &Worker)> {
        let after = id.map_or(Bound::Unbounded, Bound::Excluded);
        self.known.range::<WorkerId, _>((after, Bound::Unbounded))
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&WorkerId, &Worker)> {
        self.known.iter()
    }

    fn entry(&mut self, id: &WorkerId, now: Tick) -> &mut Worker {
        self.known.entry(id.clone()).or_insert_with(|| Worker {
            info: WorkerInfo::default(),
            objectives: Vec::new(),
            last_seen: now,
            is_expected: false,
            is_silent: false,
            challenged: None,
            connections: 0,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TERM: Duration = Duration::from_secs(8);

    fn id() -> WorkerId {
        WorkerId::new("w").expect("a name")
    }

    fn at(seconds: u64) -> Tick {
        Tick(Duration::from_secs(seconds))
    }

    fn info(session: u64) -> WorkerInfo {
        WorkerInfo { session, host: format!("host {session}"), ..WorkerInfo::default() }
    }

    /// Lets the process speak, if it may.
    fn speaks(workers: &mut Workers, session: u64, seconds: u64) -> Result<(), Twin> {
        workers.admit(&id(), session, at(seconds), TERM)?;
        workers.seen(&id(), info(session), at(seconds));
        Ok(())
    }

    fn connected() -> Workers {
        let mut workers = Workers::default();
        speaks(&mut workers, 1, 0).expect("the first");
        workers.connected(&id(), at(0));
        workers
    }

    #[test]
    fn of_two_processes_of_one_name_the_first_keeps_it() {
        let mut workers = connected();
        assert_eq!(speaks(&mut workers, 2, 1), Err(Twin::Unknown(id())));
        assert_eq!(speaks(&mut workers, 2, 2), Err(Twin::Unknown(id())), "nothing was heard since");
        speaks(&mut workers, 1, 2).expect("its name");
        let alive = Twin::Alive { id: id(), host: "host 1".to_owned() };
        assert_eq!(speaks(&mut workers, 2, 3), Err(alive));
        assert_eq!(
            speaks(&mut workers, 2, 4),
            Err(Twin::Unknown(id())),
            "it has to be heard again"
        );
        speaks(&mut workers, 1, 5).expect("its name");
    }

    #[test]
    fn a_process_that_left_its_connection_behind_loses_its_name_after_a_term() {
        let mut workers = connected();
        for seconds in 1..8 {
            assert_eq!(speaks(&mut workers, 2, seconds), Err(Twin::Unknown(id())));
        }
        workers.find_silent(at(7), TERM);
        assert_eq!(speaks(&mut workers, 2, 8), Err(Twin::Unknown(id())), "nobody looked since");
        workers.find_silent(at(8), TERM);
        assert_eq!(speaks(&mut workers, 2, 8), Ok(()));
        // The old one comes back from wherever it was.
        workers.connected(&id(), at(8));
        assert_eq!(speaks(&mut workers, 1, 9), Err(Twin::Unknown(id())));
        speaks(&mut workers, 2, 10).expect("its name now");
        assert!(matches!(speaks(&mut workers, 1, 11), Err(Twin::Alive { .. })));
    }

    #[test]
    fn a_process_that_is_gone_is_replaced_at_once() {
        let mut workers = connected();
        assert!(workers.disconnected(&id()));
        assert_eq!(speaks(&mut workers, 2, 1), Ok(()));
    }

    #[test]
    fn who_held_a_lease_as_the_coordinator_started_has_a_term_to_come_back() {
        let holder = id();
        let mut workers = Workers::expecting([(&holder, 1)].into_iter(), at(0));
        assert_eq!(speaks(&mut workers, 2, 1), Err(Twin::Unknown(id())));
        assert_eq!(speaks(&mut workers, 1, 2), Ok(()));
        // It asks for work before its heartbeats are back.
        assert!(matches!(speaks(&mut workers, 2, 3), Err(Twin::Alive { .. })));
        let mut workers = Workers::expecting([(&holder, 1)].into_iter(), at(0));
        workers.find_silent(at(8), TERM);
        assert_eq!(speaks(&mut workers, 2, 8), Ok(()));
    }

    #[test]
    fn silence_that_nobody_could_have_heard_costs_no_name() {
        let mut workers = connected();
        workers.excuse_all(at(100));
        assert_eq!(speaks(&mut workers, 2, 100), Err(Twin::Unknown(id())));
        assert_eq!(speaks(&mut workers, 1, 101), Ok(()));
    }
}
