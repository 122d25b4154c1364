//! Tests of what is saved and loaded, through the real handlers, in a folder.

mod room;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use kindling_artifacts::{Content, Key};
use kindling_proto::v1::save_request::Part;
use kindling_proto::v1::saving::What;
use kindling_proto::v1::worker_service_client::WorkerServiceClient;
use kindling_proto::{limits, refusals, v1};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Channel;
use tonic::{Code, Status};

use super::bounds::{World, code, completed, lease, spec, until};

type Workers = WorkerServiceClient<Channel>;

/// A trial that was leased.
async fn leased(world: &World, trials: u32) -> (Workers, v1::Claim) {
    world.create(spec(trials)).await;
    let mut workers = world.workers().await;
    let claim = lease_one(&mut workers).await.claim.expect("a claim");
    (workers, claim)
}

async fn lease_one(workers: &mut Workers) -> v1::Assignment {
    let leased = workers.lease(lease(1, vec![])).await.expect("leased").into_inner();
    leased.assignments.into_iter().next().expect("one")
}

fn blob(bytes: &[u8]) -> v1::Blob {
    let Content { size, sha256 } = Content::of(bytes);
    v1::Blob { key: String::new(), size, sha256: sha256.to_vec() }
}

fn head(claim: &v1::Claim, what: What, blob: v1::Blob) -> v1::SaveRequest {
    let (claim, media_type) = (Some(claim.clone()), "text/plain".to_owned());
    let saving = v1::Saving { claim, what: Some(what), media_type, blob: Some(blob) };
    v1::SaveRequest { part: Some(Part::Saving(saving)) }
}

fn pieces(bytes: &[u8]) -> impl Iterator<Item = v1::SaveRequest> {
    let piece = |piece: &[u8]| v1::SaveRequest { part: Some(Part::Piece(piece.to_vec())) };
    bytes.chunks(limits::PIECE - 1).map(piece).collect::<Vec<_>>().into_iter()
}

/// Saves the bytes, announced as `blob`.
async fn save(
    workers: &mut Workers,
    claim: &v1::Claim,
    what: What,
    blob: v1::Blob,
    bytes: &[u8],
) -> Result<(), Status> {
    let messages: Vec<_> = [head(claim, what, blob)].into_iter().chain(pieces(bytes)).collect();
    workers.save(tokio_stream::iter(messages)).await.map(drop)
}

async fn checkpoint(
    workers: &mut Workers,
    claim: &v1::Claim,
    step: u64,
    bytes: &[u8],
) -> Result<(), Status> {
    save(workers, claim, What::CheckpointStep(step), blob(bytes), bytes).await
}

async fn load(workers: &mut Workers, claim: &v1::Claim, key: &str) -> Result<Vec<u8>, Status> {
    let request = v1::LoadRequest { claim: Some(claim.clone()), key: key.to_owned() };
    let mut messages = workers.load(request).await?.into_inner();
    let mut bytes = Vec::new();
    while let Some(message) = messages.message().await? {
        bytes.extend(message.piece);
    }
    Ok(bytes)
}

/// The trial as others see it.
async fn trial(world: &World) -> v1::Trial {
    let request = v1::GetTrialRequest { study: "s".to_owned(), number: 0 };
    let trial = world.trials().await.get_trial(request).await.expect("a trial");
    trial.into_inner().trial.expect("one")
}

fn place(world: &World) -> PathBuf {
    world.folder.path().join("artifacts")
}

/// All files in the folder, those of uploads included.
fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let paths = entries.map(|entry| entry.expect("an entry").path());
    paths.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// The beginning of all keys.
fn history(claim: &v1::Claim) -> String {
    let history = claim.history[..].try_into().expect("16 bytes");
    let key = Key { history, random: [0; 16] }.to_string();
    key.split_once('/').expect("two parts").0.to_owned()
}

fn some(size: usize) -> Vec<u8> {
    (0..size).map(|at| (at.wrapping_mul(2_654_435_761) >> 9) as u8).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_checkpoint_is_handed_to_the_next_attempt() {
    let world = World::new().await;
    let (mut workers, claim) = leased(&world, 1).await;
    for (step, size) in [(3, 100), (7, 3 * limits::PIECE + 11), (9, 0), (12, 12 << 20)] {
        let bytes = some(size);
        checkpoint(&mut workers, &claim, step, &bytes).await.expect("saved");
        let saved = trial(&world).await.checkpoints;
        assert_eq!(saved.iter().map(|saved| saved.step).collect::<Vec<_>>(), [step]);
    }
    let release = v1::ReleaseRequest { claim: Some(claim.clone()), reason: String::new() };
    workers.release(release).await.expect("released");
    let again = lease_one(&mut workers).await;
    let (claim, found) = (again.claim.expect("a claim"), again.checkpoint.expect("a checkpoint"));
    let key = found.blob.expect("a blob").key;
    assert_eq!(found.step, 12);
    assert!(load(&mut workers, &claim, &key).await.expect("loaded") == some(12 << 20));
    assert_eq!(code(load(&mut workers, &claim, "x").await), Code::NotFound);
    let stranger = v1::Claim { mark: vec![0; 16], ..claim.clone() };
    assert_eq!(code(load(&mut workers, &stranger, &key).await), Code::FailedPrecondition);

    let file = place(&world).join(&key);
    let mut damaged = fs::read(&file).expect("a file");
    damaged[1000] ^= 1;
    fs::write(&file, damaged).expect("written");
    let told = load(&mut workers, &claim, &key).await.expect_err("it is damaged");
    assert!(told.code() == Code::NotFound && told.message().contains("damaged"), "{told}");
    fs::remove_file(&file).expect("removed");
    assert_eq!(code(load(&mut workers, &claim, &key).await), Code::NotFound);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn artifacts_are_listed_read_and_replaced() {
    let world = World::new().await;
    let (mut workers, claim) = leased(&world, 1).await;
    let name = || What::ArtifactName("plots/loss curve.txt".to_owned());
    for text in [&b"first"[..], &some(2 * limits::PIECE)] {
        save(&mut workers, &claim, name(), blob(text), text).await.expect("saved");
    }
    workers.finish(completed(Some(claim.clone()), 0)).await.expect("finished");
    let late = save(&mut workers, &claim, name(), blob(b"late"), b"late").await;
    assert_eq!(code(late), Code::FailedPrecondition, "the trial is over");

    let mut artifacts = world.artifacts().await;
    let whole = v1::StudyArtifact {
        study: "s".to_owned(),
        name: "notes".to_owned(),
        size: 5,
        sha256: blob(b"notes").sha256,
        ..Default::default()
    };
    let request = |part| v1::SaveArtifactRequest { part: Some(part) };
    let first = request(v1::save_artifact_request::Part::Artifact(whole));
    let second = request(v1::save_artifact_request::Part::Piece(b"notes".to_vec()));
    for _ in 0..2 {
        let messages = tokio_stream::iter([first.clone(), second.clone()]);
        let saved = artifacts.save_artifact(messages).await.expect("saved").into_inner();
        assert_eq!(saved.artifact.expect("one").name, "notes");
    }
    let study = || "s".to_owned();
    for (trial, name, bytes) in [
        (Some(0), "plots/loss curve.txt", some(2 * limits::PIECE)),
        (None, "notes", b"notes".to_vec()),
    ] {
        let list = v1::ListArtifactsRequest { study: study(), trial };
        let list = artifacts.list_artifacts(list).await.expect("listed").into_inner().artifacts;
        assert_eq!(list.iter().map(|one| &*one.name).collect::<Vec<_>>(), [name]);
        let get = v1::GetArtifactRequest { study: study(), trial, name: name.to_owned() };
        let mut messages = artifacts.get_artifact(get).await.expect("found").into_inner();
        let first = messages.message().await.expect("an answer").expect("one");
        assert_eq!(first.artifact.as_ref(), list.first());
        let mut read = Vec::new();
        while let Some(message) = messages.message().await.expect("an answer") {
            read.extend(message.piece);
        }
        assert!(read == bytes, "{name}");
        let get = v1::GetArtifactRequest { study: study(), trial, name: "x".to_owned() };
        assert_eq!(code(artifacts.get_artifact(get).await), Code::NotFound);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_torn_or_not_as_announced_is_not_kept() {
    let world = World::new().await;
    let (mut workers, claim) = leased(&world, 1).await;
    let before = some(1000);
    checkpoint(&mut workers, &claim, 1, &before).await.expect("saved");
    for bytes in [some(limits::PIECE), some(11 << 20)] {
        let right = blob(&bytes);
        let other_hash = v1::Blob { sha256: vec![7; 32], ..right.clone() };
        let longer = v1::Blob { size: right.size + 1, ..right.clone() };
        let shorter = v1::Blob { size: right.size - 1, ..right.clone() };
        for wrong in [other_hash, longer, shorter] {
            let saved = save(&mut workers, &claim, What::CheckpointStep(2), wrong, &bytes).await;
            assert_eq!(code(saved), Code::InvalidArgument);
        }
        // A caller that leaves in the middle.
        let (sender, messages) = mpsc::channel(1);
        let mut caller = world.workers().await;
        let call =
            tokio::spawn(async move { caller.save(ReceiverStream::new(messages)).await.map(drop) });
        sender.send(head(&claim, What::CheckpointStep(2), right)).await.expect("sent");
        for piece in pieces(&bytes[..bytes.len() / 2]) {
            sender.send(piece).await.expect("sent");
        }
        call.abort();
        drop(sender);
        until(async || world.service.shares.saves.taken() == 0).await;
    }
    until(async || files(&place(&world)).len() == 1).await;
    let saved = trial(&world).await.checkpoints;
    assert_eq!(saved.iter().map(|saved| saved.step).collect::<Vec<_>>(), [1]);
    let key = &saved[0].blob.as_ref().expect("a blob").key;
    assert!(fs::read(place(&world).join(key)).expect("a file") == before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_would_be_refused_is_refused_before_its_bytes_are_sent() {
    let world = World::new().await;
    let (mut workers, claim) = leased(&world, 1).await;
    checkpoint(&mut workers, &claim, 5, b"five").await.expect("saved");
    let step = What::CheckpointStep;
    let stranger = v1::Claim { mark: vec![9; 16], ..claim.clone() };
    let earlier = v1::Claim { attempt: claim.attempt + 1, ..claim.clone() };
    let elsewhere = v1::Claim { history: vec![9; 16], ..stranger.clone() };
    let name = |name: &str| What::ArtifactName(name.to_owned());
    let large = v1::Blob { size: limits::BLOB + 1, ..blob(b"x") };
    let no_hash = v1::Blob { sha256: vec![1; 31], ..blob(b"x") };
    let keyed = |key: &str| v1::Blob { key: key.to_owned(), ..blob(b"x") };
    let foreign = format!("{}/{}", "1".repeat(32), "2".repeat(32));
    for (claim, what, blob, expected) in [
        (&stranger, step(6), blob(b"x"), Code::FailedPrecondition),
        (&earlier, step(6), blob(b"x"), Code::FailedPrecondition),
        (&elsewhere, step(6), blob(b"x"), Code::NotFound),
        (&claim, step(4), blob(b"x"), Code::InvalidArgument),
        (&claim, step(5), blob(b"x"), Code::AlreadyExists),
        (&claim, step(1 << 63), blob(b"x"), Code::InvalidArgument),
        (&claim, step(6), large, Code::InvalidArgument),
        (&claim, step(6), no_hash, Code::InvalidArgument),
        (&claim, step(6), keyed("../x"), Code::InvalidArgument),
        (&claim, step(6), keyed(&foreign), Code::InvalidArgument),
        (&claim, name(""), blob(b"x"), Code::InvalidArgument),
        (&claim, name("a\nb"), blob(b"x"), Code::InvalidArgument),
        // To repeat a call is no error, and needs no bytes.
        (&claim, step(5), self::blob(b"five"), Code::Ok),
    ] {
        let (sender, messages) = mpsc::channel(1);
        sender.send(head(claim, what.clone(), blob)).await.expect("sent");
        let answer = workers.save(ReceiverStream::new(messages));
        let answer = tokio::time::timeout(Duration::from_secs(5), answer).await;
        assert_eq!(code(answer.expect("an answer at once")), expected, "{what:?}");
    }
    assert_eq!(files(&place(&world)).len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_in_a_wrong_order_and_silent_senders_are_refused() {
    let world = World::new().await;
    let (mut workers, claim) = leased(&world, 1).await;
    let bytes = some(10);
    let first = || head(&claim, What::CheckpointStep(1), blob(&bytes));
    let piece = pieces(&bytes).next().expect("a piece");
    let large = v1::SaveRequest { part: Some(Part::Piece(vec![0; limits::PIECE + 1])) };
    for messages in [
        vec![],
        vec![piece.clone()],
        vec![v1::SaveRequest { part: None }],
        vec![first(), first()],
        vec![first(), v1::SaveRequest { part: None }],
        vec![first(), large],
        vec![first()],
    ] {
        let answer = workers.save(tokio_stream::iter(messages.clone())).await;
        assert_eq!(code(answer), Code::InvalidArgument, "{messages:?}");
    }
    for messages in [vec![], vec![first()]] {
        let (sender, receiver) = mpsc::channel(2);
        for message in messages {
            sender.send(message).await.expect("sent");
        }
        let answer = workers.save(ReceiverStream::new(receiver)).await;
        assert_eq!(code(answer), Code::DeadlineExceeded);
    }
    assert!(files(&place(&world)).is_empty());
    until(async || world.service.shares.saves.taken() == 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn there_are_only_so_many_uploads_and_the_others_are_told() {
    let world = World::new().await;
    let (mut workers, claim) = leased(&world, 1).await;
    let mut open = Vec::new();
    for number in 0..limits::SAVES.1 {
        let (sender, messages) = mpsc::channel(1);
        let name = What::ArtifactName(number.to_string());
        sender.send(head(&claim, name, blob(b"x"))).await.expect("sent");
        let mut caller = workers.clone();
        tokio::spawn(async move { caller.save(ReceiverStream::new(messages)).await.map(drop) });
        open.push(sender);
    }
    until(async || world.service.shares.saves.taken() == limits::SAVES.1).await;
    assert_eq!(code(checkpoint(&mut workers, &claim, 1, b"x").await), Code::ResourceExhausted);
    // Heartbeats and results pass beside them, over the same connection.
    workers.finish(completed(Some(claim), 0)).await.expect("finished");
    drop(open);
    until(async || world.service.shares.saves.taken() == 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_artifact_store_is_away_the_sender_is_asked_to_come_again() {
    let world = World::new().await;
    let (mut workers, claim) = leased(&world, 1).await;
    checkpoint(&mut workers, &claim, 1, b"one").await.expect("saved");
    let key = trial(&world).await.checkpoints[0].blob.clone().expect("a blob").key;
    let away = world.folder.path().join("away");
    fs::rename(place(&world), &away).expect("moved");
    fs::write(place(&world), "a file is in the way").expect("written");
    for size in [10, 11 << 20] {
        let refused = checkpoint(&mut workers, &claim, 2, &some(size)).await.expect_err("away");
        assert_eq!(refused.code(), Code::Unavailable, "{refused}");
        assert!(refused.message().contains("artifacts"), "{refused}");
    }
    assert_eq!(code(load(&mut workers, &claim, &key).await), Code::Unavailable);
    assert_eq!(trial(&world).await.checkpoints[0].step, 1);
    fs::remove_file(place(&world)).expect("removed");
    fs::rename(&away, place(&world)).expect("moved back");
    assert_eq!(load(&mut workers, &claim, &key).await.expect("loaded"), b"one");
    checkpoint(&mut workers, &claim, 2, &some(11 << 20)).await.expect("saved");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bytes_that_lie_there_already_need_not_be_sent() {
    let world = World::new().await;
    let (mut workers, claim) = leased(&world, 1).await;
    let history = history(&claim);
    let key = format!("{history}/{}", "5".repeat(32));
    let given = |size| v1::Blob { key: key.clone(), size, ..blob(b"bytes") };
    let missing = save(&mut workers, &claim, What::CheckpointStep(1), given(5), b"").await;
    let missing = missing.expect_err("not there");
    assert_eq!(missing.code(), Code::InvalidArgument);
    assert!(missing.message().starts_with(refusals::NOT_THERE), "{missing}");
    fs::create_dir_all(place(&world).join(&history)).expect("a folder");
    fs::write(place(&world).join(&key), b"bytes").expect("written");
    let other = save(&mut workers, &claim, What::CheckpointStep(1), given(6), b"").await;
    assert_eq!(code(other), Code::InvalidArgument);
    save(&mut workers, &claim, What::CheckpointStep(1), given(5), b"").await.expect("saved");
    assert_eq!(trial(&world).await.checkpoints[0].blob.as_ref().expect("a blob").key, key);
    assert_eq!(load(&mut workers, &claim, &key).await.expect("loaded"), b"bytes");
}
