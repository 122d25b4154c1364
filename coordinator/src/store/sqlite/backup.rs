//! Copies a whole store, whether or not somebody writes to it.
//!
//! The copy is read in one transaction, so it is the state after one commit. The writer notices
//! only the extra reading, and that its log is not restarted until the copy is done.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::backup::StepResult;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::super::error::StoreError;
use super::fault::Fault;
use super::open::{self, BUSY_TIMEOUT, Look};
use super::{lock, mark, path};

/// Pages to copy between two progress reports.
const STEP: i32 = 64;

/// The result of a backup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backup {
    /// The size of the file.
    pub bytes: u64,
    /// How many studies it holds.
    pub studies: u64,
    /// How many trials they have together.
    pub trials: u64,
}

/// Copies the store at `store` to `to`, which must not exist. The copy is written under another
/// name, checked, synced and only then renamed, so `to` is always complete and on disk. `progress`
/// gets the bytes copied so far and the total.
pub fn backup(
    store: &Path,
    to: &Path,
    progress: impl FnMut(u64, u64),
) -> Result<Backup, StoreError> {
    let source = connect(store).map_err(|fault| fault.at(store))?;
    if fs::symlink_metadata(to).is_ok() {
        return Err(StoreError::Exists { location: to.into() });
    }
    let part = Part(path::beside(to, &format!(".part-{}", std::process::id())));
    let made = copy(&source, &part.0, progress)
        .and_then(|()| finish(&part.0))
        .and_then(|backup| keep(store, &part.0, to).map(|()| backup));
    made.map_err(|fault| fault.at(to))
}

/// An incomplete copy. It is deleted unless it is renamed.
struct Part(PathBuf);

impl Drop for Part {
    fn drop(&mut self) {
        for suffix in ["", "-wal", "-shm", "-journal"] {
            _ = fs::remove_file(path::beside(&self.0, suffix));
        }
    }
}

/// A connection that sees everything committed so far, and nothing later.
fn connect(store: &Path) -> Result<Connection, Fault> {
    let store = path::absolute(store)?;
    let found = look(&store)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(&store, flags)?;
    conn.busy_timeout(BUSY_TIMEOUT)?;
    conn.pragma_update(None, "query_only", true)?;
    // What a crash left stays as it is.
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, found == Look::Unclosed)?;
    conn.execute_batch("BEGIN")?;
    open::version(&conn)?;
    Ok(conn)
}

/// What is there, as a coordinator would see it. If one serves the store, the file needs no check.
fn look(store: &Path) -> Result<Look, Fault> {
    let beside = lock::beside_if_there(&path::beside(store, ".lock"));
    match beside.and_then(|_| lock::store_if_there(store)) {
        Ok(Some(file)) => match open::look(store, Some(&file))? {
            Look::Nothing => Err(Fault::Foreign("an empty file".to_owned())),
            found => Ok(found),
        },
        Ok(None) => {
            let what = "there is no such file";
            Err(Fault::Io(io::Error::new(io::ErrorKind::NotFound, what)))
        }
        Err(Fault::InUse) => Ok(Look::Closed),
        Err(fault) => Err(fault),
    }
}

fn copy(source: &Connection, part: &Path, mut progress: impl FnMut(u64, u64)) -> Result<(), Fault> {
    let page: u32 = source.query_row("PRAGMA page_size", [], |row| row.get(0))?;
    let mut target = Connection::open(part)?;
    // An incomplete copy is useless, so it needs no sync.
    target.pragma_update(None, "synchronous", "OFF")?;
    let copy = rusqlite::backup::Backup::new(source, &mut target)?;
    loop {
        let step = copy.step(STEP)?;
        let at = copy.progress();
        let bytes = |pages: i32| u64::from(pages.unsigned_abs()) * u64::from(page);
        progress(bytes(at.pagecount - at.remaining), bytes(at.pagecount));
        match step {
            StepResult::Done => return Ok(()),
            StepResult::More => {}
            _ => std::thread::sleep(Duration::from_millis(10)),
        }
    }
}

/// Turns the copy into a single file without a log, and checks it.
fn finish(part: &Path) -> Result<Backup, Fault> {
    let conn = Connection::open(part)?;
    conn.pragma_update(None, "synchronous", "OFF")?;
    conn.query_row("PRAGMA journal_mode = DELETE", [], |_| Ok(()))?;
    mark::make_even(&conn)?;
    open::check(&conn)?;
    let count = |table| {
        let count = format!("SELECT count(*) FROM {table}");
        conn.query_row(&count, [], |row| row.get::<_, i64>(0)).map(i64::unsigned_abs)
    };
    let (studies, trials) = (count("studies")?, count("trials")?);
    drop(conn);
    let file = File::open(part).and_then(|file| Ok((file.sync_all()?, file.metadata()?)));
    let ((), found) = file.map_err(Fault::Io)?;
    Ok(Backup { bytes: found.len(), studies, trials })
}

/// Gives the copy its final name, synced, and the store's permissions.
fn keep(store: &Path, part: &Path, to: &Path) -> Result<(), Fault> {
    let renamed = fs::metadata(store)
        .and_then(|store| fs::set_permissions(part, store.permissions()))
        .and_then(|()| fs::rename(part, to))
        .and_then(|()| File::open(path::folder(to))?.sync_all());
    renamed.map_err(Fault::Io)
}
