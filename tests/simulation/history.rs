//! What the world outside the coordinator observed. The checks use nothing else.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use kindling_proto::v1;
use tokio::time::Instant;
use tonic::Code;

/// All events in order. Clones share them.
#[derive(Clone)]
pub(crate) struct History {
    origin: Instant,
    entries: Arc<Mutex<Vec<Entry>>>,
}

/// One event.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) at: Duration,
    pub(crate) what: What,
}

#[derive(Debug, Clone)]
#[expect(dead_code, reason = "who calls, and fate, are for those who read a history")]
pub(crate) enum What {
    /// A client makes a call. Its index in the history identifies it.
    Call { client: String, request: Request },
    /// The client receives the result of that call.
    Answer { call: usize, answer: Result<Response, Code> },
    /// A process begins to train a trial.
    Begins { process: u64, claim: v1::Claim },
    /// A process has trained one step.
    Trains { process: u64, claim: v1::Claim, step: u64, value: f64 },
    /// A process is about to save what a next attempt can go on from.
    Saves { claim: v1::Claim, step: u64 },
    /// A process goes on from what it was given: the trial, attempt and step that these bytes name.
    Resumes { claim: v1::Claim, step: u64, from: String },
    /// The coordinator rejects this process, which ends.
    Refused { process: u64, reason: String },
    /// A twin is killed. It may have taken over the name and a trial, because a restarted coordinator cannot
    /// tell who was first.
    TwinDies { process: u64 },
    /// A stored result is deleted.
    Forgets { claim: v1::Claim },
    /// An older copy of the store was restored; it does not know these leases.
    PutBack { since: Duration, lost: Vec<Vec<u8>> },
    /// An event in the world.
    Fate(String),
}

/// Calls that the checks know; for others, the method's name.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Request {
    Lease(v1::LeaseRequest),
    Report(v1::ReportRequest),
    Finish(v1::FinishRequest),
    Release(v1::ReleaseRequest),
    /// What is saved; the bytes come after it.
    Save(v1::Saving),
    Enqueue(v1::EnqueueTrialRequest),
    Retry(v1::RetryTrialRequest),
    Annotate(v1::AnnotateStudyRequest),
    Other(String),
}

/// Answers that the checks inspect.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Response {
    Lease(v1::LeaseResponse),
    Report(v1::Verdict),
    Trial(Box<v1::Trial>),
    Trials(Vec<v1::Trial>),
    Other,
}

impl History {
    pub(crate) fn start() -> Self {
        Self { origin: Instant::now(), entries: Arc::default() }
    }

    /// Records an event. Returns its index.
    pub(crate) fn note(&self, what: What) -> usize {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.push(Entry { at: self.origin.elapsed(), what });
        entries.len() - 1
    }

    /// The time since the start.
    pub(crate) fn now(&self) -> Duration {
        self.origin.elapsed()
    }

    pub(crate) fn fate(&self, what: impl Into<String>) {
        self.note(What::Fate(what.into()));
    }

    pub(crate) fn take(&self) -> Vec<Entry> {
        std::mem::take(&mut self.entries.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Request {
    /// Parses a call from its path and message.
    pub(crate) fn read(path: &str, message: &[u8]) -> Self {
        let method = path.rsplit('/').next().unwrap_or_default();
        match method {
            "Lease" => Self::Lease(read(message)),
            "Report" => Self::Report(read(message)),
            "Finish" => Self::Finish(read(message)),
            "Release" => Self::Release(read(message)),
            "Save" => match read::<v1::SaveRequest>(message).part {
                Some(v1::save_request::Part::Saving(saving)) => Self::Save(saving),
                _ => Self::Other(method.to_owned()),
            },
            "EnqueueTrial" => Self::Enqueue(read(message)),
            "RetryTrial" => Self::Retry(read(message)),
            "AnnotateStudy" => Self::Annotate(read(message)),
            other => Self::Other(other.to_owned()),
        }
    }

    /// Parses the answer to this call.
    pub(crate) fn read_answer(&self, message: &[u8]) -> Response {
        match self {
            Self::Lease(_) => Response::Lease(read(message)),
            Self::Report(_) => Response::Report(read::<v1::ReportResponse>(message).verdict()),
            Self::Enqueue(_) => {
                let trial = read::<v1::EnqueueTrialResponse>(message).trial;
                Response::Trial(Box::new(trial.unwrap_or_default()))
            }
            Self::Retry(_) => {
                let trial = read::<v1::RetryTrialResponse>(message).trial;
                Response::Trial(Box::new(trial.unwrap_or_default()))
            }
            Self::Other(method) if method == "ListTrials" => {
                Response::Trials(read::<v1::ListTrialsResponse>(message).trials)
            }
            _ => Response::Other,
        }
    }
}

fn read<M: prost::Message + Default>(message: &[u8]) -> M {
    M::decode(message).expect("a message of that kind")
}
