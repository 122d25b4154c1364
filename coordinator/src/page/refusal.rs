//! What a page's program is answered when something is not done: why, and what to do instead.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Json, Response};
use kindling_study::Refusal;
use serde_json::json;
use tonic::{Code, Status};

use super::failure::{Failure, exhausted, refusal};
use crate::ledger::LedgerError;

/// A refusal, as JSON.
#[derive(Debug)]
pub(super) struct Refused {
    status: StatusCode,
    error: String,
    hint: Option<&'static str>,
    /// Whether it passes by itself, and soon.
    passes: bool,
}

impl Refused {
    pub(super) fn new(status: StatusCode, error: impl Into<String>) -> Self {
        let passes = status == StatusCode::SERVICE_UNAVAILABLE;
        Self { status, error: error.into(), hint: None, passes }
    }

    /// There is too much of something for now.
    pub(super) fn crowded(error: impl Into<String>) -> Self {
        Self { passes: true, ..Self::new(StatusCode::TOO_MANY_REQUESTS, error) }
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
            Code::ResourceExhausted => exhausted(&status),
            Code::Unavailable | Code::Cancelled => StatusCode::SERVICE_UNAVAILABLE,
            Code::Unimplemented => StatusCode::NOT_IMPLEMENTED,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        match refusal(&status) {
            Some(refusal) => Self { hint: hint(refusal), ..Self::new(code, status.message()) },
            None if code == StatusCode::TOO_MANY_REQUESTS => Self::crowded(status.message()),
            None => Self::new(code, status.message()),
        }
    }
}

/// How to make room, where no wait does.
fn hint(refusal: &Refusal) -> Option<&'static str> {
    match refusal {
        Refusal::TooManyStudies(_) => Some("delete studies that nobody needs any more"),
        Refusal::TooManyRemarks { .. } => {
            Some("shorten notes of this study's trials, or take tags off them")
        }
        _ => None,
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
            Failure::Crowded(what) => Self::crowded(what).with_hint("try again in a moment"),
            Failure::Internal(what) => Self::new(StatusCode::INTERNAL_SERVER_ERROR, what),
        }
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let Self { status, error, hint, passes } = self;
        let body = Json(json!({ "error": error, "hint": hint }));
        if passes {
            return (status, [(header::RETRY_AFTER, "1")], body).into_response();
        }
        (status, body).into_response()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_many_is_429_with_what_to_do_and_what_cannot_be_written_now_is_503() {
        let of = |error: LedgerError| {
            let refused = Refused::from(error);
            (refused.status.as_u16(), refused.hint.is_some(), refused.passes)
        };
        let kept = |refusal: Refusal| of(LedgerError::Refused(refusal));
        assert_eq!(kept(Refusal::TooManyStudies(10_000)), (429, true, false));
        assert_eq!(kept(Refusal::TooManyRemarks { most: 1 << 20 }), (429, true, false));
        assert_eq!(kept(Refusal::UnknownStudy("s".to_owned())), (404, false, false));
        assert_eq!(of(LedgerError::ReadOnly("the disk is full".to_owned())), (503, false, true));
        assert_eq!(of(LedgerError::Overloaded), (503, false, true));
        // A service's own.
        let busy = Refused::from(Status::resource_exhausted("a replay is under way"));
        assert_eq!((busy.status.as_u16(), busy.passes), (429, true));

        let crowded = Refused::from(Failure::Crowded("too many changes are being made"));
        assert_eq!((crowded.status.as_u16(), crowded.hint), (429, Some("try again in a moment")));
        let later = crowded.into_response().headers().contains_key(header::RETRY_AFTER);
        assert!(later, "it passes");
        let full = Refused::from(LedgerError::Refused(Refusal::TooManyStudies(1)));
        let later = full.into_response().headers().contains_key(header::RETRY_AFTER);
        assert!(!later, "no wait helps");
        assert_eq!(Failure::Crowded("x").into_response().status(), 429);
        let over = Failure::from(LedgerError::Overloaded).into_response();
        assert_eq!(over.status(), 503);
    }
}
