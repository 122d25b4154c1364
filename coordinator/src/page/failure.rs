//! Errors of the page, as HTTP responses.

use std::error::Error as _;

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use kindling_report::FilterError;
use kindling_study::Refusal;

use tonic::{Code, Status};

use crate::ledger::LedgerError;

/// Why a request failed.
#[derive(Debug)]
pub(super) enum Failure {
    /// There is no such study.
    Unknown(Refusal),
    /// The ledger cannot answer now.
    Ledger(LedgerError),
    /// A service refused what the page asked it.
    Refused(Status),
    /// The filter makes no sense.
    Filter(FilterError),
    /// Too many requests of this kind.
    Crowded(&'static str),
    /// A bug.
    Internal(String),
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::Unknown(refusal)
    }
}

impl From<LedgerError> for Failure {
    fn from(error: LedgerError) -> Self {
        match error {
            LedgerError::Refused(refusal) => Self::Unknown(refusal),
            other => Self::Ledger(other),
        }
    }
}

impl From<FilterError> for Failure {
    fn from(error: FilterError) -> Self {
        Self::Filter(error)
    }
}

impl From<Status> for Failure {
    fn from(status: Status) -> Self {
        Self::Refused(status)
    }
}

/// The status of a thing of which there is too much. What is refused because the store or the ledger cannot for now is not that.
pub(super) fn exhausted(status: &Status) -> StatusCode {
    match ledgers(status) {
        Some(LedgerError::ReadOnly(_) | LedgerError::Overloaded) => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::TOO_MANY_REQUESTS,
    }
}

/// What the core refused, if that is what the status says.
pub(super) fn refusal(status: &Status) -> Option<&Refusal> {
    match ledgers(status)? {
        LedgerError::Refused(refusal) => Some(refusal),
        _ => None,
    }
}

fn ledgers(status: &Status) -> Option<&LedgerError> {
    status.source()?.downcast_ref()
}

/// The same in HTTP.
fn code(status: &Status) -> StatusCode {
    match status.code() {
        Code::NotFound => StatusCode::NOT_FOUND,
        Code::InvalidArgument | Code::OutOfRange => StatusCode::BAD_REQUEST,
        Code::FailedPrecondition => StatusCode::CONFLICT,
        Code::Unimplemented => StatusCode::NOT_IMPLEMENTED,
        Code::ResourceExhausted => exhausted(status),
        Code::Unavailable | Code::Cancelled | Code::Aborted => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let soon = [(header::RETRY_AFTER, "1")];
        match self {
            Self::Unknown(refusal) => (StatusCode::NOT_FOUND, refusal.to_string()).into_response(),
            Self::Ledger(error) => {
                (StatusCode::SERVICE_UNAVAILABLE, soon, error.to_string()).into_response()
            }
            Self::Refused(status) => {
                let (code, said) = (code(&status), status.message().to_owned());
                match code {
                    // Nothing that only looks meets what is full for good.
                    StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS => {
                        (code, soon, said).into_response()
                    }
                    _ => (code, said).into_response(),
                }
            }
            Self::Filter(error) => {
                let hint = error.hint.as_ref().map(|hint| format!("\nhint: {hint}"));
                let said = format!("{error}{}\n", hint.unwrap_or_default());
                (StatusCode::BAD_REQUEST, said).into_response()
            }
            Self::Crowded(what) => {
                let said = format!("{what}; try again in a moment");
                (StatusCode::TOO_MANY_REQUESTS, soon, said).into_response()
            }
            Self::Internal(what) => (StatusCode::INTERNAL_SERVER_ERROR, what).into_response(),
        }
    }
}
