//! A study as a database of Optuna's own: its tables alone, without ours and without guards, so that Optuna may go on
//! with it.

use std::io;
use std::path::Path;

use kindling_proto::optuna::{Study, StudyDirection, Trial, TrialState};
use kindling_study::{RemarkKey, TrialId};
use rusqlite::{Connection, params};

use super::open::OPTUNAS_TABLES;
use crate::store::optuna::float;

/// Why a file was not written.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// Something stands there already.
    #[error("it exists; an export does not replace a database")]
    Exists,
    /// The file cannot be written.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// `SQLite` cannot write it.
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
}

/// Writes a new file that holds the study.
pub fn write_for_optuna(path: &Path, study: &Study, trials: &[Trial]) -> Result<(), ExportError> {
    if path.exists() {
        return Err(ExportError::Exists);
    }
    // Under its name once it is whole.
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let draft = tempfile::NamedTempFile::new_in(folder.unwrap_or(Path::new(".")))?;
    let mut conn = Connection::open(draft.path())?;
    conn.pragma_update(None, "journal_mode", "MEMORY")?;
    let tx = conn.transaction()?;
    tx.execute_batch(OPTUNAS_TABLES)?;
    write(&tx, study, trials)?;
    tx.commit()?;
    drop(conn);
    draft.as_file().sync_all()?;
    draft.persist_noclobber(path).map_err(|error| error.error)?;
    Ok(())
}

fn write(conn: &Connection, study: &Study, trials: &[Trial]) -> rusqlite::Result<()> {
    let put = |sql: &str, bindings: &[&dyn rusqlite::ToSql]| {
        conn.prepare_cached(sql)?.execute(bindings).map(|_| ())
    };
    put("INSERT INTO studies (study_id, study_name) VALUES (1, ?1)", params![study.study_name])?;
    for (objective, direction) in (0_i64..).zip(study.directions()) {
        let direction = match direction {
            StudyDirection::Minimize => "MINIMIZE",
            StudyDirection::Maximize => "MAXIMIZE",
        };
        let sql =
            "INSERT INTO study_directions (direction, study_id, objective) VALUES (?1, 1, ?2)";
        put(sql, params![direction, objective])?;
    }
    for (kind, attributes) in
        [("user", &study.user_attributes), ("system", &study.system_attributes)]
    {
        let sql = format!(
            "INSERT INTO study_{kind}_attributes (study_id, key, value_json) VALUES (1, ?1, ?2)"
        );
        for (key, json) in attributes {
            // A note on a trial names it by its id, which is another one here.
            let key = match RemarkKey::parse(key).filter(|_| kind == "system") {
                Some(remark) => remark.moved(|id| id_here(trials, id)).map(|key| key.to_string()),
                None => Some(key.clone()),
            };
            if let Some(key) = key {
                put(&sql, params![key, json])?;
            }
        }
    }
    for (id, trial) in (1_i64..).zip(trials) {
        let time = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        let (start, end) = (time(&trial.datetime_start), time(&trial.datetime_complete));
        let sql = "INSERT INTO trials
            (trial_id, number, study_id, state, datetime_start, datetime_complete)
            VALUES (?1, ?2, 1, ?3, ?4, ?5)";
        put(sql, params![id, trial.number, state(trial.state()), start, end])?;
        for (objective, value) in (0_i64..).zip(&trial.values) {
            let (value, kind) = float(*value);
            let sql = "INSERT INTO trial_values (trial_id, objective, value, value_type)
                VALUES (?1, ?2, ?3, ?4)";
            put(sql, params![id, objective, value, kind])?;
        }
        for (name, value) in &trial.params {
            let sql = "INSERT INTO trial_params
                (trial_id, param_name, param_value, distribution_json) VALUES (?1, ?2, ?3, ?4)";
            put(sql, params![id, name, value, trial.distributions.get(name)])?;
        }
        for (step, value) in &trial.intermediate_values {
            let (value, kind) = float(*value);
            let sql = "INSERT INTO trial_intermediate_values
                (trial_id, step, intermediate_value, intermediate_value_type)
                VALUES (?1, ?2, ?3, ?4)";
            put(sql, params![id, step, value, kind])?;
        }
        for (kind, attributes) in
            [("user", &trial.user_attributes), ("system", &trial.system_attributes)]
        {
            let sql = format!(
                "INSERT INTO trial_{kind}_attributes (trial_id, key, value_json)
                 VALUES (?1, ?2, ?3)"
            );
            for (key, json) in attributes {
                put(&sql, params![id, key, json])?;
            }
        }
    }
    Ok(())
}

/// The id in the new file of the trial that had this one.
fn id_here(trials: &[Trial], id: TrialId) -> Option<TrialId> {
    let place = trials.binary_search_by_key(&id.0, |trial| trial.trial_id).ok()?;
    Some(TrialId(place as i64 + 1))
}

fn state(state: TrialState) -> &'static str {
    match state {
        TrialState::Running => "RUNNING",
        TrialState::Complete => "COMPLETE",
        TrialState::Pruned => "PRUNED",
        TrialState::Fail => "FAIL",
        TrialState::Waiting => "WAITING",
    }
}
