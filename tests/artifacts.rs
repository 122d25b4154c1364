//! What trials save, in real processes: killed in the middle, put in another place, copied by commands; in a folder, and
//! in S3 if `KINDLING_S3` names a server that speaks it.

mod support;

use std::path::{Path, PathBuf};
use std::time::Duration;

use kindling_artifacts::Content;
use kindling_proto::v1;
use kindling_proto::v1::save_request::Part;
use kindling_proto::v1::saving::What;
use kindling_proto::v1::study_service_client::StudyServiceClient;
use kindling_proto::v1::worker_service_client::WorkerServiceClient;
use support::address::lasting_address;
use support::s3::{make_bucket, s3};
use support::{Coordinator, Folder, PATIENCE, crowd, failure, kindling, output, wire};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Channel;

/// Bytes of which no part is like another.
fn some(size: usize) -> Vec<u8> {
    (0..size).map(|at| (at.wrapping_mul(2_654_435_761) >> 9) as u8).collect()
}

async fn create(channel: &Channel) {
    let create = v1::CreateStudyRequest { spec: Some(crowd::spec("s", 2)) };
    StudyServiceClient::new(channel.clone()).create_study(create).await.expect("created");
}

async fn lease(channel: &Channel) -> v1::Claim {
    let lease = v1::LeaseRequest {
        worker_id: "w".to_owned(),
        slots: 1,
        objectives: vec!["mnist_cnn".to_owned()],
        ..Default::default()
    };
    let mut client = WorkerServiceClient::new(channel.clone());
    let leased = client.lease(lease).await.expect("leased").into_inner().assignments;
    leased.into_iter().next().and_then(|one| one.claim).expect("a claim")
}

/// All messages of an upload.
fn messages(claim: &v1::Claim, what: What, bytes: &[u8]) -> Vec<v1::SaveRequest> {
    let Content { size, sha256 } = Content::of(bytes);
    let blob = Some(v1::Blob { key: String::new(), size, sha256: sha256.to_vec() });
    let (claim, what, media_type) = (Some(claim.clone()), Some(what), String::new());
    let head = Part::Saving(v1::Saving { claim, what, media_type, blob });
    let pieces = bytes.chunks(1 << 20).map(|piece| Part::Piece(piece.to_vec()));
    [head].into_iter().chain(pieces).map(|part| v1::SaveRequest { part: Some(part) }).collect()
}

async fn save(channel: &Channel, claim: &v1::Claim, what: What, bytes: &[u8]) {
    let messages = messages(claim, what, bytes);
    let call = || {
        let (mut client, messages) = (WorkerServiceClient::new(channel.clone()), messages.clone());
        async move { client.save(tokio_stream::iter(messages)).await }
    };
    wire::persist(call).await.0.expect("saved");
}

async fn load(channel: &Channel, claim: &v1::Claim, key: &str) -> Vec<u8> {
    let request = v1::LoadRequest { claim: Some(claim.clone()), key: key.to_owned() };
    let mut client = WorkerServiceClient::new(channel.clone());
    let mut pieces = client.load(request).await.expect("found").into_inner();
    let mut bytes = Vec::new();
    while let Some(piece) = pieces.message().await.expect("all of it") {
        bytes.extend(piece.piece);
    }
    bytes
}

fn has_torn(folder: &Path) -> bool {
    let Ok(entries) = std::fs::read_dir(folder) else { return false };
    entries
        .map(|entry| entry.expect("an entry").path())
        .any(|path| path.is_dir() && has_torn(&path) || path.to_string_lossy().contains('#'))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_coordinator_that_is_killed_in_an_upload_has_the_checkpoint_before() {
    let folder = Folder::new();
    let (store, address) = (folder.path("study.db"), lasting_address());
    let start = || Coordinator::start_with(&store, &address.to_string(), Duration::from_hours(1));
    let mut coordinator = start();
    let channel = wire::channel(address);
    create(&channel).await;
    let claim = lease(&channel).await;
    let mut last = Vec::new();
    for step in 0..5 {
        let bytes = some(((3 + step) << 20) as usize + 7);
        save(&channel, &claim, What::CheckpointStep(step), &bytes).await;
        last = bytes;
        // The next one is cut short.
        let (sender, pieces) = mpsc::channel(1);
        let mut client = WorkerServiceClient::new(channel.clone());
        let call = tokio::spawn(async move { client.save(ReceiverStream::new(pieces)).await });
        let next = messages(&claim, What::CheckpointStep(step + 1), &some(30 << 20));
        for message in next.into_iter().take(15) {
            sender.send(message).await.expect("sent");
        }
        let begun = std::time::Instant::now();
        while !has_torn(&folder.path("study.db.artifacts")) {
            assert!(begun.elapsed() < PATIENCE, "the upload is not seen");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        coordinator.process().kill();
        call.await.expect("no panic").expect_err("it was killed");
        coordinator = start();
        let trial = wire::trial(&channel, "s", 0).await.expect("the trial");
        let [saved] = &trial.checkpoints[..] else { panic!("{:?}", trial.checkpoints) };
        assert_eq!(saved.step, step);
        let key = &saved.blob.as_ref().expect("a blob").key;
        assert!(load(&channel, &claim, key).await == last, "step {step}");
    }
    drop(last);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_place_that_has_none_of_the_files_is_not_taken_for_the_right_one() {
    let folder = Folder::new();
    let store = folder.path("study.db");
    let mut coordinator = Coordinator::start(&store);
    let channel = wire::channel(coordinator.address());
    create(&channel).await;
    let claim = lease(&channel).await;
    assert!(!folder.path("study.db.artifacts").exists(), "nothing was saved yet");
    save(&channel, &claim, What::CheckpointStep(1), b"one").await;
    coordinator.process().signal("TERM");
    assert!(coordinator.process().wait());

    let (store, other) = (store.to_str().expect("plain"), folder.path("other"));
    let other = other.to_str().expect("plain");
    let args = ["coordinator", "--store", store, "--listen", "127.0.0.1:0", "--artifacts", other];
    let said = failure(&args);
    assert!(said.contains("has none of the newest 1 of 1 files"), "{said}");
    assert!(said.contains("hint: give the --artifacts of before"), "{said}");
    let file = folder.write("file", "x");
    let args = [&args[..6], &[file.to_str().expect("plain")]].concat();
    let said = failure(&args);
    assert!(said.contains("cannot be used") && said.contains("hint:"), "{said}");
    let more = ["--artifacts", other, "--restored"];
    drop(Coordinator::start_on_free_port(Path::new(store), &more));
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_list_copy_and_keep_files() {
    let folder = Folder::new();
    let store = folder.path("study.db");
    let coordinator = Coordinator::start(&store);
    let channel = wire::channel(coordinator.address());
    create(&channel).await;
    let claim = lease(&channel).await;
    let bytes = some((2 << 20) + 3);
    for name in ["plots/loss.png", "../../up", "\u{202e}odd\u{1F525}"] {
        save(&channel, &claim, What::ArtifactName(name.to_owned()), &bytes).await;
    }
    let notes = folder.write("notes.md", "some notes");
    let put = ["study", "artifacts", "s", "--put", notes.to_str().expect("plain")];
    assert!(coordinator.ask(&put).contains("notes.md"), "kept");

    let (url, here) = (coordinator.url(), folder.path("."));
    let store = store.to_str().expect("plain");
    for source in [["--coordinator", &url], ["--store", store]] {
        let run = |args: &[&str]| {
            let output = kindling(&[args, &source].concat()).current_dir(&here).output();
            let output = output.expect("runs");
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned(), said)
        };
        let (_, listed, _) = run(&["trial", "artifacts", "s", "0"]);
        assert!(listed.contains("plots/loss.png") && listed.contains("../../up"), "{listed}");
        assert!(!listed.contains('\u{202e}'), "{listed}");
        for (name, file) in [("plots/loss.png", "loss.png"), ("../../up", "up")] {
            let get = ["trial", "artifacts", "s", "0", "--get", name];
            let (is_copied, said, error) = run(&get);
            assert!(is_copied, "{said}{error}");
            assert!(std::fs::read(folder.path(file)).expect("a copy") == bytes, "{name}");
            let (is_copied, _, error) = run(&get);
            assert!(!is_copied && error.contains("--output"), "{error}");
            std::fs::remove_file(folder.path(file)).expect("removed");
        }
        let get = ["study", "artifacts", "s", "--get", "notes.md", "--output", "n.md", "--json"];
        let (_, document, error) = run(&get);
        let document: serde_json::Value = serde_json::from_str(&document).expect(&error);
        assert_eq!(document["size"], 10);
        assert_eq!(std::fs::read(folder.path("n.md")).expect("a copy"), b"some notes");
        let (is_copied, _, error) = run(&["study", "artifacts", "s", "--get", "x"]);
        assert!(!is_copied && error.contains("has no artifact `x`"), "{error}");
    }
    let left = std::fs::read_dir(&here).expect("a folder");
    let left =
        left.filter(|e| e.as_ref().is_ok_and(|e| e.file_name().to_string_lossy().contains("part")));
    assert_eq!(left.count(), 0, "nothing half is left");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_of_s3_keeps_files_like_a_folder() {
    let Some(endpoint) = s3() else { return };
    let folder = Folder::new();
    let store = folder.path("study.db");
    let bucket = format!("kindling-tests-{}", std::process::id());
    let command = |place: &str| {
        let store = store.to_str().expect("plain");
        let args =
            ["coordinator", "--store", store, "--listen", "127.0.0.1:0", "--artifacts", place];
        let mut command = kindling(&args);
        command.env("AWS_ENDPOINT_URL", &endpoint).env("AWS_REGION", "us-east-1");
        command.env("AWS_ACCESS_KEY_ID", "testing").env("AWS_SECRET_ACCESS_KEY", "testing");
        command
    };
    let place = format!("s3://{bucket}/some/prefix");
    let refused = command(&place).output().expect("runs");
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && said.contains("NoSuchBucket"), "{said}");
    assert!(said.contains("hint: make the bucket"), "{said}");
    make_bucket(&endpoint, &bucket);
    let mut coordinator = Coordinator::start_command(&mut command(&place));
    let channel = wire::channel(coordinator.address());
    create(&channel).await;
    let claim = lease(&channel).await;
    for (step, size) in [(1, 10), (2, 11 << 20)] {
        save(&channel, &claim, What::CheckpointStep(step), &some(size)).await;
        let trial = wire::trial(&channel, "s", 0).await.expect("the trial");
        let key = &trial.checkpoints[0].blob.as_ref().expect("a blob").key;
        assert!(load(&channel, &claim, key).await == some(size));
    }
    coordinator.process().kill();
    drop(Coordinator::start_command(&mut command(&place)));
}

#[test]
fn what_is_no_place_is_refused_with_the_forms() {
    for (option, value, expected) in [
        ("--artifacts", "s3:bucket", "expected a folder, s3://BUCKET/PREFIX"),
        ("--artifacts", "http://127.0.0.1/b", "expected a folder, s3://BUCKET/PREFIX"),
        ("--artifacts-limit", "10", "expected a size"),
    ] {
        let said = output(&["coordinator", "--store", "/nonexistent/study.db", option, value]);
        let said = String::from_utf8_lossy(&said.stderr).into_owned();
        assert!(said.contains(expected), "{said}");
    }
    assert!(!PathBuf::from("/nonexistent").exists());
}
