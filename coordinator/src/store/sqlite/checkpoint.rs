//! Moving the log into the file once it is long. `SQLite` would do so by itself, and tell nobody when it fails: a file
//! that does not keep what it is given must end the process while the log still has everything.

use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};

use rusqlite::{Connection, ErrorCode};

use super::mark;

/// Pages that make a log long: `SQLite`'s own number.
const LONG: i32 = 1000;

/// The log of an open store, and when it is moved.
#[derive(Debug)]
pub(super) struct Checkpoints {
    /// How many pages the log had after the newest commit.
    pages: Arc<AtomicI32>,
    /// How many make it long.
    pub(super) long: i32,
    /// Whether the file says that it has a log: from the first commit on.
    is_marked: bool,
    /// Whether something was in the way at the last try: a transaction of somebody else, or a full disk.
    pub(super) is_held: bool,
}

impl Checkpoints {
    /// Watches the log in place of `SQLite`.
    pub(super) fn watch(conn: &mut Connection) -> rusqlite::Result<Self> {
        let pages = Arc::new(AtomicI32::new(0));
        let noted = pages.clone();
        conn.wal_hook(Some(move |_: &mut _, pages| {
            noted.store(pages, Ordering::Relaxed);
            Ok(())
        }))?;
        Ok(Self { pages, long: LONG, is_marked: false, is_held: false })
    }

    /// How many pages the log has at least.
    pub(super) fn pages(&self) -> u64 {
        self.pages.load(Ordering::Relaxed).unsigned_abs().into()
    }

    /// Whether a log should be moved after a commit.
    pub(super) fn is_due(&self) -> bool {
        !self.is_held && (!self.is_marked || self.pages.load(Ordering::Relaxed) >= self.long)
    }

    /// Moves the log into the file, as far as nothing is in the way.
    pub(super) fn move_log(&mut self, conn: &Connection) -> rusqlite::Result<()> {
        let moved = self.move_and_mark(conn);
        // At every way out but the last, something is still to be done.
        self.is_held = !matches!(moved, Ok(true));
        match moved.as_ref().map_err(rusqlite::Error::sqlite_error_code) {
            Err(Some(
                ErrorCode::DiskFull | ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked,
            )) => Ok(()),
            _ => moved.map(|_| ()),
        }
    }

    /// Whether all of it is done. The order is what `pair.rs` rests on.
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

/// Moves what nobody looks at; whether that was all.
pub(super) fn move_all(conn: &Connection) -> rusqlite::Result<bool> {
    conn.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| {
        let (busy, pages, moved): (bool, i64, i64) = row.try_into()?;
        Ok(!busy && pages == moved)
    })
}
