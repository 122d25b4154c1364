//! Events: the only record of what happened. The store keeps them, and [`crate::Study::apply`] is the only
//! way to change a study.

use crate::activity::Act;
use crate::confirm::{ConfirmSpec, Confirmation};
use crate::external::{ExternalEvent, PythonJson};
use crate::ids::{Attempt, StudyId, StudyName, TrialId, TrialNumber, WorkerId};
use crate::kept::{Blob, Checkpoint, WarmStart};
use crate::mark::Mark;
use crate::notify::{Notify, Told};
use crate::space::Params;
use crate::spec::StudySpec;
use crate::time::Wall;
use crate::trial::{OtherValue, Outcome, Proposal, TrialResult};

/// An event that was applied, with its time, its study and its trial. This is what a store keeps.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// The study.
    pub study: StudyId,
    /// The trial that it is about, if any.
    pub trial: Option<TrialId>,
    /// The wall clock at the decision.
    pub at: Wall,
    /// What happened.
    pub event: Event,
}

/// One fact about a study.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// The study was created.
    Created {
        /// Its spec.
        spec: Box<StudySpec>,
    },
    /// The study and its trials were deleted.
    Deleted,
    /// The study was paused, resumed or stopped.
    StateChanged {
        /// The new state.
        state: StudyState,
        /// Why the study paused itself; `None` if somebody asked for the change.
        because: Option<String>,
    },
    /// The number of trials to finish has changed.
    BudgetChanged {
        /// The new number.
        trials: u32,
    },
    /// The choice of what is run again after the search has changed.
    ConfirmChanged {
        /// The new choice.
        confirm: ConfirmSpec,
    },
    /// Somebody else is told of the study's news, or nobody. What the one before was told counts no more.
    NotifyChanged {
        /// Whom to tell.
        notify: Notify,
    },
    /// Somebody was told of the study's news, or it was given up.
    Told {
        /// What is known there now.
        told: Box<Told>,
    },
    /// A trial was added and waits, perhaps with some values fixed.
    Enqueued {
        /// The new trial; always the next number.
        number: TrialNumber,
        /// The fixed values.
        fixed: Params,
        /// The failed trial that it repeats.
        retry_of: Option<TrialNumber>,
        /// What it confirms.
        confirms: Option<Confirmation>,
        /// The checkpoint of another trial that its first attempt goes on from.
        warm_start: Option<Box<WarmStart>>,
        /// The id of the request.
        request: Option<String>,
    },
    /// A new or waiting trial got its parameters.
    Proposed {
        /// The trial.
        number: TrialNumber,
        /// Its parameters, and what the sampler saw.
        proposal: Proposal,
    },
    /// A worker was leased the trial. Of its curve is kept what its newest checkpoint contains.
    Leased {
        /// The trial.
        number: TrialNumber,
        /// The lease's fencing number.
        attempt: Attempt,
        /// The holder.
        worker: WorkerId,
        /// Which process of that worker name it is; 0 if the process did not say.
        session: u64,
        /// The lease's mark.
        mark: Mark,
        /// The newest checkpoint's step, up to which the curve is kept; nothing is without one.
        resumed: Option<u64>,
    },
    /// The attempt's first report goes over what was kept of the curve: it went on after an earlier step than that of its
    /// checkpoint. What comes after that is dropped.
    Rewound {
        /// The trial.
        number: TrialNumber,
        /// Up to which step the curve is still kept. `None`: the attempt began at the start.
        resumed: Option<u64>,
    },
    /// A checkpoint is safe. The oldest one is dropped if there are more than the study keeps.
    CheckpointSaved {
        /// The trial.
        number: TrialNumber,
        /// The checkpoint.
        checkpoint: Checkpoint,
    },
    /// An artifact is safe. It replaces one of the same name.
    ArtifactSaved {
        /// The trial that it belongs to. `None`: the study.
        number: Option<TrialNumber>,
        /// Its name.
        name: Box<str>,
        /// Its media type.
        media_type: Box<str>,
        /// Its bytes.
        blob: Blob,
        /// The key of the one that it replaces.
        replaces: Option<Box<str>>,
    },
    /// A part of a note, the tags, or whether the study is archived.
    RemarkSet {
        /// The trial that it is about. `None`: the study.
        number: Option<TrialNumber>,
        /// The attribute's name, which is that of a [`crate::RemarkKey`].
        key: Box<str>,
        /// Its value.
        value: PythonJson,
    },
    /// The lease ended. The trial waits again with the same parameters.
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
        /// The value of the objective that the pruner compares, finite.
        value: f64,
        /// The values of other objectives, by ascending objective. All are of this step.
        others: Box<[OtherValue]>,
        /// Whether the pruner says to stop, at this step or an earlier one.
        prune: bool,
    },
    /// The trial finished.
    Finished {
        /// The trial.
        number: TrialNumber,
        /// Its outcome.
        outcome: Outcome,
    },
    /// Something happened to a study that Optuna's clients drive.
    External(ExternalEvent),
    /// Somebody did something. What they did is in the events before; this is who, for people to read.
    Acted {
        /// Its number, larger than all before.
        id: i64,
        /// What it was.
        act: Box<Act>,
        /// The study's name, if it is gone. Then this is the coordinator's own.
        deleted: Option<StudyName>,
        /// The number of the one that goes, so that there are not too many.
        forgets: Option<i64>,
    },
}

impl Event {
    /// The trial that it is about, if any.
    pub fn trial(&self) -> Option<TrialNumber> {
        match self {
            Self::Created { .. }
            | Self::Deleted
            | Self::StateChanged { .. }
            | Self::BudgetChanged { .. }
            | Self::ConfirmChanged { .. }
            | Self::NotifyChanged { .. }
            | Self::Told { .. }
            | Self::Acted { .. } => None,
            Self::Enqueued { number, .. }
            | Self::Proposed { number, .. }
            | Self::Leased { number, .. }
            | Self::LeaseEnded { number, .. }
            | Self::Rewound { number, .. }
            | Self::CheckpointSaved { number, .. }
            | Self::Reported { number, .. }
            | Self::Finished { number, .. } => Some(*number),
            Self::ArtifactSaved { number, .. } | Self::RemarkSet { number, .. } => *number,
            Self::External(event) => event.trial(),
        }
    }

    /// Why the trial failed, if this event fails one.
    pub fn failure(&self) -> Option<&str> {
        match self {
            Self::Finished {
                outcome: Outcome { result: TrialResult::Fail(reason), .. }, ..
            } => Some(reason),
            _ => None,
        }
    }
}

/// Whether trials are leased.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StudyState {
    /// Trials are leased as long as the budget lasts.
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
    /// The stored word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Expired => "EXPIRED",
            Self::HandedBack => "HANDED_BACK",
            Self::StudyStopped => "STUDY_STOPPED",
        }
    }
}
