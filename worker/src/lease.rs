//! What a worker and its coordinator speak about, in the session's own words. `convert.rs` makes wire types of them.

use std::collections::BTreeMap;

use crate::trial::TrialFacts;

/// A worker, as it tells of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Its name; no other worker has it.
    pub id: String,
    /// The machine that it runs on.
    pub host: String,
    /// The devices that it trains on, by name.
    pub device: String,
    /// How many trials it trains at a time.
    pub slots: u32,
    /// Another number for each process of that name.
    pub session: u64,
}

/// Which lease a call is about. Passed on as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The study, as its store counts them.
    pub study_id: i64,
    /// The trial's number in its study.
    pub trial: u32,
    /// Which of the trial's leases, counted from 1.
    pub attempt: u32,
    /// The worker that has it.
    pub worker_id: String,
    /// What shows that the worker was given the lease.
    pub mark: Vec<u8>,
    /// The store's history in which it was given.
    pub history: Vec<u8>,
}

/// A leased trial.
#[derive(Debug, Clone)]
pub struct Assignment {
    /// The lease.
    pub claim: Claim,
    /// The study's name.
    pub study: String,
    /// The objective's name.
    pub objective: String,
    /// What to train; or why nobody can tell, for which the trial fails.
    pub facts: Result<TrialFacts, String>,
    /// W3C trace context of the lease; empty if the coordinator does not trace.
    pub traceparent: String,
}

/// What a coordinator says to a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Go on.
    Continue,
    /// The pruner gives the trial up.
    Prune,
    /// The trial is over, or another worker's.
    Drop,
}

/// An intermediate value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Report {
    pub(crate) step: u64,
    pub(crate) value: f64,
}

/// How a trial ended.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum End {
    Complete(f64),
    Pruned,
    Failed(String),
}

/// A trial's end, on its way to the coordinator.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Finish {
    pub(crate) claim: Claim,
    pub(crate) end: End,
    /// JSON by name.
    pub(crate) attributes: BTreeMap<String, String>,
}

/// Why a coordinator did not do what it was asked, though it answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) why: Why,
    /// What it said.
    pub(crate) reason: String,
}

/// What a refusal means to a worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Why {
    /// The call's form is wrong: whoever trained the trial next would be refused, too.
    Form,
    /// Something else is recorded in its place, or another process has the worker's name.
    Taken,
    /// The lease is not this worker's any more.
    NotYours,
    /// The store tells another history, or knows no such trial.
    Unknown,
    /// The token is missing or wrong.
    KeptOut,
    /// What answers speaks no gRPC.
    NoGrpc,
    /// The two do not understand each other.
    Other,
}

impl Refusal {
    /// Whether it would be refused again, from whomever.
    pub(crate) fn is_for_good(&self) -> bool {
        matches!(self.why, Why::Form | Why::Taken)
    }
}
