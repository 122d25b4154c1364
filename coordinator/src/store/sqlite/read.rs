//! Reads a store that another process may serve, or that may not be written.
//!
//! It writes nothing and takes no lock that could disturb a coordinator. So it works on a file and
//! a folder without write permission. What lies beside the file decides how:
//!
//! - The log and its index: somebody has the store open, or a crash left them. `SQLite` reads both.
//! - No log, or an empty one: the file holds everything. It is read as a file that does not change,
//!   and read again if it did.
//! - A log without its index, as in a copy of both: the index is made in memory or, if that needs
//!   write permission, beside a copy.

use std::fs::{self, File, Metadata, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use kindling_study::{Record, Registry, Tick};
use rusqlite::backup::Backup;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};
use tempfile::TempDir;

use super::super::contract::Store;
use super::super::error::StoreError;
use super::super::history::History;
use super::fault::Fault;
use super::open::{self, BUSY_TIMEOUT, Look};
use super::{load, path};

/// How often to read again a file that changed while it was read.
const TRIES: usize = 5;

/// The content of a store at one moment.
#[derive(Debug)]
pub(crate) struct StoreReader {
    path: PathBuf,
    registry: Option<Registry>,
}

impl StoreReader {
    /// Reads the whole store. The file must exist.
    pub(crate) fn open(path: &Path) -> Result<Self, StoreError> {
        let read = registry(path).map_err(|fault| fault.at(path))?;
        Ok(Self { path: path.to_owned(), registry: Some(read) })
    }

    /// What was read from elsewhere.
    pub(crate) fn of(path: &Path, registry: Registry) -> Self {
        Self { path: path.to_owned(), registry: Some(registry) }
    }

    fn refusal(&self) -> StoreError {
        let why = io::Error::new(io::ErrorKind::ReadOnlyFilesystem, "opened only to look");
        Fault::Io(why).at(&self.path)
    }
}

impl Store for StoreReader {
    fn load(&mut self, lease_until: Tick) -> Result<Registry, StoreError> {
        let mut registry = self.registry.take().ok_or_else(|| self.refusal())?;
        registry.renew_all(lease_until);
        Ok(registry)
    }

    fn history(&self) -> History {
        // Unused: no trial is leased from it.
        History([0; 16])
    }

    fn commit(&mut self, _: &[Record]) -> Result<(), StoreError> {
        Err(self.refusal())
    }

    fn probe(&mut self) -> Result<(), StoreError> {
        Err(self.refusal())
    }
}

fn registry(path: &Path) -> Result<Registry, Fault> {
    let path = path::absolute(path)?;
    for _ in 1..TRIES {
        let before = State::of(&path)?;
        let read = registry_now(&path, false);
        // Even what looks like damage may come from a change during the read.
        if before == State::of(&path)? {
            return read;
        }
    }
    registry_now(&path, true)
}

/// `is_served`: somebody commits all the time, so file and log agree only within a transaction.
fn registry_now(path: &Path, is_served: bool) -> Result<Registry, Fault> {
    let exists = |suffix| path::beside(path, suffix).exists();
    let is_open = exists("-wal") && exists("-shm");
    let found = if is_served && is_open { Look::Unclosed } else { look(path)? };
    let foreign = |what: &str| Err(Fault::Foreign(what.to_owned()));
    // The copy is deleted after everything was read.
    let (mut conn, _copy) = match found {
        Look::Nothing => return foreign("an empty file"),
        Look::Unmade => return foreign("a store that was not made to its end"),
        Look::Closed | Look::Unclosed if is_open => (connect_beside(path)?, None),
        Look::Closed => (open::connect_to_look(path)?, None),
        Look::Unclosed if File::options().write(true).open(path).is_ok() => {
            (open::connect_to_log(path, BUSY_TIMEOUT)?, None)
        }
        Look::Unclosed => {
            let (folder, copy) = copy(path).map_err(Fault::Io)?;
            (open::connect_to_log(&copy, BUSY_TIMEOUT)?, Some(folder))
        }
    };
    if open::check(&conn)? == open::VERSION {
        return load::registry(&mut conn, Tick::default());
    }
    // An older layout must be upgraded first, and only a copy may be changed.
    let mut copy = Connection::open_in_memory()?;
    Backup::new(&conn, &mut copy)?.run_to_completion(i32::MAX, Duration::ZERO, None)?;
    open::upgrade(&mut copy)?;
    load::registry(&mut copy, Tick::default())
}

fn look(path: &Path) -> Result<Look, Fault> {
    let found = fs::metadata(path).map_err(Fault::Io)?;
    if !found.is_file() {
        // Opening anything else might block.
        let what = if found.is_dir() { "a directory" } else { "not a regular file" };
        return Err(Fault::Foreign(what.to_owned()));
    }
    open::look(path, Some(&File::open(path).map_err(Fault::Io)?))
}

/// A writable copy of the file and its log. It is deleted with its folder.
fn copy(path: &Path) -> io::Result<(TempDir, PathBuf)> {
    let folder = TempDir::with_prefix("kindling-")?;
    let copy = folder.path().join("store.db");
    for suffix in ["", "-wal"] {
        fs::copy(path::beside(path, suffix), path::beside(&copy, suffix))?;
    }
    for file in fs::read_dir(&folder)? {
        fs::set_permissions(file?.path(), Permissions::from_mode(0o600))?;
    }
    Ok((folder, copy))
}

/// A connection that reads the log, but writes neither to it nor to its index.
fn connect_beside(path: &Path) -> Result<Connection, Fault> {
    let uri = format!("{}?mode=ro&readonly_shm=1", open::uri(path));
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
        | OpenFlags::SQLITE_OPEN_URI
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(uri, flags)?;
    conn.busy_timeout(BUSY_TIMEOUT)?;
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    conn.pragma_update(None, "temp_store", "MEMORY")?;
    Ok(conn)
}

/// Device, inode, length, and time of the last write.
type Mark = (u64, u64, u64, i64, i64);

/// Changes when somebody writes to the file or its log, or begins to serve it.
#[derive(Debug, PartialEq, Eq)]
struct State {
    file: Mark,
    log: Option<Mark>,
    is_open: bool,
}

impl State {
    fn of(path: &Path) -> Result<Self, Fault> {
        let mark = |m: Metadata| (m.dev(), m.ino(), m.len(), m.mtime(), m.mtime_nsec());
        let file = fs::metadata(path).map(mark).map_err(Fault::Io)?;
        let log = fs::metadata(path::beside(path, "-wal")).map(mark).ok();
        Ok(Self { file, log, is_open: path::beside(path, "-shm").exists() })
    }
}
