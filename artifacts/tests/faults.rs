//! Stores that cannot be used, and what lies in them damaged.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use kindling_artifacts::{ArtifactError, ArtifactStore, Content, Key};
use tempfile::TempDir;

use self::support::{KEY, folder, s3};

mod support;

const WHERE: Key = Key { history: [1; 16], random: [2; 16] };

async fn save(store: &ArtifactStore, bytes: &'static [u8]) -> Result<Content, ArtifactError> {
    let content = Content::of(bytes);
    let mut upload = store.upload(WHERE, content).await?;
    upload.write(Bytes::from_static(bytes)).await?;
    upload.finish().await?;
    Ok(content)
}

async fn read(store: &ArtifactStore, content: Content) -> Result<Vec<u8>, ArtifactError> {
    let (mut download, mut bytes) = (store.download(WHERE, content), Vec::new());
    while let Some(piece) = download.next().await? {
        bytes.extend_from_slice(&piece);
    }
    Ok(bytes)
}

#[tokio::test]
async fn what_was_damaged_is_not_handed_out_as_whole() {
    let place = TempDir::new().expect("a folder");
    let store = folder(place.path());
    let content = save(&store, b"some weights").await.expect("saved");
    let file = place.path().join(WHERE.to_string());
    for damaged in [&b"some heights"[..], b"some", b""] {
        fs::write(&file, damaged).expect("written");
        let told = read(&store, content).await;
        assert!(matches!(told, Err(ArtifactError::Damaged { .. })), "{told:?}");
    }
    fs::remove_file(&file).expect("removed");
    let told = read(&store, content).await.expect_err("gone");
    assert!(matches!(told, ArtifactError::Missing { .. }) && !told.may_pass(), "{told:?}");
}

#[tokio::test]
async fn what_uploads_have_left_is_removed_once_it_is_old() {
    let place = TempDir::new().expect("a folder");
    let store = folder(place.path());
    assert_eq!(store.remove_torn(WHERE.history, Duration::ZERO).await.expect("nothing"), 0);
    save(&store, b"whole").await.expect("saved");
    let whole = place.path().join(WHERE.to_string());
    let torn = |number: u32| whole.with_file_name(format!("{}#{number}", "03".repeat(16)));
    let long_ago = SystemTime::now() - Duration::from_hours(2);
    for (path, changed) in
        [(torn(1), long_ago), (torn(2), SystemTime::now()), (whole.clone(), long_ago)]
    {
        let file = File::options().create(true).append(true).open(path).expect("a file");
        file.set_modified(changed).expect("set");
    }
    let removed = store.remove_torn(WHERE.history, Duration::from_hours(1)).await;
    assert_eq!(removed.expect("looked"), 1);
    assert!(!torn(1).exists() && torn(2).exists() && whole.exists());
}

#[tokio::test]
async fn a_folder_that_cannot_be_written_is_told_with_a_hint() {
    let place = TempDir::new().expect("a folder");
    let file = place.path().join("file");
    fs::write(&file, "x").expect("written");
    for path in [file.clone(), file.join("below")] {
        let error = folder(&path).check("x").await.expect_err("it is a file");
        assert!(!error.may_pass() && error.hint().is_some(), "{error:?}");
        assert!(error.to_string().contains(&path.display().to_string()), "{error}");
    }
    assert_eq!(fs::read(&file).expect("as it was"), b"x");
}

/// Answers every request with this status and body. Returns its address.
fn serve(status: &'static str, body: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = format!("http://{}", listener.local_addr().expect("bound"));
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut request = vec![0; 65_536];
            _ = stream.read(&mut request);
            let length = body.len();
            _ = write!(
                stream,
                "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
            );
        }
    });
    address
}

#[tokio::test]
async fn a_wrong_key_and_a_bucket_that_is_not_there_are_told_with_a_hint() {
    for (status, body, hint) in [
        (
            "403 Forbidden",
            "<Error><Code>InvalidAccessKeyId</Code><Message>The key does not exist</Message></Error>",
            "AWS_ACCESS_KEY_ID",
        ),
        (
            "404 Not Found",
            "<Error><Code>NoSuchBucket</Code><Message>There is no such bucket</Message></Error>",
            "make the bucket",
        ),
    ] {
        let store = s3(&serve(status, body), "bucket", KEY);
        let error = store.check("x").await.expect_err(status);
        assert!(!error.may_pass(), "{error:?}");
        assert!(error.hint().is_some_and(|h| h.contains(hint)), "{error:?}");
        assert!(!error.to_string().contains('<'), "{error}");
        // That a bucket is away says nothing about what was in it.
        let told = read(&store, Content::of(b"x")).await.expect_err(status);
        assert!(matches!(told, ArtifactError::Store { .. }), "{told:?}");
    }
}

#[tokio::test]
async fn an_outage_may_pass() {
    let closed = TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a port");
    for address in [format!("http://{closed}"), serve("503 Slow Down", "")] {
        let store = s3(&address, "bucket", KEY);
        let error = store.check("x").await.expect_err("it is away");
        assert!(error.may_pass(), "{error:?}");
        let told = save(&store, b"x").await.expect_err("it is away");
        assert!(told.may_pass(), "{told:?}");
    }
}
