//! Rows of what trials and studies leave behind, as a store reads them.

use crate::store::optuna::damage::Place;

/// A row of `kindling_attempts`. Its id is the trial's.
pub(in crate::store) struct AttemptRow<'a> {
    pub(in crate::store) at: Place,
    pub(in crate::store) attempt: u32,
    pub(in crate::store) worker: &'a str,
    pub(in crate::store) leased_at: i64,
    pub(in crate::store) ended_at: i64,
    pub(in crate::store) ended: &'a str,
    pub(in crate::store) resumed: Option<i64>,
}

/// A row of `kindling_checkpoints`. Its id is the trial's.
pub(in crate::store) struct CheckpointRow<'a> {
    pub(in crate::store) at: Place,
    pub(in crate::store) attempt: u32,
    pub(in crate::store) step: i64,
    pub(in crate::store) blob: BlobRow<'a>,
}

/// A row of `kindling_artifacts` or `kindling_study_artifacts`. Its id is the trial's or the study's.
pub(in crate::store) struct ArtifactRow<'a> {
    pub(in crate::store) at: Place,
    pub(in crate::store) name: &'a str,
    pub(in crate::store) media_type: &'a str,
    pub(in crate::store) blob: BlobRow<'a>,
    pub(in crate::store) saved_at: i64,
}

/// What a row says of some bytes.
pub(in crate::store) struct BlobRow<'a> {
    pub(in crate::store) key: &'a str,
    pub(in crate::store) size: i64,
    pub(in crate::store) sha256: [u8; 32],
}
