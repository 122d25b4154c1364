//! What trials and studies leave behind: attempts, checkpoints and artifacts.

mod changes;
mod reading;
mod rows;

pub(in crate::store) use rows::{ArtifactRow, AttemptRow, BlobRow, CheckpointRow};

pub(super) use changes::{artifact, checkpoint, warm_start};
pub(super) use reading::{lease_end, resumed};
