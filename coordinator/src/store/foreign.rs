//! Stores of Optuna's own, read as external studies: its `SQLite` files and its journals. Nothing is written to them.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use kindling_study::Registry;

use super::error::StoreError;
use super::{journal, sqlite};

/// How every `SQLite` file begins, and how long its header is.
const SQLITE: &[u8] = b"SQLite format 3\0";
const HEADER: u64 = 100;

/// The studies of a file, if it is Optuna's.
pub(crate) fn read(path: &Path) -> Result<Option<Registry>, StoreError> {
    let mut start = Vec::new();
    // What cannot be opened, or is a store of ours, is told by who opens it next.
    let Ok(file) = File::open(path) else { return Ok(None) };
    if !file.metadata().is_ok_and(|found| found.is_file()) {
        return Ok(None);
    }
    _ = file.take(HEADER).read_to_end(&mut start);
    if !start.starts_with(SQLITE) {
        return journal::read(path);
    }
    // One of ours is not even opened: what lies beside it is only for who knows it.
    if sqlite::is_ours(path, &start) { Ok(None) } else { sqlite::foreign(path) }
}
