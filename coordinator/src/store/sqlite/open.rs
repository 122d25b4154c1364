//! Opening a file: look first and change nothing, then lock it, then make or use it.

use std::ffi::OsString;
use std::fs::{self, File, TryLockError};
use std::io::{self, ErrorKind, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use kindling_study::{Registry, Tick};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension, TransactionBehavior};

use super::fault::Fault;
use super::{load, log};

/// The layout that this build reads and writes.
pub(super) const VERSION: i64 = 4;

/// Our mark in the file's header: "KNDL".
pub(super) const APPLICATION_ID: u32 = 0x4B4E_444C;

/// The oldest that is brought up to date as it is opened.
const OLDEST: i64 = 2;

const SCHEMA: &str = include_str!("schema.sql");
/// Who may write what.
const GUARDS: &str = include_str!("guards.sql");
/// From each layout to the next, the oldest first.
const UPGRADES: [&str; 2] = [include_str!("upgrade_2.sql"), include_str!("upgrade_3.sql")];

/// A store that is sound, and locked for this process.
pub(super) struct Opened {
    /// Without links.
    pub(super) path: PathBuf,
    pub(super) conn: Connection,
    /// What it holds, if that was read under the lock, and in today's layout. Its leases end at once.
    pub(super) registry: Option<Registry>,
    pub(super) lock: File,
}

pub(super) fn open(path: &Path, busy_timeout: Duration) -> Result<Opened, Fault> {
    let path = absolute(path)?;
    let lock_path = with_suffix(&path, ".lock");
    // A file that was served before has its lock beside it. Any other is looked at before there is
    // reason to put one there.
    let held = lock_if_there(&lock_path)?;
    let found = look(&path)?;
    let read = match found {
        Look::Nothing | Look::Unmade => None,
        Look::Closed => read(&mut connect_to_look(&path)?)?,
        Look::Unclosed => {
            let log_path = with_suffix(&path, "-wal");
            if let Some(what) = log::damage(&log_path).map_err(Fault::Io)? {
                return Err(Fault::Damaged(what));
            }
            read(&mut connect_to_log(&path, busy_timeout)?)?
        }
    };
    if let Some(lock) = held {
        let conn = connect(&path, found, busy_timeout)?;
        return Ok(Opened { path, conn, registry: read, lock });
    }
    let lock = lock(&lock_path)?;
    match connect(&path, found, busy_timeout) {
        // It may have changed before it was locked: what was read is not said to be there.
        Ok(conn) => Ok(Opened { path, conn, registry: None, lock }),
        Err(fault) => {
            // Some damage shows only to those who may write. Whoever waits for this lock finds it, too.
            if fault.is_damage() {
                fs::remove_file(lock_path).map_err(Fault::Io)?;
            }
            Err(fault)
        }
    }
}

/// What there is at the path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Look {
    /// Nothing, or an empty file.
    Nothing,
    /// A store of ours that a crash left while it was made, or switched to its log.
    Unmade,
    /// A store of ours that was closed properly.
    Closed,
    /// A store of ours after a crash: some of its content is still in the log beside it.
    Unclosed,
}

fn look(path: &Path) -> Result<Look, Fault> {
    let size = match fs::metadata(path) {
        Ok(found) if found.is_file() => found.len(),
        Ok(found) if found.is_dir() => return Err(Fault::Foreign("a directory".to_owned())),
        Ok(_) => return Err(Fault::Foreign("not a regular file".to_owned())),
        Err(error) if error.kind() == ErrorKind::NotFound => 0,
        Err(error) => return Err(Fault::Io(error)),
    };
    let leaves = |suffix| fs::metadata(with_suffix(path, suffix)).is_ok_and(|m| m.len() > 0);
    if size == 0 {
        if leaves("-wal") {
            let found = "the file is empty or gone, but its -wal is not";
            return Err(Fault::Damaged(found.to_owned()));
        }
        return Ok(Look::Nothing);
    }
    let mut header = Vec::new();
    File::open(path).and_then(|f| f.take(100).read_to_end(&mut header)).map_err(Fault::Io)?;
    if !header.starts_with(b"SQLite format 3\0") {
        return Err(Fault::Foreign("not an SQLite file".to_owned()));
    }
    let Some(mark) = header.get(68..72) else {
        return Err(Fault::Damaged(format!("an SQLite file that was cut off after {size} bytes")));
    };
    if mark != APPLICATION_ID.to_be_bytes() {
        return Err(Fault::Foreign(whose(path)));
    }
    if leaves("-journal") {
        return Ok(Look::Unmade);
    }
    Ok(if leaves("-wal") { Look::Unclosed } else { Look::Closed })
}

/// Reads all there is, and refuses what makes no sense now and by name, rather than in the middle of
/// the night. What is in the older layout is read once it is in today's.
fn read(conn: &mut Connection) -> Result<Option<Registry>, Fault> {
    match check(conn)? {
        VERSION => load::registry(conn, Tick::default()).map(Some),
        _ => Ok(None),
    }
}

/// Its version, after a check that every page is intact and agrees with its indices. On 100,000 trials
/// the indices take a second; without them a result may have moved to another trial.
fn check(conn: &Connection) -> Result<i64, Fault> {
    let version = version(conn)?;
    let verdict: String = conn.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
    if verdict == "ok" { Ok(version) } else { Err(Fault::Damaged(verdict)) }
}

fn version(conn: &Connection) -> Result<i64, Fault> {
    let version = "SELECT value FROM kindling_meta WHERE key = 'schema_version'";
    match conn.query_row(version, [], |row| row.get::<_, i64>(0)) {
        Ok(known @ OLDEST..=VERSION) => Ok(known),
        Ok(other @ 1..) => Err(Fault::OtherVersion(other)),
        Ok(other) => Err(Fault::Damaged(format!("kindling_meta: schema_version is {other}"))),
        Err(rusqlite::Error::QueryReturnedNoRows) => {
            Err(Fault::Damaged("kindling_meta: no schema_version".to_owned()))
        }
        Err(error) => Err(error.into()),
    }
}

fn connect(path: &Path, found: Look, busy_timeout: Duration) -> Result<Connection, Fault> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut conn = Connection::open_with_flags(path, flags)?;
    conn.busy_timeout(busy_timeout)?;
    conn.set_prepared_statement_cache_capacity(64);
    // Sorting in memory: the disk for temporary files may be the one that is full.
    conn.pragma_update(None, "temp_store", "MEMORY")?;
    if has_no_tables(&conn)? {
        create(&mut conn)?;
    } else if found == Look::Unmade {
        check(&conn)?;
    }

    let mode: String = conn.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))?;
    if mode != "wal" {
        let why = format!("SQLite cannot keep a log beside the file (journal mode {mode})");
        return Err(Fault::Io(io::Error::other(why)));
    }
    conn.pragma_update(None, "synchronous", "FULL")?;
    upgrade(&mut conn)?;
    conn.pragma_update(None, "foreign_keys", true)?;
    Ok(conn)
}

/// Brings an older layout up to date.
fn upgrade(conn: &mut Connection) -> Result<(), Fault> {
    let upgrades = &UPGRADES[(version(conn)? - OLDEST) as usize..];
    if upgrades.is_empty() {
        return Ok(());
    }
    let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for upgrade in upgrades {
        tx.execute_batch(upgrade)?;
    }
    tx.execute_batch(GUARDS)?;
    let set_aside: u32 =
        tx.query_row("SELECT count(*) FROM kindling_set_aside", [], |row| row.get(0))?;
    tx.commit()?;
    if set_aside > 0 {
        tracing::warn!(
            rows = set_aside,
            "the store held rows of another program, which are now in its table kindling_set_aside"
        );
    }
    Ok(())
}

fn has_no_tables(conn: &Connection) -> Result<bool, Fault> {
    Ok(conn.query_row("SELECT NOT EXISTS (SELECT 1 FROM sqlite_schema)", [], |row| row.get(0))?)
}

/// Makes the tables, and the mark in the header, in one transaction; before the log is switched on,
/// so that the mark is in the file itself, where [`look`] looks for it. A crash in the middle leaves
/// a file that may bear the mark already, and that `SQLite` empties when it is opened again.
fn create(conn: &mut Connection) -> Result<(), Fault> {
    conn.pragma_update(None, "synchronous", "FULL")?;
    let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
    tx.pragma_update(None, "application_id", APPLICATION_ID)?;
    tx.execute_batch(SCHEMA)?;
    tx.execute_batch(GUARDS)?;
    Ok(tx.commit()?)
}

/// Whose `SQLite` file it is.
fn whose(path: &Path) -> String {
    let tables = "SELECT 1 FROM sqlite_schema WHERE name = 'alembic_version'
                  AND EXISTS (SELECT 1 FROM sqlite_schema WHERE name = 'study_directions')";
    let is_optuna = connect_to_look(path)
        .and_then(|conn| Ok(conn.query_row(tables, [], |_| Ok(())).optional()?));
    match is_optuna {
        Ok(Some(())) => "an Optuna store, not made by Kindling".to_owned(),
        _ => "an SQLite file of another program".to_owned(),
    }
}

/// A connection that writes nothing, locks nothing and leaves nothing beside the file. It does not
/// see the log.
fn connect_to_look(path: &Path) -> Result<Connection, Fault> {
    let mut uri = String::from("file:");
    for byte in path.as_os_str().as_bytes() {
        match byte {
            b'/' | b'.' | b'-' | b'_' => uri.push(char::from(*byte)),
            byte if byte.is_ascii_alphanumeric() => uri.push(char::from(*byte)),
            byte => uri.extend(format!("%{byte:02X}").chars()),
        }
    }
    uri.push_str("?immutable=1");
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
    Ok(Connection::open_with_flags(uri, flags)?)
}

/// A connection that sees the log, and writes neither to it nor to the file, not even as it closes.
/// The log's index is in its own memory rather than beside the file, unless somebody else has the
/// file open, in which case there is one.
fn connect_to_log(path: &Path, busy_timeout: Duration) -> Result<Connection, Fault> {
    let connect = |locking_mode| -> Result<Connection, Fault> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let conn = Connection::open_with_flags(path, flags)?;
        conn.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
        conn.pragma_update(None, "temp_store", "MEMORY")?;
        conn.pragma_update(None, "locking_mode", locking_mode)?;
        has_no_tables(&conn)?;
        Ok(conn)
    };
    match connect("EXCLUSIVE") {
        Err(Fault::Sqlite(error)) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) => {
            let conn = connect("NORMAL")?;
            conn.busy_timeout(busy_timeout)?;
            Ok(conn)
        }
        connected => connected,
    }
}

/// Locks the store for this process; the system lets go when the process ends, however it ends.
fn lock(path: &Path) -> Result<File, Fault> {
    let file = File::options().write(true).create(true).truncate(false).open(path);
    let file = file.map_err(Fault::Io)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Fault::InUse),
        Err(TryLockError::Error(error)) => Err(Fault::Io(error)),
    }
}

fn lock_if_there(path: &Path) -> Result<Option<File>, Fault> {
    if path.exists() { lock(path).map(Some) } else { Ok(None) }
}

/// The path without links, so that a store has one lock whatever it is called by.
fn absolute(path: &Path) -> Result<PathBuf, Fault> {
    match path.canonicalize() {
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        found => return found.map_err(Fault::Io),
    }
    let missing = |what: String| Fault::Io(io::Error::new(ErrorKind::NotFound, what));
    let name = path.file_name().ok_or_else(|| missing("not the name of a file".to_owned()))?;
    let parent = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    match parent.canonicalize() {
        Ok(parent) => Ok(parent.join(name)),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            Err(missing(format!("there is no directory {}", parent.display())))
        }
        Err(error) => Err(Fault::Io(error)),
    }
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    name.into()
}
