//! Tests whether there is room on the disk.
//!
//! `SQLite` tells a full disk from a broken one, but reports an exceeded quota as an ordinary
//! failed write. The system tells them apart.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};

/// With this many bytes free, a commit is worth trying.
const ENOUGH: usize = 1 << 20;

/// Writes, syncs and removes a file beside the store. A file left by a crash is overwritten.
pub(super) fn probe(store: &Path) -> io::Result<()> {
    let path = beside(store);
    let written = File::create(&path).and_then(|mut file| {
        file.write_all(&vec![0xA5; ENOUGH])?;
        file.sync_all()
    });
    let removed = fs::remove_file(&path);
    written.and(removed)
}

/// Whether the error passes once somebody makes room.
pub(super) fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded)
}

/// Whether too many files are open, in this process or on this machine. That may pass, too.
pub(super) fn wants_handles(error: &io::Error) -> bool {
    // EMFILE and ENFILE. They have the same numbers on every Unix, and no `ErrorKind`.
    matches!(error.raw_os_error(), Some(24 | 23))
}

pub(super) fn beside(store: &Path) -> PathBuf {
    let mut name = OsString::from(store);
    name.push(".probe");
    name.into()
}
