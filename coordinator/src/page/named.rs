//! The study that a request asks for.

use axum::extract::{FromRequestParts, Path, Query};
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

/// A study's name, in the path or in the query. A path cannot contain the names `.` and `..`.
#[derive(Deserialize)]
pub(super) struct Named {
    pub(super) name: String,
}

impl<S: Send + Sync> FromRequestParts<S> for Named {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        if let Ok(Path(name)) = Path::from_request_parts(parts, state).await {
            return Ok(Self { name });
        }
        let named = Query::from_request_parts(parts, state).await;
        named.map(|Query(named)| named).map_err(IntoResponse::into_response)
    }
}
