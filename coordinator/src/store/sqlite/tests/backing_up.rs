//! Backups are complete even while somebody writes to the store, and overwrite nothing.

use std::fs;

use super::opening::{file, files};
use super::*;

/// A store with some pages.
fn served() -> (Ledger, StudyId) {
    let (mut ledger, id) = Ledger::with_study(spec("a"));
    let claim = ledger.lease(id, "w").expect("a trial");
    (0..20_000).for_each(|step| ledger.report(id, &claim, step, 0.1));
    ledger.commit();
    (ledger, id)
}

fn held(path: &Path) -> String {
    shown(&SqliteStore::open(path).expect("a store").load(UNTIL).expect("loaded"))
}

#[test]
fn a_copy_is_what_one_commit_left_and_disturbs_nobody() {
    let (mut ledger, id) = served();
    let (path, to) = (ledger.path(), ledger.dir.path().join("copy.db"));
    let before = shown(&ledger.committed);
    let mut words = Vec::new();
    let made = backup(&path, &to, |done, of| {
        // The store changes in the middle of the backup.
        let claim = ledger.lease(id, "v").expect("a trial");
        ledger.release(id, &claim);
        ledger.commit();
        words.push((done, of));
    });
    let made = made.expect("copied");
    assert!(
        words.len() > 1 && words.is_sorted() && words.iter().all(|(done, of)| done <= of),
        "{words:?}"
    );
    assert_eq!(words.last(), Some(&(made.bytes, made.bytes)));
    assert_eq!((made.studies, made.trials), (1, 1));
    assert_eq!(made.bytes, fs::metadata(&to).expect("there").len());
    assert_eq!(held(&to), before);
    let names: Vec<_> = files(ledger.dir.path()).into_keys().collect();
    assert!(!names.iter().any(|name| name.to_string_lossy().contains(".part-")), "{names:?}");
    ledger.reopen();
}

#[test]
fn a_copy_in_the_middle_of_a_checkpoint_is_whole() {
    let (ledger, _) = served();
    let to = ledger.dir.path().join("copy.db");
    mark::make_odd(&ledger.store.conn).expect("marked");
    backup(&ledger.path(), &to, |_, _| ()).expect("copied");
    assert_eq!(held(&to), shown(&ledger.committed));
}

#[test]
fn a_store_that_nobody_serves_is_copied_and_left_as_it_is() {
    let (ledger, _) = served();
    let content =
        ["", "-wal"].map(|end| fs::read(path::beside(&ledger.path(), end)).expect("read"));
    let shown = shown(&ledger.committed);
    // First as a crash left it, then closed.
    let (crashed, path) = file(&content[0]);
    fs::write(path::beside(&path, "-wal"), &content[1]).expect("written");
    let closed = ledger.reopen();
    let closed_path = closed.path();
    let Ledger { dir: closed, store, .. } = closed;
    drop(store);
    for (dir, path) in [(&crashed, path), (&closed, closed_path)] {
        let of_the_store = || {
            let mut files = files(dir.path());
            files.retain(|path, _| !path.to_string_lossy().ends_with("-shm"));
            files
        };
        let before = of_the_store();
        let to = TempDir::new().expect("a directory");
        let to = to.path().join("copy.db");
        backup(&path, &to, |_, _| ()).expect("copied");
        assert!(of_the_store() == before, "{:?}", of_the_store().keys());
        assert_eq!(held(&to), shown);
    }
}

#[test]
fn what_is_there_already_stays() {
    let (ledger, _) = served();
    let to = ledger.dir.path().join("precious.txt");
    fs::write(&to, "precious").expect("written");
    for to in [to.clone(), ledger.path()] {
        let refused = backup(&ledger.path(), &to, |_, _| ()).expect_err("there is something");
        assert!(matches!(refused, StoreError::Exists { .. }), "{refused}");
    }
    assert_eq!(fs::read(&to).expect("there"), b"precious");
    ledger.reopen();
}

#[test]
fn what_is_no_store_is_not_copied() {
    let (dir, path) = file(b"no store");
    let to = dir.path().join("copy.db");
    for from in [path, dir.path().join("missing.db")] {
        let refused = backup(&from, &to, |_, _| ()).expect_err("no store");
        assert!(refused.to_string().starts_with(&from.display().to_string()), "{refused}");
        assert_eq!(files(dir.path()).len(), 1, "nothing was made");
    }
}

#[test]
fn a_copy_is_for_those_who_may_read_the_store() {
    use std::os::unix::fs::PermissionsExt as _;
    let (ledger, _) = served();
    fs::set_permissions(ledger.path(), fs::Permissions::from_mode(0o600)).expect("set");
    let to = ledger.dir.path().join("copy.db");
    backup(&ledger.path(), &to, |_, _| ()).expect("copied");
    assert_eq!(fs::metadata(&to).expect("there").permissions().mode() & 0o777, 0o600);
}
