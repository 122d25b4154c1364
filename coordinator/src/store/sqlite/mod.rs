//! The store in `SQLite`: one file with Optuna's tables, and with our own tables beside them
//! (`schema_optuna.sql`, `schema.sql`).
//!
//! One connection writes. Others, such as Optuna and its dashboard, may read at any time. The store
//! never holds a lease's deadline or a decision. It writes events, and reads back the registry that
//! they made.

mod backup;
mod checkpoint;
mod commit;
mod export;
mod fault;
mod files;
mod foreign;
mod history;
mod load;
mod lock;
mod log;
mod mark;
mod open;
mod pair;
mod path;
mod read;
mod room;

use std::path::{Path, PathBuf};
use std::time::Duration;

use kindling_study::{Record, Registry, Tick};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, TransactionBehavior};

use super::contract::{Store, Upkeep};
use super::error::StoreError;
use super::history::{History, Reached};
use super::optuna::{self, Known};
pub use backup::{Backup, backup};
use checkpoint::Checkpoints;
pub use export::{ExportError, write_for_optuna};
use fault::Fault;
use files::Files;
use lock::Lock;

pub(super) use foreign::{foreign, is_ours};
pub(crate) use read::StoreReader;

/// Studies in an `SQLite` file that Optuna can read.
///
/// While the file is open, and after a crash, its `-wal` belongs to it. One without the other is
/// refused; `kindling backup` makes a complete copy at any time. Keep the file on a local disk:
/// network file systems do not support what `SQLite`'s log needs.
#[derive(Debug)]
pub struct SqliteStore {
    path: PathBuf,
    busy_timeout: Duration,
    conn: Connection,
    /// The content as it was when the file was opened, for the first `load`.
    opened: Option<Registry>,
    /// `None` until the content is loaded, and after a failed batch.
    known: Option<Known>,
    log: Checkpoints,
    files: Files,
    reached: Reached,
    /// The last field, so that the connection is closed first.
    lock: Lock,
}

impl SqliteStore {
    /// Opens the store in this file, or creates one if the file is missing or empty. Its directory
    /// must exist.
    ///
    /// The whole store is read. A file that is refused is not changed, and nothing is put beside
    /// it. A file that is opened gets a `.lock` beside it, which stays. A coordinator serves the
    /// store exactly while that file is locked.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        Self::open_with(path, open::BUSY_TIMEOUT)
    }

    fn open_with(path: &Path, busy_timeout: Duration) -> Result<Self, StoreError> {
        let opened = open::open(path, busy_timeout).map_err(|fault| fault.at(path))?;
        let open::Opened { path, mut conn, registry, reached, lock } = opened;
        let watched = Checkpoints::watch(&mut conn).map_err(Fault::from);
        let watched = watched.and_then(|log| Ok((log, Files::of(&path, &lock.store, &conn)?)));
        let (log, files) = watched.map_err(|fault| fault.at(&path))?;
        let (opened, known) = (registry, None);
        Ok(Self { path, busy_timeout, conn, opened, known, log, files, reached, lock })
    }

    /// Begins a new history, for a restored copy. An older copy is recognised without this, unless
    /// the file beside it was restored too.
    pub fn begin_history(&mut self) -> Result<(), StoreError> {
        let begun = history::begin(&mut self.conn, &self.lock.beside);
        self.reached = begun.map_err(|fault| fault.at(&self.path))?;
        Ok(())
    }

    fn try_commit(&mut self, batch: &[Record]) -> Result<(), Fault> {
        self.opened = None;
        // Before the write, because it could cover up a gap in a file. After it, because the commit
        // counts only if it can be read back.
        self.look_at_files()?;
        let tx = self.conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
        commit::take_pen(&tx)?;
        let mut known = match self.known.take() {
            Some(known) => known,
            None => Known::of(&load::registry_in(&tx, Tick::default())?),
        };
        for record in batch {
            for change in optuna::changes(&mut known, record)? {
                commit::execute(&tx, &change)?;
            }
        }
        commit::write_counters(&tx, known.next_ids())?;
        history::count(&tx)?;
        commit::put_pen_down(&tx)?;
        mark::make_even(&tx)?;
        tx.commit()?;
        self.reached.commits += 1;
        history::note(&self.lock.beside, &self.reached);
        self.known = Some(known);
        // The batch is on disk. If this check fails, no caller is told so, and they may repeat the
        // batch.
        self.look_at_files()?;
        if self.log.is_due() { self.move_log() } else { Ok(()) }
    }

    fn move_log(&mut self) -> Result<(), Fault> {
        let moved = self.log.move_log(&self.conn);
        self.files.renew(&self.lock.store)?;
        Ok(moved?)
    }

    fn try_tend(&mut self) -> Result<Upkeep, Fault> {
        let log_bytes = self.look_at_files()?;
        // What blocked the move may be gone. And other programs make the log long, too.
        if self.log.is_held || log_bytes > open::LOG_KEPT.into() {
            self.move_log()?;
        }
        Ok(Upkeep { log_bytes })
    }

    /// The length of the log, if all files are as they should be.
    fn look_at_files(&mut self) -> Result<u64, Fault> {
        let found = self.files.check(&self.lock.store, &self.conn, self.log.pages());
        if let Err(Fault::Lost(what)) = found {
            // The files now in place are not ours, and `SQLite` finds them by name. So it must not
            // write to them as it closes.
            self.conn.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
            let rescued = self.files.rescue(&self.conn);
            let rescued = rescued.map_or_else(String::new, |where_to| format!("; {where_to}"));
            return Err(Fault::Lost(what + &rescued));
        }
        found
    }

    /// Checks that there is room on the disk and that nobody else writes.
    fn try_probe(&self) -> Result<(), Fault> {
        room::probe(&self.path).map_err(Fault::Io)?;
        self.conn.busy_timeout(Duration::ZERO)?;
        let begun = self.conn.execute_batch("BEGIN IMMEDIATE; ROLLBACK");
        self.conn.busy_timeout(self.busy_timeout)?;
        Ok(begun?)
    }

    /// The error of a failed commit. A failed write may mean that the disk is full or that file
    /// handles have run out.
    fn explain(&self, fault: Fault) -> StoreError {
        let tried = if fault.is_failed_write() { room::probe(&self.path) } else { Ok(()) };
        match tried {
            Err(error) if room::is_full(&error) || room::wants_handles(&error) => {
                Fault::Io(error).at(&self.path)
            }
            _ => fault.at(&self.path),
        }
    }
}

impl Store for SqliteStore {
    fn load(&mut self, lease_until: Tick) -> Result<Registry, StoreError> {
        let registry = if let Some(mut opened) = self.opened.take() {
            opened.renew_all(lease_until);
            opened
        } else {
            let loaded = load::registry(&mut self.conn, lease_until);
            loaded.map_err(|fault| fault.at(&self.path))?
        };
        self.known = Some(Known::of(&registry));
        Ok(registry)
    }

    fn history(&self) -> History {
        self.reached.history
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

    fn tend(&mut self) -> Result<Upkeep, StoreError> {
        self.try_tend().map_err(|fault| self.explain(fault))
    }
}

#[cfg(test)]
mod tests;
