//! Conversions between wire types and the session's own types. No other module uses wire types.

use std::collections::BTreeMap;
use std::time::Duration;

use kindling_artifacts::{Content, Key};
use kindling_client::speaks_no_grpc;
use kindling_proto::v1::finish_request::Result as WireEnd;
use kindling_proto::v1::value::Kind;
use kindling_proto::{limits, v1};
use prost::Message as _;
use tonic::{Code, Status};

use crate::lease::{
    Assignment, Checkpoint, Claim, End, Finish, Identity, Refusal, Report, Verdict, What, Why,
};
use crate::metrics::Metrics;
use crate::output::{Line, OutputStream};
use crate::trial::{ParamValue, Params, TrialFacts};
use crate::values::Intermediate;

impl From<Claim> for v1::Claim {
    fn from(claim: Claim) -> Self {
        let Claim { study_id, trial, attempt, worker_id, mark, history } = claim;
        Self { study_id, trial, attempt, worker_id, mark, history }
    }
}

impl From<v1::Claim> for Claim {
    fn from(wire: v1::Claim) -> Self {
        let v1::Claim { study_id, trial, attempt, worker_id, mark, history } = wire;
        Self { study_id, trial, attempt, worker_id, mark, history }
    }
}

pub(crate) fn output(claim: &Claim, first: u64, lines: &[Line]) -> v1::WriteRequest {
    let line = |line: &Line| {
        let stream = match line.stream {
            OutputStream::Out => v1::OutputStream::Stdout,
            OutputStream::Err => v1::OutputStream::Stderr,
            OutputStream::Log => v1::OutputStream::Log,
        };
        v1::OutputLine {
            // The claim says it.
            attempt: 0,
            stream: stream.into(),
            time: Some(line.time.into()),
            text: line.text.clone(),
            lines_left_out: line.left_out.lines,
            bytes_left_out: line.left_out.bytes,
        }
    };
    let lines = lines.iter().map(line).collect();
    v1::WriteRequest { claim: Some(claim.clone().into()), first, lines }
}

/// A leased trial; `None` without a claim, because every later call needs one.
pub(crate) fn assignment(wire: v1::Assignment) -> Option<Assignment> {
    let v1::Assignment {
        claim,
        study,
        params,
        objective,
        seed,
        study_seed,
        traceparent,
        checkpoint,
        ..
    } = wire;
    let metrics = metrics(wire.metric_names, wire.constraints, wire.pruner_objective);
    let (checkpoint, unreadable) = match checkpoint.map(self::checkpoint).transpose() {
        Ok(checkpoint) => (checkpoint, None),
        Err(reason) => (None, Some(reason)),
    };
    let v1::Objective { kind, settings_json } = objective.unwrap_or_default();
    let claim: Claim = claim?.into();
    let facts = self::params(params).and_then(|params| {
        let settings = match &*settings_json {
            "" => serde_json::Map::new(),
            text => serde_json::from_str(text).map_err(|error| error.to_string())?,
        };
        let (study, number, attempt, metrics) =
            (study.clone(), claim.trial, claim.attempt, metrics?);
        // A trial that began again unnoticed would lose what its earlier attempts did.
        unreadable.map_or(Ok(()), Err)?;
        Ok(TrialFacts { study, number, attempt, params, settings, seed, study_seed, metrics })
    });
    Some(Assignment { claim, study, objective: kind, facts, traceparent, checkpoint })
}

fn checkpoint(wire: v1::Checkpoint) -> Result<Checkpoint, String> {
    let v1::Checkpoint { step, blob, .. } = wire;
    let v1::Blob { key, size, sha256 } = blob.unwrap_or_default();
    let sha256 = sha256.try_into().map_err(|sha256: Vec<u8>| {
        let bytes = sha256.len();
        format!("the checkpoint of step {step} came with a SHA-256 of {bytes} bytes, not 32")
    })?;
    Ok(Checkpoint { step, key, size, sha256 })
}

/// The names of the study's values. An index beyond them would fail every report.
fn metrics(
    names: Vec<String>,
    constraints: Vec<String>,
    pruner_objective: u32,
) -> Result<Metrics, String> {
    let pruner_objective = pruner_objective as usize;
    if pruner_objective >= names.len().max(1) {
        let there = names.len();
        return Err(format!("the pruner compares objective {pruner_objective}, of {there}"));
    }
    Ok(Metrics { names, constraints, pruner_objective })
}

fn params(wire: Vec<v1::NamedValue>) -> Result<Params, String> {
    let param = |named: v1::NamedValue| {
        let value = match named.value.and_then(|v| v.kind) {
            Some(Kind::Float(x)) => ParamValue::Float(x),
            Some(Kind::Int(i)) => ParamValue::Int(i),
            Some(Kind::Bool(b)) => ParamValue::Bool(b),
            Some(Kind::Text(s)) => ParamValue::Text(s),
            Some(Kind::None(_)) => ParamValue::None,
            Some(Kind::Json(json)) => {
                let json = serde_json::from_str(&json);
                ParamValue::Json(json.map_err(|e| format!("parameter `{}`: {e}", named.name))?)
            }
            None => return Err(format!("parameter `{}` came without a value", named.name)),
        };
        Ok((named.name, value))
    };
    wire.into_iter().map(param).collect()
}

pub(crate) fn lease(
    worker: &Identity,
    holding: Vec<Claim>,
    objectives: Vec<String>,
    without_studies: Vec<i64>,
    wait: Duration,
) -> v1::LeaseRequest {
    let Identity { id, host, device, slots, session } = worker.clone();
    v1::LeaseRequest {
        worker_id: id,
        host,
        device,
        slots,
        objectives,
        holding: holding.into_iter().map(Into::into).collect(),
        wait: wait.try_into().ok(),
        session,
        without_studies,
    }
}

pub(crate) fn heartbeat(worker: &Identity, holding: Vec<Claim>) -> v1::HeartbeatRequest {
    let Identity { id, host, device, slots, session } = worker.clone();
    let holding = holding.into_iter().map(Into::into).collect();
    v1::HeartbeatRequest { worker_id: id, host, device, slots, holding, session }
}

pub(crate) fn report(claim: &Claim, report: &Report) -> v1::ReportRequest {
    let Report { step, values: Intermediate { value, others } } = report;
    let other = |(objective, value): &(u32, f64)| v1::ObjectiveValue {
        objective: *objective,
        value: *value,
    };
    let others = others.iter().map(other).collect();
    v1::ReportRequest { claim: Some(claim.clone().into()), step: *step, value: *value, others }
}

/// The first message of a call that saves something: what it is.
/// Its bytes follow, unless they lie under the key already.
pub(crate) fn saving(
    claim: &Claim,
    what: &What,
    Content { size, sha256 }: Content,
    key: Option<Key>,
) -> v1::SaveRequest {
    let (what, media_type) = match what.clone() {
        What::Checkpoint { step } => (v1::saving::What::CheckpointStep(step), String::new()),
        What::Artifact { name, media_type } => (v1::saving::What::ArtifactName(name), media_type),
    };
    // Without one, the coordinator chooses the key.
    let key = key.map(|key| key.to_string()).unwrap_or_default();
    let blob = v1::Blob { key, size, sha256: sha256.into() };
    let (claim, what, blob) = (Some(claim.clone().into()), Some(what), Some(blob));
    let saving = v1::Saving { claim, what, media_type, blob };
    v1::SaveRequest { part: Some(v1::save_request::Part::Saving(saving)) }
}

/// A piece of the bytes that are saved.
pub(crate) fn piece(bytes: Vec<u8>) -> v1::SaveRequest {
    v1::SaveRequest { part: Some(v1::save_request::Part::Piece(bytes)) }
}

pub(crate) fn load(claim: &Claim, key: &str) -> v1::LoadRequest {
    v1::LoadRequest { claim: Some(claim.clone().into()), key: key.to_owned() }
}

pub(crate) fn release(claim: &Claim, reason: &str) -> v1::ReleaseRequest {
    let reason = limits::cut(reason.to_owned(), limits::HAND_BACK);
    v1::ReleaseRequest { claim: Some(claim.clone().into()), reason }
}

pub(crate) fn verdict(wire: v1::Verdict) -> Verdict {
    match wire {
        v1::Verdict::Continue | v1::Verdict::Unspecified => Verdict::Continue,
        v1::Verdict::Prune => Verdict::Prune,
        v1::Verdict::Stop | v1::Verdict::Lost => Verdict::Drop,
    }
}

pub(crate) fn finish(finish: Finish) -> v1::FinishRequest {
    let Finish { claim, end, constraints, attributes } = finish;
    let result = match end {
        End::Complete(values) => WireEnd::Completed(v1::Completed { values: values.into() }),
        End::Pruned => WireEnd::Pruned(v1::Pruned {}),
        End::Failed(reason) => WireEnd::Failed(v1::Failed { reason }),
    };
    v1::FinishRequest {
        claim: Some(claim.into()),
        result: Some(result),
        attributes_json: attributes.into_iter().collect(),
        constraints,
    }
}

/// Encodes a trial's end and the reports that precede it, as a spool stores them.
///
/// Each message is length-delimited; the end comes first.
pub(crate) fn to_bytes(end: &Finish, reports: &[Report]) -> Vec<u8> {
    let mut bytes = finish(end.clone()).encode_length_delimited_to_vec();
    for each in reports {
        bytes.extend(report(&end.claim, each).encode_length_delimited_to_vec());
    }
    bytes
}

/// The inverse of [`to_bytes`]; `None` if the bytes are anything else.
pub(crate) fn from_bytes(mut bytes: &[u8]) -> Option<(Finish, Vec<Report>)> {
    let wire = v1::FinishRequest::decode_length_delimited(&mut bytes).ok()?;
    let end = match wire.result? {
        WireEnd::Completed(completed) => End::Complete(completed.values.try_into().ok()?),
        WireEnd::Pruned(_) => End::Pruned,
        WireEnd::Failed(v1::Failed { reason }) => End::Failed(reason),
    };
    let attributes: BTreeMap<_, _> = wire.attributes_json.into_iter().collect();
    let constraints = wire.constraints;
    let finish = Finish { claim: wire.claim?.into(), end, constraints, attributes };
    let mut reports = Vec::new();
    while !bytes.is_empty() {
        let v1::ReportRequest { step, value, others, .. } =
            v1::ReportRequest::decode_length_delimited(&mut bytes).ok()?;
        let others = others.into_iter().map(|other| (other.objective, other.value)).collect();
        reports.push(Report { step, values: Intermediate { value, others } });
    }
    Some((finish, reports))
}

/// Maps the status of a refused call to its meaning.
pub(crate) fn refusal(status: &Status) -> Refusal {
    let why = match status.code() {
        Code::InvalidArgument | Code::OutOfRange => Why::Form,
        Code::AlreadyExists => Why::Taken,
        Code::FailedPrecondition => Why::NotYours,
        Code::NotFound => Why::Unknown,
        Code::Unauthenticated | Code::PermissionDenied => Why::KeptOut,
        _ if speaks_no_grpc(status) => Why::NoGrpc,
        _ => Why::Other,
    };
    Refusal { why, reason: status.message().to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assigned(names: &[&str], pruner_objective: u32) -> Result<Metrics, String> {
        let wire = v1::Assignment {
            claim: Some(v1::Claim::default()),
            metric_names: names.iter().map(|name| (*name).to_owned()).collect(),
            constraints: vec!["memory_gb".to_owned()],
            pruner_objective,
            ..Default::default()
        };
        assignment(wire).expect("a claim").facts.map(|facts| facts.metrics)
    }

    #[test]
    fn a_checkpoint_that_cannot_be_told_from_another_fails_its_trial() {
        let assigned = |sha256: Vec<u8>| {
            let blob = v1::Blob { key: "a/b".to_owned(), size: 3, sha256 };
            let checkpoint = v1::Checkpoint { attempt: 1, step: 7, blob: Some(blob) };
            let claim = Some(v1::Claim::default());
            let wire = v1::Assignment { claim, checkpoint: Some(checkpoint), ..Default::default() };
            assignment(wire).expect("a claim")
        };
        let (key, size, sha256) = ("a/b".to_owned(), 3, [9; 32]);
        let whole = assigned(vec![9; 32]);
        assert_eq!(whole.checkpoint, Some(Checkpoint { step: 7, key, size, sha256 }));
        assert!(whole.facts.is_ok());
        let reason = assigned(vec![9; 31]).facts.expect_err("no hash");
        assert_eq!(reason, "the checkpoint of step 7 came with a SHA-256 of 31 bytes, not 32");
    }

    #[test]
    fn a_trial_is_told_what_its_studys_values_are_called() {
        let metrics = assigned(&["a", "b"], 1).expect("facts");
        assert_eq!(
            (metrics.pruned_by(), &*metrics.constraints),
            (Some("b"), &["memory_gb".to_owned()][..])
        );
        assert_eq!(assigned(&[], 0).expect("facts").pruned_by(), None);
        assert!(assigned(&["a", "b"], 2).is_err() && assigned(&[], 1).is_err());
    }
}
