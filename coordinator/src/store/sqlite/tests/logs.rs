//! A file and its log belong together: one without the other is refused, with an error of its own.

use std::fs;

use super::super::log::Log;
use super::opening::{file, files};
use super::*;

/// The files on disk while a store is served.
struct InUse {
    store: Vec<u8>,
    log: Vec<u8>,
    shown: String,
}

impl InUse {
    fn of(ledger: &Ledger) -> Self {
        let read = |suffix| fs::read(path::beside(&ledger.path(), suffix)).expect("readable");
        Self { store: read(""), log: read("-wal"), shown: shown(&ledger.committed) }
    }
}

/// Makes one commit, and returns the files.
fn go_on(ledger: &mut Ledger, id: StudyId) -> InUse {
    let claim = ledger.lease(id, "w").expect("a trial");
    ledger.release(id, &claim);
    ledger.commit();
    InUse::of(ledger)
}

/// The files of a served store, early and late, with its log moved in between.
fn early_and_late() -> (InUse, InUse, Ledger, StudyId) {
    let (mut ledger, id) = Ledger::with_study(spec("a"));
    let early = go_on(&mut ledger, id);
    ledger.store.log.long = 1;
    go_on(&mut ledger, id);
    ledger.store.log.long = i32::MAX;
    let late = go_on(&mut ledger, id);
    (early, late, ledger, id)
}

/// Opens a store with these files. A refusal must change nothing.
fn open(store: &[u8], log: Option<&[u8]>) -> Result<String, StoreError> {
    let (dir, path) = file(store);
    if let Some(log) = log {
        fs::write(path::beside(&path, "-wal"), log).expect("written");
    }
    let before = files(dir.path());
    match SqliteStore::open_with(&path, SHORT) {
        Ok(mut store) => Ok(shown(&store.load(UNTIL)?)),
        Err(refused) => {
            assert!(files(dir.path()) == before, "{refused}");
            Err(refused)
        }
    }
}

fn is_missing(opened: Result<String, StoreError>) {
    let refused = opened.expect_err("refused");
    assert!(matches!(refused, StoreError::LogMissing { .. }), "{refused}");
    assert!(refused.to_string().contains("its log is missing"), "{refused}");
}

#[test]
fn a_copy_of_a_store_in_use_without_its_log_is_refused() {
    let (early, late, ..) = early_and_late();
    for copy in [&early, &late] {
        is_missing(open(&copy.store, None));
        is_missing(open(&copy.store, Some(b"")));
        is_missing(open(&copy.store, Some(&[7; 9000])));
        assert_eq!(open(&copy.store, Some(&copy.log)).expect("both"), copy.shown);
    }
}

#[test]
fn whose_log_is_lost_for_good_can_go_on_with_what_the_file_has() {
    let (_, late, ..) = early_and_late();
    let (dir, path) = file(&late.store);
    let refused = SqliteStore::open(&path).expect_err("its log is missing");
    let (_, told) = refused.hint().split_once("sqlite3 FILE '").expect("a command");
    let (sql, _) = told.split_once('\'').expect("to its end");
    Connection::open(&path).expect("open").execute_batch(sql).expect(sql);
    let mut store = SqliteStore::open_with(&path, SHORT).expect("it makes do");
    let registry = store.load(UNTIL).expect("loaded");
    assert_eq!(registry.iter().count(), 1);
    // From then on it behaves like any other store.
    let committed = registry.clone();
    let queue = Vec::new();
    let mut ledger =
        Ledger { dir, store, registry, committed, queue, clock: 1_700_000_000_123_456 };
    let InUse { store, .. } = go_on(&mut ledger, StudyId(1));
    is_missing(open(&store, None));
    ledger.reopen();
}

#[test]
fn a_log_of_another_time_is_refused() {
    let (early, late, ledger, _) = early_and_late();
    is_missing(open(&late.store, Some(&early.log)));
    is_missing(open(&early.store, Some(&late.log)));
    let (stranger, ..) = early_and_late();
    is_missing(open(&early.store, Some(&stranger.log)));

    let Ledger { dir, store, .. } = ledger;
    drop(store);
    let closed = fs::read(dir.path().join("study.db")).expect("readable");
    assert_eq!(open(&closed, None).expect("whole"), late.shown);
    for log in [&early.log, &stranger.log] {
        let refused = open(&closed, Some(log)).expect_err("not its own");
        assert!(matches!(refused, StoreError::OtherLog { .. }), "{refused}");
    }
}

#[test]
fn a_store_that_another_program_closed_after_a_crash_is_whole() {
    let (early, late, ..) = early_and_late();
    for crashed in [early, late] {
        let (_dir, path) = file(&crashed.store);
        fs::write(path::beside(&path, "-wal"), &crashed.log).expect("written");
        let other = Connection::open(&path).expect("open");
        other.query_row("SELECT count(*) FROM trials", [], |_| Ok(())).expect("read");
        drop(other);
        assert!(!path::beside(&path, "-wal").exists(), "it moved the log into the file");
        let loaded = SqliteStore::open(&path).expect("whole").load(UNTIL).expect("loaded");
        assert_eq!(shown(&loaded), crashed.shown);
    }
}

#[test]
fn a_log_without_commits_fits_the_file_that_has_all() {
    let (_, late, ..) = early_and_late();
    // The power failed while the log was restarted: nothing of its first commit is complete.
    for length in [32, 100, 32 + 4000] {
        open(&late.store, Some(&late.log[..length])).expect("it has all that was acknowledged");
    }
}

#[test]
fn a_store_is_opened_beside_another_program_at_once() {
    let (early, ..) = early_and_late();
    let (_dir, path) = file(&early.store);
    fs::write(path::beside(&path, "-wal"), &early.log).expect("written");
    let alone = open::connect_to_log(&path, open::BUSY_TIMEOUT).expect("connected");
    let patience: i64 = alone.query_row("PRAGMA busy_timeout", [], |row| row.get(0)).expect("set");
    assert_eq!(patience, 0, "it does not wait for whoever has the file open");
    drop(alone);
    let other = Connection::open(&path).expect("open");
    other.query_row("SELECT count(*) FROM trials", [], |_| Ok(())).expect("read");
    let loaded = SqliteStore::open(&path).expect("opened").load(UNTIL).expect("loaded");
    assert_eq!(shown(&loaded), early.shown);
}

#[test]
fn a_log_that_somebody_held_is_moved_and_cut_afterwards() {
    let (mut ledger, id) = Ledger::with_study(spec("a"));
    ledger.store.log.long = 20;
    ledger.store.conn.pragma_update(None, "journal_size_limit", 50_000).expect("set");
    let reader = Connection::open(ledger.path()).expect("open");
    reader.execute_batch("BEGIN; SELECT count(*) FROM trials").expect("begun");
    while ledger.store.tend().expect("well").log_bytes < 1 << 20 {
        go_on(&mut ledger, id);
    }
    let log = path::beside(&ledger.path(), "-wal");
    let marks = || Log::read(&log).expect("read").marks;
    let before = marks();
    for _ in 0..10 {
        ledger.store.tend().expect("well");
    }
    assert_eq!(marks(), before, "waiting costs nothing");
    reader.execute_batch("COMMIT").expect("ended");
    ledger.store.tend().expect("well");
    let short = ledger.store.tend().expect("well").log_bytes;
    assert!(short <= 50_000, "{short}");
    let InUse { store, .. } = go_on(&mut ledger, id);
    is_missing(open(&store, None));
    ledger.reopen();
}
