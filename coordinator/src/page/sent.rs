//! A change that somebody sends: JSON, of bounded size, which has to arrive soon.

use std::time::Duration;

use axum::body::to_bytes;
use axum::extract::Request;
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use kindling_proto::limits;
use serde::de::DeserializeOwned;
use tonic::metadata::MetadataMap;

use super::pages::Pages;
use super::refusal::Refused;
use crate::budget::{Caller, Share};
use crate::who::USER;

/// How long a body may take. Nobody types it in as it is sent.
const TIME: Duration = Duration::from_secs(10);

/// Who sent it.
pub(super) struct Sender {
    parts: Parts,
    /// Its place among the changes at a time.
    _place: Share,
}

/// What was sent, and by whom.
pub(super) async fn read<T: DeserializeOwned>(
    pages: &Pages,
    request: Request,
) -> Result<(T, Sender), Refused> {
    let place = pages.place_for_change(Caller::of(request.extensions()))?;
    let (parts, body) = request.into_parts();
    let told = parts.headers.get(header::CONTENT_LENGTH);
    let told = told.and_then(|bytes| bytes.to_str().ok()?.parse::<u64>().ok());
    if told.is_some_and(|bytes| bytes > limits::PAGE_CHANGE as u64) {
        return Err(too_large());
    }
    let read = tokio::time::timeout(TIME, to_bytes(body, limits::PAGE_CHANGE)).await;
    let late = |_| Refused::new(StatusCode::REQUEST_TIMEOUT, "the change took too long to arrive");
    // Or it broke off, and then nobody hears this.
    let bytes = read.map_err(late)?.map_err(|_| too_large())?;
    let wanted = serde_json::from_slice(&bytes)
        .map_err(|error| Refused::malformed(format!("this is no change: {error}")))?;
    Ok((wanted, Sender { parts, _place: place }))
}

fn too_large() -> Refused {
    let most = limits::PAGE_CHANGE >> 20;
    Refused::new(StatusCode::PAYLOAD_TOO_LARGE, format!("a change has at most {most} MiB"))
}

impl Sender {
    /// A call of a service in this process, on the sender's behalf.
    pub(super) fn call<M>(&self, message: M) -> tonic::Request<M> {
        let user = self.parts.headers.get(USER).map(|user| (USER, user.clone()));
        let metadata = MetadataMap::from_headers(user.into_iter().collect());
        tonic::Request::from_parts(metadata, self.parts.extensions.clone(), message)
    }
}
