//! Restored copies, and what only looks like one.

use std::fs;

use super::opening::file;
use super::*;

/// The history of the file when it is opened now.
fn history(path: &Path) -> History {
    SqliteStore::open_with(path, SHORT).expect("opened").history()
}

/// The file without its log. Complete only if it was closed.
fn bytes(path: &Path) -> Vec<u8> {
    fs::read(path).expect("readable")
}

fn put_back(path: &Path, copy: &[u8]) {
    _ = fs::remove_file(path.with_extension("db-wal"));
    fs::write(path, copy).expect("put back");
}

/// A closed store with some changes, a copy from before them, and its history.
fn served() -> (TempDir, PathBuf, Vec<u8>, History) {
    let (ledger, id) = Ledger::with_study(spec("a"));
    let path = ledger.path();
    let Ledger { dir, store, registry, committed, queue, clock } = ledger;
    let history = store.history();
    drop(store);
    let copy = bytes(&path);
    let store = SqliteStore::open_with(&path, SHORT).expect("opened again");
    let mut ledger = Ledger { dir, store, registry, committed, queue, clock };
    ledger.lease(id, "w").expect("a trial");
    ledger.commit();
    let Ledger { dir, store, .. } = ledger;
    drop(store);
    (dir, path, copy, history)
}

#[test]
fn a_store_tells_one_history_however_often_it_is_opened() {
    let (_dir, path, _, before) = served();
    for _ in 0..3 {
        assert_eq!(history(&path), before);
    }
    // Moved to a folder without its lock file.
    let (_elsewhere, moved) = file(&bytes(&path));
    assert_eq!(history(&moved), before);
    let (_other, other) = file(b"");
    assert_ne!(history(&other), before, "another store has another");
}

#[test]
fn an_older_copy_tells_another_history_each_time_that_it_is_put_back() {
    let (_dir, path, copy, before) = served();
    let mut told = vec![before];
    for _ in 0..3 {
        put_back(&path, &copy);
        let now = history(&path);
        assert!(!told.contains(&now), "{now}");
        assert_eq!(history(&path), now, "from then on");
        told.push(now);
    }
}

#[test]
fn what_was_killed_is_no_copy_though_less_or_nothing_stands_beside_it() {
    let (_dir, path, copy, before) = served();
    let newest = bytes(&path);
    let lock = path.with_extension("db.lock");
    let seen = bytes(&lock);
    // A power loss takes what was not synced: the file beside the store is older, empty or cut off.
    put_back(&path, &copy);
    _ = fs::remove_file(&lock);
    assert_eq!(history(&path), before);
    let less = bytes(&lock);
    for beside in [&less[..], b"", &seen[..20]] {
        put_back(&path, &newest);
        fs::write(&lock, beside).expect("written");
        assert_eq!(history(&path), before);
    }
}

#[test]
fn a_new_history_can_be_asked_for() {
    let (_dir, path, _, before) = served();
    let mut store = SqliteStore::open(&path).expect("opened");
    store.begin_history().expect("begun");
    let now = store.history();
    assert_ne!(now, before);
    drop(store);
    assert_eq!(history(&path), now);
}

#[test]
fn a_store_that_is_made_anew_where_one_was_is_no_copy() {
    let (_dir, path, _, before) = served();
    fs::remove_file(&path).expect("removed");
    let now = history(&path);
    assert_ne!(now, before);
    assert_eq!(history(&path), now);
}
