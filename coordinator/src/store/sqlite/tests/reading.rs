//! Reading a store that is served, closed, left by a crash, or of an older layout. Nothing is
//! changed by it.

use std::fs;

use super::opening::{BACK_TO_2, file, files, older, store, without_marks};
use super::read::StoreReader;
use super::*;

/// The content of the file. The file and everything beside it must not change.
fn look(path: &Path) -> String {
    look_but(path, "nothing")
}

/// The same, except that the file with this suffix may change.
fn look_but(path: &Path, changing: &str) -> String {
    let dir = path.parent().expect("a parent");
    let files = |dir| {
        let mut files = files(dir);
        files.retain(|path, _| !path.to_string_lossy().ends_with(changing));
        files
    };
    let before = files(dir);
    let mut reader = StoreReader::open(path).expect("readable");
    let registry = reader.load(UNTIL).expect("loaded");
    assert!(reader.probe().is_err(), "nothing can be kept");
    drop(reader);
    let after = files(dir);
    assert_eq!(before.keys().collect::<Vec<_>>(), after.keys().collect::<Vec<_>>());
    assert!(before == after, "every byte stays");
    shown(&registry)
}

/// A store with some trials and an open lease.
fn ledger() -> (Ledger, StudyId) {
    let (mut ledger, id) = Ledger::with_study(spec("a"));
    for step in 0..3 {
        let claim = ledger.lease(id, "w").expect("a trial");
        ledger.report(id, &claim, step, 0.5);
    }
    ledger.commit();
    (ledger, id)
}

#[test]
fn a_store_is_read_while_it_is_served_and_after_it_was_closed() {
    let (mut ledger, id) = ledger();
    let path = ledger.path();
    // Within one process both share the log's index, in which readers leave their marks.
    assert_eq!(look_but(&path, "-shm"), shown(&ledger.committed));
    ledger.lease(id, "v").expect("a trial");
    ledger.commit();
    assert_eq!(look_but(&path, "-shm"), shown(&ledger.committed), "what was committed last, too");
    let Ledger { dir: _dir, store, committed, .. } = ledger;
    drop(store);
    assert!(!path.with_extension("db-wal").exists(), "closed");
    assert_eq!(look(&path), shown(&committed));
}

/// A copy of the store and its log as a crash leaves them, with or without the log's index.
fn after_a_crash(ledger: &Ledger, suffixes: &[&str]) -> (TempDir, PathBuf) {
    let (dir, path) = file(&fs::read(ledger.path()).expect("readable"));
    for suffix in suffixes {
        let from = ledger.path().with_extension(format!("db{suffix}"));
        fs::copy(from, path.with_extension(format!("db{suffix}"))).expect("copied");
    }
    (dir, path)
}

#[test]
fn what_a_crash_left_is_read_with_its_log() {
    let (ledger, _) = ledger();
    for beside in [&["-wal", "-shm"][..], &["-wal"]] {
        let (_dir, path) = after_a_crash(&ledger, beside);
        assert_eq!(look(&path), shown(&ledger.committed), "{beside:?}");
    }
}

#[test]
fn an_older_layout_is_read_without_bringing_it_up_to_date() {
    let (_dir, path) = file(&without_marks());
    let todays = without_ends(&look(&path));
    for back in ["", BACK_TO_2] {
        let (_dir, path) = file(&older(&store(), back));
        assert_eq!(without_ends(&look(&path)), todays, "{back}");
    }
}

/// Without the times at which attempts ended, because an upgrade hands trials back when it happens.
pub(super) fn without_ends(shown: &str) -> String {
    let (first, others) = shown.split_once("ended: Wall(").expect("an attempt");
    let rest = others.split("ended: Wall(").map(|part| part.split_once(')').expect("a time").1);
    std::iter::once(first).chain(rest).collect()
}

#[test]
fn what_is_no_store_is_refused_and_nothing_is_made() {
    let (dir, path) = file(b"");
    assert!(StoreReader::open(&path).is_err(), "nothing is in it");
    assert!(StoreReader::open(&dir.path().join("other.db")).is_err(), "nothing is there");
    fs::write(&path, b"not a store").expect("written");
    assert!(matches!(StoreReader::open(&path), Err(StoreError::Foreign { .. })));
    assert_eq!(files(dir.path()).len(), 1);
}
