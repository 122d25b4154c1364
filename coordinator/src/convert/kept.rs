//! What trials leave behind, on the wire.

use kindling_proto::v1;
use kindling_study::{Artifact, Blob, Checkpoint, LeaseEnd, PastAttempt, Phase, Trial};

use super::to_wire::timestamp;

pub(crate) fn blob(Blob { key, size, sha256 }: &Blob) -> v1::Blob {
    v1::Blob { key: key.to_string(), size: *size, sha256: sha256.to_vec() }
}

pub(crate) fn checkpoint(checkpoint: &Checkpoint) -> v1::Checkpoint {
    v1::Checkpoint {
        attempt: checkpoint.attempt.0,
        step: checkpoint.step,
        blob: Some(blob(&checkpoint.blob)),
    }
}

pub(crate) fn artifact(artifact: &Artifact) -> v1::Artifact {
    v1::Artifact {
        name: artifact.name.to_string(),
        media_type: artifact.media_type.to_string(),
        blob: Some(blob(&artifact.blob)),
        saved: Some(timestamp(artifact.saved)),
    }
}

/// The attempts at a trial, oldest first.
pub(super) fn attempts(trial: &Trial) -> Vec<v1::TrialAttempt> {
    let mut attempts: Vec<_> = trial.attempts.iter().map(past).collect();
    attempts.extend(newest(trial));
    attempts
}

/// The newest attempt, if it runs or ended with a result.
fn newest(trial: &Trial) -> Option<v1::TrialAttempt> {
    let is_past = trial.attempts.last().is_some_and(|past| past.attempt == trial.attempt);
    let (worker, leased) = (trial.worker.as_ref()?, trial.leased?);
    let is_over = matches!(trial.phase, Phase::Finished(_));
    let end = if is_over { v1::AttemptEnd::Finished } else { v1::AttemptEnd::Unspecified };
    (!is_past).then(|| v1::TrialAttempt {
        attempt: trial.attempt.0,
        worker: worker.to_string(),
        start_time: Some(timestamp(leased)),
        end_time: trial.finished.map(timestamp),
        end: end.into(),
        resumed_from: trial.resumed,
    })
}

fn past(past: &PastAttempt) -> v1::TrialAttempt {
    let end = match past.end {
        LeaseEnd::Expired => v1::AttemptEnd::Lost,
        LeaseEnd::HandedBack => v1::AttemptEnd::HandedBack,
        LeaseEnd::StudyStopped => v1::AttemptEnd::StudyStopped,
    };
    v1::TrialAttempt {
        attempt: past.attempt.0,
        worker: past.worker.to_string(),
        start_time: Some(timestamp(past.leased)),
        end_time: Some(timestamp(past.ended)),
        end: end.into(),
        resumed_from: past.resumed,
    }
}
