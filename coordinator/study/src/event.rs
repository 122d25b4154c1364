//! What happened: the only facts there are. The store keeps them, and [`crate::Study::apply`] is
//! the only way in which a study changes.

use serde::{Deserialize, Serialize};

use crate::confirm::{ConfirmSpec, Confirmation};
use crate::ids::{Attempt, StudyId, TrialNumber, WorkerId};
use crate::mark::Mark;
use crate::space::Params;
use crate::spec::StudySpec;
use crate::time::Wall;
use crate::trial::{Outcome, Proposal, TrialResult};

/// An event, when, and in which study.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// The study.
    pub study: StudyId,
    /// The wall clock when it was decided.
    pub at: Wall,
    /// What happened.
    pub event: Event,
}

/// One fact about a study.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// The study exists from now on.
    Created {
        /// What it was asked to do.
        spec: Box<StudySpec>,
    },
    /// The study is gone, with its trials.
    Deleted,
    /// It was paused, resumed or stopped.
    StateChanged {
        /// The new state.
        state: StudyState,
        /// Why, if nobody asked for it.
        because: Option<String>,
    },
    /// The number of trials to finish is another now.
    BudgetChanged {
        /// The new number.
        trials: u32,
    },
    /// What is run again once the search is over is something else now.
    ConfirmChanged {
        /// What.
        confirm: ConfirmSpec,
    },
    /// A trial waits, with some values fixed.
    Enqueued {
        /// The new trial, the next number.
        number: TrialNumber,
        /// The fixed values.
        fixed: Params,
        /// The failed trial that it repeats.
        retry_of: Option<TrialNumber>,
        /// The trial of the search that it confirms.
        confirms: Option<Confirmation>,
        /// The id of the request.
        request: Option<String>,
    },
    /// A trial got its parameters: a new one, or one that waits.
    Proposed {
        /// The trial.
        number: TrialNumber,
        /// Its parameters and what the proposal saw.
        proposal: Proposal,
    },
    /// A worker holds the trial. Its curve starts anew.
    Leased {
        /// The trial.
        number: TrialNumber,
        /// The lease's fencing number.
        attempt: Attempt,
        /// The holder.
        worker: WorkerId,
        /// Which of the processes of that name it is; 0 if it did not say.
        session: u64,
        /// What its holder shows.
        mark: Mark,
    },
    /// The trial waits again, with the same parameters.
    LeaseEnded {
        /// The trial.
        number: TrialNumber,
        /// Why.
        end: LeaseEnd,
    },
    /// A worker reported the intermediate value of a step.
    Reported {
        /// The trial.
        number: TrialNumber,
        /// The step.
        step: u64,
        /// The value, finite.
        value: f64,
        /// Whether the pruner gave the trial up at this step.
        prune: bool,
    },
    /// The trial is over.
    Finished {
        /// The trial.
        number: TrialNumber,
        /// How it ended.
        outcome: Outcome,
    },
}

impl Event {
    /// The trial that it is about, if it is about one.
    pub fn trial(&self) -> Option<TrialNumber> {
        match self {
            Self::Created { .. }
            | Self::Deleted
            | Self::StateChanged { .. }
            | Self::BudgetChanged { .. }
            | Self::ConfirmChanged { .. } => None,
            Self::Enqueued { number, .. }
            | Self::Proposed { number, .. }
            | Self::Leased { number, .. }
            | Self::LeaseEnded { number, .. }
            | Self::Reported { number, .. }
            | Self::Finished { number, .. } => Some(*number),
        }
    }

    /// Why a trial failed with it, if one did.
    pub fn failure(&self) -> Option<&str> {
        match self {
            Self::Finished {
                outcome: Outcome { result: TrialResult::Fail(reason), .. }, ..
            } => Some(reason),
            _ => None,
        }
    }
}

/// Whether a study gives out work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum StudyState {
    /// It does, as long as its budget lasts.
    Active,
    /// Running trials may finish; no trial is leased.
    Paused,
    /// Running trials were called back; no trial is leased.
    Stopped,
}

/// Why a lease ended without a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeaseEnd {
    /// The worker fell silent or its connection was lost.
    Expired,
    /// The worker gave the trial back.
    HandedBack,
    /// The study was stopped.
    StudyStopped,
}

impl LeaseEnd {
    /// The word under which it is stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Expired => "EXPIRED",
            Self::HandedBack => "HANDED_BACK",
            Self::StudyStopped => "STUDY_STOPPED",
        }
    }
}
