//! What a trial leaves behind beside its result: checkpoints and artifacts. Their bytes lie in an artifact store; here is
//! what is known of them once they are safe.

use crate::ids::{Attempt, TrialNumber};
use crate::time::Wall;
use crate::trial::Trial;

/// How many checkpoints of a trial a study may ask to keep.
pub const MAX_KEPT_CHECKPOINTS: u32 = 100;

/// Bytes in the artifact store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blob {
    /// Where they lie. Never used twice, so what a key names never changes.
    pub key: Box<str>,
    /// How many they are.
    pub size: u64,
    /// Their SHA-256.
    pub sha256: [u8; 32],
}

/// What a next attempt can go on from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// The attempt that saved it. 0: it is another trial's, and what the first attempt goes on from.
    pub attempt: Attempt,
    /// The last step that it contains.
    pub step: u64,
    /// Its bytes.
    pub blob: Blob,
}

/// A file that a trial or a study keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Artifact {
    /// Unique in its trial, or study. May have slashes.
    pub name: Box<str>,
    /// As in HTTP, for example `image/png`. Empty: unknown.
    pub media_type: Box<str>,
    /// Its bytes.
    pub blob: Blob,
    /// When it was saved.
    pub saved: Wall,
}

/// Where a trial starts that goes on from another one's checkpoint. That one may drop the checkpoint later; this one
/// keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WarmStart {
    /// The other trial.
    pub from: TrialNumber,
    /// The last step that its checkpoint contains.
    pub step: u64,
    /// The checkpoint's bytes.
    pub blob: Blob,
}

impl Blob {
    /// Whether the bytes are the same, wherever they lie. A call that is repeated puts them at another place.
    pub fn has_same_bytes(&self, other: &Self) -> bool {
        (self.size, self.sha256) == (other.size, other.sha256)
    }
}

impl Trial {
    /// Its first attempt goes on from there.
    pub(crate) fn start_from(&mut self, WarmStart { from, step, blob }: &WarmStart) {
        self.warm_start = Some(*from);
        let (attempt, step, blob) = (Attempt::default(), *step, blob.clone());
        self.checkpoints.push(Checkpoint { attempt, step, blob });
    }

    /// Adds a checkpoint and keeps so many of the newest.
    pub(crate) fn put_checkpoint(&mut self, checkpoint: Checkpoint, keep: usize) {
        self.checkpoints.push(checkpoint);
        self.keep_checkpoints(keep);
    }

    /// Keeps so many of the newest.
    pub(crate) fn keep_checkpoints(&mut self, keep: usize) {
        let older = self.checkpoints.len().saturating_sub(keep);
        self.checkpoints.drain(..older);
    }
}

/// Adds an artifact to those by name, or replaces the one of its name.
pub(crate) fn put(artifacts: &mut Vec<Artifact>, artifact: Artifact) {
    match place(artifacts, &artifact.name) {
        Ok(place) => artifacts[place] = artifact,
        Err(place) => artifacts.insert(place, artifact),
    }
}

/// Where the artifact of this name is, or would be.
pub(crate) fn place(artifacts: &[Artifact], name: &str) -> Result<usize, usize> {
    artifacts.binary_search_by(|artifact| (*artifact.name).cmp(name))
}
