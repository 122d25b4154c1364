//! Workers that reach the artifact store themselves, with a real coordinator over gRPC: in a folder, and in S3 if
//! `KINDLING_S3` names a server that speaks it.

mod support;

use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use http_body_util::BodyExt as _;
use kindling_artifacts::{ArtifactStore, Key, Location};
use kindling_proto::v1;
use kindling_proto::v1::artifact_service_client::ArtifactServiceClient;
use kindling_proto::v1::study_service_client::StudyServiceClient;
use kindling_worker::{
    Assignment, Completion, Identity, Noted, Outbox, Outcome, Ran, Session, Training, Transport,
    TrialError,
};
use support::s3::{make_bucket, s3};
use support::{Coordinator, Folder, PATIENCE, crowd, failure, kindling, study_file, wire};
use tokio_util::sync::CancellationToken;
use tonic::Status;
use tonic::body::Body;
use tonic::transport::Channel;
use tower::ServiceExt as _;

/// More than two parts of an upload.
const LARGE: usize = (12 << 20) + 7;
/// All that passes a coordinator beside the bytes.
const SMALL: u64 = 1 << 20;

/// Bytes of which no part is like another.
fn some(size: usize) -> Vec<u8> {
    (0..size).map(|at| (at.wrapping_mul(2_654_435_761) >> 9) as u8).collect()
}

/// An artifact store, as a coordinator is told of it, and as a worker reaches it.
struct Place {
    location: String,
    variables: Vec<(String, String)>,
    store: ArtifactStore,
}

impl Place {
    fn new(location: String, variables: Vec<(String, String)>) -> Self {
        let place: Location = location.parse().expect("a place");
        let store = ArtifactStore::open_with(&place, &variables).expect("a store");
        Self { location, variables, store }
    }

    fn folder(path: &Path) -> Self {
        Self::new(path.to_str().expect("plain").to_owned(), Vec::new())
    }

    fn bucket(endpoint: &str, name: &str) -> Self {
        let variables = [
            ("AWS_ENDPOINT_URL", endpoint),
            ("AWS_REGION", "us-east-1"),
            ("AWS_ACCESS_KEY_ID", "testing"),
            ("AWS_SECRET_ACCESS_KEY", "testing"),
        ];
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
        Self::new(format!("s3://{name}/some/prefix"), variables.to_vec())
    }

    /// A coordinator with it, and a study of one trial.
    async fn coordinator(&self, folder: &Folder, more: &[&str]) -> (Coordinator, Channel) {
        let store = folder.path("study.db");
        let store = store.to_str().expect("plain");
        let args = ["coordinator", "--store", store, "--listen", "127.0.0.1:0"];
        let mut command = kindling(&[&args, &["--artifacts", &self.location][..], more].concat());
        let coordinator = Coordinator::start_command(command.envs(self.variables.clone()));
        let channel = wire::channel(coordinator.address());
        let create = v1::CreateStudyRequest { spec: Some(crowd::spec("s", 1)) };
        StudyServiceClient::new(channel.clone()).create_study(create).await.expect("created");
        (coordinator, channel)
    }
}

type Running = Pin<Box<dyn Future<Output = Outcome> + Send>>;

/// Trains as a function says.
struct Trains<F>(F);

impl<F: Fn(Outbox) -> Running + Send + Sync + 'static> Training for Trains<F> {
    fn objectives(&self) -> Vec<String> {
        vec!["mnist_cnn".to_owned()]
    }

    fn train(&self, _: Assignment, outbox: Outbox) -> Pin<Box<dyn Future<Output = Ran> + Send>> {
        let running = (self.0)(outbox);
        Box::pin(async move { Ran::Ended(running.await, Noted::default()) })
    }
}

/// A worker with this artifact store, whose trial trains like this and then tells it to stop. Returns how many bytes of
/// messages passed the coordinator, both ways.
async fn work<F, R>(channel: &Channel, store: &ArtifactStore, train: F) -> u64
where
    F: Fn(Outbox) -> R + Send + Sync + 'static,
    R: Future<Output = Outcome> + Send + 'static,
{
    let (passed, stop) = (Arc::<AtomicU64>::default(), CancellationToken::new());
    let worker = Identity {
        id: format!("w-{}", rand::random::<u64>()),
        host: String::new(),
        device: String::new(),
        slots: 1,
        session: rand::random(),
    };
    let ends = stop.clone();
    let training = Trains(move |outbox| {
        let (running, ends) = (train(outbox), ends.clone());
        Box::pin(async move {
            let outcome = running.await;
            ends.cancel();
            outcome
        }) as Running
    });
    let transport = counted(channel.clone(), &passed);
    let session = Session::new(transport, worker, Arc::new(training), stop);
    let session = session.with_artifacts(store.clone());
    let run = session.run(Duration::from_secs(5));
    tokio::time::timeout(PATIENCE, run).await.expect("in time").expect("in peace");
    passed.load(Ordering::Relaxed)
}

fn counted(channel: Channel, passed: &Arc<AtomicU64>) -> Transport {
    let (sent, received) = (Arc::clone(passed), Arc::clone(passed));
    let service = channel
        .map_request(move |request: http::Request<Body>| request.map(|body| count(body, &sent)))
        .map_response(move |response: http::Response<Body>| {
            response.map(|body| count(body, &received))
        })
        .map_err(|error| Status::from_error(error.into()));
    Transport::new(service)
}

fn count(body: Body, passed: &Arc<AtomicU64>) -> Body {
    let passed = Arc::clone(passed);
    Body::new(body.map_frame(move |frame| {
        let bytes = frame.data_ref().map_or(0, |data| data.len() as u64);
        passed.fetch_add(bytes, Ordering::Relaxed);
        frame
    }))
}

/// Saves a checkpoint of step 1 and an artifact, and hands the trial back.
async fn saves(mut outbox: Outbox, bytes: Vec<u8>) -> Outcome {
    outbox.report(1, 0.5).await?;
    outbox.save_checkpoint(1, bytes.clone()).await?;
    outbox.save_artifact("weights", "", bytes).await?;
    Err(TrialError::HandBack(String::new()))
}

/// Goes on from the checkpoint of step 1.
async fn loads(mut outbox: Outbox, bytes: Vec<u8>) -> Outcome {
    let loaded = outbox.load_checkpoint().await?.expect("a checkpoint");
    assert!(loaded.step == 1 && loaded.read()? == bytes, "it is what was saved");
    Ok(Completion::new(0.5))
}

async fn artifact(channel: &Channel, name: &str) -> Vec<u8> {
    let get =
        v1::GetArtifactRequest { study: "s".to_owned(), trial: Some(0), name: name.to_owned() };
    let mut client = ArtifactServiceClient::new(channel.clone());
    let mut messages = client.get_artifact(get).await.expect("found").into_inner();
    let mut bytes = Vec::new();
    while let Some(message) = messages.message().await.expect("all of it") {
        bytes.extend(message.piece);
    }
    bytes
}

/// All files in the folder, those of uploads included.
fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let paths = entries.map(|entry| entry.expect("an entry").path());
    paths.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// Waits until the folder has so many files.
async fn until_there_are(expected: usize, folder: &Path) {
    let begun = Instant::now();
    while files(folder).len() != expected {
        assert!(begun.elapsed() < PATIENCE, "{:?}", files(folder));
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_workers_reach_themselves_does_not_pass_the_coordinator() {
    let folder = Folder::new();
    let mut places = vec![Place::folder(&folder.path("artifacts"))];
    if let Some(endpoint) = s3() {
        let bucket = format!("kindling-direct-{}", std::process::id());
        make_bucket(&endpoint, &bucket);
        places.push(Place::bucket(&endpoint, &bucket));
    }
    for place in places {
        let folder = Folder::new();
        let (_coordinator, channel) = place.coordinator(&folder, &[]).await;
        let bytes = some(LARGE);
        let given = bytes.clone();
        let passed = work(&channel, &place.store, move |outbox| saves(outbox, given.clone())).await;
        assert!(passed < SMALL, "{}: {passed} bytes passed the coordinator", place.location);
        let trial = wire::trial(&channel, "s", 0).await.expect("the trial");
        let [saved] = &trial.checkpoints[..] else { panic!("{:?}", trial.checkpoints) };
        let key = Key::parse(&saved.blob.as_ref().expect("a blob").key).expect("a key");
        assert_eq!(place.store.size(key).await.expect("it lies there"), LARGE as u64);
        assert!(artifact(&channel, "weights").await == bytes, "others get it as ever");

        let passed = work(&channel, &place.store, move |outbox| loads(outbox, bytes.clone())).await;
        assert!(passed < SMALL, "{}: {passed} bytes passed the coordinator", place.location);
        let trial = wire::trial(&channel, "s", 0).await.expect("the trial");
        assert_eq!((trial.state(), trial.attempt), (v1::TrialState::Complete, 2));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_with_another_place_saves_and_loads_through_the_coordinator() {
    let folder = Folder::new();
    let theirs = Place::folder(&folder.path("theirs"));
    let (_coordinator, channel) = theirs.coordinator(&folder, &[]).await;
    let mine = Place::folder(&folder.path("mine"));
    let bytes = some(LARGE);
    let given = bytes.clone();
    let passed = work(&channel, &mine.store, move |outbox| saves(outbox, given.clone())).await;
    assert!(passed > 2 * LARGE as u64, "{passed}");
    until_there_are(0, &folder.path("mine")).await;
    assert_eq!(files(&folder.path("theirs")).len(), 2);
    let passed = work(&channel, &mine.store, move |outbox| loads(outbox, bytes.clone())).await;
    assert!(passed > LARGE as u64, "{passed}");
    let trial = wire::trial(&channel, "s", 0).await.expect("the trial");
    assert_eq!((trial.state(), trial.attempt), (v1::TrialState::Complete, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_leaves_nothing() {
    let folder = Folder::new();
    let place = Place::folder(&folder.path("artifacts"));
    let (_coordinator, channel) = place.coordinator(&folder, &["--artifacts-limit", "1MiB"]).await;
    let there = folder.path("artifacts");
    work(&channel, &place.store, move |mut outbox| {
        let there = there.clone();
        async move {
            let refused = outbox.save_artifact("a\nb", "", some(1000)).await;
            assert!(matches!(refused, Err(TrialError::Failed(_))), "{refused:?}");
            until_there_are(0, &there).await;
            outbox.save_artifact("fits", "", some(1000)).await?;
            // It waits, and is tried again later.
            outbox.save_artifact("too large", "", some(2 << 20)).await?;
            until_there_are(1, &there).await;
            Err(TrialError::HandBack(String::new()))
        }
    })
    .await;
    until_there_are(1, &folder.path("artifacts")).await;
    assert!(artifact(&channel, "fits").await == some(1000));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_is_told_at_its_start_that_its_place_cannot_be_used() {
    let folder = Folder::new();
    let file = folder.write("file", "x");
    let nobody = ["worker", "--coordinator", "http://127.0.0.1:9", "--artifacts"];
    let said = failure(&[&nobody[..], &[file.to_str().expect("plain")]].concat());
    assert!(said.contains("artifacts: ") && said.contains("cannot be used"), "{said}");
    assert!(said.contains("\nhint: "), "{said}");
    let said = failure(&[&nobody[..], &["s3:bucket"]].concat());
    assert!(said.contains("expected a folder, s3://BUCKET/PREFIX"), "{said}");
    if let Some(endpoint) = s3() {
        let missing = Place::bucket(&endpoint, "kindling-no-such-bucket");
        let mut worker = kindling(&[&nobody[..], &[&missing.location]].concat());
        let ended = worker.envs(missing.variables).output().expect("runs");
        let said = String::from_utf8_lossy(&ended.stderr);
        assert!(!ended.status.success() && said.contains("NoSuchBucket"), "{said}");
        assert!(said.contains("hint: make the bucket"), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_option_of_a_worker_is_its_place() {
    let folder = Folder::new();
    let place = Place::folder(&folder.path("artifacts"));
    let (coordinator, _channel) = place.coordinator(&folder, &[]).await;
    let each_epoch = "max_epochs = 3\ncheckpoint_every = 1";
    let study = study_file("t", 1).replace("max_epochs = 3", each_epoch);
    let study = folder.write("t.toml", study);
    coordinator.ask(&["study", "create", study.to_str().expect("plain")]);
    let log = folder.path("log");
    let mut command = coordinator.worker_command("w", &["--artifacts", &place.location]);
    command.env("KINDLING_LOG", "kindling_worker=debug");
    command.stderr(std::fs::File::create(&log).expect("a log"));
    let _worker = support::Process::start(&mut command);
    coordinator.wait_until_finished("t");
    let said = std::fs::read_to_string(log).expect("a log");
    assert!(said.contains("directly=true") && !said.contains("directly=false"), "{said}");
}
