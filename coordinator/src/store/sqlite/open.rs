//! Opening a file: look first and change nothing, then lock it, then create or use the store.

use std::fs::{self, File};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use kindling_study::{Registry, Tick};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension, TransactionBehavior};

use super::fault::Fault;
use super::lock::{self, Lock};
use super::log::Log;
use super::{history, load, mark, pair, path};
use crate::store::history::Reached;

/// The layout version that this build reads and writes.
pub(super) const VERSION: i64 = 8;

/// Our application id in the file's header: "KNDL".
pub(super) const APPLICATION_ID: u32 = 0x4B4E_444C;

/// The oldest version that is upgraded when it is opened.
const OLDEST: i64 = 2;

/// How long to wait while another program writes to the file.
pub(super) const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// The log is cut to this size. That is twice its length when it is moved into the file.
pub(super) const LOG_KEPT: u32 = 8 << 20;

/// The tables that Optuna knows.
pub(super) const OPTUNAS_TABLES: &str = include_str!("schema_optuna.sql");
/// Ours.
const SCHEMA: &str = include_str!("schema.sql");
/// Triggers that say who may write what.
const GUARDS: &str = include_str!("guards.sql");
/// The upgrade from each version to the next, the oldest first.
const UPGRADES: [&str; 6] = [
    include_str!("upgrade_2.sql"),
    include_str!("upgrade_3.sql"),
    include_str!("upgrade_4.sql"),
    include_str!("upgrade_5.sql"),
    include_str!("upgrade_6.sql"),
    include_str!("upgrade_7.sql"),
];

/// A sound store, locked for this process.
pub(super) struct Opened {
    /// The path with all links resolved.
    pub(super) path: PathBuf,
    pub(super) conn: Connection,
    /// The content, if it was read under the lock and in the current layout. Its leases end at
    /// once.
    pub(super) registry: Option<Registry>,
    pub(super) reached: Reached,
    pub(super) lock: Lock,
}

pub(super) fn open(path: &Path, busy_timeout: Duration) -> Result<Opened, Fault> {
    let path = path::absolute(path)?;
    let lock_path = path::beside(&path, ".lock");
    // A file that was served before has its lock file beside it. For any other file, look first
    // whether it deserves one.
    let held = lock::beside_if_there(&lock_path)?;
    let store = lock::store_if_there(&path)?;
    let found = look(&path, store.as_ref())?;
    let read = match found {
        Look::Nothing | Look::Unmade => None,
        Look::Closed => read(&mut connect_to_look(&path)?)?,
        Look::Unclosed => read(&mut connect_to_log(&path, busy_timeout)?)?,
    };
    if let Some(beside) = held {
        let lock = Lock::new(&path, store, beside)?;
        let mut conn = connect(&path, found, busy_timeout)?;
        let reached = history::settle(&mut conn, &lock.beside, found == Look::Nothing)?;
        return Ok(Opened { path, conn, registry: read, reached, lock });
    }
    let lock = Lock::new(&path, store, lock::beside(&lock_path)?)?;
    let settled = connect(&path, found, busy_timeout).and_then(|mut conn| {
        let reached = history::settle(&mut conn, &lock.beside, found == Look::Nothing)?;
        Ok((reached, conn))
    });
    match settled {
        // The file may have changed before it was locked, so what was read does not count.
        Ok((reached, conn)) => Ok(Opened { path, conn, registry: None, reached, lock }),
        Err(fault) => {
            // Some damage shows only when writing. Another process that waits for this lock will
            // find it, too.
            if fault.is_damage() {
                fs::remove_file(lock_path).map_err(Fault::Io)?;
            }
            Err(fault)
        }
    }
}

/// What is found at the path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Look {
    /// Nothing, or an empty file.
    Nothing,
    /// A store of ours that a crash left while it was created or switched to its log.
    Unmade,
    /// A store of ours that was closed properly.
    Closed,
    /// A store of ours after a crash: some of its content is still in the log beside it.
    Unclosed,
}

pub(super) fn look(path: &Path, store: Option<&File>) -> Result<Look, Fault> {
    let header = store.map(lock::header).transpose()?.unwrap_or_default();
    let log_path = path::beside(path, "-wal");
    let leaves = |path: &Path| fs::metadata(path).is_ok_and(|found| found.len() > 0);
    if header.is_empty() {
        if leaves(&log_path) {
            let found = "the file is empty or gone, but its -wal is not";
            return Err(Fault::Damaged(found.to_owned()));
        }
        return Ok(Look::Nothing);
    }
    if !header.starts_with(b"SQLite format 3\0") {
        return Err(Fault::Foreign("not an SQLite file".to_owned()));
    }
    let Some(mark) = header.get(68..72) else {
        let size = header.len();
        return Err(Fault::Damaged(format!("an SQLite file that was cut off after {size} bytes")));
    };
    if mark != APPLICATION_ID.to_be_bytes() {
        return Err(Fault::Foreign(whose(path)));
    }
    if leaves(&path::beside(path, "-journal")) {
        return Ok(Look::Unmade);
    }
    if !leaves(&log_path) {
        pair::check(&header, None)?;
        return Ok(Look::Closed);
    }
    let log = Log::read(&log_path).map_err(Fault::Io)?;
    if let Some(what) = log.damage {
        return Err(Fault::Damaged(what));
    }
    pair::check(&header, Some(&log))?;
    Ok(Look::Unclosed)
}

/// Reads everything, so that a broken store is refused now and by name, not in the middle of the
/// night. An older layout is read after its upgrade.
fn read(conn: &mut Connection) -> Result<Option<Registry>, Fault> {
    match check(conn)? {
        VERSION => load::registry(conn, Tick::default()).map(Some),
        _ => Ok(None),
    }
}

/// Checks that every page is intact and agrees with its indices, and returns the layout version. On
/// 100,000 trials checking the indices takes a second. Without it, a result could move to another
/// trial.
pub(super) fn check(conn: &Connection) -> Result<i64, Fault> {
    let version = version(conn)?;
    let verdict: String = conn.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
    if verdict == "ok" { Ok(version) } else { Err(Fault::Damaged(verdict)) }
}

pub(super) fn version(conn: &Connection) -> Result<i64, Fault> {
    let version = "SELECT value FROM kindling_meta WHERE key = 'schema_version'";
    match conn.query_row(version, [], |row| row.get::<_, i64>(0)) {
        Ok(known @ OLDEST..=VERSION) => Ok(known),
        Ok(other @ 1..) => Err(Fault::OtherVersion { found: other, known: VERSION }),
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
    // Sort in memory: the disk for temporary files may be the one that is full.
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
    // When a long log is restarted, it is cut to this size.
    conn.pragma_update(None, "journal_size_limit", LOG_KEPT)?;
    upgrade(&mut conn)?;
    conn.pragma_update(None, "foreign_keys", true)?;
    Ok(conn)
}

/// Upgrades an older layout.
pub(super) fn upgrade(conn: &mut Connection) -> Result<(), Fault> {
    let upgrades = &UPGRADES[(version(conn)? - OLDEST) as usize..];
    if upgrades.is_empty() {
        return Ok(());
    }
    let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for upgrade in upgrades {
        tx.execute_batch(upgrade)?;
    }
    replace_guards(&tx)?;
    if mark::read(&tx)? == 0 {
        mark::draw(&tx)?;
    }
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

/// Puts today's guards in the place of those that an older layout had.
fn replace_guards(conn: &Connection) -> Result<(), Fault> {
    let guards =
        "SELECT name FROM sqlite_schema WHERE type = 'trigger' AND name LIKE 'kindling_guards_%'";
    let mut statement = conn.prepare(guards)?;
    let names = statement.query_map([], |row| row.get(0))?.collect::<Result<Vec<String>, _>>()?;
    for name in names {
        conn.execute_batch(&format!("DROP TRIGGER {name}"))?;
    }
    Ok(conn.execute_batch(GUARDS)?)
}

fn has_no_tables(conn: &Connection) -> Result<bool, Fault> {
    Ok(conn.query_row("SELECT NOT EXISTS (SELECT 1 FROM sqlite_schema)", [], |row| row.get(0))?)
}

/// Creates the tables, and the id in the header, in one transaction. This happens before the log is
/// switched on, so that the id is in the file itself, where [`look`] expects it. A crash in between
/// leaves a file that may already have the id. `SQLite` empties that file when it is opened again.
fn create(conn: &mut Connection) -> Result<(), Fault> {
    conn.pragma_update(None, "synchronous", "FULL")?;
    let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
    tx.pragma_update(None, "application_id", APPLICATION_ID)?;
    mark::draw(&tx)?;
    tx.execute_batch(OPTUNAS_TABLES)?;
    tx.execute_batch(SCHEMA)?;
    tx.execute_batch(GUARDS)?;
    Ok(tx.commit()?)
}

/// Which program the `SQLite` file belongs to.
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

/// A connection that writes nothing, locks nothing and leaves nothing beside the file. It ignores
/// the log.
pub(super) fn connect_to_look(path: &Path) -> Result<Connection, Fault> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
    Ok(Connection::open_with_flags(format!("{}?immutable=1", uri(path)), flags)?)
}

/// The path as a URI, as `SQLite` needs it for options.
pub(super) fn uri(path: &Path) -> String {
    let mut uri = String::from("file:");
    for byte in path.as_os_str().as_bytes() {
        match byte {
            b'/' | b'.' | b'-' | b'_' => uri.push(char::from(*byte)),
            byte if byte.is_ascii_alphanumeric() => uri.push(char::from(*byte)),
            byte => uri.extend(format!("%{byte:02X}").chars()),
        }
    }
    uri
}

/// A connection that reads the log, but writes neither to it nor to the file, not even on close. It
/// keeps the log's index in memory instead of beside the file. If another program has the file
/// open, it uses the index that is there.
pub(super) fn connect_to_log(path: &Path, busy_timeout: Duration) -> Result<Connection, Fault> {
    let connect = |locking_mode| -> Result<Connection, Fault> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let conn = Connection::open_with_flags(path, flags)?;
        // If another program has the file open, it will keep it open, so waiting does not help.
        conn.busy_timeout(Duration::ZERO)?;
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
