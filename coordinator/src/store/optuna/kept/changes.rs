//! Which rows a checkpoint or an artifact changes.

use kindling_study::{Checkpoint, Event, Record, TrialId, WarmStart};

use crate::store::optuna::change::{Change, Owner};
use crate::store::optuna::changes::stored_step;
use crate::store::optuna::damage::Misfit;
use crate::store::optuna::encode;

pub(in crate::store::optuna) fn checkpoint(
    trial: TrialId,
    checkpoint: &Checkpoint,
) -> Result<Change<'_>, Misfit> {
    let step = stored_step(checkpoint.step)?;
    let (attempt, blob) = (checkpoint.attempt.0, &checkpoint.blob);
    Ok(Change::AddCheckpoint { trial, attempt, step, blob })
}

/// Another trial's checkpoint is one from before the first attempt.
pub(in crate::store::optuna) fn warm_start(
    trial: TrialId,
    start: &WarmStart,
) -> Result<Change<'_>, Misfit> {
    let step = stored_step(start.step)?;
    Ok(Change::AddCheckpoint { trial, attempt: 0, step, blob: &start.blob })
}

/// The artifact, and what Optuna has of it in place of the one that it replaces.
pub(in crate::store::optuna) fn artifact(of: Owner, record: &Record) -> Vec<Change<'_>> {
    let Event::ArtifactSaved { name, media_type, blob, replaces, .. } = &record.event else {
        return Vec::new();
    };
    let (key, json) = encode::artifact(name, media_type, &blob.key);
    let before = replaces.as_ref().map(|before| encode::artifact_key(before));
    let saved_at = record.at.0;
    let mut changes = vec![Change::PutArtifact { of, name, media_type, blob, saved_at }];
    changes.extend(before.map(|key| Change::DeleteArtifactAttribute { of, key }));
    changes.push(Change::PutArtifactAttribute { of, key, json });
    changes
}
