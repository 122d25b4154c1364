//! Errors as gRPC statuses.

use kindling_study::Refusal;
use tonic::{Code, Status};

use crate::convert::Invalid;
use crate::ledger::LedgerError;

impl From<Invalid> for Status {
    fn from(error: Invalid) -> Self {
        Self::invalid_argument(error.to_string())
    }
}

impl From<LedgerError> for Status {
    fn from(error: LedgerError) -> Self {
        let code = match &error {
            LedgerError::Refused(refusal) => refusal_code(refusal),
            LedgerError::ReadOnly(_) | LedgerError::Overloaded => Code::ResourceExhausted,
            LedgerError::Closed => Code::Unavailable,
        };
        Self::new(code, error.to_string())
    }
}

pub(super) fn refused(refusal: &Refusal) -> Status {
    Status::new(refusal_code(refusal), refusal.to_string())
}

fn refusal_code(refusal: &Refusal) -> Code {
    match refusal {
        Refusal::UnknownStudy(_) | Refusal::UnknownTrial { .. } => Code::NotFound,
        Refusal::OtherSpec { .. } | Refusal::Conflict { .. } => Code::AlreadyExists,
        Refusal::StaleLease { .. }
        | Refusal::BudgetSpent { .. }
        | Refusal::BudgetTooSmall { .. }
        | Refusal::NotFailed(_)
        | Refusal::StillRunning(_) => Code::FailedPrecondition,
        Refusal::NotInSpace(_) | Refusal::StepGoesBack { .. } | Refusal::StepTooLarge(_) => {
            Code::InvalidArgument
        }
    }
}
