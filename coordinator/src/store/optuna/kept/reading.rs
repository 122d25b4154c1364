//! Takes the rows of what trials and studies leave behind, and checks them by the rules by which they were taken.

use kindling_proto::limits;
use kindling_study::{
    Artifact, Attempt, Blob, Checkpoint, KNOWN_ATTEMPTS, LeaseEnd, PastAttempt, StudySpec, Wall,
};

use super::rows::{ArtifactRow, AttemptRow, BlobRow, CheckpointRow};
use crate::kept::{check_blob, check_name};
use crate::store::optuna::damage::{Damage, Place};
use crate::store::optuna::draft::{Draft, Stage};
use crate::store::optuna::reading::Reading;
use crate::store::optuna::study::StudyDraft;

impl Reading {
    /// After the leases.
    pub(crate) fn attempt(&mut self, row: &AttemptRow<'_>) -> Result<(), Damage> {
        let AttemptRow { at, attempt, .. } = *row;
        let worker = self.worker(at, row.worker)?;
        let end = lease_end(row.ended);
        let end = end.ok_or_else(|| at.damaged(format!("ended: `{}`", row.ended)))?;
        let resumed = resumed(at, row.resumed)?;
        let (_, draft) = self.of(at, at.id)?;
        let newest = draft.trial.attempt.0;
        if !(1..newest).contains(&attempt) || attempt + KNOWN_ATTEMPTS <= newest {
            return Err(
                at.damaged(format!("attempt {attempt} is none of the last before {newest}"))
            );
        }
        draft.trial.attempts.push(PastAttempt {
            attempt: Attempt(attempt),
            worker,
            leased: Wall(row.leased_at),
            ended: Wall(row.ended_at),
            end,
            resumed,
        });
        Ok(())
    }

    pub(crate) fn checkpoint(&mut self, row: &CheckpointRow<'_>) -> Result<(), Damage> {
        let CheckpointRow { at, attempt, .. } = *row;
        let blob = blob(at, &row.blob)?;
        let step = u64::try_from(row.step).map_err(|e| at.wrong("step", e))?;
        let (_, draft) = self.of(at, at.id)?;
        if attempt > draft.trial.attempt.0 || attempt == 0 && draft.trial.warm_start.is_none() {
            return Err(at.damaged(format!("a checkpoint of attempt {attempt}")));
        }
        draft.trial.checkpoints.push(Checkpoint { attempt: Attempt(attempt), step, blob });
        Ok(())
    }

    pub(crate) fn artifact(&mut self, row: &ArtifactRow<'_>) -> Result<(), Damage> {
        let artifact = artifact(row)?;
        let (_, draft) = self.of(row.at, row.at.id)?;
        add(&mut draft.trial.artifacts, artifact, row.at, limits::TRIAL_ARTIFACTS)
    }

    pub(crate) fn study_artifact(&mut self, row: &ArtifactRow<'_>) -> Result<(), Damage> {
        let (at, artifact) = (row.at, artifact(row)?);
        let no_study = || at.damaged("there is no such study");
        let study: &mut StudyDraft = self.study_of(at.id).ok_or_else(no_study)?;
        add(&mut study.artifacts, artifact, at, limits::STUDY_ARTIFACTS)
    }
}

impl Draft {
    /// The newest lease ended without a result.
    pub(in crate::store::optuna) fn note_ended(&mut self, end: LeaseEnd, ended: Wall) {
        let (attempt, resumed) = (self.trial.attempt, self.trial.resumed);
        if let (Some(worker), Some(leased)) = (self.trial.worker.clone(), self.trial.leased) {
            let past = PastAttempt { attempt, worker, leased, ended, end, resumed };
            self.trial.attempts.push(past);
        }
    }

    /// Puts what the trial left behind in order, and checks that it fits.
    pub(in crate::store::optuna) fn check_kept(&mut self, spec: &StudySpec) -> Result<(), Damage> {
        let wrong = |what: &str| Err(self.place("kindling_trials").damaged(what));
        let is_over = !matches!(self.stage, Stage::Waiting | Stage::Running);
        let most = if is_over { 1 } else { spec.keep_checkpoints as usize };
        if self.trial.checkpoints.len() > most {
            return wrong("it has more checkpoints than the study keeps");
        }
        if self.trial.warm_start.is_some_and(|from| from >= self.number) {
            return wrong("warm_start is no earlier trial");
        }
        if self.trial.warm_start.is_some() && self.trial.checkpoints.is_empty() {
            return wrong("it goes on from another trial's checkpoint, and has none");
        }
        self.trial.attempts.sort_unstable_by_key(|past| past.attempt);
        self.trial.checkpoints.sort_unstable_by_key(|saved| (saved.attempt, saved.step));
        Ok(())
    }
}

/// Why a lease ended without a result.
pub(in crate::store::optuna) fn lease_end(word: &str) -> Option<LeaseEnd> {
    let all = [LeaseEnd::Expired, LeaseEnd::HandedBack, LeaseEnd::StudyStopped];
    all.into_iter().find(|end| end.as_str() == word)
}

/// The step after which an attempt went on.
pub(in crate::store::optuna) fn resumed(
    at: Place,
    step: Option<i64>,
) -> Result<Option<u64>, Damage> {
    step.map(u64::try_from).transpose().map_err(|e| at.wrong("resumed", e))
}

fn artifact(row: &ArtifactRow<'_>) -> Result<Artifact, Damage> {
    let at = row.at;
    check_name(row.name, row.media_type).map_err(|refusal| at.damaged(refusal))?;
    Ok(Artifact {
        name: row.name.into(),
        media_type: row.media_type.into(),
        blob: blob(at, &row.blob)?,
        saved: Wall(row.saved_at),
    })
}

/// The rows come in the order of their names.
fn add(
    artifacts: &mut Vec<Artifact>,
    artifact: Artifact,
    at: Place,
    most: usize,
) -> Result<(), Damage> {
    if artifacts.len() >= most {
        return Err(at.damaged(format!("it has more than {most} artifacts")));
    }
    artifacts.push(artifact);
    Ok(())
}

fn blob(at: Place, row: &BlobRow<'_>) -> Result<Blob, Damage> {
    let size = u64::try_from(row.size).map_err(|e| at.wrong("size", e))?;
    let blob = Blob { key: row.key.into(), size, sha256: row.sha256 };
    check_blob(&blob).map_err(|refusal| at.damaged(refusal))?;
    Ok(blob)
}
