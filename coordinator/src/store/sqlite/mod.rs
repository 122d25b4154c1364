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
mod log;
mod open;
mod room;

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
    busy_timeout: Duration,
    conn: Connection,
    /// What the file held when it was opened, for whoever asks first.
    opened: Option<Registry>,
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
    /// All of it is read. A file that is refused keeps every byte, and nothing is put beside it. One
    /// that is opened has a `.lock` beside it from then on, which says who serves it: nobody, unless
    /// it is locked.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        Self::open_with(path, BUSY_TIMEOUT)
    }

    fn open_with(path: &Path, busy_timeout: Duration) -> Result<Self, StoreError> {
        let opened = open::open(path, busy_timeout).map_err(|fault| fault.at(path))?;
        let open::Opened { path, mut conn, registry, lock } = opened;
        let log = LogLength::watch(&mut conn).map_err(|error| Fault::from(error).at(&path))?;
        Ok(Self { path, busy_timeout, conn, opened: registry, index: None, log, _lock: lock })
    }

    fn try_commit(&mut self, batch: &[Record]) -> Result<(), Fault> {
        self.opened = None;
        let tx = self.conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
        commit::take_pen(&tx)?;
        let mut index = match self.index.take() {
            Some(index) => index,
            None => Index::read(&tx)?,
        };
        for record in batch {
            commit::write(&tx, &mut index, record)?;
        }
        commit::write_counters(&tx, &index)?;
        commit::put_pen_down(&tx)?;
        tx.commit()?;
        self.index = Some(index);
        // The batch is on disk. If this fails nobody is told so, and it may be repeated.
        Ok(self.log.keep_short(&self.conn)?)
    }

    /// There is room, and nobody else writes.
    fn try_probe(&self) -> Result<(), Fault> {
        room::probe(&self.path).map_err(Fault::Io)?;
        self.conn.busy_timeout(Duration::ZERO)?;
        let begun = self.conn.execute_batch("BEGIN IMMEDIATE; ROLLBACK");
        self.conn.busy_timeout(self.busy_timeout)?;
        Ok(begun?)
    }

    /// What a failed commit means: a write that failed may have failed for want of room.
    fn explain(&self, fault: Fault) -> StoreError {
        if fault.is_failed_write() && room::probe(&self.path).is_err_and(|e| room::is_full(&e)) {
            return StoreError::Full { path: self.path.clone() };
        }
        fault.at(&self.path)
    }
}

impl Store for SqliteStore {
    fn load(&mut self, lease_until: Tick) -> Result<Registry, StoreError> {
        if let Some(mut registry) = self.opened.take() {
            registry.renew_all(lease_until);
            return Ok(registry);
        }
        load::registry(&mut self.conn, lease_until).map_err(|fault| fault.at(&self.path))
    }

    fn commit(&mut self, batch: &[Record]) -> Result<(), StoreError> {
        if batch.is_empty() {
            return Ok(());
        }
        self.try_commit(batch).map_err(|fault| self.explain(fault))
    }

    fn probe(&mut self) -> Result<(), StoreError> {
        self.try_probe().map_err(|fault| fault.at(&self.path))
    }
}

#[cfg(test)]
mod tests;
