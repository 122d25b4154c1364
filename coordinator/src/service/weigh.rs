//! Limits the memory of calls: requests until they are answered, and large answers until they are
//! read.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http_body::Frame;
use kindling_proto::limits;
use tonic::Status;

use crate::budget::{Budget, Caller, Share, held};

/// Not counted: their messages come one by one, and each is bounded by itself. There may be only so many uploads, and they
/// are read only as fast as they are put away.
const STREAMS: [&str; 3] = [
    "/kindling.v1.WorkerService/Heartbeat",
    "/kindling.v1.WorkerService/Save",
    "/kindling.v1.ArtifactService/SaveArtifact",
];

/// Counts a request's bytes until it is answered, and a large answer's until it was read.
pub(super) async fn weigh(State(asked): State<Budget>, request: Request, next: Next) -> Response {
    let caller = Caller::of(request.extensions());
    let is_counted = !STREAMS.contains(&request.uri().path());
    let share = asked.take(caller, 0).filter(|_| is_counted).map(|s| Arc::new(Mutex::new(s)));
    let request = match &share {
        Some(share) => {
            let weighed = |body| Body::new(Weighed { body, bytes: 0, share: share.clone() });
            request.map(weighed)
        }
        None => request,
    };
    let mut response = next.run(request).await;
    drop(share);
    match response.extensions_mut().remove::<Arc<Share>>() {
        Some(share) => response.map(|body| held(body, share)),
        None => response,
    }
}

/// A request's body. It takes a share as it is read.
struct Weighed {
    body: Body,
    bytes: usize,
    share: Arc<Mutex<Share>>,
}

impl HttpBody for Weighed {
    type Data = Bytes;
    type Error = tonic::codegen::StdError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let frame = match ready!(Pin::new(&mut self.body).poll_frame(context)) {
            Some(frame) => frame?,
            None => return Poll::Ready(None),
        };
        let more = frame.data_ref().map_or(0, Bytes::len);
        self.bytes += more;
        // Nearly all calls are small, and small ones are never turned away.
        let is_small = self.bytes <= limits::SMALL;
        let mut share = self.share.lock().unwrap_or_else(PoisonError::into_inner);
        if !is_small && !share.grow(more) {
            let said = "too many large requests are under way; try again in a moment";
            return Poll::Ready(Some(Err(Status::resource_exhausted(said).into())));
        }
        Poll::Ready(Some(Ok(frame)))
    }
}
