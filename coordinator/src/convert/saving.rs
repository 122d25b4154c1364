//! What is about to be saved, from the wire.

use kindling_artifacts::{Content, Key};
use kindling_proto::{limits, v1};
use kindling_study::Blob;

use super::from_wire::claim;
use super::invalid::Invalid;
use crate::state::StudyClaim;

/// What a worker saves for a trial.
#[derive(Debug, Clone)]
pub(crate) struct Saving {
    pub(crate) claim: StudyClaim,
    pub(crate) what: What,
    pub(crate) announced: Announced,
}

/// What is saved.
#[derive(Debug, Clone)]
pub(crate) enum What {
    /// A checkpoint with all up to this step.
    Checkpoint(u64),
    /// A file.
    Artifact {
        /// Its name.
        name: String,
        /// Empty: unknown.
        media_type: String,
    },
}

/// Bytes that are about to come, or lie in the artifact store already.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Announced {
    pub(crate) content: Content,
    /// Where they lie.
    pub(crate) key: Option<Key>,
}

/// An artifact that is saved for a study itself.
#[derive(Debug, Clone)]
pub(crate) struct StudyFile {
    pub(crate) study: String,
    pub(crate) name: String,
    pub(crate) media_type: String,
    pub(crate) content: Content,
}

/// What a key and a content are to the studies.
pub(crate) fn blob(key: Key, content: Content) -> Blob {
    Blob { key: key.to_string().into(), size: content.size, sha256: content.sha256 }
}

pub(crate) fn saving(wire: v1::Saving) -> Result<Saving, Invalid> {
    use v1::saving::What as Wire;
    let claim = claim(wire.claim)?;
    let what = match wire.what {
        Some(Wire::CheckpointStep(step)) => What::Checkpoint(step),
        Some(Wire::ArtifactName(name)) => What::Artifact { name, media_type: wire.media_type },
        None => return Err(Invalid::new("what", "is either a checkpoint or an artifact")),
    };
    let v1::Blob { key, size, sha256 } =
        wire.blob.ok_or_else(|| Invalid::new("blob", "is missing"))?;
    let key = match key.as_str() {
        "" => None,
        text => {
            let key = Key::parse(text);
            Some(key.ok_or_else(|| Invalid::new("blob.key", "is no key of an artifact store"))?)
        }
    };
    Ok(Saving { claim, what, announced: Announced { content: content(size, &sha256)?, key } })
}

pub(crate) fn study_file(wire: v1::StudyArtifact) -> Result<StudyFile, Invalid> {
    let v1::StudyArtifact { study, name, media_type, size, sha256 } = wire;
    Ok(StudyFile { study, name, media_type, content: content(size, &sha256)? })
}

fn content(size: u64, sha256: &[u8]) -> Result<Content, Invalid> {
    if size > limits::BLOB {
        let most = limits::BLOB;
        return Err(Invalid::new(
            "size",
            format!("{size} bytes; at most {most} are kept in one piece"),
        ));
    }
    let sha256 = sha256.try_into().map_err(|_| Invalid::new("sha256", "has 32 bytes"))?;
    Ok(Content { size, sha256 })
}
