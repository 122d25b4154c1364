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
use serde::Serialize;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use super::analyses::Basis;
use super::documents;
use super::failure::Failure;
use super::named::{Asked, Named};
use super::pages::Pages;
use crate::budget::Caller;
use crate::ledger::LedgerError;
use crate::view::{Head, Reading, artifacts, snapshot};

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
    let (reading, head) = Reading::begin(&pages.ledger, &name).await?;
    let (events, stream) = mpsc::channel(1);
    let watching = pages.watchers.one_more();
    tokio::spawn(async move {
        let _watching = watching;
        let ended = follow(pages, caller, name, reading, head, events).await;
        if let Err(failure) = ended {
            tracing::debug!(?failure, "a page is not told any more");
        }
        drop(place);
    });
    let body = Body::from_stream(ReceiverStream::new(stream));
    Ok(([(header::CONTENT_TYPE, "text/event-stream")], body).into_response())
}

/// Sends the study piece by piece, and then changes, until the browser leaves, the study is deleted or the coordinator
/// stops. In the last case it sends the final state before it ends.
async fn follow(
    pages: Pages,
    caller: Caller,
    name: String,
    mut reading: Reading,
    head: Head,
    events: Events,
) -> Result<(), Failure> {
    let commits = pages.ledger.commits();
    let begin = json_of(&documents::beginning(&head))?;
    let Head { study, artifacts: mut told, .. } = head;
    if send(&events, "begin", begin).await.is_err() {
        return Ok(());
    }
    let id = study.id;
    drop(study);
    for is_first in [true, false] {
        while let Some(piece) = documents::trials(&mut reading).await? {
            let _share = pages.room_for_piece(caller, piece.len()).await?;
            if send(&events, "trials", piece).await.is_err() {
                return Ok(());
            }
        }
        if is_first {
            reading.again().await?;
        }
    }
    let mut seen = reading.seen;
    drop(reading);
    let mut basis: Option<Basis> = None;
    let mut analyse_after = Instant::now();
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
                // What has another id is another study, which took the name.
                let study = now.message.study.as_ref().filter(|study| study.id == id);
                let Some(study) = study else { return Ok(()) };
                let mut change = Change::new(study, &now.message.changed, &now.message.workers);
                if files != told {
                    change = change.with_artifacts(&files);
                }
                let change = json_of(&change)?;
                // If there is no room, the change is part of a later one.
                if let Ok(_share) = pages.room_for(caller, change.len()) {
                    (seen, more, told) = (now.seen, now.more, files);
                    if send(&events, "change", change).await.is_err() {
                        return Ok(());
                    }
                }
                let is_time = is_last || Instant::now() >= analyse_after;
                if is_time && !basis.as_ref().is_some_and(|b| b.covers(&Basis::of(study))) {
                    let start = Instant::now();
                    let (newest, json) = pages.analyses.newest(study, &name).await?;
                    basis = Some(newest);
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

fn json_of(of: &impl Serialize) -> Result<Bytes, Failure> {
    serde_json::to_vec(of).map(Bytes::from).map_err(|e| Failure::Internal(e.to_string()))
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
