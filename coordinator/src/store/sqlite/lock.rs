//! Who serves a store: one process at a time.
//!
//! The lock on the file itself is the one that counts. Whatever the file is called by, through a link
//! or a mount, it is the same lock. The one on the `.lock` beside it is there before the store is, and
//! is the only one that Kindlings before store version 4 know.
//!
//! Both are locks of a descriptor (`flock`). `SQLite`'s own are the process's, which loses them when it
//! closes any descriptor of the file. So the one that is locked here is read from, too, and stays open
//! until `SQLite` has closed its own.

use std::fs::{self, File, TryLockError};
use std::io::ErrorKind;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::Path;

use super::fault::Fault;

/// The store's file, and the one beside it, locked for as long as this lives. The system lets go when
/// the process ends, however it ends.
#[derive(Debug)]
pub(super) struct Lock {
    pub(super) store: File,
    /// Where it stands how far the store has come, too.
    pub(super) beside: File,
}

impl Lock {
    /// Makes the store's file if there is none yet.
    pub(super) fn new(path: &Path, store: Option<File>, beside: File) -> Result<Self, Fault> {
        let store = store.map_or_else(|| lock_store(path, true), Ok)?;
        Ok(Self { store, beside })
    }
}

/// Locks the store's file, if there is one.
pub(super) fn store_if_there(path: &Path) -> Result<Option<File>, Fault> {
    match fs::metadata(path) {
        // Opening anything else might wait, or do something.
        Ok(found) if found.is_dir() => Err(Fault::Foreign("a directory".to_owned())),
        Ok(found) if !found.is_file() => Err(Fault::Foreign("not a regular file".to_owned())),
        Ok(found) if found.nlink() > 1 => Err(Fault::Linked(found.nlink())),
        Ok(_) => lock_store(path, false).map(Some),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Fault::Io(error)),
    }
}

fn lock_store(path: &Path, create: bool) -> Result<File, Fault> {
    let file = File::options().read(true).write(true).create(create).truncate(false).open(path);
    let file = file.map_err(Fault::Io)?;
    // Elsewhere the two kinds of locks are in each other's way.
    if cfg!(target_os = "linux") { locked(file) } else { Ok(file) }
}

/// Locks the file beside the store.
pub(super) fn beside(path: &Path) -> Result<File, Fault> {
    let file = File::options().read(true).write(true).create(true).truncate(false).open(path);
    locked(file.map_err(Fault::Io)?)
}

pub(super) fn beside_if_there(path: &Path) -> Result<Option<File>, Fault> {
    if path.exists() { beside(path).map(Some) } else { Ok(None) }
}

fn locked(file: File) -> Result<File, Fault> {
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Fault::InUse),
        Err(TryLockError::Error(error)) => Err(Fault::Io(error)),
    }
}

/// The first bytes of the file, as many as there are up to the length of `SQLite`'s header.
pub(super) fn header(store: &File) -> Result<Vec<u8>, Fault> {
    let mut header = vec![0; 100];
    let mut length = 0;
    while length < header.len() {
        match store.read_at(&mut header[length..], length as u64).map_err(Fault::Io)? {
            0 => break,
            more => length += more,
        }
    }
    header.truncate(length);
    Ok(header)
}
