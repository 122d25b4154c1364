//! What goes wrong inside the store, before it is known which file it was.

use std::fmt::Display;
use std::path::Path;

use rusqlite::ffi;
use rusqlite::{Error, ErrorCode};

use super::super::StoreError;

#[derive(Debug)]
pub(super) enum Fault {
    /// `SQLite` said so.
    Sqlite(Error),
    /// The file system said so.
    Io(std::io::Error),
    /// Another coordinator holds the lock.
    InUse,
    /// Not our file: what it is instead.
    Foreign(String),
    /// From another Kindling: its version.
    OtherVersion(i64),
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
    pub(super) fn at(self, path: &Path) -> StoreError {
        let path = path.to_owned();
        match self {
            Self::Sqlite(error) => of_sqlite(path, error),
            Self::Io(error) => StoreError::Failed { path, source: error.into() },
            Self::InUse => StoreError::InUse { path },
            Self::Foreign(found) => StoreError::Foreign { path, found },
            Self::OtherVersion(found) => {
                StoreError::OtherVersion { path, found, known: super::open::VERSION }
            }
            Self::Damaged(found) => StoreError::Damaged { path, found },
            Self::Misfit(what) => StoreError::Failed { path, source: what.into() },
        }
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Sqlite(error)
    }
}

fn of_sqlite(path: std::path::PathBuf, error: Error) -> StoreError {
    let Some(ffi::Error { code, extended_code }) = error.sqlite_error() else {
        return StoreError::Failed { path, source: error.into() };
    };
    match code {
        ErrorCode::DiskFull => StoreError::Full { path },
        // The log's shared index could not grow: on a full disk this comes before the log's own turn.
        _ if *extended_code == ffi::SQLITE_IOERR_SHMSIZE => StoreError::Full { path },
        ErrorCode::DatabaseBusy => StoreError::Busy { path },
        // A constraint, or an error in our SQL, says that the file does not hold what it should.
        ErrorCode::DatabaseCorrupt
        | ErrorCode::NotADatabase
        | ErrorCode::ConstraintViolation
        | ErrorCode::Unknown => StoreError::Damaged { path, found: error.to_string() },
        _ => StoreError::Failed { path, source: error.into() },
    }
}
