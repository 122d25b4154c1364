//! Who waits for the ledger, and who is turned away when too many do.
//!
//! Only so many calls of a kind may wait. Completions, releases, signs of life and expiry are never
//! turned away: they wait, and there are never more of them than there are workers.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// What a call asks of the ledger. The first are turned away first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    /// Only looks.
    Look,
    /// Brings or takes new work.
    Begin,
    /// Tells how far a trial is. Comes again, later, from a worker that was turned away.
    Report,
    /// Ends work: a result, a hand-back, a lease that is over. Never turned away.
    End,
}

impl Class {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Look => "look",
            Self::Begin => "begin",
            Self::Report => "report",
            Self::End => "end",
        }
    }
}

/// Looks may be large, and many of them are somebody's loop.
pub(crate) const MAX_LOOKS: usize = 256;
/// Every worker of a large cluster may ask for work at the same time.
pub(crate) const MAX_BEGINS: usize = 2048;
pub(crate) const MAX_REPORTS: usize = 4096;

/// The places in which calls wait.
#[derive(Debug, Clone)]
pub(crate) struct Admission {
    looks: Arc<Semaphore>,
    begins: Arc<Semaphore>,
    reports: Arc<Semaphore>,
}

/// A place, until it is dropped. Those who are never turned away need none.
pub(crate) type Place = Option<OwnedSemaphorePermit>;

impl Default for Admission {
    fn default() -> Self {
        let places = |count| Arc::new(Semaphore::new(count));
        Self { looks: places(MAX_LOOKS), begins: places(MAX_BEGINS), reports: places(MAX_REPORTS) }
    }
}

impl Admission {
    /// A place for a call of this class, if there is one.
    pub(crate) fn admit(&self, class: Class) -> Option<Place> {
        let places = match class {
            Class::Look => &self.looks,
            Class::Begin => &self.begins,
            Class::Report => &self.reports,
            Class::End => return Some(None),
        };
        places.clone().try_acquire_owned().ok().map(Some)
    }
}
