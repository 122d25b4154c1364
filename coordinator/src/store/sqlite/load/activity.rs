//! The rows of what people did.

use super::{Fault, Tables};
use crate::store::optuna::{ActivityRow, Reading};

impl Tables<'_> {
    pub(super) fn activities(&self, reading: &mut Reading) -> Result<(), Fault> {
        self.each(
            "kindling_activity",
            "SELECT activity_id, study_id, deleted, at, who, origin, deed, trial, details
             FROM kindling_activity ORDER BY activity_id",
            |row| {
                reading.activity(&ActivityRow {
                    at: row.at,
                    study: row.get(1)?,
                    deleted: row.text_or_null(2)?,
                    time: row.get(3)?,
                    who: row.text(4)?,
                    origin: row.text(5)?,
                    deed: row.text(6)?,
                    trial: row.get(7)?,
                    details: row.text(8)?,
                })
            },
        )
    }
}
