//! Content that makes no sense is reported, never skipped.

use kindling_study::TrialResult;
use serde_json::json;

use super::*;

/// A closed store with a trial in each state, as bytes. The trial ids: 1 COMPLETE, 2 PRUNED, 3
/// FAIL, 4 RUNNING in its second attempt, which goes on from a checkpoint, 5 WAITING with a proposal, 6 WAITING with
/// fixed values, 7 WAITING to go on from the checkpoint of 4. 1, 2, 3 and the study have an artifact. Activities 1 and 2
/// are the study's, 3 is the coordinator's own.
pub(super) fn store() -> Vec<u8> {
    let ledger = ledger();
    let path = ledger.path();
    let Ledger { store, dir: _dir, .. } = ledger;
    drop(store);
    std::fs::read(path).expect("readable")
}

/// The content of that store, with everything after the study's creation still in the log.
pub(super) fn ledger() -> Ledger {
    let (mut ledger, id) = Ledger::with_study(spec("a"));
    let said = attributes(&json!({"accuracy": 0.5, "epochs": 3}));
    for result in
        [TrialResult::Complete(0.5.into()), TrialResult::Pruned, TrialResult::Fail("x".into())]
    {
        let claim = ledger.lease(id, "w").expect("a trial");
        ledger.report(id, &claim, 0, 0.25);
        ledger.keep(id, Some(&claim), "a", blob(1, 1));
        ledger.finish(id, &claim, result, said.clone());
    }
    ledger.keep(id, None, "b", blob(2, 2));
    let first = ledger.lease(id, "w").expect("a trial");
    ledger.report(id, &first, 0, 0.25);
    ledger.save(id, &first, 0, blob(3, 3));
    ledger.release(id, &first);
    ledger.lease(id, "v").expect("the same trial");
    let handed_back = ledger.lease(id, "w").expect("a trial");
    ledger.release(id, &handed_back);
    ledger.enqueue(id, &[("huge".into(), Choice::Int(i64::MAX - 5))], Some("r".into()));
    ledger.enqueue_from(id, TrialNumber(3));
    ledger.act(id, Deed::Create);
    ledger.act(id, Deed::Enqueue);
    ledger.act_on_deleted("gone");
    ledger.commit();
    ledger
}

/// Applies the statements to a store and loads it.
fn load_after(store: &[u8], sql: &str) -> Result<Registry, StoreError> {
    let (file, mut conn) = changed(store, sql);
    load::registry(&mut conn, UNTIL).map_err(|fault| fault.at(file.path()))
}

/// The store after these statements, which run with the pen taken.
pub(super) fn changed(store: &[u8], sql: &str) -> (tempfile::NamedTempFile, Connection) {
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(&file, store).expect("written");
    let conn = Connection::open(&file).expect("open");
    let changeable =
        "PRAGMA synchronous = OFF; PRAGMA foreign_keys = OFF; PRAGMA journal_mode = MEMORY;
        UPDATE kindling_meta SET value = 1 WHERE key = 'pen'";
    conn.execute_batch(changeable).expect("changeable");
    conn.execute_batch(sql).expect(sql);
    (file, conn)
}

fn damage(store: &[u8], sql: &str) -> String {
    match load_after(store, sql) {
        Err(StoreError::Damaged { found, .. }) => found,
        other => panic!("{sql}: {other:?}"),
    }
}

#[test]
fn damage_is_named_by_table_row_and_what() {
    let store = store();
    let found = damage(&store, "UPDATE trials SET state = 'DONE' WHERE trial_id = 4");
    assert_eq!(found, "trials: row 4: state: `DONE`");
    let found =
        damage(&store, "UPDATE trial_intermediate_values SET intermediate_value_type = 'X'");
    assert_eq!(found, "trial_intermediate_values: row 1: intermediate_value_type: `X`");
    let found = damage(&store, "UPDATE kindling_trials SET attributes = '[1' WHERE trial_id = 2");
    assert!(found.starts_with("trials: row 2: attributes: "), "{found}");
}

/// Changes after which a store makes no sense.
pub(super) const NONSENSE: &[&str] = &[
    "DELETE FROM studies",
    "DELETE FROM kindling_studies",
    "DELETE FROM study_directions",
    "UPDATE study_directions SET direction = 'NOT_SET'",
    "UPDATE study_directions SET direction = 'MINIMIZE'",
    "UPDATE studies SET study_name = 'b'",
    "UPDATE kindling_studies SET state = 'active'",
    "UPDATE kindling_studies SET budget = -1",
    "UPDATE kindling_studies SET confirm = '{\"by\": [\"lr\"]}'",
    "UPDATE kindling_studies SET confirm = '{}'",
    "INSERT INTO kindling_notify VALUES (1, '{}', NULL)",
    "INSERT INTO kindling_notify VALUES (1, '{\"kind\":\"off\"}', '{}')",
    "INSERT INTO kindling_notify VALUES (9, '{\"kind\":\"off\"}', NULL)",
    "UPDATE kindling_trials SET confirms_of = 0, confirms_seed = 0 WHERE trial_id = 1",
    "UPDATE kindling_trials SET confirms_of = 3, confirms_seed = 0 WHERE trial_id = 6",
    "UPDATE kindling_trials SET confirms_of = 0 WHERE trial_id = 6",
    "UPDATE kindling_trials SET confirms_seed = 0 WHERE trial_id = 6",
    "UPDATE kindling_studies SET budget = 4294967296",
    "UPDATE kindling_studies SET spec = '{}'",
    "UPDATE kindling_studies SET spec = replace(spec, '\"low\":-3', '\"low\":99')",
    "UPDATE kindling_meta SET value = 1 WHERE key = 'next_study_id'",
    "DELETE FROM kindling_meta WHERE key = 'next_study_id'",
    "UPDATE kindling_meta SET value = -1 WHERE key = 'commits'",
    "DELETE FROM kindling_history",
    "UPDATE kindling_history SET history = x'00'",
    "UPDATE kindling_leases SET mark = NULL WHERE ended IS NULL",
    "UPDATE kindling_leases SET mark = x'00' WHERE ended IS NULL",
    "UPDATE kindling_meta SET value = 6 WHERE key = 'next_trial_id'",
    "UPDATE kindling_meta SET value = 9223372036854775807 WHERE key = 'next_trial_id'",
    "DELETE FROM trials WHERE trial_id = 1",
    "DELETE FROM kindling_trials WHERE trial_id = 6",
    "UPDATE trials SET number = 9 WHERE trial_id = 6",
    "UPDATE trials SET number = 0",
    "UPDATE trials SET number = NULL WHERE trial_id = 1",
    "UPDATE trials SET study_id = 2 WHERE trial_id = 6",
    "UPDATE trials SET state = 'RUNNING' WHERE trial_id = 1",
    "UPDATE trials SET state = 'WAITING' WHERE trial_id = 1",
    "UPDATE trials SET state = 'COMPLETE' WHERE trial_id IN (2, 3)",
    "UPDATE trials SET state = 'COMPLETE' WHERE trial_id = 4",
    "UPDATE trials SET state = 'WAITING' WHERE trial_id = 4",
    "UPDATE trials SET state = 'RUNNING' WHERE trial_id = 5",
    "UPDATE trials SET datetime_start = NULL WHERE trial_id = 4",
    "UPDATE trials SET datetime_start = 'yesterday' WHERE trial_id = 4",
    "UPDATE trials SET datetime_complete = NULL WHERE trial_id = 1",
    "UPDATE trials SET datetime_complete = datetime_start WHERE trial_id = 4",
    "UPDATE kindling_trials SET finish_index = NULL WHERE trial_id = 2",
    "UPDATE kindling_trials SET finish_index = 0",
    "UPDATE kindling_trials SET finish_index = 7 WHERE trial_id = 3",
    "UPDATE kindling_trials SET saw_finished = 4 WHERE trial_id = 5",
    "UPDATE kindling_trials SET saw_finished = NULL WHERE trial_id = 5",
    "UPDATE kindling_trials SET saw_proposed = 5 WHERE trial_id = 5",
    "UPDATE kindling_trials SET saw_proposed = 0 WHERE trial_id = 5",
    "UPDATE kindling_trials SET saw_proposed = NULL WHERE trial_id = 5",
    "UPDATE kindling_trials SET retry_of = 5 WHERE trial_id = 6",
    "UPDATE kindling_trials SET pruned_at = 4 WHERE trial_id = 1",
    "UPDATE kindling_trials SET pruned_at = -1 WHERE trial_id = 1",
    "UPDATE kindling_trials SET fixed = '{\"huge\": 1.5}' WHERE trial_id = 6",
    "UPDATE kindling_trials SET fixed = '{\"size\": 1}' WHERE trial_id = 6",
    "UPDATE kindling_trials SET exact_ints = '{\"huge\": 9007199254740993}' WHERE trial_id = 1",
    "UPDATE kindling_trials SET attributes = '[\"accuracy\", \"b\"]' WHERE trial_id = 1",
    "UPDATE kindling_leases SET attempt = 0 WHERE trial_id = 4",
    "UPDATE kindling_leases SET lost_before = 2 WHERE trial_id = 4",
    "UPDATE kindling_leases SET lost_before = -1 WHERE trial_id = 4",
    "DELETE FROM kindling_leases WHERE trial_id = 4",
    "UPDATE kindling_leases SET ended = NULL WHERE attempt = 1",
    "UPDATE kindling_leases SET ended = 'LOST' WHERE attempt = 1",
    "UPDATE kindling_leases SET worker = char(10)",
    "UPDATE kindling_leases SET trial_id = 99 WHERE trial_id = 4",
    "DELETE FROM trial_params WHERE param_name = 'lr'",
    "UPDATE trial_params SET param_name = 'size' WHERE param_name = 'lr'",
    "UPDATE trial_params SET param_value = 1.5 WHERE param_name = 'layers'",
    "UPDATE trial_params SET param_value = 99 WHERE param_name = 'kind'",
    "UPDATE trial_params SET param_value = NULL WHERE param_name = 'lr'",
    "UPDATE trial_params SET param_value = 'x' WHERE param_name = 'lr'",
    "UPDATE trial_params SET trial_id = 99 WHERE param_id = 1",
    "UPDATE trial_intermediate_values SET step = -1",
    "UPDATE trial_intermediate_values SET intermediate_value = NULL",
    "UPDATE trial_intermediate_values SET trial_id = trial_id + 90",
    "DELETE FROM trial_values",
    "UPDATE trial_values SET objective = 1",
    "UPDATE trial_values SET value = NULL, value_type = 'INF_POS'",
    "UPDATE trial_values SET trial_id = trial_id + 90",
    "DELETE FROM trial_system_attributes WHERE key = 'fail_reason'",
    "UPDATE trial_system_attributes SET value_json = '7' WHERE key = 'fail_reason'",
    "DELETE FROM trial_user_attributes WHERE key = 'accuracy'",
    "UPDATE trial_user_attributes SET value_json = 'NaN' WHERE key = 'accuracy'",
    "DROP TABLE trial_values",
    "UPDATE kindling_leases SET resumed = -1 WHERE trial_id = 4",
    "UPDATE kindling_leases SET ended_at = NULL WHERE trial_id = 1",
    "UPDATE kindling_leases SET ended_at = 1 WHERE trial_id = 4",
    "UPDATE kindling_trials SET warm_start = 6 WHERE trial_id = 7",
    "UPDATE kindling_trials SET warm_start = NULL WHERE trial_id = 7",
    "UPDATE kindling_trials SET warm_start = -1 WHERE trial_id = 7",
    "UPDATE kindling_trials SET warm_start = 0 WHERE trial_id = 1",
    "UPDATE kindling_attempts SET attempt = 2",
    "UPDATE kindling_attempts SET attempt = 0",
    "UPDATE kindling_attempts SET trial_id = 99",
    "UPDATE kindling_attempts SET worker = ''",
    "UPDATE kindling_attempts SET ended = 'FINISHED'",
    "UPDATE kindling_attempts SET resumed = -1",
    "DELETE FROM kindling_checkpoints WHERE attempt = 0",
    "UPDATE kindling_checkpoints SET attempt = 3 WHERE attempt = 1",
    "UPDATE kindling_checkpoints SET attempt = 0",
    "UPDATE kindling_checkpoints SET step = -1",
    "UPDATE kindling_checkpoints SET trial_id = 99 WHERE attempt = 1",
    "UPDATE kindling_checkpoints SET blob_key = ''",
    "UPDATE kindling_checkpoints SET blob_key = hex(zeroblob(129))",
    "UPDATE kindling_checkpoints SET size = -1",
    "UPDATE kindling_checkpoints SET sha256 = x'00'",
    "INSERT INTO kindling_checkpoints SELECT 1, 1, 1 + step + attempt, blob_key, size, sha256 FROM kindling_checkpoints",
    "INSERT INTO kindling_checkpoints SELECT 4, 2, 1 + step + attempt, blob_key, size, sha256 FROM kindling_checkpoints",
    "UPDATE kindling_artifacts SET trial_id = trial_id + 90",
    "UPDATE kindling_artifacts SET name = ''",
    "UPDATE kindling_artifacts SET name = char(27)",
    "UPDATE kindling_artifacts SET media_type = hex(zeroblob(129))",
    "UPDATE kindling_artifacts SET blob_key = char(0)",
    "UPDATE kindling_artifacts SET sha256 = zeroblob(33)",
    "UPDATE kindling_study_artifacts SET study_id = 9",
    "UPDATE kindling_study_artifacts SET size = -1",
    "UPDATE kindling_activity SET study_id = 9 WHERE activity_id = 1",
    "UPDATE kindling_activity SET study_id = NULL WHERE activity_id = 1",
    "UPDATE kindling_activity SET study_id = 1 WHERE activity_id = 3",
    "UPDATE kindling_activity SET activity_id = -1 WHERE activity_id = 1",
    "UPDATE kindling_activity SET activity_id = 9223372036854775807 WHERE activity_id = 1",
    "UPDATE kindling_activity SET deed = 'Create' WHERE activity_id = 1",
    "UPDATE kindling_activity SET trial = -1 WHERE activity_id = 1",
    "UPDATE kindling_activity SET who = char(27) WHERE activity_id = 1",
    "UPDATE kindling_activity SET who = hex(zeroblob(129)) WHERE activity_id = 1",
    "UPDATE kindling_activity SET origin = hex(zeroblob(65)) WHERE activity_id = 1",
    "UPDATE kindling_activity SET details = hex(zeroblob(129)) WHERE activity_id = 1",
    "UPDATE kindling_activity SET details = char(10) WHERE activity_id = 1",
    "WITH RECURSIVE n (n) AS (SELECT 10 UNION ALL SELECT n + 1 FROM n WHERE n < 1009)
        INSERT INTO kindling_activity SELECT n, study_id, deleted, at, who, origin, deed, trial, details
        FROM kindling_activity, n WHERE activity_id = 1",
    "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 256)
        INSERT INTO kindling_artifacts
        SELECT trial_id, name || n, media_type, blob_key, size, sha256, saved_at FROM kindling_artifacts, n",
];

#[test]
fn nothing_that_makes_no_sense_is_loaded() {
    let store = store();
    for sql in NONSENSE {
        damage(&store, sql);
    }
}

#[test]
fn what_others_attach_is_kept_and_passed_over() {
    let store = store();
    let untouched = shown(&load_after(&store, "").expect("loaded"));
    for sql in [
        "INSERT INTO study_user_attributes (study_id, key, value_json) VALUES (1, 'note', 'NaN')",
        "INSERT INTO study_system_attributes (study_id, key, value_json) VALUES (NULL, NULL, NULL)",
        "INSERT INTO trial_user_attributes (trial_id, key, value_json) VALUES (1, 'note', '[NaN')",
        "INSERT INTO trial_user_attributes (trial_id, key, value_json) VALUES (99, NULL, NULL)",
        "INSERT INTO trial_system_attributes (trial_id, key, value_json) VALUES (4, 'note', x'00')",
        "INSERT INTO trial_system_attributes (trial_id, key, value_json) VALUES (4, 'fail_reason', '7')",
        "INSERT INTO trial_heartbeats (trial_id, heartbeat) VALUES (4, 'now')",
        // Possible only after the guards were removed, or before there were any.
        "INSERT INTO study_directions (direction, study_id, objective) VALUES ('MAXIMIZE', 1, 1)",
        "INSERT INTO study_directions (direction, study_id, objective) VALUES ('MAXIMIZE', 9, 0)",
        "INSERT INTO trial_params (trial_id, param_name, param_value) VALUES (6, 'lr', 0.5)",
        "INSERT INTO trial_params (trial_id, param_name, param_value) VALUES (6, 'size', 0.5)",
        "INSERT INTO trial_params (trial_id, param_name, param_value) VALUES (1, 'size', 0.5)",
        "INSERT INTO trial_params (trial_id, param_name, param_value) VALUES (99, NULL, NULL)",
        "INSERT OR IGNORE INTO trial_params (trial_id, param_name, param_value)
            VALUES (1, 'momentum', 0.5), (2, 'momentum', 0.5), (3, 'width', 1), (4, 'width', 1)",
        "INSERT INTO trial_values (trial_id, objective, value, value_type) VALUES (1, 1, 0.5, 'FINITE')",
        "INSERT INTO trial_values (trial_id, objective, value, value_type) VALUES (4, 0, 0.5, 'FINITE')",
        "INSERT INTO trial_values (trial_id, objective, value, value_type) VALUES (99, 0, 0.5, 'FINITE')",
        "CREATE TABLE notes (x); CREATE INDEX faster ON trials (state)",
    ] {
        assert_eq!(shown(&load_after(&store, sql).expect(sql)), untouched, "{sql}");
    }
}
