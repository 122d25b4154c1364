//! What goes wrong inside the store, before it is known which file it was.

use std::fmt::Display;
use std::path::Path;

use rusqlite::ffi;
use rusqlite::{Error, ErrorCode};

use super::super::error::{Location, StoreError};
use super::room;

#[derive(Debug)]
pub(super) enum Fault {
    /// `SQLite` said so.
    Sqlite(Error),
    /// The file system said so.
    Io(std::io::Error),
    /// Another coordinator holds the lock.
    InUse,
    /// The file has so many names.
    Linked(u64),
    /// What was committed last is in a log that is not there.
    LogMissing,
    /// Another file's log lies beside it, or an older one.
    OtherLog,
    /// Somebody took a file away that was in use: which, and how.
    Lost(String),
    /// Not our file: what it is instead.
    Foreign(String),
    /// From another Kindling: its version, and the one that this build reads and writes.
    OtherVersion { found: i64, known: i64 },
    /// Content that makes no sense: where, and what.
    Damaged(String),
    /// An event that the store cannot hold, or that fits nothing in it.
    Misfit(String),
}

/// A row that makes no sense.
pub(super) fn damaged(table: &str, row: impl Display, what: impl Display) -> Fault {
    Fault::Damaged(format!("{table}: row {row}: {what}"))
}

impl Fault {
    /// Whether `SQLite` could not write, or open what it writes to, and cannot say for want of what. A sync that
    /// failed is not among them: what it lost, no room brings back.
    pub(super) fn is_failed_write(&self) -> bool {
        // The log's shared index could not grow: on a full disk this comes before the log's own turn.
        const WRITES: [i32; 3] =
            [ffi::SQLITE_IOERR_WRITE, ffi::SQLITE_IOERR_SHMSIZE, ffi::SQLITE_CANTOPEN];
        let Self::Sqlite(error) = self else { return false };
        error.sqlite_error().is_some_and(|error| WRITES.contains(&error.extended_code))
    }

    /// Whether the file does not hold what it should.
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
        // What was read is not what was asked for.
        _ => ErrorCode::Unknown,
    }
}

/// A constraint, or an error in our SQL, says that the file does not hold what it should.
fn says_damaged(code: ErrorCode) -> bool {
    matches!(
        code,
        ErrorCode::DatabaseCorrupt
            | ErrorCode::NotADatabase
            | ErrorCode::ConstraintViolation
            | ErrorCode::Unknown
    )
}
