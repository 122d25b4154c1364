//! The store's history, in the file and in the lock file beside it.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;

use rusqlite::{Connection, TransactionBehavior};

use super::fault::Fault;
use super::mark;
use crate::store::history::{History, Reached};
use crate::store::optuna::Damage;

/// How far the file has come. If it is not the file that the lock file belongs to, begins a new
/// history.
pub(super) fn settle(conn: &mut Connection, lock: &File, is_new: bool) -> Result<Reached, Fault> {
    let reached = read(conn)?;
    let seen = seen(lock).map_err(Fault::Io)?.filter(|_| !is_new);
    let Some(seen) = seen.filter(|seen| reached.is_not_what_was(seen)) else {
        note(lock, &reached);
        return Ok(reached);
    };
    tracing::warn!(
        found = reached.commits,
        seen = seen.commits,
        "an older copy of this store, or another one, was put here: a new history begins"
    );
    begin(conn, lock)
}

/// Begins a new history. What others still keep for the old one no longer belongs to this store.
pub(super) fn begin(conn: &mut Connection, lock: &File) -> Result<Reached, Fault> {
    let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
    tx.execute("UPDATE kindling_history SET history = randomblob(16)", [])?;
    count(&tx)?;
    mark::make_even(&tx)?;
    tx.commit()?;
    let reached = read(conn)?;
    note(lock, &reached);
    Ok(reached)
}

/// Counts a commit, in the commit's own transaction.
pub(super) fn count(conn: &Connection) -> Result<(), Fault> {
    let change = "UPDATE kindling_meta SET value = value + 1 WHERE key = 'commits'";
    match conn.prepare_cached(change)?.execute([])? {
        1 => Ok(()),
        _ => Err(Damage::at("kindling_meta", "commits", "it is missing").into()),
    }
}

/// Notes in the lock file how far the store has come. It is not synced: after a power loss the note
/// may be older than the store, but never newer. If it cannot be written, a restored copy will not
/// be noticed.
pub(super) fn note(lock: &File, reached: &Reached) {
    if let Err(error) = lock.write_all_at(reached.line().as_bytes(), 0) {
        tracing::debug!(%error, "how far the store has come could not be noted beside it");
    }
}

/// How far the file says it has come.
pub(super) fn read(conn: &Connection) -> Result<Reached, Fault> {
    let history = conn
        .query_row("SELECT history FROM kindling_history", [], |row| row.get(0))
        .map_err(|error| Damage::at("kindling_history", 1, error))?;
    let commits: i64 = conn
        .query_row("SELECT value FROM kindling_meta WHERE key = 'commits'", [], |row| row.get(0))
        .map_err(|error| Damage::at("kindling_meta", "commits", error))?;
    let commits = u64::try_from(commits)
        .map_err(|_| Damage::at("kindling_meta", "commits", format!("there were {commits}")))?;
    Ok(Reached { history: History(history), commits })
}

/// The note in the lock file, if it makes sense.
fn seen(lock: &File) -> io::Result<Option<Reached>> {
    let mut line = [0; 70];
    let length = lock.read_at(&mut line, 0)?;
    Ok(std::str::from_utf8(&line[..length]).ok().and_then(Reached::from_line))
}
