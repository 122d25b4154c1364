//! What a trial leaves behind beside its result: checkpoints and artifacts. Their bytes lie in an artifact store; here is
//! what is known of them once they are safe.

use crate::ids::Attempt;
use crate::time::Wall;

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
    /// The attempt that saved it.
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
