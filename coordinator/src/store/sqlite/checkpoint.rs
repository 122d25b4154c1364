//! Moving the log into the file once it is long. `SQLite` would do so by itself, and tell nobody when it fails: a file
//! that does not keep what it is given must end the process while the log still has everything.

use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};

use rusqlite::{Connection, ErrorCode};

/// Pages that make a log long: `SQLite`'s own number.
const LONG: i32 = 1000;

/// How many pages the log had after the newest commit.
#[derive(Debug)]
pub(super) struct LogLength(Arc<AtomicI32>);

impl LogLength {
    /// Watches the log in place of `SQLite`.
    pub(super) fn watch(conn: &mut Connection) -> rusqlite::Result<Self> {
        let length = Arc::new(AtomicI32::new(0));
        let noted = length.clone();
        conn.wal_hook(Some(move |_: &mut _, pages| {
            noted.store(pages, Ordering::Relaxed);
            Ok(())
        }))?;
        Ok(Self(length))
    }

    /// Moves a long log into the file. What is in the way now may be out of it after the next commit.
    pub(super) fn keep_short(&self, conn: &Connection) -> rusqlite::Result<()> {
        if self.0.load(Ordering::Relaxed) < LONG {
            return Ok(());
        }
        let moved = conn.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()));
        match moved.as_ref().map_err(rusqlite::Error::sqlite_error_code) {
            Err(Some(
                ErrorCode::DiskFull | ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked,
            )) => Ok(()),
            _ => moved,
        }
    }
}
