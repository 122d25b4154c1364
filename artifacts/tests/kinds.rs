//! One suite for every kind of store that is here: memory, a folder, and S3 if `KINDLING_S3` names a server that speaks
//! it, such as `http://127.0.0.1:5000`.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use kindling_artifacts::{ArtifactError, ArtifactStore, Content, Key};

use self::support::{Kind, kinds};

mod support;

const MINE: [u8; 16] = [7; 16];
const PART: usize = 5 << 20;

fn key(number: u8) -> Key {
    Key { history: MINE, random: [number; 16] }
}

/// Bytes of which no part is like another.
fn some(size: usize) -> Vec<u8> {
    (0..size).map(|at| (at.wrapping_mul(2_654_435_761) >> 7) as u8).collect()
}

/// Saves the bytes in pieces of odd sizes, announced as this content.
async fn save(
    store: &ArtifactStore,
    key: Key,
    bytes: &[u8],
    content: Content,
) -> Result<(), ArtifactError> {
    let mut upload = store.upload(key, content).await?;
    for piece in bytes.chunks(700_001) {
        upload.write(Bytes::copy_from_slice(piece)).await?;
    }
    upload.finish().await
}

async fn read(store: &ArtifactStore, key: Key, content: Content) -> Result<Vec<u8>, ArtifactError> {
    let (mut download, mut bytes) = (store.download(key, content), Vec::new());
    while let Some(piece) = download.next().await? {
        assert!(piece.len() <= 1 << 20, "a piece of {}", piece.len());
        bytes.extend_from_slice(&piece);
    }
    Ok(bytes)
}

/// What there is of my history, by number, with its size.
async fn listed(store: &ArtifactStore) -> Vec<(u8, u64)> {
    let mut listing = store.list(MINE).await.expect("a listing");
    let mut found = Vec::new();
    while let Some(one) = listing.next().await.expect("the next one") {
        let age = SystemTime::now().duration_since(one.saved).unwrap_or_default();
        assert!(age < Duration::from_mins(5), "{one:?}");
        found.push((one.key.random[0], one.size));
    }
    found.sort_unstable();
    found
}

#[tokio::test]
async fn what_was_saved_is_read_again_and_removed() {
    for Kind { name, store, .. } in kinds() {
        let sizes = [0, 1, PART - 1, PART, PART + 1, 2 * PART, 2 * PART + 12_345];
        for (number, size) in (0..).zip(sizes) {
            let bytes = some(size);
            let content = Content::of(&bytes);
            save(&store, key(number), &bytes, content).await.expect(name);
            assert_eq!(store.size(key(number)).await.expect(name), size as u64, "{name}");
            assert!(
                read(&store, key(number), content).await.expect(name) == bytes,
                "{name}: {size}"
            );
        }
        let all: Vec<_> = (0..).zip(sizes.map(|size| size as u64)).collect();
        assert_eq!(listed(&store).await, all, "{name}");
        for number in 0..sizes.len() as u8 {
            store.delete(key(number)).await.expect(name);
            store.delete(key(number)).await.expect("once more is no error");
            let gone = read(&store, key(number), Content::of(b"x")).await;
            assert!(matches!(gone, Err(ArtifactError::Missing { .. })), "{name}: {gone:?}");
            let gone = store.size(key(number)).await;
            assert!(matches!(gone, Err(ArtifactError::Missing { .. })), "{name}: {gone:?}");
        }
        assert_eq!(listed(&store).await, [], "{name}");
    }
}

#[tokio::test]
async fn what_is_not_as_announced_is_never_there() {
    for Kind { name, store, .. } in kinds() {
        for size in [1000, 2 * PART + 3] {
            let bytes = some(size);
            let right = Content::of(&bytes);
            let other_hash = Content { sha256: [9; 32], ..right };
            let longer = Content { size: right.size + 1, ..right };
            let shorter = Content { size: right.size - 1, ..right };
            for content in [other_hash, longer, shorter] {
                let saved = save(&store, key(1), &bytes, content).await;
                assert!(matches!(saved, Err(ArtifactError::Mismatch(_))), "{name}: {saved:?}");
                assert_eq!(listed(&store).await, [], "{name}");
            }
        }
    }
}

#[tokio::test]
async fn an_upload_that_is_dropped_leaves_nothing() {
    for Kind { name, store, folder, .. } in kinds() {
        let bytes = some(3 * PART);
        let mut upload = store.upload(key(1), Content::of(&bytes)).await.expect(name);
        upload.write(bytes[..=2 * PART].to_vec().into()).await.expect(name);
        assert_eq!(listed(&store).await, [], "{name}: seen before it is whole");
        drop(upload);
        assert_eq!(listed(&store).await, [], "{name}");
        if let Some(folder) = &folder {
            let left = || walk(folder.path());
            for _ in 0..100 {
                if left().is_empty() {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            assert_eq!(left(), [""; 0]);
        }
    }
}

#[tokio::test]
async fn a_listing_has_what_is_ours() {
    for Kind { name, store, folder, .. } in kinds() {
        let other = Key { history: [8; 16], ..key(1) };
        for key in [key(1), key(2), other] {
            save(&store, key, b"x", Content::of(b"x")).await.expect(name);
        }
        if let Some(folder) = &folder {
            let mine = folder.path().join("07".repeat(16));
            for foreign in ["notes.txt", "ABCD", &format!("{}#1", "03".repeat(16))] {
                std::fs::write(mine.join(foreign), "x").expect("written");
            }
        }
        assert_eq!(listed(&store).await, [(1, 1), (2, 1)], "{name}");
    }
}

#[tokio::test]
async fn a_store_that_works_passes_the_check_and_is_left_as_it_was() {
    for Kind { name, store, folder, .. } in kinds() {
        store.check("a").await.expect(name);
        store.check("a").await.expect(name);
        if let Some(folder) = &folder {
            assert_eq!(walk(folder.path()), [""; 0]);
            let missing = folder.path().join("x/y");
            support::folder(&missing).check("a").await.expect("it can be made");
            assert!(!missing.exists(), "a folder is made when there is something to keep");
        }
    }
}

/// The files in a folder.
fn walk(folder: &std::path::Path) -> Vec<String> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files.extend(walk(&path));
        } else {
            files.push(path.display().to_string());
        }
    }
    files
}
