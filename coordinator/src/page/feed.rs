//! A study's changes as server-sent events.

use std::convert::Infallible;
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use kindling_proto::limits;
use kindling_report::Change;
use kindling_study::Refusal;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use super::analyses::Basis;
use super::failure::Failure;
use super::named::{Asked, Named};
use super::pages::{Made, Pages};
use crate::budget::{Caller, Share};
use crate::ledger::LedgerError;
use crate::view::{artifacts, snapshot};

/// Changes within this time are sent as one.
const GATHER: Duration = Duration::from_millis(250);
/// Something is sent at least this often, so that silences stay current and dead connections show.
const REFRESH: Duration = Duration::from_secs(5);
/// The least time between two analyses, also as a multiple of the time that the last one took.
const ANALYSE: Duration = Duration::from_secs(3);
const PAUSES: u32 = 20;
/// An event is sent in pieces of this many bytes.
const PIECE: usize = 64 * 1024;

type Events = mpsc::Sender<Result<Bytes, Infallible>>;

/// Sends the study, and then its changes.
pub(super) async fn events(
    State(pages): State<Pages>,
    caller: Caller,
    Asked(Named { name }): Asked<Named>,
) -> Result<Response, Failure> {
    let place = pages.place(caller)?;
    let made = pages.make(&name).await?;
    let share = pages.room_for(caller, made.json.len())?;
    let (events, stream) = mpsc::channel(1);
    let watching = pages.watchers.one_more();
    tokio::spawn(async move {
        let _watching = watching;
        let ended = follow(pages, caller, name, made, share, events).await;
        if let Err(failure) = ended {
            tracing::debug!(?failure, "a page is not told any more");
        }
        drop(place);
    });
    let body = Body::from_stream(ReceiverStream::new(stream));
    Ok(([(header::CONTENT_TYPE, "text/event-stream")], body).into_response())
}

/// Sends changes until the browser leaves, the study is deleted or the coordinator stops. In the
/// last case it sends the final state before it ends.
async fn follow(
    pages: Pages,
    caller: Caller,
    name: String,
    made: Made,
    share: Share,
    events: Events,
) -> Result<(), Failure> {
    let commits = pages.ledger.commits();
    let Made { json, mut basis, mut seen, artifacts: mut told } = made;
    let mut analyse_after = Instant::now() + ANALYSE;
    if send(&events, "document", json).await.is_err() {
        return Ok(());
    }
    drop(share);
    let mut is_last = false;
    loop {
        let rings = commits.rings();
        let study = name.clone();
        let look = pages.ledger.look(move |state| {
            let now = snapshot(state, &study, seen, limits::MESSAGE)?;
            Ok::<_, Refusal>((now, artifacts(state, &study)?))
        });
        let mut more = false;
        match look.await {
            // The next snapshot includes everything that this one would have.
            Err(LedgerError::Overloaded) => {}
            Err(error) => return Err(error.into()),
            Ok(snapshot) => {
                let (now, files) = snapshot?;
                let Some(study) = &now.message.study else { return Ok(()) };
                let mut change = Change::new(study, &now.message.changed, &now.message.workers);
                if files != told {
                    change = change.with_artifacts(&files);
                }
                let change = Bytes::from(json_of(&change)?);
                // If there is no room, the change is part of a later one.
                if let Ok(_share) = pages.room_for(caller, change.len()) {
                    (seen, more, told) = (now.seen, now.more, files);
                    if send(&events, "change", change).await.is_err() {
                        return Ok(());
                    }
                }
                let is_time = is_last || Instant::now() >= analyse_after;
                if is_time && !basis.covers(&Basis::of(study)) {
                    let start = Instant::now();
                    let (newest, json) = pages.analyses.newest(study, &name).await?;
                    basis = newest;
                    analyse_after = Instant::now() + ANALYSE.max(start.elapsed() * PAUSES);
                    if send(&events, "analysis", json).await.is_err() {
                        return Ok(());
                    }
                }
            }
        }
        if more {
            continue;
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

fn json_of(change: &Change) -> Result<Vec<u8>, Failure> {
    serde_json::to_vec(change).map_err(|e| Failure::Internal(e.to_string()))
}

/// Sends an event, piece by piece. When it returns, all but the last two pieces are on their way.
/// JSON has line breaks only in strings, where they are escaped.
async fn send(events: &Events, name: &str, json: Bytes) -> Result<(), Left> {
    let head = Bytes::from(format!("event: {name}\ndata: "));
    for mut piece in [head, json, Bytes::from_static(b"\n\n")] {
        while !piece.is_empty() {
            let next = piece.split_to(piece.len().min(PIECE));
            events.send(Ok(next)).await.map_err(|_| Left)?;
        }
    }
    Ok(())
}

/// The browser has left.
struct Left;
