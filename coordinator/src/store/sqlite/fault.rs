//! Errors inside the store, before the file's name is added.

use std::path::Path;

use rusqlite::ffi;
use rusqlite::{Error, ErrorCode};

use super::super::error::{Location, StoreError};
use super::super::optuna::{Damage, Misfit};
use super::room;

#[derive(Debug)]
pub(super) enum Fault {
    /// An error from `SQLite`.
    Sqlite(Error),
    /// An error from the file system.
    Io(std::io::Error),
    /// Another coordinator holds the lock.
    InUse,
    /// The file has this many names.
    Linked(u64),
    /// The log with the newest commits is missing.
    LogMissing,
    /// The log beside the file belongs to another file, or is too old.
    OtherLog,
    /// A file was removed or replaced while in use: which, and how.
    Lost(String),
    /// Not our file: what it is instead.
    Foreign(String),
    /// Another version of Kindling wrote it: its version, and the one that this build reads and
    /// writes.
    OtherVersion { found: i64, known: i64 },
    /// Content that makes no sense: where, and what.
    Damaged(String),
    /// An event that does not fit into the store.
    Misfit(String),
}

impl Fault {
    /// Whether `SQLite` failed to write, or to open a file for writing, without saying why. A
    /// failed sync is not one of these errors: room on the disk does not bring back what it lost.
    pub(super) fn is_failed_write(&self) -> bool {
        // `SQLITE_IOERR_SHMSIZE`: the log's shared index could not grow. On a full disk this
        // happens before the log itself fails.
        const WRITES: [i32; 3] =
            [ffi::SQLITE_IOERR_WRITE, ffi::SQLITE_IOERR_SHMSIZE, ffi::SQLITE_CANTOPEN];
        let Self::Sqlite(error) = self else { return false };
        error.sqlite_error().is_some_and(|error| WRITES.contains(&error.extended_code))
    }

    /// Whether the file's content is not what it should be.
    pub(super) fn is_damage(&self) -> bool {
        match self {
            Self::Damaged(_) => true,
            Self::Sqlite(error) => says_damaged(code(error)),
            _ => false,
        }
    }

    pub(super) fn at(self, path: &Path) -> StoreError {
        let location = Location::from(path);
        match self {
            Self::Sqlite(error) => of_sqlite(location, error),
            Self::Io(error) if room::is_full(&error) => StoreError::Full { location },
            Self::Io(error) if room::wants_handles(&error) => StoreError::NoHandles { location },
            Self::Io(error) => StoreError::Failed { location, source: error.into() },
            Self::InUse => StoreError::InUse { location },
            Self::Linked(names) => StoreError::Linked { location, names },
            Self::LogMissing => StoreError::LogMissing { location },
            Self::OtherLog => StoreError::OtherLog { location },
            Self::Lost(what) => StoreError::Lost { location, what },
            Self::Foreign(found) => StoreError::Foreign { location, found },
            Self::OtherVersion { found, known } => {
                StoreError::OtherVersion { location, found, known }
            }
            Self::Damaged(found) => StoreError::Damaged { location, found },
            Self::Misfit(what) => StoreError::Failed { location, source: what.into() },
        }
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Sqlite(error)
    }
}

impl From<Damage> for Fault {
    fn from(Damage(found): Damage) -> Self {
        Self::Damaged(found)
    }
}

impl From<Misfit> for Fault {
    fn from(Misfit(what): Misfit) -> Self {
        Self::Misfit(what)
    }
}

fn of_sqlite(location: Location, error: Error) -> StoreError {
    match code(&error) {
        ErrorCode::DiskFull => StoreError::Full { location },
        ErrorCode::DatabaseBusy => StoreError::Busy { location },
        code if says_damaged(code) => StoreError::Damaged { location, found: error.to_string() },
        _ => StoreError::Failed { location, source: error.into() },
    }
}

fn code(error: &Error) -> ErrorCode {
    match error {
        Error::SqliteFailure(ffi::Error { code, .. }, _)
        | Error::SqlInputError { error: ffi::Error { code, .. }, .. } => *code,
        // The statement and the file disagree about types or columns.
        _ => ErrorCode::Unknown,
    }
}

/// A violated constraint, or an error in our SQL, means that the file's content is not what it
/// should be.
fn says_damaged(code: ErrorCode) -> bool {
    matches!(
        code,
        ErrorCode::DatabaseCorrupt
            | ErrorCode::NotADatabase
            | ErrorCode::ConstraintViolation
            | ErrorCode::Unknown
    )
}
