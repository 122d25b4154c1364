//! The rows of what trials and studies leave behind.

use super::{Cells, Fault, Tables};
use crate::store::optuna::{ArtifactRow, AttemptRow, BlobRow, CheckpointRow, Damage, Reading};

impl Tables<'_> {
    pub(super) fn kept(&self, reading: &mut Reading) -> Result<(), Fault> {
        self.each(
            "kindling_attempts",
            "SELECT trial_id, attempt, worker, leased_at, ended_at, ended, resumed
             FROM kindling_attempts",
            |row| {
                reading.attempt(&AttemptRow {
                    at: row.at,
                    attempt: row.get(1)?,
                    worker: row.text(2)?,
                    leased_at: row.get(3)?,
                    ended_at: row.get(4)?,
                    ended: row.text(5)?,
                    resumed: row.get(6)?,
                })
            },
        )?;
        self.each(
            "kindling_checkpoints",
            "SELECT trial_id, attempt, step, blob_key, size, sha256 FROM kindling_checkpoints",
            |row| {
                reading.checkpoint(&CheckpointRow {
                    at: row.at,
                    attempt: row.get(1)?,
                    step: row.get(2)?,
                    blob: row.blob(3)?,
                })
            },
        )?;
        self.each(
            "kindling_artifacts",
            "SELECT trial_id, name, media_type, saved_at, blob_key, size, sha256
             FROM kindling_artifacts ORDER BY trial_id, name",
            |row| reading.artifact(&row.artifact()?),
        )?;
        self.each(
            "kindling_study_artifacts",
            "SELECT study_id, name, media_type, saved_at, blob_key, size, sha256
             FROM kindling_study_artifacts ORDER BY study_id, name",
            |row| reading.study_artifact(&row.artifact()?),
        )
    }
}

impl<'a> Cells<'a> {
    /// What is said of some bytes, in this column and the next two.
    fn blob(&self, column: usize) -> Result<BlobRow<'a>, Damage> {
        let (key, size) = (self.text(column)?, self.get(column + 1)?);
        Ok(BlobRow { key, size, sha256: self.get(column + 2)? })
    }

    fn artifact(&self) -> Result<ArtifactRow<'a>, Damage> {
        let (name, media_type, saved_at) = (self.text(1)?, self.text(2)?, self.get(3)?);
        Ok(ArtifactRow { at: self.at, name, media_type, saved_at, blob: self.blob(4)? })
    }
}
