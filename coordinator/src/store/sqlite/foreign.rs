//! Optuna's own `SQLite` files. They are only read.

use std::path::Path;

use kindling_study::{Registry, Tick};
use rusqlite::{Connection, OpenFlags, OptionalExtension as _};

use super::fault::Fault;
use super::open::{self, APPLICATION_ID, BUSY_TIMEOUT};
use super::{load, path};
use crate::store::error::StoreError;

/// All of its studies are external. A view of this connection alone stands in for our table.
const ALL_ARE_EXTERNAL: &str = "CREATE TEMP VIEW kindling_external_studies AS
    SELECT study_id, CAST(coalesce((
        SELECT min(unixepoch(datetime_start)) FROM trials WHERE trials.study_id = studies.study_id
    ), 0) * 1000000 AS INTEGER) AS created_at
    FROM studies";

/// Whether the file with this header is a store of ours, or was served as one.
pub(in crate::store) fn is_ours(path: &Path, header: &[u8]) -> bool {
    // Where SQLite keeps it: https://www.sqlite.org/fileformat.html
    let application_id =
        header.get(68..72).and_then(|id| id.try_into().ok()).map(u32::from_be_bytes);
    application_id == Some(APPLICATION_ID) || path::beside(path, ".lock").exists()
}

/// The studies of an Optuna file; `None` if it is another program's.
pub(in crate::store) fn foreign(path: &Path) -> Result<Option<Registry>, StoreError> {
    read(path).map_err(|fault| fault.at(path))
}

fn read(path: &Path) -> Result<Option<Registry>, Fault> {
    let path = path::absolute(path)?;
    let mut conn = connect(&path)?;
    let tx = conn.transaction()?;
    let version = "SELECT version_num FROM alembic_version";
    let version: Option<String> = match tx.query_row(version, [], |row| row.get(0)).optional() {
        Ok(version) => version,
        Err(rusqlite::Error::SqliteFailure(error, _))
            if error.code == rusqlite::ErrorCode::Unknown =>
        {
            None
        }
        Err(error) => return Err(error.into()),
    };
    let Some(version) = version else { return Ok(None) };
    if !version.starts_with("v3.") {
        let what = format!(
            "an Optuna store of schema {version}; `optuna storage upgrade` brings it to one that is read"
        );
        return Err(Fault::Foreign(what));
    }
    tx.execute_batch(ALL_ARE_EXTERNAL)?;
    load::foreign(&tx, Tick::default()).map(Some)
}

/// A connection that writes nothing to the file. Without a log beside it, nothing beside it either.
fn connect(path: &Path) -> Result<Connection, Fault> {
    if !path::beside(path, "-wal").exists() && !path::beside(path, "-journal").exists() {
        return open::connect_to_look(path);
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
    let conn = Connection::open_with_flags(format!("{}?mode=ro", open::uri(path)), flags)?;
    conn.busy_timeout(BUSY_TIMEOUT)?;
    Ok(conn)
}
