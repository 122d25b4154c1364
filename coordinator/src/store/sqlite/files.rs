//! Checks that the files under an open store are still the ones that were opened.
//!
//! A file that was deleted or renamed over still accepts writes, but nobody will ever read them. So
//! the names are checked before a commit is acknowledged, and also now and then. That costs some
//! microseconds.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use rusqlite::Connection;

use super::fault::Fault;
use super::{checkpoint, lock, mark, path};

/// Sizes in a log: the header before all frames, and the header of each frame.
const LOG_HEADER: u64 = 32;
const FRAME_HEADER: u64 = 24;

/// The store, its log and the log's index, as they were when they were opened.
#[derive(Debug)]
pub(super) struct Files {
    store: Named,
    log: Named,
    index: Named,
    /// The size of a page.
    page: u64,
    /// The last known length of the store.
    size: u64,
    /// The last known mark in its header.
    mark: u32,
    /// Whether something else was written over the file.
    is_overwritten: bool,
    /// Whether another name of the file was reported.
    is_linked: bool,
}

/// A file and the name it must have.
#[derive(Debug)]
struct Named {
    path: PathBuf,
    /// Its name in messages.
    what: &'static str,
    /// Device and inode.
    id: (u64, u64),
}

impl Files {
    /// For a store that both `conn` and `store` have open.
    pub(super) fn of(path: &Path, store: &File, conn: &Connection) -> Result<Self, Fault> {
        let opened = store.metadata().map_err(Fault::Io)?;
        let named = |suffix, what| Named::of(path::beside(path, suffix), what);
        let files = Self {
            store: Named { path: path.to_owned(), what: "the file", id: id(&opened) },
            log: named("-wal", "its -wal")?,
            index: named("-shm", "its -shm")?,
            page: number(conn, "PRAGMA page_size")?,
            size: opened.len(),
            mark: mark::in_page(&lock::header(store)?).unwrap_or_default(),
            is_overwritten: false,
            is_linked: false,
        };
        // `SQLite` opened the file by name, so check that it is the same file.
        files.store.look()?;
        Ok(files)
    }

    /// Call this after the log was moved into the file.
    pub(super) fn renew(&mut self, store: &File) -> Result<(), Fault> {
        self.mark = mark::in_page(&lock::header(store)?).unwrap_or_default();
        Ok(())
    }

    /// Fails if something happened to the files. The log must have at least `pages` pages. Returns
    /// its length in bytes.
    pub(super) fn check(
        &mut self,
        store: &File,
        conn: &Connection,
        pages: u64,
    ) -> Result<u64, Fault> {
        let now = self.store.look()?;
        self.index.look()?;
        let log = self.log.look()?.len();
        if now.len() < self.size && now.len() < self.page * number(conn, "PRAGMA page_count")? {
            self.is_overwritten = true;
            return Err(Fault::Lost(format!("the file was cut off after {} bytes", now.len())));
        }
        self.size = now.len();
        let due =
            |pages| if pages == 0 { 0 } else { LOG_HEADER + pages * (FRAME_HEADER + self.page) };
        // Another program may have moved the log since.
        if log < due(pages) && log < due(pages_of_log(conn)?) {
            return Err(Fault::Lost(format!("its -wal was cut off after {log} bytes")));
        }
        // A copy over the file shows in the mark, which only grows, up to the one in use.
        let mark = mark::in_page(&lock::header(store)?).unwrap_or_default();
        if mark != self.mark {
            let is_in_between = self.mark < mark && mark <= mark::read(conn)?;
            if !is_in_between {
                self.is_overwritten = true;
                return Err(Fault::Lost("something else was written over the file".to_owned()));
            }
            self.mark = mark;
        }
        if now.nlink() > 1 && !self.is_linked {
            self.is_linked = true;
            let path = self.store.path.display();
            tracing::warn!(
                "{path} was given another name (a hard link); it will not be opened again while it has two"
            );
        }
        Ok(log)
    }

    /// After a loss: saves what `SQLite`'s descriptors still reach, and returns a message that says
    /// where.
    pub(super) fn rescue(&self, conn: &Connection) -> Option<String> {
        if self.is_overwritten {
            return None;
        }
        if self.store.look().is_ok() {
            let moved = checkpoint::move_all(conn).ok()?;
            return moved.then(|| "what its log held was moved into the file".to_owned());
        }
        let saved = path::beside(&self.store.path, ".rescued");
        conn.execute("VACUUM INTO ?1", [saved.to_str()?]).ok()?;
        Some(format!("all that it held is in {}", saved.display()))
    }
}

impl Named {
    fn of(path: PathBuf, what: &'static str) -> Result<Self, Fault> {
        let found = fs::metadata(&path).map_err(Fault::Io)?;
        Ok(Self { path, what, id: id(&found) })
    }

    fn look(&self) -> Result<fs::Metadata, Fault> {
        let what = self.what;
        match fs::metadata(&self.path) {
            Ok(found) if id(&found) == self.id => Ok(found),
            Ok(_) => Err(Fault::Lost(format!("another file took the place of {what}"))),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                Err(Fault::Lost(format!("{what} was removed or renamed")))
            }
            Err(error) => Err(Fault::Io(error)),
        }
    }
}

fn id(found: &fs::Metadata) -> (u64, u64) {
    (found.dev(), found.ino())
}

fn number(conn: &Connection, pragma: &str) -> Result<u64, Fault> {
    Ok(conn.query_row(pragma, [], |row| row.get::<_, u32>(0))?.into())
}

/// The number as `SQLite` counts them, including the work of other programs.
fn pages_of_log(conn: &Connection) -> Result<u64, Fault> {
    let pages: i64 = conn.query_row("PRAGMA wal_checkpoint(NOOP)", [], |row| row.get(1))?;
    Ok(u64::try_from(pages).unwrap_or(0))
}
