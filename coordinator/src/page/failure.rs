//! Errors of the page, as HTTP responses.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use kindling_study::Refusal;

use crate::ledger::LedgerError;

/// Why a request failed.
#[derive(Debug)]
pub(super) enum Failure {
    /// There is no such study.
    Unknown(Refusal),
    /// The ledger cannot answer now.
    Ledger(LedgerError),
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

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let soon = [(header::RETRY_AFTER, "1")];
        match self {
            Self::Unknown(refusal) => (StatusCode::NOT_FOUND, refusal.to_string()).into_response(),
            Self::Ledger(error) => {
                (StatusCode::SERVICE_UNAVAILABLE, soon, error.to_string()).into_response()
            }
            Self::Crowded(what) => {
                let said = format!("{what}; try again in a moment");
                (StatusCode::SERVICE_UNAVAILABLE, soon, said).into_response()
            }
            Self::Internal(what) => (StatusCode::INTERNAL_SERVER_ERROR, what).into_response(),
        }
    }
}
