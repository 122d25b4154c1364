//! Where studies are kept. The trait is small on purpose: load everything, commit a batch of events,
//! and say when an outage is over.

mod sqlite;

use std::path::PathBuf;

use kindling_study::{Record, Registry, Tick};

pub use sqlite::SqliteStore;

/// A durable home for studies.
pub trait Store: Send + 'static {
    /// Everything that was committed. Open leases end at `lease_until`: a restart gives each of
    /// them a full term.
    fn load(&mut self, lease_until: Tick) -> Result<Registry, StoreError>;

    /// Keeps all of these records or none. When it returns, they survive a crash of the machine.
    fn commit(&mut self, batch: &[Record]) -> Result<(), StoreError>;

    /// Whether it can keep something again after an error that may pass, tried out with nothing at
    /// stake. Does not wait. An error that may not pass is one that no commit would survive.
    fn probe(&mut self) -> Result<(), StoreError>;
}

/// Why a store cannot be used, or could not keep a batch.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// There is no room; nothing of the batch was kept. May pass.
    #[error("{}: the disk is full", path.display())]
    Full {
        /// The store.
        path: PathBuf,
    },
    /// Another program holds the file locked for writing; nothing of the batch was kept. May pass.
    #[error("{}: another program is writing to the store", path.display())]
    Busy {
        /// The store.
        path: PathBuf,
    },
    /// Another coordinator serves the store.
    #[error("{}: another coordinator has this store open", path.display())]
    InUse {
        /// The store.
        path: PathBuf,
    },
    /// The file is not one of ours.
    #[error("{}: {found}; this is not a Kindling store, and it was left as it is", path.display())]
    Foreign {
        /// The store.
        path: PathBuf,
        /// What it is instead.
        found: String,
    },
    /// The file was written by a newer Kindling, or by one from before the first release.
    #[error("{}: store version {found}, but this Kindling knows version {known}", path.display())]
    OtherVersion {
        /// The store.
        path: PathBuf,
        /// Its version.
        found: i64,
        /// The version that this build reads and writes.
        known: i64,
    },
    /// What the file holds makes no sense.
    #[error("{}: damaged: {found}; nothing was changed", path.display())]
    Damaged {
        /// The store.
        path: PathBuf,
        /// Where, and what.
        found: String,
    },
    /// Anything else: the coordinator cannot go on.
    #[error("{}: {source}", path.display())]
    Failed {
        /// The store.
        path: PathBuf,
        /// What `SQLite` said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl StoreError {
    /// Whether the store itself is sound and the same batch may succeed later.
    pub fn may_pass(&self) -> bool {
        matches!(self, Self::Full { .. } | Self::Busy { .. })
    }

    /// What a person can do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Full { .. } => "make room on the disk; the coordinator goes on by itself",
            Self::Busy { .. } => "close the program that writes to it; readers do not disturb",
            Self::InUse { .. } => "stop the other coordinator, or name another file with --store",
            Self::Foreign { .. } => "name another file with --store",
            Self::OtherVersion { .. } => {
                "use the Kindling that wrote it, or name another file with --store"
            }
            Self::Damaged { .. } => "restore the file and its -wal from a backup",
            Self::Failed { .. } => "look at the path, its permissions and the disk",
        }
    }
}
