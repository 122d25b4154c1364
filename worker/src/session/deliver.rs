//! Delivers a trial's result, also one that an earlier worker left.

use std::collections::BTreeMap;

use kindling_proto::attributes::{Attributes, LEFT_OUT};
use kindling_proto::limits;

use super::link::Link;
use super::spool::Undelivered;
use crate::lease::{Claim, End, Finish, Refusal, Why};

/// Delivers a result, after the reports that precede it.
///
/// A result that is refused as malformed would be refused from any worker. So it is sent again without its
/// attributes, and if that is refused too, as a failure with the reason. This avoids training the trial
/// again.
pub(super) async fn deliver(
    link: &Link,
    Undelivered { reports, finish }: Undelivered,
) -> Result<(), Refusal> {
    let claim = finish.claim.clone();
    for report in reports {
        match link.report(&claim, &report).await {
            Err(refusal) if refusal.is_for_good() => {
                let reason = refused_report(report.step, &refusal);
                tracing::error!(reason, "the trial fails");
                return link.finish(failed(&claim, &reason)).await;
            }
            answer => _ = answer?,
        }
    }
    let refused = match link.finish(fitting(finish.clone())).await {
        Err(Refusal { why: Why::Form, reason }) => reason,
        answer => return answer,
    };
    tracing::error!(reason = refused, "refused; it is sent without its attributes");
    let note = format!("all of them: they were refused: {refused}");
    let note = serde_json::Value::from(note).to_string();
    let attributes = [(LEFT_OUT.to_owned(), note)].into();
    match link.finish(Finish { attributes, ..finish }).await {
        Err(Refusal { why: Why::Form, .. }) => {
            link.finish(failed(&claim, &format!("its result was refused: {refused}"))).await
        }
        answer => answer,
    }
}

/// The result cut to the limits, which a result from an earlier version's worker may exceed.
fn fitting(Finish { claim, end, constraints, attributes }: Finish) -> Finish {
    let mut fitting = Attributes::default();
    for (name, json) in attributes {
        if let Err(left_out) = fitting.set(&name, json) {
            tracing::warn!("{left_out}");
        }
    }
    let (kept, note) = fitting.into_parts();
    let end = match end {
        End::Failed(reason) => End::Failed(limits::cut(reason, limits::REASON)),
        other => other,
    };
    let note = note.map(|note| (LEFT_OUT.to_owned(), note));
    Finish { claim, end, constraints, attributes: kept.into_iter().chain(note).collect() }
}

/// A failure with its reason.
pub(super) fn failed(claim: &Claim, reason: &str) -> Finish {
    let end = End::Failed(limits::cut(reason.to_owned(), limits::REASON));
    Finish { claim: claim.clone(), end, constraints: Vec::new(), attributes: BTreeMap::new() }
}

pub(super) fn refused_report(step: u64, refusal: &Refusal) -> String {
    format!("its report of step {step} was refused: {}", refusal.reason)
}

#[cfg(test)]
mod tests {
    use prost::Message as _;

    use super::*;
    use crate::convert;

    fn claim() -> Claim {
        Claim {
            study_id: 1,
            trial: 0,
            attempt: 1,
            worker_id: "w".to_owned(),
            mark: vec![],
            history: vec![],
        }
    }

    #[test]
    fn what_an_earlier_worker_left_is_made_to_fit() {
        let long = format!("\"{}\"", "x".repeat(60_000));
        let attributes = (0..100).map(|i| (format!("a{i:02}"), long.clone())).collect();
        let constraints = vec![-1.0];
        let fitting = fitting(Finish { claim: claim(), end: End::Pruned, constraints, attributes });
        assert_eq!(fitting.constraints, [-1.0]);
        assert!(convert::finish(fitting.clone()).encoded_len() < limits::MESSAGE / 2);
        assert!(fitting.attributes.contains_key("a00"));
        assert!(fitting.attributes[LEFT_OUT].contains("`a17`"));
        let failed = failed(&claim(), &"x".repeat(5_000_000));
        assert!(convert::finish(failed).encoded_len() < limits::MESSAGE / 2);
    }
}
