//! Changes to rows, for a store to execute.

use kindling_study::external::Scope;
use kindling_study::{Act, Blob, Confirmation, Mark, StudyId, TrialId, TrialNumber};

/// A change to one row, unless it says otherwise.
///
/// A row that is to be set must exist, and one that is to be added must not. If it is otherwise,
/// another program changed the store. Then the batch must fail, so that no result is lost.
#[derive(Debug, PartialEq)]
pub(crate) enum Change<'a> {
    /// Adds the two rows of a study.
    AddStudy(NewStudy<'a>),
    /// Adds a row of `study_system_attributes`: the names of the objectives, as Optuna keeps them.
    AddMetricNames {
        study: StudyId,
        json: String,
    },
    /// Adds a row of `study_directions`.
    AddDirection {
        study: StudyId,
        objective: i64,
        direction: &'static str,
    },
    /// Sets columns of `kindling_studies`.
    SetState {
        study: StudyId,
        state: &'static str,
        pause_reason: Option<&'a str>,
    },
    SetBudget {
        study: StudyId,
        budget: u32,
    },
    SetConfirm {
        study: StudyId,
        confirm: String,
    },
    /// Adds a row of `kindling_notify`, or replaces it. Nothing was told there yet.
    PutNotify {
        study: StudyId,
        notify: String,
    },
    /// Sets what was told in the study's row there.
    SetTold {
        study: StudyId,
        told: String,
    },
    /// Deletes a study's rows from [`TABLES_OF_TRIALS`], then from [`TABLES_OF_A_STUDY`], and then its
    /// one row from the table of its kind and from `studies`.
    DeleteStudy {
        study: StudyId,
        kind: &'static str,
    },

    /// Adds a row of `kindling_trials`, of a trial that is enqueued.
    AddEnqueued {
        trial: TrialId,
        fixed: Option<String>,
        retry_of: Option<TrialNumber>,
        request: Option<&'a str>,
        confirms: Option<Confirmation>,
        warm_start: Option<TrialNumber>,
    },
    /// Adds a row of `kindling_trials`, of a trial that begins with a proposal.
    AddProposed(NewProposal),
    /// Sets the proposal in `kindling_trials`.
    SetProposal(NewProposal),
    /// Adds a row of `trials`, which waits.
    AddTrial {
        trial: TrialId,
        study: StudyId,
        number: TrialNumber,
    },
    /// Adds a row of `trial_params`. Replaces one that another program may have left there.
    PutParam {
        trial: TrialId,
        name: &'a str,
        value: f64,
        distribution: &'a str,
    },
    /// Adds a row of `trial_system_attributes`, or replaces it.
    PutSystemAttribute {
        trial: TrialId,
        key: &'static str,
        json: String,
    },

    /// Adds a row of `kindling_leases`.
    AddLease(NewLease<'a>),
    /// Replaces the trial's previous lease there, which must have ended. That one moves to
    /// `kindling_attempts`, of whose rows [`KNOWN_ATTEMPTS`] are kept, the new lease included.
    ///
    /// [`KNOWN_ATTEMPTS`]: kindling_study::KNOWN_ATTEMPTS
    ReplaceLease(NewLease<'a>),
    /// Sets the row of `trials`: it runs. The time counts if it never ran before.
    SetRunning {
        trial: TrialId,
        since: String,
    },
    /// Deletes a trial's rows beyond a step, or all of them, from `trial_intermediate_values` and
    /// `kindling_other_values`, however many. The step at which it was pruned goes with them.
    CutCurve {
        trial: TrialId,
        to: Option<i64>,
    },
    /// Sets the step in `kindling_leases` after which the newest attempt goes on.
    SetResumed {
        trial: TrialId,
        resumed: Option<i64>,
    },
    /// Adds a row of `kindling_checkpoints`.
    AddCheckpoint {
        trial: TrialId,
        attempt: u32,
        step: i64,
        blob: &'a Blob,
    },
    /// Deletes the trial's rows there but for so many of the newest.
    KeepCheckpoints {
        trial: TrialId,
        keep: u32,
    },
    /// Adds a row of `kindling_artifacts` or `kindling_study_artifacts`, or replaces it.
    PutArtifact {
        of: Owner,
        name: &'a str,
        media_type: &'a str,
        blob: &'a Blob,
        saved_at: i64,
    },
    /// Adds a row of the owner's system attributes, or replaces it: the artifact, for Optuna.
    PutArtifactAttribute {
        of: Owner,
        key: String,
        json: String,
    },
    /// Deletes such a row, if it is there.
    DeleteArtifactAttribute {
        of: Owner,
        key: String,
    },
    /// Sets the end of the trial's open lease.
    EndLease {
        trial: TrialId,
        at: i64,
        ended: &'static str,
    },
    /// Sets the row of `trials`: it waits.
    SetWaiting {
        trial: TrialId,
    },
    /// Adds a row of `trial_intermediate_values`.
    AddIntermediate {
        trial: TrialId,
        step: i64,
        value: Option<f64>,
        kind: &'static str,
    },
    /// Adds a row of `kindling_other_values`.
    AddOtherValue {
        trial: TrialId,
        step: i64,
        objective: u16,
        value: f64,
    },
    /// Sets the step at which a trial was pruned, unless there is one.
    SetPruned {
        trial: TrialId,
        step: i64,
    },

    /// Sets the end of the trial's lease if it is open.
    EndLeaseIfOpen {
        trial: TrialId,
        at: i64,
        ended: &'static str,
    },
    /// Adds a row of `trial_system_attributes`, or replaces it: what the trial says of a constraint, for Optuna.
    PutConstraint {
        trial: TrialId,
        key: String,
        json: String,
    },
    /// Sets columns of `kindling_trials`. The attributes are the keys of those of its result.
    SetFinished {
        trial: TrialId,
        finish_index: u32,
        attributes: Option<String>,
        constraints: Option<String>,
    },
    /// Adds a row of `trial_values`. Replaces one that was there, perhaps another program's.
    PutValue {
        trial: TrialId,
        objective: i64,
        value: Option<f64>,
        kind: &'static str,
    },
    /// The same with the trial's last intermediate value, if it has one that is no NaN. That is what
    /// Optuna gives a pruned trial.
    PutLastIntermediate {
        trial: TrialId,
    },
    /// Adds a row of `trial_user_attributes`, or replaces it.
    PutUserAttribute {
        trial: TrialId,
        key: &'a str,
        json: &'a str,
    },
    /// Sets the row of `trials`: it is over.
    SetOver {
        trial: TrialId,
        state: &'static str,
        datetime_complete: String,
    },

    /// Adds a row of `kindling_activity`.
    AddActivity {
        id: i64,
        /// `None`: it is the coordinator's own.
        study: Option<StudyId>,
        at: i64,
        act: &'a Act,
        deleted: Option<&'a str>,
    },
    /// Deletes one.
    ForgetActivity {
        id: i64,
    },

    // Of external studies, and one of any.
    /// Adds the two rows of one.
    AddExternalStudy {
        study: StudyId,
        name: &'a str,
        created_at: i64,
    },
    /// Adds a row of `study_user_attributes` or `study_system_attributes`, or replaces it. Notes and tags on our own
    /// studies and their trials stand in the latter, too.
    PutStudyAttribute {
        study: StudyId,
        scope: Scope,
        key: &'a str,
        json: &'a str,
    },
    /// Sets the state of a row of `trials`, and those of its times that are given.
    SetTrialState {
        trial: TrialId,
        state: &'static str,
        started: Option<String>,
        completed: Option<String>,
    },
    /// Adds a row of `trial_intermediate_values`, or replaces it.
    PutIntermediate {
        trial: TrialId,
        step: i64,
        value: Option<f64>,
        kind: &'static str,
    },
    /// Adds a row of `trial_user_attributes` or `trial_system_attributes`, or replaces it.
    PutTrialAttribute {
        trial: TrialId,
        scope: Scope,
        key: &'a str,
        json: &'a str,
    },
}

/// The tables that have rows by `trial_id`. Those of other programs go with the others.
pub(crate) const TABLES_OF_TRIALS: [&str; 12] = [
    "trial_user_attributes",
    "trial_system_attributes",
    "trial_params",
    "trial_values",
    "trial_intermediate_values",
    "trial_heartbeats",
    "kindling_leases",
    "kindling_attempts",
    "kindling_checkpoints",
    "kindling_artifacts",
    "kindling_other_values",
    "kindling_trials",
];

/// The tables that have any number of rows by `study_id`.
pub(crate) const TABLES_OF_A_STUDY: [&str; 7] = [
    "trials",
    "study_directions",
    "study_user_attributes",
    "study_system_attributes",
    "kindling_study_artifacts",
    "kindling_notify",
    "kindling_activity",
];

/// The tables that have one row for each study of a kind: our own, and external ones.
pub(crate) const OUR_STUDIES: &str = "kindling_studies";
pub(crate) const EXTERNAL_STUDIES: &str = "kindling_external_studies";

/// The rows of a study in `studies` and `kindling_studies`.
#[derive(Debug, PartialEq)]
pub(crate) struct NewStudy<'a> {
    pub(crate) study: StudyId,
    pub(crate) name: &'a str,
    pub(crate) spec: String,
    pub(crate) state: &'static str,
    pub(crate) budget: u32,
    pub(crate) confirm: Option<String>,
    pub(crate) created_at: i64,
}

/// What `kindling_trials` says of a proposal.
#[derive(Debug, PartialEq)]
pub(crate) struct NewProposal {
    pub(crate) trial: TrialId,
    pub(crate) saw_finished: u32,
    pub(crate) saw_proposed: u32,
    pub(crate) exact_ints: Option<String>,
}

/// A row of `kindling_leases` whose lease is open.
#[derive(Debug, PartialEq)]
pub(crate) struct NewLease<'a> {
    pub(crate) trial: TrialId,
    pub(crate) attempt: u32,
    pub(crate) worker: &'a str,
    pub(crate) leased_at: i64,
    pub(crate) session: i64,
    pub(crate) mark: &'a Mark,
    pub(crate) resumed: Option<i64>,
}

/// What an artifact belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Owner {
    Trial(TrialId),
    Study(StudyId),
}
