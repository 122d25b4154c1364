//! The kinds of stores that are here.
#![allow(dead_code, reason = "not every test needs all of it")]

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

use kindling_artifacts::{ArtifactStore, Location};
use tempfile::TempDir;

/// A store with nothing in it.
pub(crate) struct Kind {
    pub(crate) name: &'static str,
    pub(crate) store: ArtifactStore,
    /// The folder that it is in.
    pub(crate) folder: Option<TempDir>,
}

/// One store of each kind.
pub(crate) fn kinds() -> Vec<Kind> {
    let temporary = TempDir::new().expect("a folder");
    let mut kinds = vec![
        Kind { name: "memory", store: ArtifactStore::in_memory(), folder: None },
        Kind { name: "folder", store: folder(temporary.path()), folder: Some(temporary) },
    ];
    match std::env::var("KINDLING_S3") {
        Ok(endpoint) => {
            let bucket = new_bucket(&endpoint);
            kinds.push(Kind { name: "S3", store: s3(&endpoint, &bucket, KEY), folder: None });
        }
        Err(_) => eprintln!("skipped: S3, since KINDLING_S3 names no server"),
    }
    kinds
}

pub(crate) fn folder(path: &Path) -> ArtifactStore {
    ArtifactStore::open(&Location::Folder(path.to_owned())).expect("a store")
}

/// An access key and its secret.
pub(crate) const KEY: (&str, &str) = ("testing", "testing");

pub(crate) fn s3(endpoint: &str, bucket: &str, (id, secret): (&str, &str)) -> ArtifactStore {
    let variables = [
        ("AWS_ENDPOINT_URL", endpoint),
        ("AWS_ACCESS_KEY_ID", id),
        ("AWS_SECRET_ACCESS_KEY", secret),
        ("AWS_REGION", "us-east-1"),
    ];
    let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let location = format!("s3://{bucket}/some/prefix").parse().expect("a place");
    ArtifactStore::open_with(&location, &variables).expect("a store")
}

/// Makes a bucket that no other test uses.
fn new_bucket(endpoint: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let since = std::time::SystemTime::UNIX_EPOCH.elapsed().expect("after 1970").as_millis();
    let bucket = format!("kindling-{since}-{}-{number}", std::process::id());
    let address = endpoint.strip_prefix("http://").expect("an address with http://");
    let mut stream = TcpStream::connect(address).expect("a server at KINDLING_S3");
    write!(stream, "PUT /{bucket} HTTP/1.1\r\nHost: {address}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        .expect("asked");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    bucket
}
