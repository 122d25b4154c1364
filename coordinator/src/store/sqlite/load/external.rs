//! The rows of external studies.

use kindling_study::external::Scope;

use super::{Cells, Fault, Tables};
use crate::store::optuna::{
    Damage, ExternalAttributeRow, ExternalIntermediateRow, ExternalParamRow, ExternalStudyRow,
    ExternalTrialRow, ExternalValueRow, Reading,
};

/// The trials of external studies, in place of a table.
pub(super) const EXTERNAL_TRIALS: &str = "trials JOIN kindling_external_studies USING (study_id)";

impl Tables<'_> {
    /// The studies and their trials.
    pub(super) fn external(&self, reading: &mut Reading) -> Result<(), Fault> {
        self.none_without("kindling_external_studies", "study_id", &["studies"])?;
        self.each(
            "kindling_external_studies",
            "SELECT study_id, study_name, created_at
             FROM kindling_external_studies JOIN studies USING (study_id)",
            |row| {
                let (name, created_at) = (row.text(1)?, row.get(2)?);
                reading.external_study(&ExternalStudyRow { at: row.at, name, created_at })
            },
        )?;
        self.each(
            "trials",
            &format!(
                "SELECT trial_id, study_id, number, state, datetime_start, datetime_complete
                 FROM {EXTERNAL_TRIALS} ORDER BY study_id, number"
            ),
            |row| {
                reading.external_trial(&ExternalTrialRow {
                    at: row.at,
                    study: row.get(1)?,
                    number: row.get(2)?,
                    state: row.text(3)?,
                    datetime_start: row.text_or_null(4)?,
                    datetime_complete: row.text_or_null(5)?,
                })
            },
        )
    }

    /// What belongs to them.
    pub(super) fn external_rows(&self, reading: &mut Reading) -> Result<(), Fault> {
        let columns = "param_id, trial_id, param_name, param_value, distribution_json";
        self.of_trials("trial_params", columns, |row| {
            reading.external_param(&ExternalParamRow {
                at: row.at,
                trial: row.get(1)?,
                name: row.text(2)?,
                value: row.get(3)?,
                distribution: row.text(4)?,
            })
        })?;
        let columns = "trial_value_id, trial_id, objective, value, value_type";
        self.of_trials("trial_values", columns, |row| {
            let (trial, objective, number) = (row.get(1)?, row.get(2)?, row.number(3)?);
            reading.external_value(&ExternalValueRow { at: row.at, trial, objective, number })
        })?;
        let columns = "trial_intermediate_value_id, trial_id, step, intermediate_value,
            intermediate_value_type";
        self.of_trials("trial_intermediate_values", columns, |row| {
            let (trial, step, number) = (row.get(1)?, row.get(2)?, row.number(3)?);
            reading.external_intermediate(&ExternalIntermediateRow {
                at: row.at,
                trial,
                step,
                number,
            })
        })?;
        for (scope, table) in
            [(Scope::User, "trial_user_attributes"), (Scope::System, "trial_system_attributes")]
        {
            self.of_trials(
                table,
                &format!("{}, trial_id, key, value_json", id_of(table)),
                |row| {
                    if let Some(attribute) = attribute(row) {
                        reading.trial_attribute(scope, attribute);
                    }
                    Ok(())
                },
            )?;
        }
        for (scope, table) in
            [(Scope::User, "study_user_attributes"), (Scope::System, "study_system_attributes")]
        {
            self.of_studies(table, "kindling_external_studies", |row| {
                if let Some(attribute) = attribute(row) {
                    reading.study_attribute(scope, attribute);
                }
                Ok(())
            })?;
        }
        Ok(())
    }

    /// Notes and tags on our own studies and their trials, which stand in the same table.
    pub(super) fn remarks(&self, reading: &mut Reading) -> Result<(), Fault> {
        self.of_studies("study_system_attributes", "kindling_studies", |row| {
            if let Some(attribute) = attribute(row) {
                reading.remark(attribute);
            }
            Ok(())
        })
    }

    /// Visits the attributes of the studies of a kind.
    fn of_studies(
        &self,
        table: &'static str,
        kind: &str,
        visit: impl FnMut(&Cells<'_>) -> Result<(), Damage>,
    ) -> Result<(), Fault> {
        let query = format!(
            "SELECT {}, study_id, key, value_json FROM {table}
             WHERE study_id IN (SELECT study_id FROM {kind})",
            id_of(table)
        );
        self.each(table, &query, visit)
    }

    /// Visits the rows of external trials in a table. The first column must be the row's id.
    fn of_trials(
        &self,
        table: &'static str,
        columns: &str,
        visit: impl FnMut(&Cells<'_>) -> Result<(), Damage>,
    ) -> Result<(), Fault> {
        // Values come in the order of their objectives, all others in any.
        let order = if table == "trial_values" { "ORDER BY objective" } else { "" };
        let query = format!(
            "SELECT {columns} FROM {table}
             WHERE trial_id IN (SELECT trial_id FROM {EXTERNAL_TRIALS}) {order}"
        );
        self.each(table, &query, visit)
    }
}

/// The column with the id of a row of attributes.
fn id_of(table: &str) -> String {
    format!("{}_id", table.trim_end_matches('s'))
}

/// An attribute, which another program may have left without an owner or key.
fn attribute<'a>(row: &Cells<'a>) -> Option<ExternalAttributeRow<'a>> {
    let (owner, key) = (row.get::<Option<i64>>(1).ok()??, row.text(2).ok()?);
    Some(ExternalAttributeRow { at: row.at, owner, key, json: row.text(3) })
}
