//! The types that a worker and its coordinator exchange. `convert.rs` converts them to wire types.

use std::collections::BTreeMap;

use crate::trial::TrialFacts;
use crate::values::{Intermediate, Values};

/// A worker's description of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Its name, unique among workers.
    pub id: String,
    /// The machine that it runs on.
    pub host: String,
    /// The devices that it trains on, by name and separated by commas.
    pub device: String,
    /// How many trials it trains at a time.
    pub slots: u32,
    /// Random for each process, so that two with the same name can be told apart.
    pub session: u64,
}

/// Identifies the lease that a call is about. The worker passes it back unchanged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The study's ID in the store.
    pub study_id: i64,
    /// The trial's number in its study.
    pub trial: u32,
    /// The attempt at the trial, counted from 1.
    pub attempt: u32,
    /// The worker that holds the lease.
    pub worker_id: String,
    /// Proves that the coordinator gave this worker the lease.
    pub mark: Vec<u8>,
    /// The history of the store in which the lease was given.
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
    /// What to train. An error says why it cannot be read; then the trial fails.
    pub facts: Result<TrialFacts, String>,
    /// W3C trace context of the lease; empty if the coordinator does not trace.
    pub traceparent: String,
    /// What an earlier attempt saved last.
    pub checkpoint: Option<Checkpoint>,
}

/// A checkpoint in the coordinator's artifact store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// The last step that it contains.
    pub step: u64,
    /// Where it lies in the artifact store.
    pub key: String,
    /// In bytes.
    pub size: u64,
    /// The hash of its bytes.
    pub sha256: [u8; 32],
}

/// What a trial saves beside its result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum What {
    /// A checkpoint with all up to this step.
    Checkpoint { step: u64 },
    /// A file to keep. Its type is as in HTTP; empty if it is unknown.
    Artifact { name: String, media_type: String },
}

impl std::fmt::Display for What {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Checkpoint { step } => write!(f, "the checkpoint of step {step}"),
            Self::Artifact { name, .. } => write!(f, "the artifact `{name}`"),
        }
    }
}

/// The coordinator's answer to a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Go on.
    Continue,
    /// The pruner stops the trial.
    Prune,
    /// The trial is over or leased to another worker.
    Drop,
}

/// The intermediate values of a step.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Report {
    pub(crate) step: u64,
    pub(crate) values: Intermediate,
}

/// How a trial ended.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum End {
    Complete(Values),
    Pruned,
    Failed(String),
}

/// A trial's end, to be sent to the coordinator.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Finish {
    pub(crate) claim: Claim,
    pub(crate) end: End,
    /// What it found for the constraints, in the study's order: all of them or none.
    pub(crate) constraints: Vec<f64>,
    /// Values as JSON, by attribute name.
    pub(crate) attributes: BTreeMap<String, String>,
}

/// The coordinator answered and refused the call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) why: Why,
    /// The coordinator's message.
    pub(crate) reason: String,
}

/// What a refusal means for the worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Why {
    /// The call is malformed: any worker that trained this trial would be refused.
    Form,
    /// Something else is already recorded, or another process uses this worker's name.
    Taken,
    /// This worker no longer holds the lease.
    NotYours,
    /// The store is on another history, or does not know the trial.
    Unknown,
    /// The token is missing or invalid.
    KeptOut,
    /// The other side does not speak gRPC.
    NoGrpc,
    /// Any other reason.
    Other,
}

impl Refusal {
    /// Whether every repetition would be refused, from any worker.
    pub(crate) fn is_for_good(&self) -> bool {
        matches!(self.why, Why::Form | Why::Taken)
    }
}
