//! Deliberate bugs: what the simulation must catch before anybody trusts it. Without the feature
//! `deliberate-bugs` there are none, and no code for them. Nearly all of those of the core break a rule of `rules.rs`.

/// A bug that somebody might make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bug {
    /// Callers are answered before their events are on disk.
    AcknowledgedBeforeCommit,
    /// A batch that the store refused stays in memory.
    RefusedBatchStaysInMemory,
    /// Any claim on a trial that runs is as good as the newest.
    NoAttemptCheck,
    /// A claim needs no mark.
    MarkIsNotChecked,
    /// A copy of a store that is put back keeps its history's id.
    RestoredKeepsHistory,
    /// A lease that follows a lost one has the same attempt.
    AttemptReused,
    /// A lease that follows a lost one has other parameters.
    ProposedAgain,
    /// Deadlines are made of the wall clock.
    DeadlineIsWallTime,
    /// A restart leaves open leases no time.
    NoTermAfterRestart,
    /// A heartbeat renews nothing.
    HeartbeatRenewsNothing,
    /// Time in which the coordinator did not run counts as its workers' silence.
    PauseIsSilence,
    /// Two processes may work under one name.
    TwinIsLetIn,
    /// The budget bounds what has finished, not what was begun.
    BudgetOfFinished,
    /// Each lease takes a place of the budget, one that follows a lost one, too.
    BudgetAtLease,
    /// A request to enqueue that is repeated adds another trial.
    RequestAddsTwice,
    /// A request to retry that is repeated adds another trial.
    RetryAddsTwice,
    /// A plan of what to confirm forgets what was confirmed before.
    ConfirmedAgain,
    /// A report that is repeated is noted again.
    ReportAppendsTwice,
    /// A trial may be lost any number of times.
    LostForever,
    /// A trial that is handed back counts as lost.
    HandBackIsLoss,
    /// A worker that got no answer is not given its own trials again.
    LostAnswerLosesTrial,
    /// A worker that was started anew goes on under its old leases.
    RestartedWorkerKeepsLease,
    /// Stopping a study leaves its running trials alone.
    StopCallsNobodyBack,
    /// A paused study is leased from.
    PauseIsIgnored,
    /// A value that is not finite is recorded.
    NanIsRecorded,
    /// A proposal's record says that it saw less than it did.
    SawLessThanItDid,
}

impl Bug {
    /// All of them.
    pub const ALL: [Self; 26] = [
        Self::AcknowledgedBeforeCommit,
        Self::RefusedBatchStaysInMemory,
        Self::NoAttemptCheck,
        Self::MarkIsNotChecked,
        Self::RestoredKeepsHistory,
        Self::AttemptReused,
        Self::ProposedAgain,
        Self::DeadlineIsWallTime,
        Self::NoTermAfterRestart,
        Self::HeartbeatRenewsNothing,
        Self::PauseIsSilence,
        Self::TwinIsLetIn,
        Self::BudgetOfFinished,
        Self::BudgetAtLease,
        Self::RequestAddsTwice,
        Self::RetryAddsTwice,
        Self::ConfirmedAgain,
        Self::ReportAppendsTwice,
        Self::LostForever,
        Self::HandBackIsLoss,
        Self::LostAnswerLosesTrial,
        Self::RestartedWorkerKeepsLease,
        Self::StopCallsNobodyBack,
        Self::PauseIsIgnored,
        Self::NanIsRecorded,
        Self::SawLessThanItDid,
    ];

    /// Whether this thread is to have it.
    #[cfg(feature = "deliberate-bugs")]
    pub fn is_on(self) -> bool {
        ON.get() == Some(self)
    }

    /// No.
    #[cfg(not(feature = "deliberate-bugs"))]
    pub const fn is_on(self) -> bool {
        false
    }

    /// Lets this thread have one of them, or none, from now on.
    #[cfg(feature = "deliberate-bugs")]
    pub fn set(bug: Option<Self>) {
        ON.set(bug);
    }
}

#[cfg(feature = "deliberate-bugs")]
std::thread_local! {
    static ON: std::cell::Cell<Option<Bug>> = const { std::cell::Cell::new(None) };
}
