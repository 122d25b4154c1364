//! Why a store cannot be used, or could not commit.

use std::fmt;
use std::path::Path;

/// Where a store is: a file's path or another name for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location(String);

impl From<&Path> for Location {
    fn from(path: &Path) -> Self {
        Self(path.display().to_string())
    }
}

impl From<&str> for Location {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a store cannot be used, or could not commit a batch.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The disk is full, and nothing of the batch was kept. May pass.
    #[error("{location}: the disk is full")]
    Full {
        /// The store.
        location: Location,
    },
    /// Too many files are open, and nothing of the batch was kept. May pass.
    #[error("{location}: too many files are open")]
    NoHandles {
        /// The store.
        location: Location,
    },
    /// Another program has locked the file for writing, and nothing of the batch was kept. May
    /// pass.
    #[error("{location}: another program is writing to the store")]
    Busy {
        /// The store.
        location: Location,
    },
    /// Another coordinator has the store open.
    #[error("{location}: another coordinator has this store open")]
    InUse {
        /// The store.
        location: Location,
    },
    /// The file has several names (hard links). Under each, it could be opened with a log of its
    /// own.
    #[error(
        "{location}: the file has {names} names (hard links), and under each it would have another log; it was left as it is"
    )]
    Linked {
        /// The store.
        location: Location,
        /// How many.
        names: u64,
    },
    /// The store was not closed, and the log with its newest commits is missing.
    #[error(
        "{location}: its log is missing: the newest commits are in a -wal that is not beside it; nothing was changed"
    )]
    LogMissing {
        /// The store.
        location: Location,
    },
    /// The log beside the file belongs to another store.
    #[error("{location}: the log beside it, {location}-wal, is not its own; nothing was changed")]
    OtherLog {
        /// The store.
        location: Location,
    },
    /// Somebody removed the store, or part of it, while it was in use.
    #[error("{location}: while the store was in use {what}")]
    Lost {
        /// The store.
        location: Location,
        /// Which of its files, and how.
        what: String,
    },
    /// The file is not a Kindling store.
    #[error("{location}: {found}; this is not a Kindling store, and it was left as it is")]
    Foreign {
        /// The store.
        location: Location,
        /// What it is instead.
        found: String,
    },
    /// The file was written by a newer Kindling, or by one older than the first release.
    #[error("{location}: store version {found}, but this Kindling knows version {known}")]
    OtherVersion {
        /// The store.
        location: Location,
        /// Its version.
        found: i64,
        /// The version that this build reads and writes.
        known: i64,
    },
    /// A file already exists where the backup should go.
    #[error("{location}: it is there already")]
    Exists {
        /// Where.
        location: Location,
    },
    /// The content of the file makes no sense.
    #[error("{location}: damaged: {found}; nothing was changed")]
    Damaged {
        /// The store.
        location: Location,
        /// Where, and what.
        found: String,
    },
    /// Any other error. The coordinator must stop.
    #[error("{location}: {source}")]
    Failed {
        /// The store.
        location: Location,
        /// What `SQLite` said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl StoreError {
    /// Whether the store is sound, so that the same batch may succeed later.
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
