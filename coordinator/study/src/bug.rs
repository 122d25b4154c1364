//! Deliberate bugs, which the simulation must catch before anybody trusts it. Without the feature
//! `deliberate-bugs` no code for them is compiled. Most bugs of the core break a rule in `rules.rs`.

/// A bug that somebody might write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bug {
    /// Callers are answered before their events are on disk.
    AcknowledgedBeforeCommit,
    /// A batch that the store refused stays in memory.
    RefusedBatchStaysInMemory,
    /// Any claim on a running trial is as good as the newest.
    NoAttemptCheck,
    /// A claim needs no mark.
    MarkIsNotChecked,
    /// A store restored from an older copy keeps its history's id.
    RestoredKeepsHistory,
    /// A lease after a lost one has the same attempt.
    AttemptReused,
    /// A lease after a lost one has other parameters.
    ProposedAgain,
    /// Deadlines use the wall clock.
    DeadlineIsWallTime,
    /// After a restart, open leases have no time left.
    NoTermAfterRestart,
    /// A heartbeat renews nothing.
    HeartbeatRenewsNothing,
    /// Time in which the coordinator did not run counts as the workers' silence.
    PauseIsSilence,
    /// Two processes may work under the same name.
    TwinIsLetIn,
    /// The budget limits finished trials instead of started ones.
    BudgetOfFinished,
    /// Each lease counts against the budget, even one after a lost lease.
    BudgetAtLease,
    /// A repeated enqueue request adds another trial.
    RequestAddsTwice,
    /// A repeated retry request adds another trial.
    RetryAddsTwice,
    /// The plan forgets which confirmations exist already.
    ConfirmedAgain,
    /// A repeated report is recorded again.
    ReportAppendsTwice,
    /// A trial may be lost any number of times.
    LostForever,
    /// Losses before a trial's newest checkpoint count, too.
    CheckpointForgivesNothing,
    /// Handing a trial back counts as losing it.
    HandBackIsLoss,
    /// A worker that got no answer does not get its own trials again.
    LostAnswerLosesTrial,
    /// A restarted worker keeps its old leases.
    RestartedWorkerKeepsLease,
    /// Stopping a study leaves its running trials alone.
    StopCallsNobodyBack,
    /// A paused study leases trials.
    PauseIsIgnored,
    /// A value that is not finite is recorded.
    NanIsRecorded,
    /// A proposal's record says that the sampler saw less than it did.
    SawLessThanItDid,
    /// What a worker saves counts, whatever became of its lease.
    ZombieSaves,
    /// A checkpoint may be older than one that its attempt saved before.
    OlderCheckpointReplacesNewer,
    /// A new attempt keeps the curve beyond its checkpoint.
    CurveBeyondCheckpointIsKept,
    /// A note replaces one that its author has not read.
    NoteIsOverwritten,
    /// A trial of an Optuna client that is over may be changed.
    ExternalChangesAfterItsEnd,
    /// A waiting trial is given to all clients that want it.
    ExternalIsTakenTwice,
    /// A trial whose client is gone stays as it is.
    ExternalIsNeverLost,
    /// Lost trials are enqueued again without limit.
    ExternalRetriesForever,
    /// Whoever says anything about a trial becomes its client.
    RemarkMakesClient,
}

impl Bug {
    /// All of them.
    pub const ALL: [Self; 36] = [
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
        Self::CheckpointForgivesNothing,
        Self::HandBackIsLoss,
        Self::LostAnswerLosesTrial,
        Self::RestartedWorkerKeepsLease,
        Self::StopCallsNobodyBack,
        Self::PauseIsIgnored,
        Self::NanIsRecorded,
        Self::SawLessThanItDid,
        Self::ZombieSaves,
        Self::OlderCheckpointReplacesNewer,
        Self::CurveBeyondCheckpointIsKept,
        Self::NoteIsOverwritten,
        Self::ExternalChangesAfterItsEnd,
        Self::ExternalIsTakenTwice,
        Self::ExternalIsNeverLost,
        Self::ExternalRetriesForever,
        Self::RemarkMakesClient,
    ];

    /// Whether this thread has this bug.
    #[cfg(feature = "deliberate-bugs")]
    pub fn is_on(self) -> bool {
        ON.get() == Some(self)
    }

    /// Always false.
    #[cfg(not(feature = "deliberate-bugs"))]
    pub const fn is_on(self) -> bool {
        false
    }

    /// Gives this thread one bug, or none.
    #[cfg(feature = "deliberate-bugs")]
    pub fn set(bug: Option<Self>) {
        ON.set(bug);
    }
}

#[cfg(feature = "deliberate-bugs")]
std::thread_local! {
    static ON: std::cell::Cell<Option<Bug>> = const { std::cell::Cell::new(None) };
}
