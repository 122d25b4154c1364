//! What a request asks for: a study, and maybe a trial or a file of it.

use axum::RequestPartsExt as _;
use axum::extract::{FromRequestParts, Path, Query, RawPathParams};
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// Names, in the path or in the query. A path cannot contain the names `.` and `..`.
pub(super) struct Asked<T>(pub(super) T);

/// A study.
#[derive(Deserialize)]
pub(super) struct Named {
    pub(super) name: String,
}

/// A trial of a study.
#[derive(Deserialize)]
pub(super) struct NamedTrial {
    pub(super) name: String,
    pub(super) trial: u32,
}

/// An artifact of a trial, or of the study itself.
#[derive(Deserialize)]
pub(super) struct NamedFile {
    pub(super) name: String,
    pub(super) trial: Option<u32>,
    pub(super) file: String,
}

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Asked<T> {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        let in_path = parts.extract::<RawPathParams>().await;
        if in_path.is_ok_and(|names| names.iter().next().is_some()) {
            let named = Path::from_request_parts(parts, state).await;
            return named.map(|Path(named)| Self(named)).map_err(IntoResponse::into_response);
        }
        let named = Query::from_request_parts(parts, state).await;
        named.map(|Query(named)| Self(named)).map_err(IntoResponse::into_response)
    }
}
