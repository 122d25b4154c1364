//! Why the core said no. A refusal changes nothing.

use crate::confirm::ConfirmError;
use crate::ids::{Attempt, StudyName, TrialNumber};
use crate::space::SpaceError;

/// Why a command was refused.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Refusal {
    /// There is no such study.
    #[error("there is no study `{0}`")]
    UnknownStudy(String),
    /// There is no such trial.
    #[error("there is no trial {number}; the study has {trials}")]
    UnknownTrial {
        /// The number asked for.
        number: TrialNumber,
        /// How many trials there are.
        trials: usize,
    },
    /// A study of this name exists with another spec.
    #[error("study `{name}` exists with another {}", differences.join(", "))]
    OtherSpec {
        /// The name.
        name: StudyName,
        /// The keys that differ.
        differences: Vec<&'static str>,
    },
    /// The call's lease is no longer, or never was, the trial's.
    #[error("attempt {claimed} at trial {number} is not this worker's lease ({stands})")]
    StaleLease {
        /// The trial.
        number: TrialNumber,
        /// The attempt that the call named.
        claimed: Attempt,
        /// Where the trial stands.
        stands: &'static str,
    },
    /// The call's lease is of another history than the store's.
    #[error(
        "this store has never seen that lease on trial {number}: it is of another store, or of what came \
         after the copy that was put back"
    )]
    OtherHistory {
        /// The trial.
        number: TrialNumber,
    },
    /// The same call was made before with another payload.
    #[error("trial {number}: {what} is already recorded with another value")]
    Conflict {
        /// The trial.
        number: TrialNumber,
        /// What was recorded.
        what: String,
    },
    /// The id of a request that asked for something else.
    #[error(
        "request id `{request}` was used for trial {number}, which is not what is asked for now"
    )]
    RequestReused {
        /// The id.
        request: String,
        /// The trial that the first request added.
        number: TrialNumber,
    },
    /// Every trial of the budget exists already.
    #[error("the study's {budget} trials all exist already")]
    BudgetSpent {
        /// The budget.
        budget: u32,
    },
    /// The budget would be below the number of trials that exist.
    #[error("{wanted} trials are fewer than the {existing} that exist")]
    BudgetTooSmall {
        /// The budget asked for.
        wanted: u32,
        /// The trials there are.
        existing: usize,
    },
    /// Only a failed trial can be tried again.
    #[error("trial {0} did not fail; only a failed trial can be retried")]
    NotFailed(TrialNumber),
    /// A study with running trials is not deleted.
    #[error("{0} trials are running; stop the study first")]
    StillRunning(usize),
    /// A value that is not in the search space.
    #[error(transparent)]
    NotInSpace(#[from] SpaceError),
    /// What is to be confirmed does not fit the search space.
    #[error(transparent)]
    Confirm(#[from] ConfirmError),
    /// A new step below one that was reported.
    #[error("trial {number}: step {step} comes after step {newest}; steps ascend")]
    StepGoesBack {
        /// The trial.
        number: TrialNumber,
        /// The step of the call.
        step: u64,
        /// The newest step on record.
        newest: u64,
    },
    /// A new step of a trial that has as many as are kept.
    #[error(
        "trial {number} has {most} intermediate values, and no more are kept; report less often"
    )]
    TooManyReports {
        /// The trial.
        number: TrialNumber,
        /// The most that are kept of a trial.
        most: usize,
    },
    /// A study more than are kept.
    #[error("there are {0} studies, and no more are kept")]
    TooManyStudies(usize),
    /// A step beyond what the store can hold.
    #[error("step {0} is larger than 2^63 - 1")]
    StepTooLarge(u64),
}
