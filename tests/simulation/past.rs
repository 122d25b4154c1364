//! What restores have undone: an older copy of the store was put back, and later events are lost.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use kindling_proto::v1;
use tonic::Code;

use crate::check::Answered;
use crate::history::{Entry, Request, What};
use crate::world::FORGER;

/// What was undone, and when.
pub(crate) struct Past {
    /// For each restore, the time of the copy and the time of the restore.
    times: Vec<(Duration, Duration)>,
    /// Leases that the store no longer knows, by mark, and since when.
    lost: BTreeMap<Vec<u8>, Duration>,
}

impl Past {
    pub(crate) fn of(history: &[Entry]) -> Self {
        let mut past = Self { times: Vec::new(), lost: BTreeMap::new() };
        for entry in history {
            let What::PutBack { since, lost } = &entry.what else { continue };
            past.times.push((*since, entry.at));
            for mark in lost {
                past.lost.entry(mark.clone()).or_insert(entry.at);
            }
        }
        past
    }

    /// Whether anything was undone.
    pub(crate) fn has_gaps(&self) -> bool {
        !self.times.is_empty()
    }

    /// Whether a call's effect may have been undone.
    pub(crate) fn is_undone(&self, call: &Answered<'_>) -> bool {
        self.undoes(call.called, call.heard)
    }

    /// The same, of one that was made and answered at these times.
    pub(crate) fn undoes(&self, called: Duration, heard: Duration) -> bool {
        self.times.iter().any(|(since, at)| heard >= *since && called <= *at)
    }

    /// Whether the store no longer knows the lease.
    pub(crate) fn is_lost(&self, claim: Option<&v1::Claim>) -> bool {
        claim.is_some_and(|claim| self.lost.contains_key(&claim.mark))
    }

    /// Whether a lease given at that time may have continued in a copy that lacks some of its reports.
    pub(crate) fn was_adopted(&self, given: Duration) -> bool {
        self.times.iter().any(|(_, at)| given < *at)
    }

    /// Checks that nothing is accepted under a lost or forged lease, and that each gets the right error.
    pub(crate) fn check(&self, history: &[Entry], expect: &mut impl FnMut(bool, &str, String)) {
        let mut settled = BTreeSet::new();
        for entry in history {
            let (call, answer) = match &entry.what {
                What::Answer { call, answer } => (&history[*call], answer),
                What::Forgets { claim } => {
                    let is_settled = settled.contains(&claim.mark);
                    expect(
                        is_settled,
                        "a result is kept until it was answered",
                        format!("{claim:?}"),
                    );
                    continue;
                }
                _ => continue,
            };
            let What::Call { client, request } = &call.what else { continue };
            let Some(claim) = claim_of(request) else { continue };
            let what = || format!("{request:?} of {client}: {answer:?}");
            let is_refused = matches!(
                answer,
                Err(Code::FailedPrecondition
                    | Code::NotFound
                    | Code::Unavailable
                    | Code::ResourceExhausted)
            );
            if client == FORGER {
                expect(is_refused, "a claim that was made up is refused", what());
                continue;
            }
            if is_settled(request, answer.as_ref().err().copied()) {
                settled.insert(claim.mark.clone());
            }
            if self.lost.get(&claim.mark).is_some_and(|since| call.at > *since) {
                expect(is_refused, "nothing of another history is taken", what());
                let is_told = *answer != Err(Code::FailedPrecondition);
                expect(is_told, "another history's result is not called too late", what());
            }
        }
    }
}

/// Whether the lease's result was accepted or finally refused.
fn is_settled(request: &Request, refusal: Option<Code>) -> bool {
    match refusal {
        None => matches!(request, Request::Finish(_)),
        Some(code) => matches!(code, Code::FailedPrecondition | Code::AlreadyExists),
    }
}

fn claim_of(request: &Request) -> Option<&v1::Claim> {
    match request {
        Request::Report(v1::ReportRequest { claim, .. })
        | Request::Finish(v1::FinishRequest { claim, .. })
        | Request::Release(v1::ReleaseRequest { claim, .. })
        | Request::Save(v1::Saving { claim, .. }) => claim.as_ref(),
        _ => None,
    }
}
