//! What a trial keeps beside its result: checkpoints, which a next attempt goes on from, and artifacts.

use std::io;
use std::path::PathBuf;

use kindling_proto::limits::{ARTIFACT_NAME, MEDIA_TYPE};

use crate::trial::TrialError;

/// The bytes of a checkpoint or an artifact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// In memory. They stay there until they are saved, so put large ones into a file.
    Bytes(Vec<u8>),
    /// A file. It is copied at once, and may be changed or removed then.
    File(PathBuf),
    /// A file that is given away. It is moved, or copied and removed if the worker's spool is on another file system.
    Given(PathBuf),
}

impl From<Vec<u8>> for Content {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Bytes(bytes)
    }
}

impl From<PathBuf> for Content {
    fn from(file: PathBuf) -> Self {
        Self::File(file)
    }
}

/// What an earlier attempt at the trial saved last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SavedCheckpoint {
    /// The last step that it contains: go on with the one after.
    pub step: u64,
    /// A file with its bytes. It is there until the trial is over.
    pub path: PathBuf,
}

impl SavedCheckpoint {
    /// Its bytes.
    pub fn read(&self) -> io::Result<Vec<u8>> {
        std::fs::read(&self.path)
    }
}

/// Checks an artifact's name and type by the coordinator's rules, so that the wrong call itself gets the error.
pub(crate) fn check_artifact(name: &str, media_type: &str) -> Result<(), TrialError> {
    let failed = |why: String| Err(TrialError::Failed(why));
    if name.is_empty() || name.len() > ARTIFACT_NAME {
        let found = name.len();
        return failed(format!(
            "an artifact's name has {found} bytes; expected 1 to {ARTIFACT_NAME}"
        ));
    }
    if name.chars().any(char::is_control) {
        return failed(format!("the artifact's name {name:?} has control characters"));
    }
    if media_type.len() > MEDIA_TYPE || media_type.chars().any(char::is_control) {
        let expected = format!("expected at most {MEDIA_TYPE} bytes, such as `image/png`");
        return failed(format!("the media type of the artifact `{name}` does not fit: {expected}"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_artifacts_name_fits_or_the_reason_says_why_not() {
        assert_eq!(check_artifact("plots/loss ü.png", "image/png"), Ok(()));
        assert_eq!(check_artifact(&"x".repeat(ARTIFACT_NAME), ""), Ok(()));
        let reason = |name: &str, media_type: &str| match check_artifact(name, media_type) {
            Err(TrialError::Failed(reason)) => reason,
            other => panic!("{other:?}"),
        };
        assert!(reason("", "").contains("has 0 bytes; expected 1 to 512"));
        assert!(reason(&"x".repeat(ARTIFACT_NAME + 1), "").contains("has 513 bytes"));
        assert!(reason("a\nb", "").contains(r#""a\nb" has control characters"#));
        assert!(reason("a", &"x".repeat(MEDIA_TYPE + 1)).contains("does not fit"));
    }
}
