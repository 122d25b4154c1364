//! Where studies are kept. The trait is small on purpose: load everything, commit a batch of events,
//! say when an outage is over, and look after it.

mod history;
mod sqlite;

use std::path::PathBuf;

use kindling_study::{Record, Registry, Tick};

pub use history::{History, Reached};
pub(crate) use sqlite::StoreReader;
pub use sqlite::{Backup, SqliteStore, backup};

/// A durable home for studies.
pub trait Store: Send + 'static {
    /// Everything that was committed. Open leases end at `lease_until`: a restart gives each of
    /// them a full term.
    fn load(&mut self, lease_until: Tick) -> Result<Registry, StoreError>;

    /// Which history it tells.
    fn history(&self) -> History;

    /// Keeps all of these records or none. When it returns, they survive a crash of the machine.
    fn commit(&mut self, batch: &[Record]) -> Result<(), StoreError>;

    /// Whether it can keep something again after an error that may pass, tried out with nothing at
    /// stake. Does not wait. An error that may not pass is one that no commit would survive.
    fn probe(&mut self) -> Result<(), StoreError>;

    /// Looks after it, twice a second or so. An error that may not pass says that it was lost.
    fn tend(&mut self) -> Result<Upkeep, StoreError> {
        Ok(Upkeep::default())
    }
}

/// What a store says of itself as it is looked after.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Upkeep {
    /// The length of its log.
    pub log_bytes: u64,
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
    /// Too many files are open; nothing of the batch was kept. May pass.
    #[error("{}: too many files are open", path.display())]
    NoHandles {
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
    /// The file has several names, under each of which it could be served with a log of its own.
    #[error(
        "{}: the file has {names} names (hard links), and under each it would have another log; it was left as it is",
        path.display()
    )]
    Linked {
        /// The store.
        path: PathBuf,
        /// How many.
        names: u64,
    },
    /// The file was not closed, and what was committed last is in a log that is not there.
    #[error(
        "{}: its log is missing: the newest commits are in a -wal that is not beside it; nothing was changed",
        path.display()
    )]
    LogMissing {
        /// The store.
        path: PathBuf,
    },
    /// The log beside the file is not its own.
    #[error("{0}: the log beside it, {0}-wal, is not its own; nothing was changed", path.display())]
    OtherLog {
        /// The store.
        path: PathBuf,
    },
    /// Somebody took the store away, or a part of it, while it was served.
    #[error("{}: while the store was in use {what}", path.display())]
    Lost {
        /// The store.
        path: PathBuf,
        /// Which of its files, and how.
        what: String,
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
    /// There is something where a backup is to be.
    #[error("{}: it is there already", path.display())]
    Exists {
        /// Where.
        path: PathBuf,
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
        matches!(self, Self::Full { .. } | Self::NoHandles { .. } | Self::Busy { .. })
    }

    /// What a person can do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Full { .. } => "make room on the disk; the coordinator goes on by itself",
            Self::NoHandles { .. } => "raise the limit on open files (ulimit -n), or close some",
            Self::Busy { .. } => "close the program that writes to it; readers do not disturb",
            Self::InUse { .. } => "stop the other coordinator, or name another file with --store",
            Self::Linked { .. } => {
                "remove its other names; `kindling backup` makes a copy that is a file of its own"
            }
            Self::LogMissing { .. } => {
                "put its -wal beside it, or take a copy that `kindling backup` made; if the log is lost for good, \
                 `sqlite3 FILE 'PRAGMA user_version = 0'` makes do with what is in the file"
            }
            Self::OtherLog { .. } => {
                "if the file was put back from a backup, move the old -wal away; if not, find the right one"
            }
            Self::Lost { .. } => {
                "stop the coordinator before its store is moved or replaced; `kindling backup` copies it meanwhile"
            }
            Self::Foreign { .. } => "name another file with --store",
            Self::OtherVersion { .. } => {
                "use the Kindling that wrote it, or name another file with --store"
            }
            Self::Exists { .. } => "name another file: a backup is never written over anything",
            Self::Damaged { .. } => "restore the file and its -wal from a backup",
            Self::Failed { .. } => "look at the path, its permissions and the disk",
        }
    }
}
