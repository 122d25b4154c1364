//! What a trial or a study leaves behind, as the page shows it.

use std::fmt::Write as _;

use kindling_proto::v1;
use serde::Serialize;

use super::time::milliseconds;
use crate::path::escaped;

/// One attempt at a trial.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Attempt {
    /// Its number, from 1.
    pub attempt: u32,
    /// The worker that held the lease.
    pub worker: String,
    /// When it was leased.
    pub start: Option<i64>,
    /// When it ended; null while it runs.
    pub end: Option<i64>,
    /// Why it ended: FINISHED, LOST, `HANDED_BACK` or `STUDY_STOPPED`; null while it runs.
    pub ended: Option<&'static str>,
    /// The step of the checkpoint that it went on from; null if it began at the start.
    pub resumed_from: Option<u64>,
}

/// What a next attempt can go on from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Checkpoint {
    /// The attempt that saved it; 0 if it is another trial's.
    pub attempt: u32,
    /// The last step that it contains.
    pub step: u64,
    /// Its bytes.
    pub size: u64,
}

/// A file that a trial or a study keeps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Artifact {
    /// Its name, unique in its trial or study; may have slashes.
    pub name: String,
    /// The name as part of a URL. The page shows characters that nobody sees by their numbers, and so would ask for
    /// another name.
    pub path: String,
    /// As in HTTP; empty if unknown. It is what somebody said, so it may be wrong.
    pub media_type: String,
    /// Its bytes.
    pub size: u64,
    /// Their SHA-256, in hexadecimal.
    pub sha256: String,
    /// When it was saved.
    pub saved: Option<i64>,
}

impl Attempt {
    pub(super) fn new(attempt: &v1::TrialAttempt) -> Self {
        Self {
            attempt: attempt.attempt,
            worker: attempt.worker.clone(),
            start: attempt.start_time.map(milliseconds),
            end: attempt.end_time.map(milliseconds),
            ended: match attempt.end() {
                v1::AttemptEnd::Unspecified => None,
                v1::AttemptEnd::Finished => Some("FINISHED"),
                v1::AttemptEnd::Lost => Some("LOST"),
                v1::AttemptEnd::HandedBack => Some("HANDED_BACK"),
                v1::AttemptEnd::StudyStopped => Some("STUDY_STOPPED"),
            },
            resumed_from: attempt.resumed_from,
        }
    }
}

impl Checkpoint {
    pub(super) fn new(checkpoint: &v1::Checkpoint) -> Self {
        let size = checkpoint.blob.as_ref().map_or(0, |blob| blob.size);
        Self { attempt: checkpoint.attempt, step: checkpoint.step, size }
    }
}

impl Artifact {
    /// Converts a wire message.
    pub fn new(artifact: &v1::Artifact) -> Self {
        let blob = artifact.blob.as_ref();
        Self {
            name: artifact.name.clone(),
            path: escaped(&artifact.name),
            media_type: artifact.media_type.clone(),
            size: blob.map_or(0, |blob| blob.size),
            sha256: blob.map_or_else(String::new, |blob| hex(&blob.sha256)),
            saved: artifact.saved.map(milliseconds),
        }
    }
}

/// Bytes in hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    let mut text = String::new();
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    text
}
