//! The decisions on what a trial leaves behind: checkpoints and artifacts, once their bytes are safe.

use crate::decide::{Decision, stale};
use crate::event::Event;
use crate::ids::TrialNumber;
use crate::kept::{self, Artifact, Blob, Checkpoint, WarmStart};
use crate::refusal::Refusal;
use crate::rules;
use crate::study::Study;
use crate::trial::{Claim, Phase, Trial};

impl Study {
    /// Takes note of a checkpoint. Of an attempt their steps ascend, so that a late call replaces nothing newer. To repeat
    /// a call changes nothing.
    pub fn save_checkpoint(&self, claim: &Claim, step: u64, blob: Blob) -> Decision<()> {
        let number = claim.number;
        let trial = self.may_save(claim)?;
        if i64::try_from(step).is_err() {
            return Err(Refusal::StepTooLarge(step));
        }
        let mut own = trial.checkpoints.iter().filter(|saved| saved.attempt == claim.attempt);
        if let Some(saved) = own.clone().find(|saved| saved.step == step) {
            if saved.blob.has_same_bytes(&blob) {
                return Ok((vec![], ()));
            }
            return Err(Refusal::Conflict {
                number,
                what: format!("the checkpoint of step {step}"),
            });
        }
        if !matches!(trial.phase, Phase::Running(_)) {
            return Err(stale(claim, trial));
        }
        let newest = own.next_back();
        if !rules::is_newer(newest, step) {
            let newest = newest.map_or(0, |newest| newest.step);
            return Err(Refusal::StepGoesBack { number, step, newest });
        }
        let checkpoint = Checkpoint { attempt: claim.attempt, step, blob };
        Ok((vec![Event::CheckpointSaved { number, checkpoint }], ()))
    }

    /// Takes note of an artifact of a trial. One of the same name is replaced while the trial runs. To repeat a call
    /// changes nothing.
    pub fn save_artifact(
        &self,
        claim: &Claim,
        name: &str,
        media_type: &str,
        blob: Blob,
    ) -> Decision<()> {
        let number = claim.number;
        let trial = self.may_save(claim)?;
        let event = saved(&trial.artifacts, Some(number), name, media_type, blob);
        if event.is_some() && !matches!(trial.phase, Phase::Running(_)) {
            return Err(stale(claim, trial));
        }
        Ok((event.into_iter().collect(), ()))
    }

    /// Takes note of an artifact of the study itself. One of the same name is replaced.
    pub fn save_study_artifact(&self, name: &str, media_type: &str, blob: Blob) -> Vec<Event> {
        saved(self.artifacts(), None, name, media_type, blob).into_iter().collect()
    }

    /// The trial, if the claim may save something for it now, or may have done so before.
    pub fn may_save(&self, claim: &Claim) -> Result<&Trial, Refusal> {
        let trial = self.trial_at(claim.number)?;
        if rules::may_save(trial, claim) { Ok(trial) } else { Err(stale(claim, trial)) }
    }

    /// The newest checkpoint of a trial, for another trial to go on from.
    pub(crate) fn warm_start(&self, from: TrialNumber) -> Result<Box<WarmStart>, Refusal> {
        let newest = self.trial_at(from)?.checkpoints.last().ok_or(Refusal::NoCheckpoint(from))?;
        Ok(Box::new(WarmStart { from, step: newest.step, blob: newest.blob.clone() }))
    }

    /// Where a trial starts that repeats this one.
    pub(crate) fn same_start(&self, trial: &Trial) -> Option<Box<WarmStart>> {
        self.warm_start(trial.warm_start?).ok()
    }
}

/// The event that records an artifact, unless there is the very same.
fn saved(
    artifacts: &[Artifact],
    number: Option<TrialNumber>,
    name: &str,
    media_type: &str,
    blob: Blob,
) -> Option<Event> {
    let before = kept::place(artifacts, name).ok().map(|place| &artifacts[place]);
    let is_same =
        |before: &Artifact| *before.media_type == *media_type && before.blob.has_same_bytes(&blob);
    if before.is_some_and(is_same) {
        return None;
    }
    let replaces = before.map(|before| before.blob.key.clone());
    let (name, media_type) = (name.into(), media_type.into());
    Some(Event::ArtifactSaved { number, name, media_type, blob, replaces })
}
