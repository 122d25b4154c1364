//! Executes the changes of the layout as statements.
//!
//! Each statement that is for one row is checked to have changed one row. If it did not, or a new
//! row exists already, another program changed the file. Then the batch fails, and no result is
//! lost.

use kindling_study::external::Scope;
use kindling_study::{Act, Blob, KNOWN_ATTEMPTS, StudyId, TrialId};
use rusqlite::{Connection, Params as Bindings, params};

use super::fault::Fault;
use crate::store::optuna::{
    Change, METRIC_NAMES, NewLease, NewProposal, NewStudy, Owner, TABLES_OF_A_STUDY,
    TABLES_OF_TRIALS,
};

/// Executes one change.
#[expect(
    clippy::too_many_lines,
    reason = "a few lines for each kind of change, and nothing between them"
)]
pub(super) fn execute(conn: &Connection, change: &Change<'_>) -> Result<(), Fault> {
    match change {
        Change::AddStudy(rows) => add_study(conn, rows),
        Change::AddDirection { study, objective, direction } => {
            one(conn, ADD_DIRECTION, params![direction, study.0, objective])
        }
        Change::AddMetricNames { study, json } => {
            one(conn, PUT_STUDY_SYSTEM_ATTRIBUTE, params![study.0, METRIC_NAMES, json])
        }
        Change::SetState { study, state, pause_reason } => {
            one(conn, SET_STATE, params![study.0, state, pause_reason])
        }
        Change::SetBudget { study, budget } => one(conn, SET_BUDGET, params![study.0, budget]),
        Change::SetConfirm { study, confirm } => one(conn, SET_CONFIRM, params![study.0, confirm]),
        Change::PutNotify { study, notify } => one(conn, PUT_NOTIFY, params![study.0, notify]),
        Change::SetTold { study, told } => one(conn, SET_TOLD, params![study.0, told]),
        Change::DeleteStudy { study, kind } => delete_study(conn, *study, kind),
        Change::AddEnqueued { trial, fixed, retry_of, request, confirms, warm_start } => {
            let (retry_of, of) = (retry_of.map(|n| n.0), confirms.map(|c| c.of.0));
            let (seed, from) = (confirms.map(|c| c.seed), warm_start.map(|n| n.0));
            one(conn, ADD_ENQUEUED, params![trial.0, fixed, retry_of, request, of, seed, from])
        }
        Change::AddProposed(rows) => proposal(conn, ADD_PROPOSED, rows),
        Change::SetProposal(rows) => proposal(conn, SET_PROPOSAL, rows),
        Change::AddTrial { trial, study, number } => {
            one(conn, ADD_TRIAL, params![trial.0, number.0, study.0])
        }
        Change::PutParam { trial, name, value, distribution } => {
            one(conn, PUT_PARAM, params![trial.0, name, value, distribution])
        }
        Change::PutSystemAttribute { trial, key, json } => {
            one(conn, PUT_SYSTEM_ATTRIBUTE, params![trial.0, key, json])
        }
        Change::AddLease(row) => lease(conn, ADD_LEASE, row),
        Change::ReplaceLease(row) => {
            one(conn, ADD_ATTEMPT, [row.trial.0])?;
            let unknown = row.attempt.saturating_sub(KNOWN_ATTEMPTS);
            run(conn, FORGET_ATTEMPTS, params![row.trial.0, unknown])?;
            lease(conn, REPLACE_LEASE, row)
        }
        Change::SetRunning { trial, since } => one(conn, SET_RUNNING, params![trial.0, since]),
        Change::CutCurve { trial, to } => {
            run(conn, CUT_CURVE, params![trial.0, to])?;
            run(conn, CUT_OTHER_VALUES, params![trial.0, to])?;
            one(conn, CUT_PRUNED, params![trial.0, to])
        }
        Change::SetResumed { trial, resumed } => one(conn, SET_RESUMED, params![trial.0, resumed]),
        Change::AddCheckpoint { trial, attempt, step, blob: Blob { key, size, sha256 } } => {
            let row = params![trial.0, attempt, step, key, stored_size(*size), sha256];
            one(conn, ADD_CHECKPOINT, row)
        }
        Change::KeepCheckpoints { trial, keep } => {
            run(conn, KEEP_CHECKPOINTS, params![trial.0, keep]).map(|_| ())
        }
        Change::PutArtifact { of, name, media_type, blob, saved_at } => {
            let (sql, id) = match of {
                Owner::Trial(trial) => (PUT_ARTIFACT, trial.0),
                Owner::Study(study) => (PUT_STUDY_ARTIFACT, study.0),
            };
            let Blob { key, size, sha256 } = blob;
            one(conn, sql, params![id, name, media_type, key, stored_size(*size), sha256, saved_at])
        }
        Change::PutArtifactAttribute { of, key, json } => {
            let (sql, id) = match of {
                Owner::Trial(trial) => (PUT_SYSTEM_ATTRIBUTE, trial.0),
                Owner::Study(study) => (PUT_STUDY_SYSTEM_ATTRIBUTE, study.0),
            };
            one(conn, sql, params![id, key, json])
        }
        Change::DeleteArtifactAttribute { of, key } => {
            let (sql, id) = match of {
                Owner::Trial(trial) => (DELETE_SYSTEM_ATTRIBUTE, trial.0),
                Owner::Study(study) => (DELETE_STUDY_SYSTEM_ATTRIBUTE, study.0),
            };
            run(conn, sql, params![id, key]).map(|_| ())
        }
        Change::EndLease { trial, at, ended } => one(conn, END_LEASE, params![trial.0, at, ended]),
        Change::SetWaiting { trial } => one(conn, SET_WAITING, [trial.0]),
        Change::AddIntermediate { trial, step, value, kind } => {
            one(conn, ADD_INTERMEDIATE, params![trial.0, step, value, kind])
        }
        Change::AddOtherValue { trial, step, objective, value } => {
            one(conn, ADD_OTHER_VALUE, params![trial.0, step, objective, value])
        }
        Change::SetPruned { trial, step } => one(conn, SET_PRUNED, params![trial.0, step]),
        Change::EndLeaseIfOpen { trial, at, ended } => {
            run(conn, END_LEASE, params![trial.0, at, ended]).map(|_| ())
        }
        Change::PutConstraint { trial, key, json } => {
            one(conn, PUT_SYSTEM_ATTRIBUTE, params![trial.0, key, json])
        }
        Change::SetFinished { trial, finish_index, attributes, constraints } => {
            one(conn, SET_FINISHED, params![trial.0, finish_index, attributes, constraints])
        }
        Change::PutValue { trial, objective, value, kind } => {
            one(conn, PUT_VALUE, params![trial.0, objective, value, kind])
        }
        Change::PutLastIntermediate { trial } => {
            run(conn, PUT_LAST_INTERMEDIATE, [trial.0]).map(|_| ())
        }
        Change::PutUserAttribute { trial, key, json } => {
            one(conn, PUT_USER_ATTRIBUTE, params![trial.0, key, json])
        }
        Change::SetOver { trial, state, datetime_complete } => {
            one(conn, SET_OVER, params![trial.0, state, datetime_complete])
        }
        Change::AddActivity { id, study, at, act, deleted } => {
            let Act { who, from, deed, trial, details } = act;
            let (study, trial) = (study.map(|study| study.0), trial.map(|trial| trial.0));
            let row = params![id, study, deleted, at, who, from, deed.as_str(), trial, details];
            one(conn, ADD_ACTIVITY, row)
        }
        Change::ForgetActivity { id } => one(conn, FORGET_ACTIVITY, [id]),
        Change::AddExternalStudy { study, name, created_at } => {
            one(conn, ADD_EXTERNAL_STUDY, params![study.0, created_at])?;
            one(conn, ADD_NAME, params![study.0, name])
        }
        Change::PutStudyAttribute { study, scope, key, json } => {
            let sql = match scope {
                Scope::User => PUT_STUDY_USER_ATTRIBUTE,
                Scope::System => PUT_STUDY_SYSTEM_ATTRIBUTE,
            };
            one(conn, sql, params![study.0, key, json])
        }
        Change::SetTrialState { trial, state, started, completed } => {
            one(conn, SET_TRIAL_STATE, params![trial.0, state, started, completed])
        }
        Change::PutIntermediate { trial, step, value, kind } => {
            one(conn, PUT_INTERMEDIATE, params![trial.0, step, value, kind])
        }
        Change::PutTrialAttribute { trial, scope, key, json } => {
            let sql = match scope {
                Scope::User => PUT_USER_ATTRIBUTE,
                Scope::System => PUT_SYSTEM_ATTRIBUTE,
            };
            one(conn, sql, params![trial.0, key, json])
        }
    }
}

/// From here on, the guards let this transaction write.
pub(super) fn take_pen(conn: &Connection) -> Result<(), Fault> {
    one(conn, PEN, [1])
}

/// Ends that. It happens in the same transaction, so no other program ever sees the pen taken.
pub(super) fn put_pen_down(conn: &Connection) -> Result<(), Fault> {
    one(conn, PEN, [0])
}

const PEN: &str = "UPDATE kindling_meta SET value = ?1 WHERE key = 'pen'";

/// Writes the counters that the batch advanced.
pub(super) fn write_counters(
    conn: &Connection,
    (next_study, next_trial): (StudyId, TrialId),
) -> Result<(), Fault> {
    for (key, value) in [("next_study_id", next_study.0), ("next_trial_id", next_trial.0)] {
        run(conn, SET_COUNTER, params![key, value])?;
    }
    Ok(())
}

fn add_study(conn: &Connection, rows: &NewStudy<'_>) -> Result<(), Fault> {
    let NewStudy { study, name, spec, state, budget, confirm, created_at } = rows;
    let ours = params![study.0, spec, state, budget, created_at, confirm];
    one(conn, ADD_STUDY, ours)?;
    one(conn, ADD_NAME, params![study.0, name])
}

fn delete_study(conn: &Connection, study: StudyId, kind: &str) -> Result<(), Fault> {
    for table in TABLES_OF_TRIALS {
        let of_the_study = "trial_id IN (SELECT trial_id FROM trials WHERE study_id = ?1)";
        run(conn, &format!("DELETE FROM {table} WHERE {of_the_study}"), [study.0])?;
    }
    for table in TABLES_OF_A_STUDY {
        run(conn, &format!("DELETE FROM {table} WHERE study_id = ?1"), [study.0])?;
    }
    for table in [kind, "studies"] {
        one(conn, &format!("DELETE FROM {table} WHERE study_id = ?1"), [study.0])?;
    }
    Ok(())
}

fn proposal(conn: &Connection, sql: &str, rows: &NewProposal) -> Result<(), Fault> {
    let NewProposal { trial, saw_finished, saw_proposed, exact_ints } = rows;
    one(conn, sql, params![trial.0, saw_finished, saw_proposed, exact_ints])
}

fn lease(conn: &Connection, sql: &str, row: &NewLease<'_>) -> Result<(), Fault> {
    let NewLease { trial, attempt, worker, leased_at, session, mark, resumed } = row;
    one(conn, sql, params![trial.0, attempt, worker, leased_at, session, mark.bytes(), resumed])
}

/// The number of bytes as it is stored. No size is larger than that: the ledger checks.
fn stored_size(size: u64) -> i64 {
    i64::try_from(size).unwrap_or(i64::MAX)
}

fn run(conn: &Connection, sql: &str, bindings: impl Bindings) -> Result<usize, Fault> {
    Ok(conn.prepare_cached(sql)?.execute(bindings)?)
}

/// Runs a statement that changes one row.
fn one(conn: &Connection, sql: &str, bindings: impl Bindings) -> Result<(), Fault> {
    match run(conn, sql, bindings)? {
        1 => Ok(()),
        rows => {
            let sql = sql.split_whitespace().collect::<Vec<_>>().join(" ");
            Err(Fault::Damaged(format!("a change to one row changed {rows}: {sql}")))
        }
    }
}

// PostgreSQL would take these as they are, but for `$1` instead of `?1`, and for `ended = 'EXPIRED'`,
// which is no number there.

const SET_COUNTER: &str = "UPDATE kindling_meta SET value = ?2 WHERE key = ?1 AND value <> ?2";

const ADD_STUDY: &str = "INSERT INTO kindling_studies
    (study_id, spec, state, budget, created_at, confirm)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6)";

const ADD_NAME: &str = "INSERT INTO studies (study_id, study_name) VALUES (?1, ?2)";

const ADD_DIRECTION: &str =
    "INSERT INTO study_directions (direction, study_id, objective) VALUES (?1, ?2, ?3)";

const SET_STATE: &str =
    "UPDATE kindling_studies SET state = ?2, pause_reason = ?3 WHERE study_id = ?1";

const SET_BUDGET: &str = "UPDATE kindling_studies SET budget = ?2 WHERE study_id = ?1";

const SET_CONFIRM: &str = "UPDATE kindling_studies SET confirm = ?2 WHERE study_id = ?1";

const PUT_NOTIFY: &str = "INSERT INTO kindling_notify (study_id, notify) VALUES (?1, ?2)
    ON CONFLICT (study_id) DO UPDATE SET notify = excluded.notify, told = NULL";

const SET_TOLD: &str = "UPDATE kindling_notify SET told = ?2 WHERE study_id = ?1";

const ADD_ENQUEUED: &str = "INSERT INTO kindling_trials
    (trial_id, fixed, retry_of, request, confirms_of, confirms_seed, warm_start)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";

const ADD_PROPOSED: &str = "INSERT INTO kindling_trials
    (trial_id, saw_finished, saw_proposed, exact_ints)
    VALUES (?1, ?2, ?3, ?4)";

const SET_PROPOSAL: &str = "UPDATE kindling_trials
    SET saw_finished = ?2, saw_proposed = ?3, exact_ints = ?4
    WHERE trial_id = ?1";

const ADD_TRIAL: &str =
    "INSERT INTO trials (trial_id, number, study_id, state) VALUES (?1, ?2, ?3, 'WAITING')";

const PUT_PARAM: &str = "INSERT INTO trial_params
    (trial_id, param_name, param_value, distribution_json)
    VALUES (?1, ?2, ?3, ?4)
    ON CONFLICT (trial_id, param_name) DO UPDATE
    SET param_value = excluded.param_value, distribution_json = excluded.distribution_json";

const PUT_SYSTEM_ATTRIBUTE: &str = "INSERT INTO trial_system_attributes (trial_id, key, value_json)
    VALUES (?1, ?2, ?3)
    ON CONFLICT (trial_id, key) DO UPDATE SET value_json = excluded.value_json";

const ADD_LEASE: &str = "INSERT INTO kindling_leases
    (trial_id, attempt, worker, leased_at, session, mark, resumed, lost_before)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 0)";

const ADD_ATTEMPT: &str = "INSERT INTO kindling_attempts
    (trial_id, attempt, worker, leased_at, ended_at, ended, resumed)
    SELECT trial_id, attempt, worker, leased_at, ended_at, ended, resumed
    FROM kindling_leases WHERE trial_id = ?1 AND ended IS NOT NULL";

const FORGET_ATTEMPTS: &str = "DELETE FROM kindling_attempts WHERE trial_id = ?1 AND attempt <= ?2";

const REPLACE_LEASE: &str = "UPDATE kindling_leases
    SET attempt = ?2, worker = ?3, leased_at = ?4, session = ?5, mark = ?6, resumed = ?7,
        ended_at = NULL, ended = NULL, lost_before = lost_before + (ended = 'EXPIRED')
    WHERE trial_id = ?1 AND attempt = ?2 - 1 AND ended IS NOT NULL";

const SET_RUNNING: &str = "UPDATE trials
    SET state = 'RUNNING', datetime_start = coalesce(datetime_start, ?2)
    WHERE trial_id = ?1";

const CUT_CURVE: &str =
    "DELETE FROM trial_intermediate_values WHERE trial_id = ?1 AND (?2 IS NULL OR step > ?2)";

const CUT_OTHER_VALUES: &str =
    "DELETE FROM kindling_other_values WHERE trial_id = ?1 AND (?2 IS NULL OR step > ?2)";

const CUT_PRUNED: &str = "UPDATE kindling_trials
    SET pruned_at = CASE WHEN pruned_at <= ?2 THEN pruned_at END
    WHERE trial_id = ?1";

const SET_RESUMED: &str = "UPDATE kindling_leases SET resumed = ?2 WHERE trial_id = ?1";

const ADD_CHECKPOINT: &str = "INSERT INTO kindling_checkpoints
    (trial_id, attempt, step, blob_key, size, sha256) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";

const KEEP_CHECKPOINTS: &str = "DELETE FROM kindling_checkpoints
    WHERE trial_id = ?1 AND (attempt, step) NOT IN (
        SELECT attempt, step FROM kindling_checkpoints
        WHERE trial_id = ?1 ORDER BY attempt DESC, step DESC LIMIT ?2)";

const PUT_ARTIFACT: &str = "INSERT INTO kindling_artifacts
    (trial_id, name, media_type, blob_key, size, sha256, saved_at)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
    ON CONFLICT (trial_id, name) DO UPDATE
    SET media_type = excluded.media_type, blob_key = excluded.blob_key, size = excluded.size,
        sha256 = excluded.sha256, saved_at = excluded.saved_at";

const PUT_STUDY_ARTIFACT: &str = "INSERT INTO kindling_study_artifacts
    (study_id, name, media_type, blob_key, size, sha256, saved_at)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
    ON CONFLICT (study_id, name) DO UPDATE
    SET media_type = excluded.media_type, blob_key = excluded.blob_key, size = excluded.size,
        sha256 = excluded.sha256, saved_at = excluded.saved_at";

const DELETE_SYSTEM_ATTRIBUTE: &str =
    "DELETE FROM trial_system_attributes WHERE trial_id = ?1 AND key = ?2";

const DELETE_STUDY_SYSTEM_ATTRIBUTE: &str =
    "DELETE FROM study_system_attributes WHERE study_id = ?1 AND key = ?2";

const END_LEASE: &str = "UPDATE kindling_leases SET ended_at = ?2, ended = ?3
    WHERE trial_id = ?1 AND ended IS NULL";

const SET_WAITING: &str = "UPDATE trials SET state = 'WAITING' WHERE trial_id = ?1";

const ADD_INTERMEDIATE: &str = "INSERT INTO trial_intermediate_values
    (trial_id, step, intermediate_value, intermediate_value_type)
    VALUES (?1, ?2, ?3, ?4)";

const ADD_OTHER_VALUE: &str = "INSERT INTO kindling_other_values
    (trial_id, step, objective, value) VALUES (?1, ?2, ?3, ?4)";

const SET_PRUNED: &str =
    "UPDATE kindling_trials SET pruned_at = coalesce(pruned_at, ?2) WHERE trial_id = ?1";

const SET_FINISHED: &str = "UPDATE kindling_trials
    SET finish_index = ?2, attributes = ?3, constraints = ?4
    WHERE trial_id = ?1";

const PUT_VALUE: &str = "INSERT INTO trial_values (trial_id, objective, value, value_type)
    VALUES (?1, ?2, ?3, ?4)
    ON CONFLICT (trial_id, objective) DO UPDATE
    SET value = excluded.value, value_type = excluded.value_type";

const PUT_LAST_INTERMEDIATE: &str = "INSERT INTO trial_values
    (trial_id, objective, value, value_type)
    SELECT trial_id, 0, intermediate_value, intermediate_value_type
    FROM trial_intermediate_values
    WHERE trial_id = ?1 AND intermediate_value_type <> 'NAN'
        AND step = (SELECT max(step) FROM trial_intermediate_values WHERE trial_id = ?1)
    ON CONFLICT (trial_id, objective) DO UPDATE
    SET value = excluded.value, value_type = excluded.value_type";

const PUT_USER_ATTRIBUTE: &str = "INSERT INTO trial_user_attributes (trial_id, key, value_json)
    VALUES (?1, ?2, ?3)
    ON CONFLICT (trial_id, key) DO UPDATE SET value_json = excluded.value_json";

const SET_OVER: &str = "UPDATE trials SET state = ?2, datetime_complete = ?3 WHERE trial_id = ?1";

const ADD_ACTIVITY: &str = "INSERT INTO kindling_activity
    (activity_id, study_id, deleted, at, who, origin, deed, trial, details)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";

const FORGET_ACTIVITY: &str = "DELETE FROM kindling_activity WHERE activity_id = ?1";

const ADD_EXTERNAL_STUDY: &str =
    "INSERT INTO kindling_external_studies (study_id, created_at) VALUES (?1, ?2)";

const PUT_STUDY_USER_ATTRIBUTE: &str =
    "INSERT INTO study_user_attributes (study_id, key, value_json)
    VALUES (?1, ?2, ?3)
    ON CONFLICT (study_id, key) DO UPDATE SET value_json = excluded.value_json";

const PUT_STUDY_SYSTEM_ATTRIBUTE: &str =
    "INSERT INTO study_system_attributes (study_id, key, value_json)
    VALUES (?1, ?2, ?3)
    ON CONFLICT (study_id, key) DO UPDATE SET value_json = excluded.value_json";

const SET_TRIAL_STATE: &str = "UPDATE trials
    SET state = ?2, datetime_start = coalesce(?3, datetime_start),
        datetime_complete = coalesce(?4, datetime_complete)
    WHERE trial_id = ?1";

const PUT_INTERMEDIATE: &str = "INSERT INTO trial_intermediate_values
    (trial_id, step, intermediate_value, intermediate_value_type)
    VALUES (?1, ?2, ?3, ?4)
    ON CONFLICT (trial_id, step) DO UPDATE
    SET intermediate_value = excluded.intermediate_value,
        intermediate_value_type = excluded.intermediate_value_type";
