//! A study as it goes on: server-sent events.

use std::convert::Infallible;
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use kindling_report::Change;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use super::analyses::Basis;
use super::whole::{Whole, whole};
use super::{Failure, Pages};
use crate::ledger::LedgerError;
use crate::service::study::snapshot;

/// Changes within this time of each other are sent as one.
const GATHER: Duration = Duration::from_millis(250);
/// Something is said at least this often, so that silences stay fresh and dead connections show.
const REFRESH: Duration = Duration::from_secs(5);
/// An analysis is followed by another no sooner than this, and than so many times what it took.
const ANALYSE: Duration = Duration::from_secs(3);
const PAUSES: u32 = 20;

type Events = mpsc::Sender<Result<Bytes, Infallible>>;

/// The study, and then whatever changes.
pub(super) async fn events(
    State(pages): State<Pages>,
    Path(name): Path<String>,
) -> Result<Response, Failure> {
    let whole = whole(&pages.ledger, &name).await?;
    // One event waits at the most: a browser that does not read costs nothing more.
    let (events, stream) = mpsc::channel(1);
    let watching = pages.watchers.one_more();
    tokio::spawn(async move {
        let _watching = watching;
        let ended = follow(pages, name, whole, events).await;
        if let Err(failure) = ended {
            tracing::debug!(?failure, "a page is not told any more");
        }
    });
    let body = Body::from_stream(ReceiverStream::new(stream));
    Ok(([(header::CONTENT_TYPE, "text/event-stream")], body).into_response())
}

/// Until the browser leaves, the study is deleted or the coordinator stops. Then it is told how everything stands one
/// last time.
async fn follow(pages: Pages, name: String, whole: Whole, events: Events) -> Result<(), Failure> {
    let commits = pages.ledger.commits();
    let mut seen = whole.commits;
    let mut basis = Basis::of(&whole.study);
    let mut analyse_after = Instant::now() + ANALYSE;
    let document = in_background(move || whole.document()).await?;
    if events.send(event("document", &document)).await.is_err() {
        return Ok(());
    }
    let mut is_last = false;
    loop {
        let rings = commits.rings();
        let study = name.clone();
        let look = pages.ledger.look(move |state| snapshot(state, &study, seen, usize::MAX));
        match look.await {
            // The next one tells all that this one would have.
            Err(LedgerError::Overloaded) => {}
            Err(error) => return Err(error.into()),
            Ok(snapshot) => {
                let (now, now_seen) = snapshot?;
                seen = now_seen;
                let Some(study) = &now.study else { return Ok(()) };
                let change = json(&Change::new(study, &now.changed, &now.workers))?;
                if events.send(event("change", &change)).await.is_err() {
                    return Ok(());
                }
                let is_time = is_last || Instant::now() >= analyse_after;
                if is_time && !basis.covers(&Basis::of(study)) {
                    let start = Instant::now();
                    let (newest, json) = pages.analyses.newest(&pages.ledger, study, &name).await?;
                    basis = newest;
                    analyse_after = Instant::now() + ANALYSE.max(start.elapsed() * PAUSES);
                    if events.send(event("analysis", &json)).await.is_err() {
                        return Ok(());
                    }
                }
            }
        }
        if is_last {
            return Ok(());
        }
        tokio::select! {
            biased;
            () = pages.shutdown.cancelled() => is_last = true,
            () = events.closed() => return Ok(()),
            _ = commits.after(rings) => tokio::time::sleep(GATHER).await,
            () = tokio::time::sleep(REFRESH) => {}
        }
    }
}

/// JSON that was made on a thread that nobody waits for: much of it takes a while.
pub(super) async fn in_background(
    work: impl FnOnce() -> serde_json::Result<Vec<u8>> + Send + 'static,
) -> Result<Vec<u8>, Failure> {
    let made = tokio::task::spawn_blocking(work).await;
    let internal = |e: &dyn std::error::Error| Failure::Internal(e.to_string());
    made.map_err(|e| internal(&e))?.map_err(|e| internal(&e))
}

fn json(change: &Change) -> Result<Vec<u8>, Failure> {
    serde_json::to_vec(change).map_err(|e| Failure::Internal(e.to_string()))
}

/// JSON has no line breaks but in strings, where they are escaped.
#[expect(clippy::unnecessary_wraps, reason = "what a body's stream holds")]
fn event(name: &str, json: &[u8]) -> Result<Bytes, Infallible> {
    Ok([b"event: ", name.as_bytes(), b"\ndata: ", json, b"\n\n"].concat().into())
}
