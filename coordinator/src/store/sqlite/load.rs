//! Reads all tables, in one transaction, and hands their rows to the layout.

use kindling_study::{Registry, Tick};
use rusqlite::types::{FromSql, ValueRef};
use rusqlite::{Connection, OptionalExtension, Row};

use super::fault::Fault;
use super::history;

mod activity;
mod external;
mod kept;

use crate::store::optuna::{
    AttributeRow, Damage, DirectionRow, IntermediateRow, LeaseRow, NextIds, Number, OtherValueRow,
    ParamRow, Place, Reading, ReasonRow, StudyRow, TrialRow, ValueRow,
};
use external::EXTERNAL_TRIALS;

/// Reads and checks everything. Open leases end at `lease_until`.
pub(super) fn registry(conn: &mut Connection, lease_until: Tick) -> Result<Registry, Fault> {
    let snapshot = conn.transaction()?;
    registry_in(&snapshot, lease_until)
}

/// The same in a transaction that has begun.
pub(super) fn registry_in(conn: &Connection, lease_until: Tick) -> Result<Registry, Fault> {
    let tables = Tables { conn };
    let mut reading = Reading::default();
    tables.external(&mut reading)?;
    tables.studies(&mut reading)?;
    tables.directions(&mut reading)?;
    tables.trials(&mut reading)?;
    tables.leases(&mut reading)?;
    tables.kept(&mut reading)?;
    tables.remarks(&mut reading)?;
    tables.params(&mut reading)?;
    tables.intermediates(&mut reading)?;
    tables.other_values(&mut reading)?;
    tables.values(&mut reading)?;
    tables.reasons(&mut reading)?;
    tables.attributes(&mut reading)?;
    tables.external_rows(&mut reading)?;
    tables.activities(&mut reading)?;
    history::read(conn)?;
    let next = NextIds {
        next_study_id: tables.counter("next_study_id")?,
        next_trial_id: tables.counter("next_trial_id")?,
    };
    Ok(reading.finish(&next, lease_until)?)
}

/// The same of a file that is Optuna's own.
pub(super) fn foreign(conn: &Connection, lease_until: Tick) -> Result<Registry, Fault> {
    let tables = Tables { conn };
    let mut reading = Reading::default();
    tables.external(&mut reading)?;
    tables.directions(&mut reading)?;
    tables.external_rows(&mut reading)?;
    let newest = |sql: &str| Ok::<_, Fault>(conn.query_row(sql, [], |row| row.get::<_, i64>(0))?);
    let next = NextIds {
        next_study_id: Some(newest("SELECT coalesce(max(study_id), 0) + 1 FROM studies")?),
        next_trial_id: Some(newest("SELECT coalesce(max(trial_id), 0) + 1 FROM trials")?),
    };
    Ok(reading.finish(&next, lease_until)?)
}

struct Tables<'a> {
    conn: &'a Connection,
}

/// The queries are plain SQL: another database would take them as they are.
impl Tables<'_> {
    fn studies(&self, reading: &mut Reading) -> Result<(), Fault> {
        self.none_without(
            "studies",
            "study_id",
            &["kindling_studies", "kindling_external_studies"],
        )?;
        self.none_without("kindling_studies", "study_id", &["studies"])?;
        self.none_without("kindling_notify", "study_id", &["kindling_studies"])?;
        self.each(
            "kindling_studies",
            "SELECT study_id, study_name, spec, state, pause_reason, budget, confirm, created_at,
                (SELECT count(*) FROM trials WHERE trials.study_id = kindling_studies.study_id),
                notify, told
             FROM kindling_studies JOIN studies USING (study_id)
                LEFT JOIN kindling_notify USING (study_id)",
            |row| {
                reading.study(StudyRow {
                    at: row.at,
                    name: row.text(1)?,
                    spec: row.text(2)?,
                    state: row.text(3)?,
                    pause_reason: row.get(4)?,
                    budget: row.get(5)?,
                    confirm: row.text_or_null(6)?,
                    created_at: row.get(7)?,
                    trials: row.get(8)?,
                    notify: row.text_or_null(9)?,
                    told: row.text_or_null(10)?,
                })
            },
        )
    }

    fn directions(&self, reading: &mut Reading) -> Result<(), Fault> {
        self.each(
            "study_directions",
            "SELECT study_direction_id, study_id, objective, direction FROM study_directions",
            |row| {
                let (study, objective) = (row.get(1)?, row.get(2)?);
                reading.direction(&DirectionRow {
                    at: row.at,
                    study,
                    objective,
                    direction: row.text(3)?,
                })
            },
        )
    }

    fn trials(&self, reading: &mut Reading) -> Result<(), Fault> {
        self.none_without("trials", "trial_id", &["kindling_trials", EXTERNAL_TRIALS])?;
        self.none_without("kindling_trials", "trial_id", &["trials"])?;
        self.each(
            "trials",
            "SELECT trial_id, study_id, number, state, datetime_start, datetime_complete,
                fixed, retry_of, request, saw_finished, saw_proposed, exact_ints, pruned_at,
                finish_index, attributes, confirms_of, confirms_seed, constraints, warm_start
             FROM trials JOIN kindling_trials USING (trial_id) ORDER BY study_id, number",
            |row| {
                reading.trial(TrialRow {
                    at: row.at,
                    study: row.get(1)?,
                    number: row.get(2)?,
                    state: row.text(3)?,
                    datetime_start: row.text_or_null(4)?,
                    datetime_complete: row.text_or_null(5)?,
                    fixed: row.text_or_null(6)?,
                    retry_of: row.get(7)?,
                    request: row.get(8)?,
                    saw_finished: row.get(9)?,
                    saw_proposed: row.get(10)?,
                    exact_ints: row.text_or_null(11)?,
                    pruned_at: row.get(12)?,
                    finish_index: row.get(13)?,
                    attributes: row.text_or_null(14)?,
                    confirms_of: row.get(15)?,
                    confirms_seed: row.get(16)?,
                    constraints: row.text_or_null(17)?,
                    warm_start: row.get(18)?,
                })
            },
        )
    }

    fn leases(&self, reading: &mut Reading) -> Result<(), Fault> {
        self.each(
            "kindling_leases",
            "SELECT trial_id, attempt, worker, ended, coalesce(session, 0), lost_before, mark,
                leased_at, ended_at, resumed
             FROM kindling_leases",
            |row| {
                reading.lease(&LeaseRow {
                    at: row.at,
                    attempt: row.get(1)?,
                    worker: row.text(2)?,
                    ended: row.text_or_null(3)?,
                    session: row.get(4)?,
                    lost_before: row.get(5)?,
                    mark: row.get(6)?,
                    leased_at: row.get(7)?,
                    ended_at: row.get(8)?,
                    resumed: row.get(9)?,
                })
            },
        )
    }

    fn params(&self, reading: &mut Reading) -> Result<(), Fault> {
        self.each(
            "trial_params",
            "SELECT param_id, trial_id, param_name, param_value FROM trial_params",
            |row| {
                reading.param(row.param());
                Ok(())
            },
        )
    }

    fn intermediates(&self, reading: &mut Reading) -> Result<(), Fault> {
        self.each(
            "trial_intermediate_values",
            "SELECT trial_intermediate_value_id, trial_id, step, intermediate_value,
                intermediate_value_type
             FROM trial_intermediate_values",
            |row| {
                reading.intermediate(&IntermediateRow {
                    at: row.at,
                    trial: row.get(1)?,
                    step: row.get(2)?,
                    number: row.number(3)?,
                })
            },
        )
    }

    fn other_values(&self, reading: &mut Reading) -> Result<(), Fault> {
        self.each(
            "kindling_other_values",
            "SELECT trial_id, step, objective, value FROM kindling_other_values",
            |row| {
                let (step, objective, value) = (row.get(1)?, row.get(2)?, row.get(3)?);
                reading.other_value(&OtherValueRow { at: row.at, step, objective, value })
            },
        )
    }

    fn values(&self, reading: &mut Reading) -> Result<(), Fault> {
        self.each(
            "trial_values",
            "SELECT trial_value_id, trial_id, objective, value, value_type FROM trial_values",
            |row| {
                reading.value(ValueRow {
                    at: row.at,
                    trial: row.get(1)?,
                    objective: row.get(2)?,
                    number: row.number(3),
                })
            },
        )
    }

    fn reasons(&self, reading: &mut Reading) -> Result<(), Fault> {
        self.each(
            "trial_system_attributes",
            "SELECT trial_system_attribute_id, trial_id, value_json FROM trial_system_attributes
             WHERE key = 'fail_reason'",
            |row| reading.reason(ReasonRow { at: row.at, trial: row.get(1)?, json: row.text(2) }),
        )
    }

    fn attributes(&self, reading: &mut Reading) -> Result<(), Fault> {
        self.each(
            "trial_user_attributes",
            "SELECT trial_user_attribute_id, trial_id, key, value_json FROM trial_user_attributes",
            |row| {
                // Another program may attach one without a key, or to no trial.
                let (Some(trial), Ok(key)) = (row.get(1)?, row.text(2)) else { return Ok(()) };
                reading.attribute(AttributeRow { at: row.at, trial, key, json: row.text(3) })
            },
        )
    }

    fn counter(&self, key: &str) -> Result<Option<i64>, Fault> {
        let value = "SELECT value FROM kindling_meta WHERE key = ?1";
        Ok(self.conn.query_row(value, [key], |row| row.get(0)).optional()?)
    }

    /// Refuses a row of `table` without its counterpart in one of the others.
    fn none_without(&self, table: &'static str, key: &str, others: &[&str]) -> Result<(), Fault> {
        let without = |other: &&str| format!("{key} NOT IN (SELECT {key} FROM {other})");
        let conditions = others.iter().map(without).collect::<Vec<_>>().join(" AND ");
        let lone = format!("SELECT {key} FROM {table} WHERE {conditions}");
        let refuse = |row: &Cells<'_>| {
            Err(row.at.damaged(format!("it has no counterpart in {}", others[0])))
        };
        self.each(table, &lone, refuse)
    }

    /// Visits the rows of a query. The first column must be the row's id in `table`.
    fn each(
        &self,
        table: &'static str,
        query: &str,
        mut visit: impl FnMut(&Cells<'_>) -> Result<(), Damage>,
    ) -> Result<(), Fault> {
        let mut statement = self.conn.prepare(query)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let id = row.get(0).map_err(|error| Damage::at(table, "?", error))?;
            visit(&Cells { at: Place { table, id }, row })?;
        }
        Ok(())
    }
}

/// One row. Errors name its table, id and column.
struct Cells<'a> {
    at: Place,
    row: &'a Row<'a>,
}

impl<'a> Cells<'a> {
    fn get<T: FromSql>(&self, column: usize) -> Result<T, Damage> {
        self.row.get(column).map_err(|error| self.at.damaged(error))
    }

    fn text(&self, column: usize) -> Result<&'a str, Damage> {
        let cell = self.cell(column)?;
        cell.as_str().map_err(|error| self.at.wrong(self.name(column), error))
    }

    fn text_or_null(&self, column: usize) -> Result<Option<&'a str>, Damage> {
        if self.cell(column)? == ValueRef::Null { Ok(None) } else { self.text(column).map(Some) }
    }

    fn param(&self) -> Result<ParamRow<'a>, Damage> {
        let (trial, name, value) = (self.get(1)?, self.text(2)?, self.get(3)?);
        Ok(ParamRow { at: self.at, trial, name, value })
    }

    /// A number. Its kind is in the next column.
    fn number(&self, column: usize) -> Result<Number<'a>, Damage> {
        Ok(Number { value: self.get(column)?, kind: self.text(column + 1)? })
    }

    fn cell(&self, column: usize) -> Result<ValueRef<'a>, Damage> {
        self.row.get_ref(column).map_err(|error| self.at.damaged(error))
    }

    fn name(&self, column: usize) -> &str {
        self.row.as_ref().column_name(column).unwrap_or("?")
    }
}
