//! Checkpoints and artifacts, with a coordinator that fails as it is told.

use std::fs;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};
use tonic::Code;

use super::*;
use crate::content::Content;
use crate::session::drawers::Drawers;

/// How the calls of one sort are answered, one after another; then all is well.
type Script = Arc<Mutex<Vec<Code>>>;

/// Leases out one trial, and keeps what it saves.
#[derive(Clone, Default)]
struct Keeps {
    /// All that happened, in order.
    log: Arc<Mutex<Vec<String>>>,
    reports: Script,
    saves: Script,
    loads: Script,
    /// How long a save takes.
    takes: Duration,
    /// The checkpoint that the trial is leased with, and its bytes.
    checkpoint: Option<(v1::Checkpoint, Vec<u8>)>,
    stop: CancellationToken,
}

impl Keeps {
    fn note(&self, what: impl Into<String>) {
        self.log.lock().unwrap().push(what.into());
    }

    fn next(script: &Script) -> Result<(), Status> {
        let mut script = script.lock().unwrap();
        if script.is_empty() {
            return Ok(());
        }
        Err(Status::new(script.remove(0), "as it was told"))
    }

    fn log(&self) -> Vec<String> {
        self.log.lock().unwrap().clone()
    }
}

#[tonic::async_trait]
impl WorkerService for Keeps {
    type HeartbeatStream =
        Pin<Box<dyn Stream<Item = Result<v1::HeartbeatResponse, Status>> + Send>>;
    type LoadStream = Pin<Box<dyn Stream<Item = Result<v1::LoadResponse, Status>> + Send>>;

    async fn save(&self, request: Request<Streaming<v1::SaveRequest>>) -> Reply<v1::SaveResponse> {
        use v1::save_request::Part;
        let mut parts = request.into_inner();
        let first = parts.message().await?.and_then(|first| first.part);
        let Some(Part::Saving(saving)) = first else { panic!("{first:?}") };
        let mut bytes = Vec::new();
        while let Some(message) = parts.message().await? {
            let Some(Part::Piece(piece)) = message.part else { panic!("{message:?}") };
            assert!(!piece.is_empty() && piece.len() <= 1 << 20);
            bytes.extend(piece);
        }
        let blob = saving.blob.expect("a blob");
        assert_eq!((blob.size, &*blob.key), (bytes.len() as u64, ""));
        assert_eq!(blob.sha256, Sha256::digest(&bytes).to_vec());
        assert_eq!(saving.claim, Some(claim(0)));
        let what = match saving.what.expect("a checkpoint or an artifact") {
            v1::saving::What::CheckpointStep(step) => format!("checkpoint {step}"),
            v1::saving::What::ArtifactName(name) => format!("{name} ({})", saving.media_type),
        };
        let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(8)]).into_owned();
        tokio::time::sleep(self.takes).await;
        if let Err(status) = Self::next(&self.saves) {
            self.note(format!("no {what}: {shown}"));
            return Err(status);
        }
        self.note(format!("{what}: {shown}"));
        Ok(Response::new(v1::SaveResponse {}))
    }

    async fn load(&self, request: Request<v1::LoadRequest>) -> Reply<Self::LoadStream> {
        let v1::LoadRequest { claim: by, key } = request.into_inner();
        assert_eq!((by, &*key), (Some(claim(0)), "h/k"));
        let (_, bytes) = self.checkpoint.as_ref().expect("a checkpoint");
        let failed = Self::next(&self.loads).err();
        self.note(if failed.is_some() { "no load" } else { "load" });
        if failed.as_ref().is_some_and(|status| status.code() != Code::Aborted) {
            return Err(failed.expect("a failure"));
        }
        let (one, other) = bytes.split_at(bytes.len() / 2);
        let piece = |piece: &[u8]| Ok(v1::LoadResponse { piece: piece.to_vec() });
        // An abort comes in the middle.
        let pieces = [piece(one), failed.map_or_else(|| piece(other), Err)];
        Ok(Response::new(Box::pin(tokio_stream::iter(pieces))))
    }

    async fn write(&self, _: Request<v1::WriteRequest>) -> Reply<v1::WriteResponse> {
        Err(Status::unimplemented("no output here"))
    }

    async fn lease(&self, request: Request<v1::LeaseRequest>) -> Reply<v1::LeaseResponse> {
        if request.into_inner().objectives.is_empty() {
            return Ok(Response::new(v1::LeaseResponse::default()));
        }
        let is_first = {
            let mut log = self.log.lock().unwrap();
            log.push("lease".to_owned());
            log.len() == 1
        };
        if !is_first {
            self.stop.cancel();
            std::future::pending::<()>().await;
        }
        let checkpoint = self.checkpoint.as_ref().map(|(checkpoint, _)| checkpoint.clone());
        let claim = Some(claim(0));
        let assignment = v1::Assignment { claim, checkpoint, ..Default::default() };
        Ok(Response::new(v1::LeaseResponse { assignments: vec![assignment] }))
    }

    async fn report(&self, request: Request<v1::ReportRequest>) -> Reply<v1::ReportResponse> {
        Self::next(&self.reports)?;
        self.note(format!("report {}", request.into_inner().step));
        Ok(Response::new(v1::ReportResponse { verdict: v1::Verdict::Continue.into() }))
    }

    async fn finish(&self, request: Request<v1::FinishRequest>) -> Reply<v1::FinishResponse> {
        self.note(match request.into_inner().result {
            Some(WireResult::Failed(v1::Failed { reason })) => format!("failed: {reason}"),
            _ => "finished".to_owned(),
        });
        Ok(Response::new(v1::FinishResponse {}))
    }

    async fn release(&self, request: Request<v1::ReleaseRequest>) -> Reply<v1::ReleaseResponse> {
        self.note(format!("released: {}", request.into_inner().reason));
        Ok(Response::new(v1::ReleaseResponse {}))
    }

    async fn heartbeat(
        &self,
        request: Request<Streaming<v1::HeartbeatRequest>>,
    ) -> Reply<Self::HeartbeatStream> {
        let answers =
            request.into_inner().map(|beat| beat.map(|_| v1::HeartbeatResponse::default()));
        Ok(Response::new(Box::pin(answers)))
    }
}

type Running = Pin<Box<dyn Future<Output = Outcome> + Send>>;

/// Trains as a function says.
struct Trains<F>(F);

impl<F: Fn(Outbox) -> Running + Send + Sync + 'static> Training for Trains<F> {
    fn objectives(&self) -> Vec<String> {
        vec!["test".to_owned()]
    }

    fn train(&self, _: Assignment, outbox: Outbox) -> Pin<Box<dyn Future<Output = Ran> + Send>> {
        let running = (self.0)(outbox);
        Box::pin(async move { Ran::Ended(running.await, Noted::default()) })
    }
}

/// A session with this coordinator, whose trial trains like this, with this much grace. Returns what happened.
async fn meet<F, R>(keeps: &Keeps, grace: Duration, train: F) -> Vec<String>
where
    F: Fn(Outbox) -> R + Send + Sync + 'static,
    R: Future<Output = Outcome> + Send + 'static,
{
    let folder = tempfile::tempdir().unwrap();
    let mut session = within(keeps, move |outbox| Box::pin(train(outbox)) as Running);
    session.drawers = Drawers::within(Some(folder.path().to_owned()));
    session.run(grace).await.expect("in peace");
    let left = files(folder.path());
    assert!(left.is_empty(), "{left:?}");
    keeps.log().into_iter().filter(|what| what != "lease").collect()
}

fn within<F>(keeps: &Keeps, train: F) -> Session
where
    F: Fn(Outbox) -> Running + Send + Sync + 'static,
{
    let server = ServiceExt::<http::Request<Body>>::map_err(
        WorkerServiceServer::new(keeps.clone()),
        |error: Infallible| match error {},
    );
    let (id, host, device) = ("w".to_owned(), String::new(), String::new());
    let worker = Identity { id, host, device, slots: 1, session: 1 };
    Session::new(Transport::new(server), worker, Arc::new(Trains(train)), keeps.stop.clone())
}

/// The files in a folder and those in it, but for the locks.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.extension().is_none_or(|extension| extension != "lock") {
            found.push(path);
        }
    }
    found
}

const LONG: Duration = Duration::from_secs(9);
const AWAY: Code = Code::Unavailable;

fn script(codes: &[Code]) -> Script {
    Arc::new(Mutex::new(codes.to_vec()))
}

fn done() -> Completion {
    Completion::new(0.5)
}

fn bytes(text: &str) -> Vec<u8> {
    text.as_bytes().to_vec()
}

#[tokio::test]
async fn what_a_trial_saves_is_safe_when_it_goes_on() {
    let keeps = Keeps { takes: Duration::from_millis(300), ..Keeps::default() };
    let log = keeps.clone();
    let happened = meet(&keeps, LONG, move |mut outbox| {
        let log = log.clone();
        async move {
            outbox.report(3, 0.5).await?;
            outbox.save_checkpoint(3, bytes("state")).await?;
            assert_eq!(log.log().last().map(String::as_str), Some("checkpoint 3: state"));
            outbox.save_artifact("plots/a.png", "image/png", bytes("png")).await?;
            Ok(done())
        }
    });
    let expected = ["report 3", "checkpoint 3: state", "plots/a.png (image/png): png", "finished"];
    assert_eq!(happened.await, expected);
}

#[tokio::test]
async fn a_file_is_taken_at_once_and_sent_in_pieces() {
    let keeps = Keeps { saves: script(&[AWAY]), ..Keeps::default() };
    let happened = meet(&keeps, LONG, |mut outbox| async move {
        let dir = tempfile::tempdir()?;
        let file = dir.path().join("model.pt");
        fs::write(&file, b"weights ".repeat(400_000))?;
        outbox.save_checkpoint(0, file.clone()).await?;
        // The first try failed, so it is not sent yet.
        fs::write(&file, "torn")?;
        outbox.save_artifact("model.pt", "", Content::Given(file.clone())).await?;
        assert!(!file.exists());
        Ok(done())
    });
    let expected =
        ["no checkpoint 0: weights ", "checkpoint 0: weights ", "model.pt (): torn", "finished"];
    assert_eq!(happened.await, expected);
}

#[tokio::test]
async fn a_checkpoint_comes_after_the_reports_up_to_its_step() {
    let keeps = Keeps { reports: script(&[AWAY, AWAY]), ..Keeps::default() };
    let happened = meet(&keeps, LONG, |mut outbox| async move {
        for step in 0..3 {
            outbox.report(step, 0.5).await?;
            // The coordinator is out of reach: nobody waits.
            outbox.save_checkpoint(step, bytes("state")).await?;
        }
        Ok(done())
    });
    let expected = ["report 0", "report 1", "report 2", "checkpoint 2: state", "finished"];
    assert_eq!(happened.await, expected);
}

#[tokio::test]
async fn a_newer_checkpoint_takes_the_place_of_one_that_could_not_be_sent() {
    let keeps = Keeps { saves: script(&[AWAY, Code::ResourceExhausted]), ..Keeps::default() };
    let happened = meet(&keeps, LONG, |mut outbox| async move {
        for (step, state) in [(0, "a"), (1, "b"), (2, "c")] {
            outbox.save_checkpoint(step, bytes(state)).await?;
        }
        Ok(done())
    });
    let expected = ["no checkpoint 0: a", "no checkpoint 1: b", "checkpoint 2: c", "finished"];
    assert_eq!(happened.await, expected);
}

#[tokio::test]
async fn of_two_artifacts_of_a_name_the_newer_is_kept_and_not_too_many_wait() {
    let keeps = Keeps { saves: script(&[AWAY]), reports: script(&[AWAY; 3]), ..Keeps::default() };
    let happened = meet(&keeps, LONG, |mut outbox| async move {
        outbox.save_artifact("a", "", bytes("1")).await?;
        // From now on the coordinator counts as out of reach.
        outbox.report(0, 0.5).await?;
        outbox.save_artifact("a", "", bytes("2")).await?;
        for other in 1..64 {
            outbox.save_artifact(&format!("{other}"), "", bytes("x")).await?;
        }
        let Err(TrialError::Failed(reason)) = outbox.save_artifact("b", "", bytes("x")).await
        else {
            panic!("one too many")
        };
        assert!(reason.contains("the artifact `b` is not saved: too many others wait"), "{reason}");
        Ok(done())
    });
    let happened = happened.await;
    assert_eq!(happened[..2], ["no a (): 1", "a (): 2"]);
    assert_eq!(happened.len(), 1 + 64 + 2, "{happened:?}");
}

#[tokio::test]
async fn what_is_refused_for_good_is_an_error_of_the_call() {
    let keeps = Keeps { saves: script(&[Code::InvalidArgument]), ..Keeps::default() };
    let happened = meet(&keeps, LONG, |mut outbox| async move {
        outbox.save_checkpoint(0, bytes("a")).await?;
        Ok(done())
    });
    let expected =
        ["no checkpoint 0: a", "failed: the checkpoint of step 0 was refused: as it was told"];
    assert_eq!(happened.await, expected);
}

#[tokio::test]
async fn what_is_wrong_with_a_call_is_said_before_anybody_is_asked() {
    let plain = Keeps::default();
    let happened = meet(&plain, LONG, |mut outbox| async move {
        let failed = |saved: Result<(), TrialError>| match saved {
            Err(TrialError::Failed(reason)) => reason,
            other => panic!("{other:?}"),
        };
        outbox.save_checkpoint(5, bytes("a")).await?;
        // Two of one step are worth the same.
        outbox.save_checkpoint(5, bytes("b")).await?;
        let reason = failed(outbox.save_checkpoint(4, bytes("a")).await);
        assert!(reason.contains("step 4 was saved after that of step 5; steps ascend"), "{reason}");
        assert!(failed(outbox.save_checkpoint(u64::MAX, bytes("a")).await).contains("2^63 - 1"));
        let nowhere = PathBuf::from("/nowhere/model.pt");
        let reason = failed(outbox.save_checkpoint(6, nowhere).await);
        let expected = "the checkpoint of step 6 is not saved: /nowhere/model.pt cannot be read";
        assert!(reason.contains(expected) && reason.contains("hint: "), "{reason}");
        // That took no step.
        outbox.save_checkpoint(6, bytes("c")).await?;
        Ok(done())
    });
    assert_eq!(happened.await, ["checkpoint 5: a", "checkpoint 6: c", "finished"]);
}

#[tokio::test]
async fn a_stale_lease_and_a_coordinator_without_a_store_stop_no_training() {
    let codes = [Code::FailedPrecondition, Code::Unimplemented];
    let keeps = Keeps { saves: script(&codes), ..Keeps::default() };
    let happened = meet(&keeps, LONG, |mut outbox| async move {
        for step in 0..2 {
            outbox.save_checkpoint(step, bytes("a")).await?;
        }
        Ok(done())
    });
    assert_eq!(happened.await, ["no checkpoint 0: a", "no checkpoint 1: a", "finished"]);
}

#[tokio::test]
async fn a_worker_that_leaves_hands_a_trial_back_once_its_checkpoint_is_safe() {
    let keeps = Keeps { takes: Duration::from_millis(100), ..Keeps::default() };
    let stop = keeps.stop.clone();
    let happened = meet(&keeps, LONG, move |mut outbox| {
        let stop = stop.clone();
        async move {
            outbox.report(0, 0.5).await?;
            outbox.save_checkpoint(0, bytes("a")).await?;
            assert!(!outbox.stop().should_checkpoint());
            stop.cancel();
            outbox.stop().leaving().await;
            outbox.report(1, 0.5).await?;
            let saved = outbox.save_checkpoint(1, bytes("b")).await;
            assert!(matches!(saved, Err(TrialError::HandBack(_))), "{saved:?}");
            saved?;
            Ok(done())
        }
    });
    let expected = ["report 0", "checkpoint 0: a", "report 1", "checkpoint 1: b", "released: "];
    assert_eq!(happened.await, expected);
}

#[tokio::test]
async fn a_step_that_is_safe_already_is_enough_for_a_worker_that_leaves() {
    let keeps = Keeps::default();
    let stop = keeps.stop.clone();
    let happened = meet(&keeps, LONG, move |mut outbox| {
        let stop = stop.clone();
        async move {
            outbox.save_checkpoint(0, bytes("a")).await?;
            stop.cancel();
            outbox.stop().leaving().await;
            outbox.save_checkpoint(0, bytes("once more")).await?;
            Ok(done())
        }
    });
    assert_eq!(happened.await, ["checkpoint 0: a", "released: "]);
}

#[tokio::test]
async fn what_is_unsent_at_the_end_of_the_grace_is_sent_before_the_trial_is_handed_back() {
    let keeps = Keeps { saves: script(&[AWAY]), ..Keeps::default() };
    let (stop, log) = (keeps.stop.clone(), keeps.clone());
    let happened = meet(&keeps, Duration::from_millis(10), move |mut outbox| {
        let (stop, log) = (stop.clone(), log.clone());
        async move {
            stop.cancel();
            outbox.stop().leaving().await;
            // It is not safe, so the trial goes on.
            outbox.save_checkpoint(0, bytes("a")).await?;
            log.note("goes on");
            outbox.stop().wanted().await;
            assert_eq!(outbox.save_checkpoint(1, bytes("b")).await, Err(TrialError::Stopped));
            std::future::pending().await
        }
    });
    let expected = ["no checkpoint 0: a", "goes on", "checkpoint 0: a", "released: "];
    assert_eq!(happened.await, expected);
}

#[tokio::test]
async fn a_worker_that_leaves_waits_a_short_time_only_for_a_store_that_is_away() {
    let keeps = Keeps { saves: script(&[AWAY; 100]), ..Keeps::default() };
    let (stop, began) = (keeps.stop.clone(), Instant::now());
    let happened = meet(&keeps, Duration::from_millis(10), move |mut outbox| {
        let stop = stop.clone();
        async move {
            stop.cancel();
            outbox.save_checkpoint(0, bytes("a")).await?;
            std::future::pending().await
        }
    });
    assert_eq!(happened.await.last().map(String::as_str), Some("released: "));
    assert!(began.elapsed() < LONG, "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_trial_that_asks_to_be_handed_back_goes_on_from_its_checkpoint() {
    let keeps = Keeps { saves: script(&[AWAY]), ..Keeps::default() };
    let happened = meet(&keeps, LONG, |mut outbox| async move {
        outbox.save_checkpoint(0, bytes("a")).await?;
        Err(TrialError::HandBack("no licence".to_owned()))
    });
    let expected = ["no checkpoint 0: a", "checkpoint 0: a", "released: no licence"];
    assert_eq!(happened.await, expected);
}

/// A coordinator that leases its trial with a checkpoint of step 7, and has these bytes for it.
fn with_checkpoint(saved: &[u8], has: &[u8]) -> Keeps {
    let (size, sha256) = (saved.len() as u64, Sha256::digest(saved).to_vec());
    let blob = Some(v1::Blob { key: "h/k".to_owned(), size, sha256 });
    let checkpoint = v1::Checkpoint { attempt: 1, step: 7, blob };
    Keeps { checkpoint: Some((checkpoint, has.to_vec())), ..Keeps::default() }
}

#[tokio::test]
async fn a_checkpoint_is_loaded_once_whole_and_its_file_goes_with_the_trial() {
    let state = b"state ".repeat(300_000);
    let keeps = Keeps { loads: script(&[AWAY, Code::Aborted]), ..with_checkpoint(&state, &state) };
    let path = Arc::new(Mutex::new(PathBuf::new()));
    let seen = Arc::clone(&path);
    let happened = meet(&keeps, LONG, move |mut outbox| {
        let (state, seen) = (state.clone(), Arc::clone(&seen));
        async move {
            let loaded = outbox.load_checkpoint().await?.expect("a checkpoint");
            assert_eq!((loaded.step, loaded.read()?), (7, state.clone()));
            assert_eq!(outbox.load_checkpoint().await?.as_ref(), Some(&loaded));
            *seen.lock().unwrap() = loaded.path;
            outbox.save_checkpoint(8, bytes("next")).await?;
            Ok(done())
        }
    });
    let expected = ["no load", "no load", "load", "checkpoint 8: next", "finished"];
    assert_eq!(happened.await, expected);
    assert!(!path.lock().unwrap().exists());
    let plain = Keeps::default();
    let happened = meet(&plain, LONG, |mut outbox| async move {
        assert_eq!(outbox.load_checkpoint().await?, None);
        assert_eq!(outbox.load_checkpoint_bytes().await?, None);
        Ok(done())
    });
    assert_eq!(happened.await, ["finished"]);
}

async fn loads(keeps: &Keeps) -> Vec<String> {
    let happened = meet(keeps, LONG, |mut outbox| async move {
        outbox.load_checkpoint().await?;
        Ok(done())
    });
    happened.await
}

#[tokio::test]
async fn a_checkpoint_that_is_not_what_was_saved_fails_the_trial() {
    let failed = |why: &str| {
        format!(
            "failed: the checkpoint of step 7 cannot be gone on from: {why}\n\
             hint: `kindling trial retry` begins again with the same parameters"
        )
    };
    for (has, why) in [
        (&b"stat"[..], "it has 4 of the 5 bytes that were saved"),
        (b"state and more", "it has more than the 5 bytes that were saved"),
        (b"taste", "its SHA-256 is another one than of what was saved"),
    ] {
        assert_eq!(loads(&with_checkpoint(b"state", has)).await, ["load".to_owned(), failed(why)]);
    }
    let missing = Keeps { loads: script(&[Code::NotFound]), ..with_checkpoint(b"a", b"a") };
    assert_eq!(loads(&missing).await, ["no load".to_owned(), failed("as it was told")]);
    let stale = Keeps { loads: script(&[Code::FailedPrecondition]), ..with_checkpoint(b"a", b"a") };
    assert_eq!(loads(&stale).await, ["no load"], "nothing is said of a trial that is lost");
}

#[tokio::test]
async fn a_worker_that_leaves_does_not_wait_for_a_checkpoint() {
    let keeps = Keeps { loads: script(&[AWAY; 100]), ..with_checkpoint(b"a", b"a") };
    let (stop, began) = (keeps.stop.clone(), Instant::now());
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(300)).await;
        stop.cancel();
    });
    let happened = loads(&keeps).await;
    assert!(began.elapsed() < LONG / 2, "{:?}", began.elapsed());
    assert_eq!(happened.first().map(String::as_str), Some("no load"));
    assert_eq!(happened.last().map(String::as_str), Some("released: "));
}

#[tokio::test]
async fn a_checkpoint_in_memory_is_checked_as_well() {
    let state = b"state".to_vec();
    let keeps = with_checkpoint(&state, &state);
    let happened = meet(&keeps, LONG, |mut outbox| async move {
        assert_eq!(outbox.load_checkpoint_bytes().await?, Some((7, b"state".to_vec())));
        Ok(done())
    });
    assert_eq!(happened.await, ["load", "finished"]);
}
