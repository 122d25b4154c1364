//! What is opened, what is refused, and that a refusal changes nothing.

use std::collections::BTreeMap;
use std::fs;

use super::reading::without_ends;
use super::*;

/// The files of a directory, with their content.
pub(super) fn files(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let entries = fs::read_dir(dir).expect("a directory").map(|e| e.expect("an entry").path());
    entries.filter(|p| p.is_file()).map(|p| (p.clone(), fs::read(&p).expect("readable"))).collect()
}

/// Opens a file that must be refused and left alone.
fn refusal(path: &Path) -> StoreError {
    let dir = path.parent().expect("a parent");
    let before = files(dir);
    let refused = SqliteStore::open_with(path, SHORT).expect_err("refused");
    assert!(files(dir) == before, "{refused}");
    refused
}

/// A directory with a file of this content.
pub(super) fn file(content: &[u8]) -> (TempDir, PathBuf) {
    let dir = TempDir::new().expect("a directory");
    let path = dir.path().join("study.db");
    fs::write(&path, content).expect("written");
    (dir, path)
}

/// A store that was closed properly, as bytes.
pub(super) fn store() -> Vec<u8> {
    let (mut ledger, id) = Ledger::with_study(spec("a"));
    let claim = ledger.lease(id, "w").expect("a trial");
    for step in 0..200 {
        ledger.report(id, &claim, step, 0.25);
    }
    ledger.commit();
    let Ledger { dir, store, .. } = ledger;
    drop(store);
    fs::read(dir.path().join("study.db")).expect("readable")
}

/// A store after this statement, as bytes.
fn store_after(sql: &str) -> Vec<u8> {
    let (_dir, path) = file(&store());
    Connection::open(&path).expect("open").execute_batch(sql).expect("changed");
    fs::read(&path).expect("readable")
}

fn another_database(sql: &str) -> (TempDir, PathBuf) {
    let (dir, path) = file(b"");
    Connection::open(&path).expect("open").execute_batch(sql).expect("made");
    (dir, path)
}

#[test]
fn an_empty_file_becomes_a_store() {
    let (_dir, path) = file(b"");
    SqliteStore::open(&path).expect("opened").load(UNTIL).expect("loaded");
    SqliteStore::open(&path).expect("opened again");
}

#[test]
fn a_closed_store_is_one_file_and_a_lock() {
    let (_dir, path) = file(&store());
    drop(SqliteStore::open(&path).expect("opened"));
    let names: Vec<_> = files(path.parent().expect("a parent")).into_keys().collect();
    assert_eq!(names, [path.clone(), path.with_extension("db.lock")]);
}

#[test]
fn strange_names_are_names() {
    let dir = TempDir::new().expect("a directory");
    for name in ["a b?c#d%41.db", "ünï", "file:x"] {
        let path = dir.path().join(name);
        drop(SqliteStore::open(&path).expect("made"));
        drop(SqliteStore::open(&path).expect("opened"));
        assert!(path.is_file(), "{name}");
    }
}

#[test]
fn a_second_coordinator_is_refused_while_the_first_runs() {
    let (_dir, path) = file(b"");
    let first = SqliteStore::open(&path).expect("opened");
    let link = path.with_file_name("link.db");
    std::os::unix::fs::symlink(&path, &link).expect("linked");
    for name in [&path, &link] {
        let refused = SqliteStore::open(name).expect_err("in use");
        assert!(matches!(refused, StoreError::InUse { .. }), "{refused}");
    }
    drop(first);
    SqliteStore::open(&path).expect("opened");
}

#[test]
fn a_store_has_one_lock_whatever_it_is_called_by() {
    let dir = TempDir::new().expect("a directory");
    let path = dir.path().join("study.db");
    // A link that was made before the store.
    let link = dir.path().join("link.db");
    std::os::unix::fs::symlink("study.db", &link).expect("linked");
    let first = SqliteStore::open(&link).expect("opened");
    assert!(path.is_file() && !dir.path().join("link.db.lock").exists());
    for name in [&path, &link] {
        let refused = SqliteStore::open(name).expect_err("in use");
        assert!(matches!(refused, StoreError::InUse { .. }), "{refused}");
    }
    // The lock is on the store's file, not only on the one beside it.
    fs::remove_file(dir.path().join("study.db.lock")).expect("removed");
    let refused = SqliteStore::open(&path).expect_err("in use");
    assert!(matches!(refused, StoreError::InUse { .. }), "{refused}");
    drop(first);
    SqliteStore::open(&path).expect("opened");
    let round = dir.path().join("round.db");
    std::os::unix::fs::symlink("round.db", &round).expect("linked");
    SqliteStore::open(&round).expect_err("a link to itself");
}

#[test]
fn a_store_with_two_names_is_refused() {
    let (dir, path) = file(&store());
    fs::hard_link(&path, dir.path().join("copy.db")).expect("linked");
    for name in ["study.db", "copy.db"] {
        let refused = refusal(&dir.path().join(name));
        assert!(matches!(refused, StoreError::Linked { names: 2, .. }), "{refused}");
        assert!(refused.to_string().contains("2 names (hard links)"), "{refused}");
    }
    fs::remove_file(dir.path().join("copy.db")).expect("removed");
    SqliteStore::open(&path).expect("opened");
}

#[test]
fn a_file_that_is_in_use_is_not_even_looked_at() {
    let (_dir, path) = file(b"half a page");
    let lock = fs::File::create(path.with_extension("db.lock")).expect("made");
    lock.lock().expect("locked");
    let refused = refusal(&path);
    assert!(matches!(refused, StoreError::InUse { .. }), "{refused}");
}

#[test]
fn what_is_no_database_is_foreign() {
    let mut garbage: Vec<u8> = (0..8192_u32).map(|i| ((i * 7919) >> 3) as u8).collect();
    for content in [&b"x"[..], b"SQLite format 2\0", &garbage] {
        let (_dir, path) = file(content);
        let refused = refusal(&path);
        assert!(matches!(refused, StoreError::Foreign { .. }), "{refused}");
    }
    garbage[..16].copy_from_slice(b"SQLite format 3\0");
    let (_dir, path) = file(&garbage);
    assert!(matches!(refusal(&path), StoreError::Foreign { .. }), "not even our mark");
    let dir = TempDir::new().expect("a directory");
    let path = dir.path().join("study.db");
    fs::create_dir(&path).expect("made");
    let refused = refusal(&path);
    assert!(refused.to_string().contains("a directory"), "{refused}");
}

#[test]
fn a_database_of_somebody_else_is_foreign() {
    let (_dir, path) = another_database("CREATE TABLE t (x); PRAGMA journal_mode = WAL");
    let refused = refusal(&path);
    assert!(refused.to_string().contains("another program"), "{refused}");
    let optuna = "CREATE TABLE alembic_version (v); CREATE TABLE study_directions (d)";
    let (_dir, path) = another_database(optuna);
    let refused = refusal(&path);
    assert!(refused.to_string().contains("Optuna store"), "{refused}");
}

#[test]
fn a_store_of_another_version_is_refused() {
    for version in [1, 9, 10] {
        let (_dir, path) = file(&store_after(&format!(
            "UPDATE kindling_meta SET value = {version} WHERE key = 'schema_version'"
        )));
        let refused = refusal(&path);
        assert!(
            matches!(refused, StoreError::OtherVersion { found, known: 8, .. } if found == version),
            "{refused}"
        );
    }
}

/// The layout of version 3 as it was released.
const SCHEMA_3: &str = include_str!("schema_3.sql");

/// Turns version 3 into version 2.
pub(super) const BACK_TO_2: &str = "ALTER TABLE kindling_studies DROP COLUMN confirm;
    ALTER TABLE kindling_trials DROP COLUMN confirms_of;
    ALTER TABLE kindling_trials DROP COLUMN confirms_seed;
    UPDATE kindling_meta SET value = 2 WHERE key = 'schema_version'";

/// The store's content in the layout of version 3, after this statement.
pub(super) fn older(store: &[u8], sql: &str) -> Vec<u8> {
    let (_dir, new) = file(store);
    let (_dir, path) = file(b"");
    let conn = Connection::open(&path).expect("open");
    conn.pragma_update(None, "foreign_keys", false).expect("set");
    conn.pragma_update(None, "application_id", open::APPLICATION_ID).expect("marked");
    conn.execute_batch(SCHEMA_3).expect("made");
    conn.execute("ATTACH ?1 AS new", [new.to_str().expect("plain")]).expect("attached");
    let texts = |query: &str| -> Vec<String> {
        let mut statement = conn.prepare(query).expect("sql");
        let rows = statement.query_map([], |row| row.get(0)).expect("run");
        rows.collect::<Result<_, _>>().expect("texts")
    };
    // Our tables first: the guards check them.
    let tables = "SELECT name FROM main.sqlite_schema WHERE type = 'table' AND name NOT IN
        ('kindling_meta', 'version_info', 'alembic_version') ORDER BY name LIKE 'kindling%' DESC";
    for table in texts(tables) {
        let columns =
            texts(&format!("SELECT quote(name) FROM pragma_table_info('{table}', 'main')"));
        let columns = columns.join(", ").replace('\'', "\"");
        let copy =
            format!("INSERT INTO main.{table} ({columns}) SELECT {columns} FROM new.{table}");
        conn.execute_batch(&copy).expect(&table);
    }
    let counters = "UPDATE kindling_meta AS old SET value =
        (SELECT value FROM new.kindling_meta AS new WHERE new.key = old.key) WHERE key LIKE 'next%'";
    conn.execute_batch(counters).expect("counted");
    conn.execute_batch("DETACH new").expect("detached");
    conn.execute_batch(sql).expect(sql);
    drop(conn);
    fs::read(&path).expect("readable")
}

/// The content of `sqlite_schema` without white space and comments, which an upgrade cannot
/// reproduce.
fn layout(conn: &Connection) -> Vec<String> {
    let mut tables = conn
        .prepare(
            "SELECT name || ' ' || (SELECT group_concat(c.name || c.type || c.\"notnull\" || c.pk, ' ')
                FROM pragma_table_info(sqlite_schema.name) AS c)
             FROM sqlite_schema WHERE type = 'table'
             UNION ALL SELECT sql FROM sqlite_schema WHERE type <> 'table' AND sql IS NOT NULL ORDER BY 1",
        )
        .expect("sql");
    let rows = tables.query_map([], |row| row.get(0)).expect("run");
    rows.collect::<Result<_, _>>().expect("texts")
}

/// The store as it is after an upgrade. Nobody can show a mark for a lease from before, so its
/// trial waits again, which does not count as a loss.
pub(super) fn without_marks() -> Vec<u8> {
    let (file, _) = damage::changed(
        &store(),
        "UPDATE kindling_leases SET mark = NULL, ended = 'HANDED_BACK', ended_at = 1;
         UPDATE trials SET state = 'WAITING';
         UPDATE kindling_meta SET value = 0 WHERE key = 'pen'",
    );
    fs::read(&file).expect("readable")
}

#[test]
fn a_store_of_a_version_before_is_brought_up_to_date() {
    let opened = |content: &[u8]| {
        let (_dir, path) = file(content);
        let mut store = SqliteStore::open(&path).expect("opens");
        // The upgrade hands trials back at the time at which it happens.
        let at_one_time = "UPDATE kindling_leases SET ended_at = 1 WHERE ended = 'HANDED_BACK'";
        store.conn.execute_batch(at_one_time).expect("changed");
        let loaded = store.load(Tick::default()).expect("loads");
        let layout = layout(&store.conn);
        drop(store);
        let mut again = SqliteStore::open(&path).expect("opens again");
        assert_eq!(again.load(Tick::default()).expect("loads"), loaded);
        (loaded, layout)
    };
    let todays = opened(&without_marks());
    let trial = todays.0.get(StudyId(1)).expect("a study").get(TrialNumber(0)).expect("a trial");
    assert_eq!((trial.losses, trial.attempt.0, trial.mark), (0, 1, None));
    for back in ["", BACK_TO_2] {
        let upgraded = opened(&older(&store(), back));
        assert_eq!(upgraded.0, todays.0, "{back}");
        assert_eq!(upgraded.1, todays.1, "{back}");
    }
}

#[test]
fn of_all_the_leases_that_there_were_the_newest_is_kept() {
    let sound = damage::store();
    let earlier = "DELETE FROM kindling_leases WHERE trial_id = 4;
        INSERT INTO kindling_leases VALUES
            (4, 1, 'w', 1, 2, 'EXPIRED'), (4, 2, 'w', 3, 4, 'HANDED_BACK'),
            (4, 3, 'v', 5, 6, 'EXPIRED'), (4, 4, 'u', 7, NULL, NULL);
        UPDATE kindling_leases SET ended = 'EXPIRED' WHERE trial_id = 5";
    let (_dir, path) = file(&older(&sound, earlier));
    let registry = SqliteStore::open(&path).expect("opens").load(UNTIL).expect("loads");
    let study = registry.get(StudyId(1)).expect("a study");
    let of = |number: usize| {
        let trial = &study.trials()[number];
        (trial.attempt.0, trial.losses, trial.worker.as_ref().expect("leased").as_str())
    };
    assert_eq!(of(3), (4, 2, "u"));
    assert_eq!(of(4), (1, 1, "w"));
}

#[test]
fn what_others_wrote_before_there_were_guards_is_passed_over() {
    // Of these trials, 4 ran and 5 waited. Both wait with their parameters, and 6 waits for a
    // proposal.
    let sound = damage::store();
    let loaded = |content: &[u8]| {
        let (dir, path) = file(content);
        let mut store = SqliteStore::open(&path).expect("opens");
        let registry = store.load(UNTIL).expect("loads");
        (registry, store, dir)
    };
    let (untouched, ..) = loaded(&older(&sound, ""));
    for theirs in [
        "INSERT INTO trial_params (trial_id, param_name, param_value) VALUES (6, 'lr', 0.5)",
        "INSERT INTO trial_params (trial_id, param_name, param_value) VALUES (6, 'x', 0.5), (4, 'x', 0.5)",
        "INSERT INTO trial_intermediate_values
            (trial_id, step, intermediate_value, intermediate_value_type)
            VALUES (6, 0, 0.5, 'FINITE'), (4, -1, 0.5, 'FINITE'), (4, 1, NULL, 'NAN'), (5, 2, NULL, 'INF_POS')",
        "INSERT INTO trial_values (trial_id, objective, value, value_type) VALUES (4, 0, 0.5, 'FINITE')",
    ] {
        let (registry, store, dir) = loaded(&older(&sound, theirs));
        let [now, before] = [&registry, &untouched].map(|r| without_ends(&shown(r)));
        assert_eq!(now, before, "{theirs}");
        // Nor does it disturb what comes next.
        let committed = registry.clone();
        let mut ledger = Ledger { dir, store, registry, committed, queue: Vec::new(), clock: 1 };
        let id = StudyId(1);
        for worker in ["w", "w", "w", "w"] {
            let claim = ledger.lease(id, worker).expect("a trial");
            ledger.report(id, &claim, 0, 0.25);
            ledger.finish(id, &claim, kindling_study::TrialResult::Complete(0.5.into()), Attributes::new());
        }
        ledger.commit();
        ledger.reopen();
    }
}

#[test]
fn a_store_that_lost_something_is_damaged() {
    let whole = store();
    let mut scribbled = whole.clone();
    scribbled[4096 * 3..4096 * 4].fill(0xA5);
    for content in [
        &whole[..50],
        &whole[..whole.len() / 2],
        &whole[..whole.len() - 1000],
        &scribbled,
        &store_after("DELETE FROM kindling_meta"),
        &store_after("UPDATE kindling_meta SET value = -1"),
        &store_after("DROP TABLE kindling_meta"),
    ] {
        let (_dir, path) = file(content);
        let refused = refusal(&path);
        assert!(matches!(refused, StoreError::Damaged { .. }), "{refused}");
    }
}

#[test]
fn a_log_without_its_store_is_damage() {
    let (_dir, path) = file(b"");
    fs::write(path.with_extension("db-wal"), [1; 5000]).expect("written");
    assert!(matches!(refusal(&path), StoreError::Damaged { .. }));
    fs::remove_file(&path).expect("removed");
    assert!(matches!(refusal(&path), StoreError::Damaged { .. }));
}

#[test]
fn a_missing_directory_is_named() {
    let dir = TempDir::new().expect("a directory");
    let refused = refusal_of_nothing(&dir.path().join("missing/study.db"));
    assert!(refused.contains("there is no directory") && refused.contains("missing"), "{refused}");
}

fn refusal_of_nothing(path: &Path) -> String {
    SqliteStore::open(path).expect_err("refused").to_string()
}

#[test]
fn a_crash_loses_nothing_that_was_committed() {
    let (mut ledger, id) = Ledger::with_study(spec("a"));
    ledger.lease(id, "w").expect("a trial");
    ledger.commit();
    // What a dead process leaves: the file and its log in the middle of a change. The worst moment
    // is while pages are moved from the log into the file.
    let log = fs::read(ledger.path().with_extension("db-wal")).expect("the log");
    let mut content = fs::read(ledger.path()).expect("the file");
    // The log also contains older frames after its current pages.
    for frame in log[32..].chunks(24 + 4096).take(ledger.store.log.pages() as usize) {
        let page = u32::from_be_bytes(frame[..4].try_into().expect("4 bytes")) as usize;
        if (2..=content.len() / 4096).contains(&page) {
            content[4096 * (page - 1)..4096 * page].fill(0xA5);
        }
    }
    let (_dir, path) = file(&content);
    fs::write(path.with_extension("db-wal"), log).expect("written");
    let loaded = SqliteStore::open(&path).expect("opened").load(UNTIL).expect("loaded");
    assert_eq!(shown(&loaded), shown(&ledger.registry));
}

#[test]
fn a_damaged_store_keeps_its_log_too() {
    let (mut ledger, id) = Ledger::with_study(spec("a"));
    ledger.lease(id, "w").expect("a trial");
    ledger.commit();
    let mut content = fs::read(ledger.path()).expect("the file");
    let end = content.len();
    content[end - 4096..].fill(0xA5);
    let (_dir, path) = file(&content);
    let log = ledger.path().with_extension("db-wal");
    fs::copy(log, path.with_extension("db-wal")).expect("copied");
    let refused = refusal(&path);
    assert!(matches!(refused, StoreError::Damaged { .. }), "{refused}");
}

#[test]
fn a_crash_while_the_store_was_made_leaves_a_file_that_opens() {
    let (_dir, path) = file(b"");
    let mut conn = Connection::open(&path).expect("open");
    conn.execute_batch("PRAGMA cache_size = 1")
        .expect("set, so that the journal is in use at once");
    let tx = conn.transaction().expect("begun");
    tx.pragma_update(None, "application_id", open::APPLICATION_ID).expect("marked");
    tx.execute_batch(include_str!("../schema_optuna.sql")).expect("made");
    tx.execute_batch(include_str!("../schema.sql")).expect("made");
    tx.execute_batch(include_str!("../guards.sql")).expect("made");
    let journal = fs::read(path.with_extension("db-journal")).expect("the journal");
    tx.commit().expect("made");

    // The first pages reached the file, the others did not.
    let (_dir, path) = file(&fs::read(&path).expect("the file")[..4096 * 3]);
    fs::write(path.with_extension("db-journal"), journal).expect("written");
    let loaded = SqliteStore::open(&path).expect("opened").load(UNTIL).expect("loaded");
    assert_eq!(loaded, Registry::default());
}
