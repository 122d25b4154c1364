//! A study as one document.

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use super::documents;
use super::failure::Failure;
use super::named::{Asked, Named};
use super::pages::Pages;
use crate::budget::Caller;
use crate::view::Reading;

type Parts = mpsc::Sender<Result<Bytes, std::io::Error>>;

/// Sends it while it is made. Each trial is as it was when it was read, so one that ran may have gone on since the study was
/// read, and there is none that began after that. If something goes wrong, the document has no end.
pub(super) async fn whole(
    State(pages): State<Pages>,
    caller: Caller,
    Asked(Named { name }): Asked<Named>,
) -> Result<Response, Failure> {
    let place = pages.place(caller)?;
    let (reading, head) = Reading::begin(&pages.ledger, &name).await?;
    let (_, analysis) = pages.analyses.newest(&head.study, &name).await?;
    let analysis = str::from_utf8(&analysis).map_err(|e| Failure::Internal(e.to_string()))?;
    let around = documents::around(documents::beginning(&head), analysis);
    let (before, after) = around.map_err(|e| Failure::Internal(e.to_string()))?;
    let (parts, stream) = mpsc::channel(1);
    tokio::spawn(async move {
        if let Err(failure) = send(&pages, caller, reading, [before, after], &parts).await {
            let _ = parts.send(Err(std::io::Error::other(format!("{failure:?}")))).await;
        }
        drop(place);
    });
    let body = Body::from_stream(ReceiverStream::new(stream));
    Ok(([(header::CONTENT_TYPE, "application/json")], body).into_response())
}

/// Ends early if the browser leaves.
async fn send(
    pages: &Pages,
    caller: Caller,
    mut reading: Reading,
    [before, after]: [String; 2],
    parts: &Parts,
) -> Result<(), Failure> {
    let mut is_there = parts.send(Ok(before.into())).await.is_ok();
    let mut is_first = true;
    while is_there && let Some(list) = documents::trials(&mut reading).await? {
        let _share = pages.room_for_piece(caller, list.len()).await?;
        // Without the brackets; a comma stands between two lists.
        let list = list.slice(1..list.len() - 1);
        is_there = is_first || parts.send(Ok(Bytes::from_static(b","))).await.is_ok();
        is_first = false;
        is_there = is_there && parts.send(Ok(list)).await.is_ok();
    }
    let _ = parts.send(Ok(after.into())).await;
    Ok(())
}
