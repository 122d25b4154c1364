//! Whether there is room on the disk, tried out.
//!
//! `SQLite` tells a full disk from a broken one, but not an exceeded quota, which it calls a failed
//! write as any other. The system tells them apart.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};

/// With so much room, a commit is worth trying.
const ENOUGH: usize = 1 << 20;

/// Writes and syncs a file beside the store, and removes it. One that a crash left is overwritten.
pub(super) fn probe(store: &Path) -> io::Result<()> {
    let path = beside(store);
    let written = File::create(&path).and_then(|mut file| {
        file.write_all(&vec![0xA5; ENOUGH])?;
        file.sync_all()
    });
    let removed = fs::remove_file(&path);
    written.and(removed)
}

/// Whether an error passes once somebody makes room.
pub(super) fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded)
}

/// Whether too many files are open, in this process or on this machine: that passes, too.
pub(super) fn wants_handles(error: &io::Error) -> bool {
    // EMFILE and ENFILE, which have the same numbers on every Unix, and no kind of their own.
    matches!(error.raw_os_error(), Some(24 | 23))
}

pub(super) fn beside(store: &Path) -> PathBuf {
    let mut name = OsString::from(store);
    name.push(".probe");
    name.into()
}
