//! What may go wrong, which of it may pass, and what to do about the rest.

use std::error::Error as _;
use std::io::{self, ErrorKind};

use crate::key::Key;

/// The most of a service's words that is told.
const LONGEST_REASON: usize = 500;

/// Why something could not be saved, read or removed.
#[derive(Debug, thiserror::Error)]
pub enum ArtifactError {
    /// The bytes are not those that were announced.
    #[error("{0}; nothing is kept of them")]
    Mismatch(String),
    /// Nothing is kept under this key, though the store itself answers.
    #[error("{place} has no {key} any more")]
    Missing {
        /// The store.
        place: String,
        /// The key.
        key: Key,
    },
    /// What lies there is not what was saved.
    #[error("{place}: {key} is damaged: {what}")]
    Damaged {
        /// The store.
        place: String,
        /// The key.
        key: Key,
        /// How it differs.
        what: String,
    },
    /// The store cannot be used.
    #[error("{place} cannot be used: {reason}")]
    Store {
        /// The store.
        place: String,
        /// What it, or the system, said.
        reason: String,
        /// What to do about it, if that is known.
        hint: Option<&'static str>,
        /// Whether it may pass by itself, as an outage does. Otherwise somebody has to do something.
        may_pass: bool,
    },
}

impl ArtifactError {
    /// Whether the same may work later, without anybody doing anything.
    pub fn may_pass(&self) -> bool {
        matches!(self, Self::Store { may_pass: true, .. })
    }

    /// What to do about it, if that is known.
    pub fn hint(&self) -> Option<&'static str> {
        if let Self::Store { hint, .. } = self { *hint } else { None }
    }

    /// The store did not answer in time.
    pub(crate) fn silent(place: &str) -> Self {
        let reason = "it does not answer".to_owned();
        Self::Store { place: place.to_owned(), reason, hint: None, may_pass: true }
    }

    /// An error of a store or of the file system, where nothing in particular was looked for.
    pub(crate) fn of(place: &str, error: &object_store::Error) -> Self {
        let text = told(error);
        let (hint, may_pass) = judge(error, &text);
        Self::Store { place: place.to_owned(), reason: shortened(&text), hint, may_pass }
    }

    /// An error of a look for a key.
    pub(crate) fn of_key(place: &str, key: Key, error: &object_store::Error) -> Self {
        let is_missing = matches!(error, object_store::Error::NotFound { .. });
        // Then everything is away, and comes back with the bucket.
        if is_missing && !has_no_bucket(&told(error)) {
            return Self::Missing { place: place.to_owned(), key };
        }
        Self::of(place, error)
    }

    /// An error of the file system.
    pub(crate) fn of_files(place: &str, error: &io::Error) -> Self {
        let (hint, may_pass) = judge_files(error.kind());
        Self::Store { place: place.to_owned(), reason: error.to_string(), hint, may_pass }
    }
}

/// The error with its causes, as far as they say something new.
fn told(error: &object_store::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let more = cause.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        source = cause.source();
    }
    text
}

fn has_no_bucket(text: &str) -> bool {
    ["NoSuchBucket", "ContainerNotFound", "specified bucket does not exist"]
        .iter()
        .any(|code| text.contains(code))
}

const PERMISSIONS: &str = "check the credentials in the environment, such as AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; \
     they must allow to put, get, delete and list objects";

fn judge(error: &object_store::Error, text: &str) -> (Option<&'static str>, bool) {
    use object_store::Error;
    if let Some(kind) = kind_of_files(error) {
        return judge_files(kind);
    }
    // Where a machine of AWS gets its credentials from.
    if text.contains("169.254.169.254") || text.contains("metadata.google.internal") {
        let hint = "there are no credentials in the environment: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, \
                    GOOGLE_SERVICE_ACCOUNT, or AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY";
        return (Some(hint), false);
    }
    if has_no_bucket(text) {
        let hint = "make the bucket, or check its name, AWS_ENDPOINT_URL and AWS_REGION";
        return (Some(hint), false);
    }
    match error {
        Error::PermissionDenied { .. } | Error::Unauthenticated { .. } => {
            (Some(PERMISSIONS), false)
        }
        Error::NotFound { .. } => {
            (Some("check the bucket's name, AWS_ENDPOINT_URL and AWS_REGION"), false)
        }
        Error::Generic { .. } if text.contains("redirect") => {
            (Some("set AWS_REGION to the bucket's region"), false)
        }
        // A refusal, other than of too many requests at a time.
        Error::Generic { .. }
            if text.contains("status code: 4")
                && !["408", "409", "425", "429"]
                    .iter()
                    .any(|code| text.contains(&format!("status code: {code}"))) =>
        {
            (
                Some(
                    "check the settings in the environment, such as AWS_ENDPOINT_URL and AWS_REGION",
                ),
                false,
            )
        }
        Error::Generic { .. }
        | Error::JoinError { .. }
        | Error::AlreadyExists { .. }
        | Error::Precondition { .. } => (None, true),
        _ => (None, false),
    }
}

/// What the file system said, if that is the cause. A network's errors may pass, whatever their kind.
fn kind_of_files(error: &object_store::Error) -> Option<ErrorKind> {
    if let object_store::Error::Generic { store, .. } = error
        && *store != "LocalFileSystem"
    {
        return None;
    }
    let mut source = error.source();
    while let Some(cause) = source {
        if let Some(error) = cause.downcast_ref::<io::Error>() {
            return Some(error.kind());
        }
        source = cause.source();
    }
    None
}

fn judge_files(kind: ErrorKind) -> (Option<&'static str>, bool) {
    match kind {
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => (
            Some("let this user write into the folder, or choose another one with --artifacts"),
            false,
        ),
        ErrorKind::NotADirectory | ErrorKind::AlreadyExists => {
            (Some("there is a file in the way; choose another folder with --artifacts"), false)
        }
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            (Some("make room on the disk, or delete studies"), true)
        }
        _ => (None, true),
    }
}

/// Of an answer in XML only the code and the message; and of everything only so much.
fn shortened(text: &str) -> String {
    let field = |name: &str| {
        let (_, rest) = text.split_once(&format!("<{name}>"))?;
        Some(rest.split_once(&format!("</{name}>"))?.0.trim().to_owned())
    };
    let mut short = match (field("Code"), field("Message")) {
        (Some(code), Some(message)) => format!("{code}: {message}"),
        (Some(code), None) => code,
        _ => text.split_whitespace().collect::<Vec<_>>().join(" "),
    };
    if short.len() > LONGEST_REASON {
        short.truncate(short.floor_char_boundary(LONGEST_REASON));
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    fn generic(text: &str) -> object_store::Error {
        object_store::Error::Generic { store: "S3", source: text.to_owned().into() }
    }

    #[test]
    fn outages_may_pass_and_refusals_do_not() {
        for (text, may_pass) in [
            ("Server returned non-2xx status code: 503 Service Unavailable: SlowDown", true),
            ("Server returned non-2xx status code: 429 Too Many Requests", true),
            ("HTTP error: error sending request: connection refused", true),
            ("Server returned non-2xx status code: 400 Bad Request: InvalidBucketName", false),
            ("Received redirect without LOCATION", false),
            ("Error performing PUT http://169.254.169.254/latest/api/token", false),
            ("<Code>NoSuchBucket</Code>", false),
        ] {
            let error = ArtifactError::of("s3://b", &generic(text));
            assert_eq!(error.may_pass(), may_pass, "{error}");
            assert_eq!(error.hint().is_none(), may_pass, "{error}");
        }
    }

    #[test]
    fn an_answer_in_xml_is_told_by_its_code_and_message() {
        let text = "status code: 403 Forbidden: <?xml version=\"1.0\"?><Error><Code>InvalidAccessKeyId</Code>\
                    <Message>No such key</Message><HostId>x</HostId></Error>";
        let error = ArtifactError::of("s3://b", &generic(text));
        assert_eq!(error.to_string(), "s3://b cannot be used: InvalidAccessKeyId: No such key");
        let long = ArtifactError::of("s3://b", &generic(&"é".repeat(10_000))).to_string();
        assert!(long.len() < LONGEST_REASON + 100, "{}", long.len());
    }
}
