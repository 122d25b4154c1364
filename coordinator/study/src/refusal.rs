//! Why the core refused a command. A refusal changes nothing.

use crate::confirm::ConfirmError;
use crate::ids::{Attempt, StudyName, TrialId, TrialNumber};
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
    /// The lease is not, or no longer, the trial's newest.
    #[error("attempt {claimed} at trial {number} is not this worker's lease ({stands})")]
    StaleLease {
        /// The trial.
        number: TrialNumber,
        /// The attempt that the call named.
        claimed: Attempt,
        /// The phase of the trial.
        stands: &'static str,
    },
    /// The lease belongs to another history than the store's.
    #[error(
        "this store has never seen that lease on trial {number}: it is of another store, or of what came \
         after the copy that was put back"
    )]
    OtherHistory {
        /// The trial.
        number: TrialNumber,
    },
    /// The same call was made before with other contents.
    #[error("trial {number}: {what} is already recorded with another value")]
    Conflict {
        /// The trial.
        number: TrialNumber,
        /// What was recorded.
        what: String,
    },
    /// A report names objectives that it should not.
    #[error("{0}")]
    OddReport(String),
    /// The request id was used before for something else.
    #[error(
        "request id `{request}` was used for trial {number}, which is not what is asked for now"
    )]
    RequestReused {
        /// The id.
        request: String,
        /// The trial that the first request added.
        number: TrialNumber,
    },
    /// The budget has no room for another trial.
    #[error("the study's {budget} trials all exist already")]
    BudgetSpent {
        /// The budget.
        budget: u32,
    },
    /// The new budget is below the number of existing trials.
    #[error("{wanted} trials are fewer than the {existing} that exist")]
    BudgetTooSmall {
        /// The requested budget.
        wanted: u32,
        /// How many trials exist.
        existing: usize,
    },
    /// Only a failed trial can be retried.
    #[error("trial {0} did not fail; only a failed trial can be retried")]
    NotFailed(TrialNumber),
    /// A study with running trials cannot be deleted.
    #[error("{0} trials are running; stop the study first")]
    StillRunning(usize),
    /// A value is not in the search space.
    #[error(transparent)]
    NotInSpace(#[from] SpaceError),
    /// The confirmation settings do not fit the search space.
    #[error(transparent)]
    Confirm(#[from] ConfirmError),
    /// A new step is below one already reported.
    #[error("trial {number}: step {step} comes after step {newest}; steps ascend")]
    StepGoesBack {
        /// The trial.
        number: TrialNumber,
        /// The step in the call.
        step: u64,
        /// The newest step on record.
        newest: u64,
    },
    /// A note was changed since its author read it.
    #[error(
        "somebody else changed the note: version {read} was read, and it is version {version} now; read it again"
    )]
    NoteChanged {
        /// The version that was read.
        read: u32,
        /// The version that it has now.
        version: u32,
    },
    /// A note or a tag cannot be kept.
    #[error("{0}")]
    OddRemark(String),
    /// The notes and tags of a study's trials take all the room that there is for them.
    #[error(
        "the notes and tags of this study's trials have {most} bytes already, and no more are kept; shorten some"
    )]
    TooManyRemarks {
        /// How many are kept.
        most: usize,
    },
    /// There is nothing to go on from.
    #[error("trial {0} has no checkpoint to go on from")]
    NoCheckpoint(TrialNumber),
    /// What is to be kept has no name that can be kept, or something else is wrong with it.
    #[error("{0}")]
    OddFile(String),
    /// A trial, or a study, already has as many artifacts as are kept.
    #[error("there are {0} artifacts already, and no more are kept; put several files into one")]
    TooManyArtifacts(usize),
    /// A trial already has as many intermediate values as are kept.
    #[error(
        "trial {number} has {most} intermediate values, and no more are kept; report less often"
    )]
    TooManyReports {
        /// The trial.
        number: TrialNumber,
        /// How many are kept.
        most: usize,
    },
    /// There are already as many studies as are kept.
    #[error("there are {0} studies, and no more are kept")]
    TooManyStudies(usize),
    /// A step is larger than the store can hold.
    #[error("step {0} is larger than 2^63 - 1")]
    StepTooLarge(u64),
    /// A study of this name exists, where a new one was wanted.
    #[error("study `{0}` exists")]
    NameTaken(StudyName),
    /// A study that Optuna's clients drive has this name.
    #[error("study `{0}` exists and is driven by Optuna's clients; take another name")]
    IsExternal(StudyName),
    /// What was asked for is not for a study that Optuna's clients drive.
    #[error(
        "study `{0}` is driven by Optuna's clients: it has no leases, budget or sampler of Kindling's, and only they \
         change it"
    )]
    External(String),
    /// Optuna's clients may read our own studies, but not change them.
    #[error(
        "study `{0}` is Kindling's own: Optuna can read it, but its trials are run by `kindling worker` and it is \
         changed with `kindling study`; for a study that Optuna drives, take another name"
    )]
    NotExternal(StudyName),
    /// No trial of any study has this id.
    #[error("there is no trial with the id {}", .0.0)]
    UnknownTrialId(TrialId),
    /// A trial of an external study is over.
    #[error("trial {0} is over and cannot be changed any more")]
    TrialIsOver(TrialNumber),
    /// A trial has another number of values than the study has objectives.
    #[error("{values} values for {objectives} objectives")]
    OtherValues {
        /// How many objectives the study has.
        objectives: usize,
        /// How many values were sent.
        values: usize,
    },
    /// A value is NaN.
    #[error("an objective value cannot be NaN; such a trial has failed")]
    NoNumber,
    /// A parameter's value or distribution is refused.
    #[error("parameter `{name}`: {why}")]
    WrongParam {
        /// Its name.
        name: String,
        /// Why.
        why: String,
    },
    /// There are already as many of something as are kept.
    #[error("there are {most} {what} already, and no more are kept")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many are kept.
        most: usize,
    },
}
