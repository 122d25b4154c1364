//! What trials and studies keep: checkpoints and artifacts, whose bytes are safe by now.

use kindling_proto::limits;
use kindling_study::{Artifact, Blob, Refusal};

use super::Transaction;
use crate::kept::{check_blob, check_name, check_room};
use crate::state::StudyClaim;

impl Transaction<'_> {
    /// Takes note of a checkpoint of a running trial. To repeat it changes nothing, and the bytes of the first call stay.
    pub(crate) fn save_checkpoint(
        &mut self,
        claim: &StudyClaim,
        checkpoint_step: u64,
        blob: Blob,
    ) -> Result<(), Refusal> {
        check_blob(&blob)?;
        self.decide(claim, |study| study.save_checkpoint(&claim.claim, checkpoint_step, blob))?;
        // Only the worker knows the mark, so this is a sign of life.
        self.state.renew(&claim.claim.worker);
        Ok(())
    }

    /// Takes note of an artifact of a running trial. It replaces one of the same name. To repeat it changes nothing, and
    /// the bytes of the first call stay.
    pub(crate) fn save_artifact(
        &mut self,
        claim: &StudyClaim,
        name: &str,
        media_type: &str,
        blob: Blob,
    ) -> Result<(), Refusal> {
        check_name(name, media_type)?;
        check_blob(&blob)?;
        self.decide(claim, |study| {
            let decision = study.save_artifact(&claim.claim, name, media_type, blob)?;
            let artifacts = &study.trial_at(claim.claim.number)?.artifacts;
            check_room(artifacts, name, limits::TRIAL_ARTIFACTS)?;
            Ok(decision)
        })?;
        self.state.renew(&claim.claim.worker);
        Ok(())
    }

    /// Takes note of an artifact of the study itself. It replaces one of the same name.
    pub(crate) fn save_study_artifact(
        &mut self,
        study: &str,
        name: &str,
        media_type: &str,
        blob: Blob,
    ) -> Result<Artifact, Refusal> {
        check_name(name, media_type)?;
        check_blob(&blob)?;
        let (id, known) = self.state.registry.find(study)?;
        check_room(known.artifacts(), name, limits::STUDY_ARTIFACTS)?;
        let events = known.save_study_artifact(name, media_type, blob);
        self.record(id, events);
        let mut artifacts = self.state.registry.get(id)?.artifacts().iter();
        let saved = artifacts.find(|artifact| *artifact.name == *name);
        saved.cloned().ok_or_else(|| Refusal::UnknownStudy(study.to_owned()))
    }
}
