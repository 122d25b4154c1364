//! Runs the suite for all stores.

use super::super::super::conformance::{Subject, passes};
use super::*;

struct File(TempDir);

impl Subject for File {
    type Store = SqliteStore;

    fn open(&mut self) -> SqliteStore {
        SqliteStore::open_with(&self.0.path().join("study.db"), SHORT).expect("opened")
    }

    fn fill(&mut self, store: &mut SqliteStore, is_full: bool) {
        let pages = if is_full { 1 } else { 1_000_000 };
        store.conn.pragma_update(None, "max_page_count", pages).expect("set");
        // The probe's file must find no room, either.
        let probed = room::beside(&store.path);
        if is_full {
            std::os::unix::fs::symlink("/dev/full", probed).expect("linked");
        } else {
            // A probe may have removed it.
            _ = std::fs::remove_file(probed);
        }
    }
}

#[test]
fn a_file_is_a_store() {
    passes(|| File(TempDir::new().expect("a directory")));
}
