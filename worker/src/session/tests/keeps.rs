//! A coordinator that keeps what a trial saves, and fails as it is told.

use std::fs;
use std::path::{Path, PathBuf};

use kindling_artifacts::{ArtifactStore, Key};
use kindling_proto::refusals::{NO_ROOM, NOT_THERE, STORE_FAILS};
use sha2::{Digest as _, Sha256};
use tonic::Code;

use super::*;
use crate::session::drawers::Drawers;

/// How the calls of one sort are answered, one after another; then all is well.
pub(super) type Script = Arc<Mutex<Vec<Code>>>;

/// Leases out one trial, and keeps what it saves.
#[derive(Clone, Default)]
pub(super) struct Keeps {
    /// All that happened, in order.
    pub(super) log: Arc<Mutex<Vec<String>>>,
    pub(super) reports: Script,
    pub(super) saves: Script,
    pub(super) loads: Script,
    /// How long a save takes.
    pub(super) takes: Duration,
    /// The checkpoint that the trial is leased with, and its bytes.
    pub(super) checkpoint: Option<(v1::Checkpoint, Vec<u8>)>,
    pub(super) stop: CancellationToken,
    /// Where the coordinator looks for what its workers put there themselves.
    pub(super) place: Option<ArtifactStore>,
    /// Where its worker puts that.
    pub(super) direct: Option<ArtifactStore>,
    /// Whether what lies there is swept up after each call that fails.
    pub(super) sweeps: bool,
    /// Whether its artifact store fails whenever it looks at what the worker has put there.
    pub(super) is_blind: bool,
    /// With each call that saved something.
    pub(super) keys: Arc<Mutex<Vec<String>>>,
}

impl Keeps {
    pub(super) fn note(&self, what: impl Into<String>) {
        self.log.lock().unwrap().push(what.into());
    }

    fn next(script: &Script) -> Result<(), Status> {
        let mut script = script.lock().unwrap();
        if script.is_empty() {
            return Ok(());
        }
        let code = script.remove(0);
        let no_room = format!("{NO_ROOM}90 of the 100 bytes that they may have");
        let is_full = code == Code::ResourceExhausted;
        Err(Status::new(code, if is_full { &no_room } else { "as it was told" }))
    }

    pub(super) fn log(&self) -> Vec<String> {
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
        self.keys.lock().unwrap().push(blob.key.clone());
        let is_put = !blob.key.is_empty();
        if is_put {
            assert_eq!(bytes, b"", "nothing passes the coordinator");
        } else {
            assert_eq!(blob.size, bytes.len() as u64);
            assert_eq!(blob.sha256, Sha256::digest(&bytes).to_vec());
        }
        assert_eq!(saving.claim, Some(claim(0)));
        let mut what = match saving.what.expect("a checkpoint or an artifact") {
            v1::saving::What::CheckpointStep(step) => format!("checkpoint {step}"),
            v1::saving::What::ArtifactName(name) => format!("{name} ({})", saving.media_type),
        };
        let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(8)]).into_owned();
        tokio::time::sleep(self.takes).await;
        let mut answer = Self::next(&self.saves);
        if is_put {
            what.push_str(" put there");
            let place = self.place.as_ref().expect("a place");
            let key = Key::parse(&blob.key).expect("a key");
            let seen = place.size(key).await.is_ok_and(|size| size == blob.size);
            if answer.is_ok() && !seen {
                answer = Err(Status::invalid_argument(format!("{NOT_THERE}{key} is not there")));
            }
            if answer.is_ok() && self.is_blind {
                answer = Err(Status::unavailable(format!("{STORE_FAILS}no permission")));
            }
            if answer.is_err() && self.sweeps {
                place.delete(key).await.expect("swept up");
            }
        }
        if let Err(status) = answer {
            self.note(format!("no {what}: {shown}"));
            return Err(status);
        }
        self.note(format!("{what}: {shown}"));
        Ok(Response::new(v1::SaveResponse {}))
    }

    async fn load(&self, request: Request<v1::LoadRequest>) -> Reply<Self::LoadStream> {
        let v1::LoadRequest { claim: by, key } = request.into_inner();
        let (checkpoint, bytes) = self.checkpoint.as_ref().expect("a checkpoint");
        let blob = checkpoint.blob.as_ref().expect("a blob");
        assert_eq!((by, key), (Some(claim(0)), blob.key.clone()));
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
pub(super) async fn meet<F, R>(keeps: &Keeps, grace: Duration, train: F) -> Vec<String>
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
    let training = Arc::new(Trains(train));
    let session = Session::new(Transport::new(server), worker, training, keeps.stop.clone());
    match &keeps.direct {
        Some(store) => session.with_artifacts(store.clone()),
        None => session,
    }
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

pub(super) const LONG: Duration = Duration::from_secs(9);
pub(super) const AWAY: Code = Code::Unavailable;

pub(super) fn script(codes: &[Code]) -> Script {
    Arc::new(Mutex::new(codes.to_vec()))
}

pub(super) fn done() -> Completion {
    Completion::new(0.5)
}

pub(super) fn bytes(text: &str) -> Vec<u8> {
    text.as_bytes().to_vec()
}
