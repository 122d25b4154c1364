//! The store in `SQLite`: one file in Optuna's layout, and tables of ours beside it (`schema.sql`).
//!
//! One connection writes; others, Optuna and its dashboard among them, may read at any time. What
//! is never here: a lease's deadline, and a decision. The store writes down events and reads back
//! the registry that they made.

mod checkpoint;
mod commit;
mod draft;
mod encode;
mod fault;
mod index;
mod load;
mod open;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use kindling_study::{Record, Registry, Tick};
use rusqlite::{Connection, TransactionBehavior};

use super::{Store, StoreError};
use checkpoint::LogLength;
use fault::Fault;
use index::Index;

/// How long to wait for another program that writes to the file.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Studies in an `SQLite` file that Optuna can read.
///
/// The file goes with its `-wal` while it is open, or after a crash: copy both, or neither. It
/// belongs on a local disk; network file systems do not support what `SQLite`'s log needs.
#[derive(Debug)]
pub struct SqliteStore {
    path: PathBuf,
    conn: Connection,
    /// `None` after a batch failed: it is read again from the file, which knows best.
    index: Option<Index>,
    log: LogLength,
    /// Locked while the store is open. The last field, so that the connection closes first.
    _lock: File,
}

impl SqliteStore {
    /// Opens the store in this file, or makes one there if the file is missing or empty. Its
    /// directory must exist.
    ///
    /// A file that is refused keeps every byte, and nothing is put beside it. One that is opened has
    /// a `.lock` beside it from then on, which says who serves it: nobody, unless it is locked.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        Self::open_with(path, BUSY_TIMEOUT)
    }

    fn open_with(path: &Path, busy_timeout: Duration) -> Result<Self, StoreError> {
        let (mut conn, lock) = open::open(path, busy_timeout).map_err(|fault| fault.at(path))?;
        let log = LogLength::watch(&mut conn).map_err(|error| Fault::from(error).at(path))?;
        Ok(Self { path: path.to_owned(), conn, index: None, log, _lock: lock })
    }

    fn try_commit(&mut self, batch: &[Record]) -> Result<(), Fault> {
        let tx = self.conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut index = match self.index.take() {
            Some(index) => index,
            None => Index::read(&tx)?,
        };
        for record in batch {
            commit::write(&tx, &mut index, record)?;
        }
        commit::write_counters(&tx, &index)?;
        tx.commit()?;
        self.index = Some(index);
        // The batch is on disk. If this fails nobody is told so, and it may be repeated.
        Ok(self.log.keep_short(&self.conn)?)
    }
}

impl Store for SqliteStore {
    fn load(&mut self, lease_until: Tick) -> Result<Registry, StoreError> {
        load::registry(&mut self.conn, lease_until).map_err(|fault| fault.at(&self.path))
    }

    fn commit(&mut self, batch: &[Record]) -> Result<(), StoreError> {
        if batch.is_empty() {
            return Ok(());
        }
        self.try_commit(batch).map_err(|fault| fault.at(&self.path))
    }
}

#[cfg(test)]
mod tests;
