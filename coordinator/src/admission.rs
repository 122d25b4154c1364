//! Limits how many calls may wait for the ledger.
//!
//! Each class has a limit, and calls beyond it are turned away. Completions, releases, signs of
//! life and expiry are never turned away: they wait, and the workers and their slots bound their
//! number.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// What a call wants from the ledger. The earlier a class is listed here, the sooner it is turned
/// away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    /// Only reads.
    Look,
    /// Adds work or takes it.
    Begin,
    /// Reports an intermediate value. A worker that was turned away reports again later.
    Report,
    /// Ends work: a result, a release, an expired lease. Never turned away.
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

/// Reads may be large, and many of them at once are somebody's loop.
pub(crate) const MAX_LOOKS: usize = 256;
/// Every worker of a large cluster may ask for work at the same time.
pub(crate) const MAX_BEGINS: usize = 2048;
pub(crate) const MAX_REPORTS: usize = 4096;

/// The places in which calls wait, by class.
#[derive(Debug, Clone)]
pub(crate) struct Admission {
    looks: Arc<Semaphore>,
    begins: Arc<Semaphore>,
    reports: Arc<Semaphore>,
}

/// A place, held until it is dropped. Calls that are never turned away need none.
pub(crate) type Place = Option<OwnedSemaphorePermit>;

impl Default for Admission {
    fn default() -> Self {
        let places = |count| Arc::new(Semaphore::new(count));
        Self { looks: places(MAX_LOOKS), begins: places(MAX_BEGINS), reports: places(MAX_REPORTS) }
    }
}

impl Admission {
    /// Takes a place for a call of this class, if one is free.
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
