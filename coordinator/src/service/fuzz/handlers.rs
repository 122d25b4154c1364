//! The handlers, called in this process.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::path::Path;
use std::sync::Arc;

use kindling_artifacts::{ArtifactStore, Location};
use kindling_proto::limits;
use kindling_study::{Tick, Wall};
use rand::{TryCryptoRng, TryRng};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;

use super::messages::{Grammar, MARK, Method};
use super::*;
use crate::artifacts::Artifacts;
use crate::clock::Clock;
use crate::ledger::Ledger;
use crate::proofs::{Random, is_long, proofs};
use crate::service::Service;
use crate::store::SqliteStore;

/// A new world is made after this many calls, so that there is always something to change.
const CALLS_OF_A_WORLD: usize = 150;

/// A clock that stands still, so that answers differ only by what changed.
struct Still;

impl Clock for Still {
    fn tick(&self) -> Tick {
        Tick(Duration::from_secs(1))
    }

    fn wall(&self) -> Wall {
        Wall(1_700_000_000_000_000)
    }
}

/// Gives every lease the same mark, [`MARK`], so that messages can name it.
struct Same;

impl TryRng for Same {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(0)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(0)
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        bytes.copy_from_slice(MARK.as_bytes());
        Ok(())
    }
}

impl TryCryptoRng for Same {}

/// The services, on a store in a file.
pub(super) async fn world() -> (Routes, TempDir) {
    let folder = TempDir::new().expect("a folder");
    let (routes, _) = serve(folder.path());
    populate(routes.clone()).await;
    (routes, folder)
}

fn serve(folder: &Path) -> (Routes, Ledger) {
    let store = SqliteStore::open(&folder.join("study.db")).expect("a store that opens");
    let (clock, term) = (Arc::new(Still), Duration::from_secs(30));
    let (ledger, _) = Ledger::start_drawing(store, clock, term, Box::new(Same)).expect("started");
    let store = ArtifactStore::open(&Location::Folder(folder.join("artifacts"))).expect("a folder");
    let artifacts = Artifacts::new(store, limits::ARTIFACTS);
    let service = Service::new(ledger.clone(), CancellationToken::new(), artifacts);
    (service.routes(), ledger)
}

/// What a coordinator shows that starts from the current files, as after a crash.
pub(super) async fn shown_after_a_restart(folder: &Path) -> Vec<u8> {
    let copy = TempDir::new().expect("a folder");
    for name in ["study.db", "study.db-wal"] {
        std::fs::copy(folder.join(name), copy.path().join(name)).expect("copied");
    }
    let (routes, ledger) = serve(copy.path());
    let shown = shown(routes).await;
    ledger.end().await;
    shown
}

/// A random body for a call of this method.
pub(super) fn body(grammar: &Grammar, method: &Method, random: &mut Random) -> Vec<Bytes> {
    let messages = if method.takes_a_stream { random.within(0..4) } else { 1 };
    (0..messages).map(|_| framed(&grammar.message(method, random))).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_message_breaks_a_handler() {
    let before = panics();
    let grammar = Grammar::new();
    assert!(grammar.methods.len() >= 19, "the descriptors are read");
    let calls = proofs(4000, 200_000);
    let mut random = Random::new(1);
    let mut codes = BTreeMap::<String, u32>::new();
    let mut restarts = 0;
    let (mut routes, mut folder) = world().await;
    let mut state = shown(routes.clone()).await;
    for number in 0..calls {
        if number % CALLS_OF_A_WORLD == 0 {
            (routes, folder) = world().await;
            state = shown(routes.clone()).await;
        }
        let method = &grammar.methods[number % grammar.methods.len()];
        let body = body(&grammar, method, &mut random);
        let answer = call(routes.clone(), &method.path, body, method.waits).await;
        let now = shown(routes.clone()).await;
        let code = outcome(&answer, now == state, || format!("call {number}, {}", method.path));
        *codes.entry(code).or_default() += 1;
        if now != state {
            let again = shown_after_a_restart(folder.path()).await;
            assert!(again == now, "call {number}, {}: a restart loses it", method.path);
            restarts += 1;
        }
        state = now;
        assert_eq!(panics(), before, "call {number}, {}", method.path);
    }
    drop(folder);
    assert!(restarts > calls / 100, "too little is taken to say anything: {restarts}");
    assert!(codes["Ok"] as usize > calls / 20, "too little is valid to say anything: {codes:?}");
    if is_long() {
        eprintln!(
            "handlers: {calls} calls of {} methods, 0 panics, 0 changes by a refused one, {restarts} by \
             others that were all there after a restart: {codes:?}",
            grammar.methods.len()
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_framing_breaks_a_handler() {
    let before = panics();
    let grammar = Grammar::new();
    let (routes, _folder) = world().await;
    let state = shown(routes.clone()).await;
    for method in &grammar.methods {
        for body in [
            vec![],
            vec![Bytes::from_static(&[0])],
            vec![Bytes::from_static(&[0, 0, 0, 0, 9, 1])],
            vec![Bytes::from_static(&[1, 0, 0, 0, 1, 1])],
            vec![Bytes::from_static(&[255, 255, 255, 255, 255])],
            vec![Bytes::from_static(&[0, 255, 255, 255, 255, 0])],
            vec![framed(&[0x0A]), framed(&[0x0A])],
            vec![framed(&vec![0x7A; 5_000_000])],
        ] {
            let answer = call(routes.clone(), &method.path, body, method.waits).await;
            if let Answer::Status(status) = answer {
                assert!(is_typed(&status), "{}: {status:?}", method.path);
            }
        }
    }
    let unknown = call(routes.clone(), "/kindling.v1.StudyService/Guess", vec![], false).await;
    assert!(matches!(unknown, Answer::Status(status) if status.code() == Code::Unimplemented));
    assert!(shown(routes).await == state);
    assert_eq!(panics(), before);
}
