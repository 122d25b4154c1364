//! A worker that reaches the artifact store itself, with a coordinator that fails as it is told.

use std::fs;

use kindling_artifacts::{ArtifactStore, Content, Key, Location};
use tonic::Code;

use super::files::{loads, with_checkpoint};
use super::keeps::{AWAY, Keeps, LONG, bytes, done, meet, script};
use super::*;

/// The history of the claim.
const HISTORY: [u8; 16] = [2; 16];

/// A coordinator and a worker with the same place, whose saves are answered like this.
fn shared(saves: &[Code]) -> (ArtifactStore, Keeps) {
    let store = ArtifactStore::in_memory();
    let (place, direct) = (Some(store.clone()), Some(store.clone()));
    (store, Keeps { place, direct, saves: script(saves), ..Keeps::default() })
}

/// A trial that saves a checkpoint, and then another one.
async fn saves_two(keeps: &Keeps) -> Vec<String> {
    let happened = meet(keeps, LONG, |mut outbox| async move {
        outbox.save_checkpoint(0, bytes("a")).await?;
        outbox.save_checkpoint(1, bytes("b")).await?;
        Ok(done())
    });
    happened.await
}

async fn saves_one(keeps: &Keeps) -> Vec<String> {
    let happened = meet(keeps, LONG, |mut outbox| async move {
        outbox.save_checkpoint(0, bytes("a")).await?;
        Ok(done())
    });
    happened.await
}

async fn count(store: &ArtifactStore) -> usize {
    let mut listing = store.list(HISTORY).await.unwrap();
    let mut found = 0;
    while listing.next().await.unwrap().is_some() {
        found += 1;
    }
    found
}

/// Waits until so many objects are there: they are removed beside the training.
async fn until_there_are(store: &ArtifactStore, expected: usize) {
    let waits = async {
        while count(store).await != expected {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let came = tokio::time::timeout(LONG, waits).await;
    assert!(came.is_ok(), "{} objects, not {expected}", count(store).await);
}

async fn read(store: &ArtifactStore, key: &str, content: Content) -> Vec<u8> {
    let mut download = store.download(Key::parse(key).expect("a key"), content);
    let mut bytes = Vec::new();
    while let Some(piece) = download.next().await.unwrap() {
        bytes.extend(piece);
    }
    bytes
}

#[tokio::test]
async fn what_a_worker_puts_there_itself_does_not_pass_the_coordinator() {
    let (store, keeps) = shared(&[]);
    let happened = meet(&keeps, LONG, |mut outbox| async move {
        let dir = tempfile::tempdir()?;
        let file = dir.path().join("model.pt");
        fs::write(&file, b"weights ".repeat(1_400_000))?;
        outbox.save_checkpoint(0, file).await?;
        outbox.save_artifact("a.txt", "text/plain", bytes("some")).await?;
        Ok(done())
    });
    let expected = ["checkpoint 0 put there: ", "a.txt (text/plain) put there: ", "finished"];
    assert_eq!(happened.await, expected);
    let keys = keeps.keys.lock().unwrap().clone();
    for (key, saved) in keys.iter().zip([b"weights ".repeat(1_400_000), bytes("some")]) {
        assert!(read(&store, key, Content::of(&saved)).await == saved, "{key}");
    }
    assert_eq!((keys.len(), count(&store).await), (2, 2));
}

#[tokio::test]
async fn a_call_whose_answer_was_lost_is_repeated_with_the_same_key() {
    let (store, keeps) = shared(&[AWAY, Code::Unknown, Code::Aborted]);
    let happened = saves_one(&keeps).await;
    let [no, yes] = ["no checkpoint 0 put there: ", "checkpoint 0 put there: "];
    assert_eq!(happened, [no, no, no, yes, "finished"]);
    let keys = keeps.keys.lock().unwrap().clone();
    assert!(keys.iter().all(|key| *key == keys[0]), "{keys:?}");
    assert_eq!(count(&store).await, 1);
}

#[tokio::test]
async fn what_is_refused_is_removed_again_unless_it_may_have_been_recorded() {
    for code in [Code::FailedPrecondition, Code::NotFound, Code::AlreadyExists] {
        let (store, keeps) = shared(&[code]);
        assert_eq!(saves_one(&keeps).await[0], "no checkpoint 0 put there: ");
        until_there_are(&store, 0).await;
    }
    // The first call may have been recorded. What is not is swept up by the coordinator.
    let (store, keeps) = shared(&[AWAY, Code::FailedPrecondition]);
    assert_eq!(saves_one(&keeps).await[..2], ["no checkpoint 0 put there: "; 2]);
    tokio::task::yield_now().await;
    assert_eq!(count(&store).await, 1);
}

#[tokio::test]
async fn what_there_is_no_room_for_is_removed_and_not_put_there_again_and_again() {
    let (store, keeps) = shared(&[Code::ResourceExhausted; 2]);
    let happened = saves_one(&keeps).await;
    let expected =
        ["no checkpoint 0 put there: ", "no checkpoint 0: a", "checkpoint 0: a", "finished"];
    assert_eq!(happened, expected);
    until_there_are(&store, 0).await;
}

#[tokio::test]
async fn a_worker_with_another_place_saves_through_the_coordinator_from_then_on() {
    let (mine, mut keeps) = shared(&[]);
    keeps.place = Some(ArtifactStore::in_memory());
    let happened = saves_two(&keeps).await;
    let expected =
        ["no checkpoint 0 put there: ", "checkpoint 0: a", "checkpoint 1: b", "finished"];
    assert_eq!(happened, expected);
    until_there_are(&mine, 0).await;
}

#[tokio::test]
async fn what_the_coordinator_cannot_look_at_goes_through_it() {
    let (mine, keeps) = shared(&[]);
    let keeps = Keeps { is_blind: true, ..keeps };
    let happened = saves_two(&keeps).await;
    let expected =
        ["no checkpoint 0 put there: ", "checkpoint 0: a", "checkpoint 1: b", "finished"];
    assert_eq!(happened, expected);
    // It may be recorded, for all the worker knows. The coordinator sweeps up.
    assert_eq!(count(&mine).await, 1);
}

#[tokio::test]
async fn what_was_swept_up_while_the_coordinator_was_away_is_put_there_again() {
    let (store, keeps) = shared(&[AWAY]);
    let keeps = Keeps { sweeps: true, ..keeps };
    let happened = saves_one(&keeps).await;
    let [no, yes] = ["no checkpoint 0 put there: ", "checkpoint 0 put there: "];
    assert_eq!(happened, [no, no, yes, "finished"]);
    let keys = keeps.keys.lock().unwrap().clone();
    assert!(keys[0] == keys[1] && keys[1] != keys[2], "{keys:?}");
    assert_eq!(count(&store).await, 1);
}

#[tokio::test]
async fn a_place_that_cannot_be_written_holds_nobody_up() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, "in the way").unwrap();
    let store = ArtifactStore::open(&Location::Folder(file)).unwrap();
    let keeps = Keeps { direct: Some(store), ..Keeps::default() };
    assert_eq!(saves_two(&keeps).await, ["checkpoint 0: a", "checkpoint 1: b", "finished"]);
}

#[tokio::test]
async fn a_refusal_that_may_be_about_the_key_is_tried_without_one() {
    let (store, keeps) = shared(&[Code::InvalidArgument]);
    let happened = saves_two(&keeps).await;
    let expected = [
        "no checkpoint 0 put there: ",
        "checkpoint 0: a",
        // It is no reason to think that theirs are two places.
        "checkpoint 1 put there: ",
        "finished",
    ];
    assert_eq!(happened, expected);
    until_there_are(&store, 1).await;
    let (store, keeps) = shared(&[Code::InvalidArgument; 2]);
    let happened = saves_one(&keeps).await;
    let reason = "failed: the checkpoint of step 0 was refused: as it was told";
    assert_eq!(happened, ["no checkpoint 0 put there: ", "no checkpoint 0: a", reason]);
    until_there_are(&store, 0).await;
}

/// The trial is leased with a checkpoint, of which these bytes lie in the worker's place and these in the coordinator's.
async fn leased_with(saved: &[u8], mine: Option<&[u8]>, theirs: &[u8]) -> Keeps {
    let store = ArtifactStore::in_memory();
    let key = Key { history: HISTORY, random: [7; 16] };
    if let Some(mine) = mine {
        let mut upload = store.upload(key, Content::of(mine)).await.unwrap();
        upload.write(mine.to_vec().into()).await.unwrap();
        upload.finish().await.unwrap();
    }
    let mut keeps = Keeps { direct: Some(store), ..with_checkpoint(saved, theirs) };
    let (checkpoint, _) = keeps.checkpoint.as_mut().expect("a checkpoint");
    checkpoint.blob.as_mut().expect("a blob").key = key.to_string();
    keeps
}

#[tokio::test]
async fn a_checkpoint_is_loaded_from_where_it_lies_or_else_from_the_coordinator() {
    let state = b"state ".repeat(400_000);
    let keeps = leased_with(&state, Some(&state), b"not asked").await;
    let expected = state.clone();
    let happened = meet(&keeps, LONG, move |mut outbox| {
        let state = expected.clone();
        async move {
            let loaded = outbox.load_checkpoint().await?.expect("a checkpoint");
            assert!(loaded.step == 7 && loaded.read()? == state);
            assert!(outbox.load_checkpoint_bytes().await? == Some((7, state)));
            Ok(done())
        }
    });
    assert_eq!(happened.await, ["finished"]);

    let other_hash = b"STATE ".repeat(400_000);
    for mine in [None, Some(&state[1..]), Some(&other_hash[..])] {
        let keeps = leased_with(&state, mine, &state).await;
        assert_eq!(loads(&keeps).await, ["load", "finished"], "{:?}", mine.map(<[u8]>::len));
    }
}
