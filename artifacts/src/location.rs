//! Where artifacts are kept, as people write it.

use std::fmt;
use std::path::{Component, Path, PathBuf};
use std::str::FromStr;

/// Where artifacts are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// A folder on this machine, or one that is mounted here.
    Folder(PathBuf),
    /// A bucket, or container, of a service.
    Bucket {
        /// The service.
        service: Service,
        /// The bucket's name; of Azure, the container's.
        bucket: String,
        /// What all keys begin with, without slashes at its ends. May be empty.
        prefix: String,
    },
}

/// A service with buckets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    /// S3, and what speaks it.
    S3,
    /// Google Cloud Storage.
    Gcs,
    /// Azure Blob Storage.
    Azure,
}

/// The text names no place that artifacts can be kept in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct LocationError(String);

const FORMS: &str =
    "expected a folder, s3://BUCKET/PREFIX, gs://BUCKET/PREFIX or az://CONTAINER/PREFIX";

impl Service {
    const ALL: [Self; 3] = [Self::S3, Self::Gcs, Self::Azure];

    fn scheme(self) -> &'static str {
        match self {
            Self::S3 => "s3",
            Self::Gcs => "gs",
            Self::Azure => "az",
        }
    }
}

impl Location {
    /// The folder beside a store of studies that keeps its artifacts unless told otherwise.
    pub fn beside(store: &Path) -> Self {
        let mut folder = store.as_os_str().to_owned();
        folder.push(".artifacts");
        Self::Folder(folder.into())
    }
}

impl FromStr for Location {
    type Err = LocationError;

    fn from_str(text: &str) -> Result<Self, LocationError> {
        let Some((scheme, rest)) = text.split_once("://") else {
            return match text.split_once(':') {
                _ if text.is_empty() => Err(LocationError(FORMS.to_owned())),
                // More likely a mistake than a folder's name.
                Some((scheme, _)) if is_scheme(scheme) => Err(LocationError(format!(
                    "{FORMS}; for a folder of this name, write ./{text}"
                ))),
                _ => Ok(Self::Folder(text.into())),
            };
        };
        if scheme == "file" {
            return match rest.strip_prefix("localhost").unwrap_or(rest) {
                path if path.starts_with('/') && !path.contains(['%', '?', '#']) => {
                    Ok(Self::Folder(path.into()))
                }
                _ => Err(LocationError("expected file:///PATH, or just the path".to_owned())),
            };
        }
        let Some(service) = Service::ALL.into_iter().find(|service| service.scheme() == scheme)
        else {
            return Err(LocationError(FORMS.to_owned()));
        };
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let may_be = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
        if bucket.is_empty() || !bucket.chars().all(may_be) {
            let what = "a bucket's name has letters, digits, `-`, `.` and `_`; credentials come from the environment";
            return Err(LocationError(format!("{FORMS}; {what}")));
        }
        let prefix = prefix.trim_matches('/');
        let is_plain = |part: &str| !matches!(part, "" | "." | "..") && part.chars().all(may_be);
        if !prefix.is_empty() && !prefix.split('/').all(is_plain) {
            let what = "a prefix has names of letters, digits, `-`, `.` and `_`, with single slashes between";
            return Err(LocationError(format!("{FORMS}; {what}")));
        }
        Ok(Self::Bucket { service, bucket: bucket.to_owned(), prefix: prefix.to_owned() })
    }
}

/// Whether this looks like the beginning of an address.
fn is_scheme(text: &str) -> bool {
    let mut parts = Path::new(text).components();
    let is_one_name = matches!((parts.next(), parts.next()), (Some(Component::Normal(_)), None));
    is_one_name && text.chars().all(|c| c.is_ascii_alphanumeric())
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(path) => write!(f, "{}", path.display()),
            Self::Bucket { service, bucket, prefix } if prefix.is_empty() => {
                write!(f, "{}://{bucket}", service.scheme())
            }
            Self::Bucket { service, bucket, prefix } => {
                write!(f, "{}://{bucket}/{prefix}", service.scheme())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_read_as_people_write_them() {
        for (text, shown) in [
            ("artifacts", "artifacts"),
            ("./s3:x", "./s3:x"),
            ("/data/with space", "/data/with space"),
            ("file:///data/a", "/data/a"),
            ("s3://bucket", "s3://bucket"),
            ("s3://bucket/", "s3://bucket"),
            ("s3://bucket/a/b/", "s3://bucket/a/b"),
            ("gs://bucket/a", "gs://bucket/a"),
            ("az://container/a", "az://container/a"),
        ] {
            assert_eq!(text.parse::<Location>().expect(text).to_string(), shown);
        }
        for (text, folder) in [("a/b", "a/b"), ("file:///a", "/a")] {
            assert_eq!(text.parse(), Ok(Location::Folder(folder.into())));
        }
        assert_eq!(
            Location::beside(Path::new("x/s.db")),
            Location::Folder("x/s.db.artifacts".into())
        );
    }

    #[test]
    fn what_is_no_place_is_refused_with_the_forms() {
        for text in [
            "",
            "s3:bucket",
            "s3:/bucket/a",
            "s3://",
            "s3:///a",
            "s3://key:secret@bucket/a",
            "s3://bucket/a//b",
            "s3://bucket/../a",
            "s3://bucket/a?x=1",
            "http://127.0.0.1:9000/bucket",
            "file://host/a",
            "ftp://bucket/a",
        ] {
            let refused = text.parse::<Location>().expect_err(text).to_string();
            assert!(refused.contains("expected"), "{text}: {refused}");
            assert!(!refused.contains("secret"), "{refused}");
        }
    }
}
