//! Errors as gRPC statuses.

use std::sync::Arc;

use kindling_artifacts::ArtifactError;
use kindling_proto::refusals::STORE_FAILS;
use kindling_study::Refusal;
use tonic::{Code, Status};

use crate::convert::Invalid;
use crate::ledger::LedgerError;
use crate::workers::Twin;

/// In bytes. In the header each byte may take three.
const MAX_MESSAGE: usize = 2000;

impl From<Invalid> for Status {
    fn from(error: Invalid) -> Self {
        status(Code::InvalidArgument, &error)
    }
}

impl From<LedgerError> for Status {
    fn from(error: LedgerError) -> Self {
        let code = match &error {
            LedgerError::Refused(refusal) => refusal_code(refusal),
            LedgerError::ReadOnly(_) | LedgerError::Overloaded => Code::ResourceExhausted,
            LedgerError::Closed => Code::Unavailable,
        };
        let mut status = status(code, &error);
        // For the page, which calls in the same process and has more statuses than gRPC. It does not go over the wire.
        status.set_source(Arc::new(error));
        status
    }
}

impl From<Twin> for Status {
    fn from(twin: Twin) -> Self {
        let code = match &twin {
            Twin::Crowded(_) => Code::ResourceExhausted,
            Twin::Alive { .. } => Code::AlreadyExists,
            Twin::Unknown(_) => Code::Unavailable,
        };
        status(code, &twin)
    }
}

pub(super) fn refused(refusal: &Refusal) -> Status {
    status(refusal_code(refusal), refusal)
}

/// Why something could not be saved: by the sender's fault, or the store's. Then the sender tries again.
pub(super) fn saved_status(error: &ArtifactError) -> Status {
    match error {
        ArtifactError::Mismatch(_) => status(Code::InvalidArgument, error),
        _ => status(Code::Unavailable, &format!("{STORE_FAILS}{}", hinted(error))),
    }
}

/// Why something could not be read. That it is gone, or damaged, will be so the next time, too.
pub(super) fn loaded_status(error: &ArtifactError) -> Status {
    match error {
        ArtifactError::Missing { .. } | ArtifactError::Damaged { .. } => {
            status(Code::NotFound, error)
        }
        _ => status(Code::Unavailable, &format!("{STORE_FAILS}{}", hinted(error))),
    }
}

fn hinted(error: &ArtifactError) -> String {
    let hint = error.hint().map(|hint| format!(" ({hint})")).unwrap_or_default();
    format!("{error}{hint}")
}

/// The message may quote what the caller sent. A status travels in a header, which must stay short.
fn status(code: Code, what: &impl std::fmt::Display) -> Status {
    let mut message = what.to_string();
    if message.len() > MAX_MESSAGE {
        message.truncate(message.floor_char_boundary(MAX_MESSAGE));
        message.push('…');
    }
    Status::new(code, message)
}

fn refusal_code(refusal: &Refusal) -> Code {
    match refusal {
        Refusal::TooManyStudies(_) | Refusal::TooMany { .. } | Refusal::TooManyRemarks { .. } => {
            Code::ResourceExhausted
        }
        Refusal::NoteChanged { .. } => Code::Aborted,
        Refusal::UnknownStudy(_)
        | Refusal::UnknownTrial { .. }
        | Refusal::UnknownTrialId(_)
        | Refusal::OtherHistory { .. } => Code::NotFound,
        Refusal::OtherSpec { .. }
        | Refusal::NameTaken(_)
        | Refusal::IsExternal(_)
        | Refusal::Conflict { .. }
        | Refusal::RequestReused { .. } => Code::AlreadyExists,
        // Optuna's clients take FAILED_PRECONDITION for a trial that is over.
        Refusal::NotExternal(_) => Code::PermissionDenied,
        Refusal::StaleLease { .. }
        | Refusal::BudgetSpent { .. }
        | Refusal::BudgetTooSmall { .. }
        | Refusal::NotFailed(_)
        | Refusal::NoCheckpoint(_)
        | Refusal::TrialIsOver(_)
        | Refusal::External(_)
        | Refusal::StillRunning(_) => Code::FailedPrecondition,
        Refusal::NotInSpace(_)
        | Refusal::Confirm(_)
        | Refusal::StepGoesBack { .. }
        | Refusal::TooManyReports { .. }
        | Refusal::TooManyArtifacts(_)
        | Refusal::OddFile(_)
        | Refusal::OddRemark(_)
        | Refusal::OtherValues { .. }
        | Refusal::OddReport(_)
        | Refusal::NoNumber
        | Refusal::WrongParam { .. }
        | Refusal::StepTooLarge(_) => Code::InvalidArgument,
    }
}
