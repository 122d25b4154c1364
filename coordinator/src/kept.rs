//! What may be kept of a trial or a study beside results: the same rules for calls and for what a store holds.

use kindling_proto::limits;
use kindling_study::{Artifact, Blob, Refusal};

/// Whether an artifact may have this name and media type.
pub(crate) fn check_name(name: &str, media_type: &str) -> Result<(), Refusal> {
    is_text("an artifact's name", name, 1, limits::ARTIFACT_NAME)?;
    is_text("an artifact's media type", media_type, 0, limits::MEDIA_TYPE)
}

/// Whether what is said of some bytes makes sense.
pub(crate) fn check_blob(blob: &Blob) -> Result<(), Refusal> {
    is_text("the key of what is kept", &blob.key, 1, limits::BLOB_KEY)?;
    // Stores and their readers use signed numbers.
    match i64::try_from(blob.size) {
        Ok(_) => Ok(()),
        Err(_) => Err(Refusal::OddFile(format!("{} bytes are more than there can be", blob.size))),
    }
}

/// Whether there is room for an artifact of this name.
pub(crate) fn check_room(artifacts: &[Artifact], name: &str, most: usize) -> Result<(), Refusal> {
    let is_known = || artifacts.iter().any(|artifact| *artifact.name == *name);
    if artifacts.len() < most || is_known() { Ok(()) } else { Err(Refusal::TooManyArtifacts(most)) }
}

fn is_text(what: &str, text: &str, least: usize, most: usize) -> Result<(), Refusal> {
    let why = if text.len() < least {
        "must not be empty".to_owned()
    } else if text.len() > most {
        format!("must have at most {most} bytes; this one has {}", text.len())
    } else if let Some(c) = text.chars().find(|c| c.is_control()) {
        format!("must be printable; this one holds {c:?}")
    } else {
        return Ok(());
    };
    Err(Refusal::OddFile(format!("{what} {why}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_keys_are_printable_and_bounded() {
        let long = |bytes| "x".repeat(bytes);
        for (name, media_type) in [("a/b c.png", ""), ("ä", "image/png"), (&long(512), &*long(256))]
        {
            assert_eq!(check_name(name, media_type), Ok(()), "{name} {media_type}");
        }
        for (name, media_type, why) in [
            ("", "", "name must not be empty"),
            (&*long(513), "", "name must have at most 512 bytes; this one has 513"),
            ("a\nb", "", "name must be printable; this one holds '\\n'"),
            ("a", &*long(257), "media type must have at most 256 bytes; this one has 257"),
            ("a", "\u{1b}", "media type must be printable"),
        ] {
            let refused = check_name(name, media_type).expect_err(why).to_string();
            assert!(refused.starts_with(&format!("an artifact's {why}")), "{refused}");
        }
        let blob = |key: &str, size| Blob { key: key.into(), size, sha256: [0; 32] };
        assert_eq!(check_blob(&blob(&long(256), i64::MAX as u64)), Ok(()));
        for odd in [blob("", 1), blob(&long(257), 1), blob("a\0", 1), blob("a", 1 << 63)] {
            assert!(matches!(check_blob(&odd), Err(Refusal::OddFile(_))), "{odd:?}");
        }
    }
}
