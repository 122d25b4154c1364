//! Moves the log into the file when it is long.
//!
//! `SQLite` would do this itself, but hide failures. If the file does not keep what is written to
//! it, the process must end while the log still has everything.

use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};

use rusqlite::{Connection, ErrorCode};

use super::mark;

/// The number of pages from which a log is long. The same as `SQLite`'s own.
const LONG: i32 = 1000;

/// Tracks the log of an open store, and when to move it.
#[derive(Debug)]
pub(super) struct Checkpoints {
    /// How many pages the log had after the newest commit.
    pages: Arc<AtomicI32>,
    /// The number of pages from which the log is long.
    pub(super) long: i32,
    /// Whether the file is marked as having a log. True from the first commit on.
    is_marked: bool,
    /// Whether the last move was blocked by another program's transaction or a full disk.
    pub(super) is_held: bool,
}

impl Checkpoints {
    /// Watches the log instead of `SQLite`.
    pub(super) fn watch(conn: &mut Connection) -> rusqlite::Result<Self> {
        let pages = Arc::new(AtomicI32::new(0));
        let noted = pages.clone();
        conn.wal_hook(Some(move |_: &mut _, pages| {
            noted.store(pages, Ordering::Relaxed);
            Ok(())
        }))?;
        Ok(Self { pages, long: LONG, is_marked: false, is_held: false })
    }

    /// The least number of pages in the log.
    pub(super) fn pages(&self) -> u64 {
        self.pages.load(Ordering::Relaxed).unsigned_abs().into()
    }

    /// Whether the log should be moved after this commit.
    pub(super) fn is_due(&self) -> bool {
        !self.is_held && (!self.is_marked || self.pages.load(Ordering::Relaxed) >= self.long)
    }

    /// Moves the log into the file, as far as nothing blocks it.
    pub(super) fn move_log(&mut self, conn: &Connection) -> rusqlite::Result<()> {
        let moved = self.move_and_mark(conn);
        // On any other result, something is still to be moved.
        self.is_held = !matches!(moved, Ok(true));
        match moved.as_ref().map_err(rusqlite::Error::sqlite_error_code) {
            Err(Some(
                ErrorCode::DiskFull | ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked,
            )) => Ok(()),
            _ => moved.map(|_| ()),
        }
    }

    /// Returns whether everything is done. `pair.rs` depends on the order of the steps.
    fn move_and_mark(&mut self, conn: &Connection) -> rusqlite::Result<bool> {
        if !move_all(conn)? {
            return Ok(false);
        }
        mark::make_odd(conn)?;
        let is_done = move_all(conn)?;
        self.is_marked |= is_done;
        mark::make_even(conn)?;
        Ok(is_done)
    }
}

/// Moves what no reader still needs. Returns whether that was everything.
pub(super) fn move_all(conn: &Connection) -> rusqlite::Result<bool> {
    conn.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| {
        let (busy, pages, moved): (bool, i64, i64) = row.try_into()?;
        Ok(!busy && pages == moved)
    })
}
