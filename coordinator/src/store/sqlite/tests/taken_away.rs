//! Somebody changes the files of an open store. The store notices before it acknowledges anything
//! more, saves what was acknowledged where it can, and does not touch a file that took another's
//! place.

use std::fs;

use super::opening::files;
use super::*;

/// An open store with a trial, and the bytes of its file from some time before, as a backup has
/// them.
fn served() -> (Ledger, StudyId, Vec<u8>) {
    let ledger = Ledger::new();
    let path = ledger.path();
    let Ledger { dir, store, .. } = ledger;
    drop(store);
    let older = fs::read(&path).expect("readable");
    let store = SqliteStore::open_with(&path, SHORT).expect("opened");
    let mut ledger = Ledger { dir, store, ..Ledger::new() };
    let id = ledger.create(spec("a")).expect("a new name");
    ledger.lease(id, "w").expect("a trial");
    ledger.commit();
    (ledger, id, older)
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    path::beside(path, suffix)
}

/// What somebody does to the files, and the error that follows.
type Deed = (fn(&Path, &[u8]), &'static str);

const DEEDS: &[Deed] = &[
    (|path, _| fs::remove_file(path).expect("removed"), "the file was removed"),
    (
        |path, _| fs::rename(path, path.with_extension("old")).expect("renamed"),
        "the file was removed or renamed",
    ),
    (
        |path, older| {
            fs::write(path.with_extension("new"), older).expect("written");
            fs::rename(path.with_extension("new"), path).expect("renamed over");
        },
        "another file took the place of the file",
    ),
    (
        |path, _| fs::File::create(path).map(drop).expect("truncated"),
        "the file was cut off after 0 bytes",
    ),
    (
        |path, _| {
            let half = fs::metadata(path).expect("there").len() / 2;
            let file = fs::File::options().write(true).open(path).expect("opened");
            file.set_len(half).expect("cut off");
        },
        "the file was cut off after",
    ),
    (
        |path, older| {
            let mut longer = older.to_vec();
            longer.resize(longer.len() * 3, 0);
            fs::write(path, longer).expect("written");
        },
        "something else was written over the file",
    ),
    (|path, _| fs::remove_file(beside(path, "-wal")).expect("removed"), "its -wal was removed"),
    (
        |path, _| {
            fs::copy(beside(path, "-wal"), path.with_extension("new")).expect("copied");
            fs::rename(path.with_extension("new"), beside(path, "-wal")).expect("renamed over");
        },
        "another file took the place of its -wal",
    ),
    (
        |path, _| fs::File::create(beside(path, "-wal")).map(drop).expect("truncated"),
        "its -wal was cut off after 0",
    ),
    (|path, _| fs::remove_file(beside(path, "-shm")).expect("removed"), "its -shm was removed"),
];

#[test]
fn a_store_that_is_taken_away_acknowledges_nothing_more() {
    for (deed, what) in DEEDS {
        let (mut ledger, id, older) = served();
        deed(&ledger.path(), &older);
        ledger.lease(id, "v").expect("a trial");
        let lost = ledger.try_commit().expect_err(what);
        assert!(matches!(lost, StoreError::Lost { .. }) && !lost.may_pass(), "{lost}");
        assert!(lost.to_string().contains(what), "{what}: {lost}");
    }
}

#[test]
fn it_is_noticed_while_nothing_happens_too() {
    for (deed, what) in DEEDS {
        let (mut ledger, _, older) = served();
        ledger.store.tend().expect("all is well");
        deed(&ledger.path(), &older);
        let lost = ledger.store.tend().expect_err(what);
        assert!(lost.to_string().contains(what), "{what}: {lost}");
    }
}

#[test]
fn what_was_acknowledged_is_saved() {
    for (deed, _) in [&DEEDS[0], &DEEDS[1], &DEEDS[2]] {
        let (mut ledger, _, older) = served();
        deed(&ledger.path(), &older);
        let lost = ledger.store.tend().expect_err("lost").to_string();
        let saved = beside(&ledger.store.path, ".rescued");
        assert!(lost.ends_with(&format!("all that it held is in {}", saved.display())), "{lost}");
        let Ledger { dir: _dir, store, committed, .. } = ledger;
        drop(store);
        let loaded = SqliteStore::open(&saved).expect("a store").load(UNTIL).expect("loaded");
        assert_eq!(shown(&loaded), shown(&committed));
    }
    for (deed, what) in [&DEEDS[6], &DEEDS[7], &DEEDS[9]] {
        let (mut ledger, _, older) = served();
        deed(&ledger.path(), &older);
        ledger.store.tend().expect_err(what);
        let path = ledger.path();
        let Ledger { dir: _dir, store, committed, .. } = ledger;
        drop(store);
        let loaded = SqliteStore::open(&path).expect(what).load(UNTIL).expect("loaded");
        assert_eq!(shown(&loaded), shown(&committed), "{what}");
    }
}

#[test]
fn what_took_its_place_is_left_alone() {
    let (mut ledger, ..) = served();
    let (restored, ..) = served();
    for suffix in ["", "-wal"] {
        let new = ledger.dir.path().join("new");
        fs::copy(beside(&restored.path(), suffix), &new).expect("copied");
        fs::rename(new, beside(&ledger.path(), suffix)).expect("renamed over");
    }
    ledger.store.tend().expect_err("lost");
    let mut before = files(ledger.dir.path());
    let Ledger { dir, store, .. } = ledger;
    drop(store);
    let mut after = files(dir.path());
    for files in [&mut before, &mut after] {
        files.retain(|path, _| !path.to_string_lossy().ends_with("-shm"));
    }
    assert!(before == after, "{:?}", after.keys());
}

#[test]
fn what_other_programs_may_do_is_no_loss() {
    let (mut ledger, id, _) = served();
    let others = [
        "INSERT INTO study_user_attributes (study_id, key, value_json) VALUES (1, 'note', '1')",
        "PRAGMA wal_checkpoint(TRUNCATE)",
        "CREATE TABLE notes (x); INSERT INTO notes VALUES (zeroblob(1000000))",
        "PRAGMA wal_checkpoint(TRUNCATE)",
        "DROP TABLE notes; VACUUM; PRAGMA wal_checkpoint(TRUNCATE)",
    ];
    for sql in others {
        let other = Connection::open(ledger.path()).expect("open");
        other.execute_batch(sql).expect(sql);
        drop(other);
        ledger.store.tend().expect(sql);
        let claim = ledger.lease(id, "v").expect("a trial");
        ledger.release(id, &claim);
        ledger.commit();
    }
    ledger.reopen();
}

#[test]
fn another_name_is_no_loss_while_it_is_served() {
    let (mut ledger, ..) = served();
    fs::hard_link(ledger.path(), ledger.dir.path().join("copy.db")).expect("linked");
    ledger.store.tend().expect("it is the same file");
    let Ledger { dir, store, .. } = ledger;
    drop(store);
    let refused = SqliteStore::open(&dir.path().join("study.db")).expect_err("two names");
    assert!(matches!(refused, StoreError::Linked { names: 2, .. }), "{refused}");
}
