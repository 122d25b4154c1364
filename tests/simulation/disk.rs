//! A store that survives its coordinator, may be full, and may be restored to an older state.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use kindling_coordinator::conformance::{Subject, passes};
use kindling_coordinator::{History, Reached, Store, StoreError};
use kindling_study::{Event, Record, Registry, Tick};
use tokio::time::Instant;

/// The committed records. Clones share them.
#[derive(Clone)]
pub(crate) struct Disk(Arc<Mutex<Content>>);

struct Content {
    commits: Vec<Commit>,
    reached: Reached,
    /// The marker beside the store; restoring a copy does not change it.
    seen: Reached,
    histories: u8,
    is_full: bool,
}

struct Commit {
    at: Instant,
    records: Vec<Record>,
    /// The state that the store reached with this commit.
    reached: Reached,
}

impl Disk {
    pub(crate) fn new() -> Self {
        let reached = Reached { history: History([0; 16]), commits: 0 };
        let content =
            Content { commits: Vec::new(), reached, seen: reached, histories: 0, is_full: false };
        Self(Arc::new(Mutex::new(content)))
    }

    pub(crate) fn set_full(&self, is_full: bool) {
        self.content().is_full = is_full;
    }

    /// Opens the store as a coordinator does: it may turn out to be a restored copy.
    pub(crate) fn opened(&self) -> Self {
        let mut content = self.content();
        if content.reached.is_not_what_was(&content.seen) {
            content.histories += 1;
            content.reached.history = History([content.histories; 16]);
        }
        content.seen = content.reached;
        self.clone()
    }

    /// Restores the state of `age` ago, but no older than the study's creation. Returns the marks of the
    /// leases that are lost.
    pub(crate) fn put_back(&self, age: Duration) -> Vec<Vec<u8>> {
        let mut content = self.content();
        let newest = Instant::now().checked_sub(age);
        let is_kept = |commit: &Commit| newest.is_some_and(|newest| commit.at <= newest);
        let kept = content.commits.iter().take_while(|commit| is_kept(commit)).count().max(1);
        let kept = kept.min(content.commits.len());
        let lost = content.commits.split_off(kept);
        if let Some(commit) = content.commits.last() {
            content.reached = commit.reached;
        }
        let mark = |record: &Record| match &record.event {
            Event::Leased { mark, .. } => Some(mark.bytes().to_vec()),
            _ => None,
        };
        lost.iter().flat_map(|commit| &commit.records).filter_map(mark).collect()
    }

    fn content(&self) -> MutexGuard<'_, Content> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store for Disk {
    fn load(&mut self, lease_until: Tick) -> Result<Registry, StoreError> {
        let mut registry = Registry::default();
        for record in self.content().commits.iter().flat_map(|commit| &commit.records) {
            let Record { study, at, event, .. } = record;
            registry.apply(*study, *at, event.clone(), lease_until);
        }
        Ok(registry)
    }

    fn history(&self) -> History {
        self.content().reached.history
    }

    fn commit(&mut self, batch: &[Record]) -> Result<(), StoreError> {
        let mut content = self.content();
        if content.is_full {
            return Err(StoreError::Full { location: "study.db".into() });
        }
        content.reached.commits += 1;
        let reached = content.reached;
        let (at, records) = (Instant::now(), batch.to_vec());
        content.commits.push(Commit { at, records, reached });
        content.seen = reached;
        Ok(())
    }

    fn probe(&mut self) -> Result<(), StoreError> {
        if self.content().is_full {
            return Err(StoreError::Full { location: "study.db".into() });
        }
        Ok(())
    }
}

impl Subject for Disk {
    type Store = Self;

    fn open(&mut self) -> Self {
        self.opened()
    }

    fn fill(&mut self, _: &mut Self, is_full: bool) {
        self.set_full(is_full);
    }
}

#[tokio::test]
async fn this_disk_is_a_store() {
    passes(Disk::new);
}
