//! Only one process may serve a store at a time.
//!
//! The lock on the store's own file decides. It is the same lock whatever name, link or mount leads
//! to the file. The lock on the `.lock` beside it can be taken before the store exists. It is also
//! the only one that Kindling before store version 4 knows.
//!
//! Both are `flock` locks, which belong to a file descriptor. `SQLite`'s own locks belong to the
//! process, which loses them when it closes any descriptor of the file. So the descriptor locked
//! here is also used for reading, and stays open until `SQLite` has closed its own.

use std::fs::{self, File, TryLockError};
use std::io::ErrorKind;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::Path;

use super::fault::Fault;

/// Locks the store's file and the one beside it until it is dropped. The system releases both when
/// the process ends in any way.
#[derive(Debug)]
pub(super) struct Lock {
    pub(super) store: File,
    /// Also records how far the store has come.
    pub(super) beside: File,
}

impl Lock {
    /// Creates the store's file if it does not exist.
    pub(super) fn new(path: &Path, store: Option<File>, beside: File) -> Result<Self, Fault> {
        let store = store.map_or_else(|| lock_store(path, true), Ok)?;
        Ok(Self { store, beside })
    }
}

/// Locks the store's file if it exists.
pub(super) fn store_if_there(path: &Path) -> Result<Option<File>, Fault> {
    match fs::metadata(path) {
        // Opening anything else might block or have side effects.
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
    // On other systems, `flock` conflicts with `SQLite`'s own locks.
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

/// The first bytes of the file, up to the length of `SQLite`'s header.
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
