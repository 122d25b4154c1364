//! What a page's program is answered when something is not done: why, and what to do instead.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Json, Response};
use serde_json::json;
use tonic::{Code, Status};

use super::failure::Failure;
use crate::ledger::LedgerError;

/// A refusal, as JSON.
#[derive(Debug)]
pub(super) struct Refused {
    status: StatusCode,
    error: String,
    hint: Option<&'static str>,
}

impl Refused {
    pub(super) fn new(status: StatusCode, error: impl Into<String>) -> Self {
        Self { status, error: error.into(), hint: None }
    }

    /// What was sent makes no sense.
    pub(super) fn malformed(error: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, error)
    }

    pub(super) fn with_hint(self, hint: &'static str) -> Self {
        Self { hint: Some(hint), ..self }
    }
}

impl From<Status> for Refused {
    fn from(status: Status) -> Self {
        let code = match status.code() {
            Code::NotFound => StatusCode::NOT_FOUND,
            Code::InvalidArgument | Code::OutOfRange => StatusCode::BAD_REQUEST,
            Code::FailedPrecondition
            | Code::AlreadyExists
            | Code::Aborted
            | Code::PermissionDenied => StatusCode::CONFLICT,
            Code::ResourceExhausted | Code::Unavailable | Code::Cancelled => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            Code::Unimplemented => StatusCode::NOT_IMPLEMENTED,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Self::new(code, status.message())
    }
}

impl From<LedgerError> for Refused {
    fn from(error: LedgerError) -> Self {
        Status::from(error).into()
    }
}

impl From<Failure> for Refused {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Unknown(refusal) => LedgerError::Refused(refusal).into(),
            Failure::Ledger(error) => error.into(),
            Failure::Refused(status) => status.into(),
            Failure::Filter(error) => Self::malformed(error.to_string()),
            Failure::Crowded(what) => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, format!("{what}; try again in a moment"))
            }
            Failure::Internal(what) => Self::new(StatusCode::INTERNAL_SERVER_ERROR, what),
        }
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let Self { status, error, hint } = self;
        let body = Json(json!({ "error": error, "hint": hint }));
        if status == StatusCode::SERVICE_UNAVAILABLE {
            return (status, [(header::RETRY_AFTER, "1")], body).into_response();
        }
        (status, body).into_response()
    }
}
