//! What trials leave behind, on the wire.

use kindling_proto::v1;
use kindling_study::{Artifact, Blob, Checkpoint, LeaseEnd, PastAttempt, Phase, Trial};

use super::to_wire::timestamp;

pub(crate) fn blob(Blob { key, size, sha256 }: &Blob) -> v1::Blob {
    v1::Blob { key: key.to_string(), size: *size, sha256: sha256.to_vec() }
}

pub(crate) fn checkpoint(checkpoint: &Checkpoint) -> v1::Checkpoint {
    v1::Checkpoint {
        attempt: checkpoint.attempt.0,
        step: checkpoint.step,
        blob: Some(blob(&checkpoint.blob)),
    }
}

pub(crate) fn artifact(artifact: &Artifact) -> v1::Artifact {
    v1::Artifact {
        name: artifact.name.to_string(),
        media_type: artifact.media_type.to_string(),
        blob: Some(blob(&artifact.blob)),
        saved: Some(timestamp(artifact.saved)),
    }
}

/// The attempts at a trial, oldest first.
pub(super) fn attempts(trial: &Trial) -> Vec<v1::TrialAttempt> {
    let mut attempts: Vec<_> = trial.attempts.iter().map(past).collect();
    attempts.extend(newest(trial));
    attempts
}

/// The newest attempt, if it runs or ended with a result.
fn newest(trial: &Trial) -> Option<v1::TrialAttempt> {
    let is_past = trial.attempts.last().is_some_and(|past| past.attempt == trial.attempt);
    let (worker, leased) = (trial.worker.as_ref()?, trial.leased?);
    let is_over = matches!(trial.phase, Phase::Finished(_));
    let end = if is_over { v1::AttemptEnd::Finished } else { v1::AttemptEnd::Unspecified };
    (!is_past).then(|| v1::TrialAttempt {
        attempt: trial.attempt.0,
        worker: worker.to_string(),
        start_time: Some(timestamp(leased)),
        end_time: trial.finished.map(timestamp),
        end: end.into(),
        resumed_from: trial.resumed,
    })
}

fn past(past: &PastAttempt) -> v1::TrialAttempt {
    let end = match past.end {
        LeaseEnd::Expired => v1::AttemptEnd::Lost,
        LeaseEnd::HandedBack => v1::AttemptEnd::HandedBack,
        LeaseEnd::StudyStopped => v1::AttemptEnd::StudyStopped,
    };
    v1::TrialAttempt {
        attempt: past.attempt.0,
        worker: past.worker.to_string(),
        start_time: Some(timestamp(past.leased)),
        end_time: Some(timestamp(past.ended)),
        end: end.into(),
        resumed_from: past.resumed,
    }
}

#[cfg(test)]
mod tests {
    use kindling_study::{
        Attempt, Attributes, Claim, Creation, Event, Mark, Registry, Tick, TrialResult, Wall,
        WorkerId,
    };

    use super::*;
    use crate::convert;

    const FILE: &str = "name = \"s\"\ndirection = \"maximize\"\ntrials = 3\nobjective = { kind = \"k\" }\n\
        [space.x]\ntype = \"int\"\nlow = 0\nhigh = 1\n";

    #[test]
    fn a_trial_tells_what_it_left_behind() {
        let mut studies = Registry::default();
        let spec = crate::config::parse(FILE).expect("valid");
        let Creation::New(id, event) = studies.create(spec).expect("new") else {
            panic!("it is new")
        };
        let mut at = 0;
        let mut take = |studies: &mut Registry, events: Vec<Event>| {
            at += 1_000_000;
            for event in events {
                studies.apply(id, Wall(at), event, Tick::default());
            }
        };
        take(&mut studies, vec![event]);
        let lease = |studies: &Registry, mark| {
            let (worker, study) =
                (WorkerId::new("w").expect("an id"), studies.get(id).expect("one"));
            let (events, number) = study.lease(&worker, 0, Mark::new([mark; 16])).expect("work");
            let attempt = Attempt(mark.into());
            (events, Claim { number, attempt, worker, mark: Some(Mark::new([mark; 16])) })
        };
        let (events, first) = lease(&studies, 1);
        take(&mut studies, events);
        let blob = |content: u8| Blob { key: "h/1".into(), size: 7, sha256: [content; 32] };
        let study = |studies: &Registry| studies.get(id).expect("one").clone();
        let events = study(&studies).save_checkpoint(&first, 4, blob(1)).expect("taken").0;
        take(&mut studies, events);
        let events = study(&studies).release(&first).expect("held").0;
        take(&mut studies, events);
        let (events, second) = lease(&studies, 2);
        take(&mut studies, events);
        let events = study(&studies).save_artifact(&second, "a", "b/c", blob(2)).expect("taken").0;
        take(&mut studies, events);

        let shown = |studies: &Registry| {
            let study = studies.get(id).expect("one");
            convert::trial(study, second.number, study.get(second.number).expect("there"))
        };
        let seconds = |seconds| Some(prost_types::Timestamp { seconds, nanos: 0 });
        let wire =
            |content: u8| Some(v1::Blob { key: "h/1".into(), size: 7, sha256: vec![content; 32] });
        let trial = shown(&studies);
        assert_eq!(trial.checkpoints, [v1::Checkpoint { attempt: 1, step: 4, blob: wire(1) }]);
        let saved = seconds(6);
        let artifact =
            v1::Artifact { name: "a".into(), media_type: "b/c".into(), blob: wire(2), saved };
        assert_eq!(trial.artifacts, [artifact]);
        let attempt =
            |attempt, start, end_time, end: v1::AttemptEnd, resumed_from| v1::TrialAttempt {
                attempt,
                worker: "w".into(),
                start_time: seconds(start),
                end_time,
                end: end.into(),
                resumed_from,
            };
        let first = attempt(1, 2, seconds(4), v1::AttemptEnd::HandedBack, None);
        let running = attempt(2, 5, None, v1::AttemptEnd::Unspecified, Some(4));
        assert_eq!(trial.attempts, [first.clone(), running]);
        let result = TrialResult::Complete(0.5.into());
        let decided = study(&studies).finish(&second, result, &[], Attributes::new());
        take(&mut studies, decided.expect("held").0);
        let finished = attempt(2, 5, seconds(7), v1::AttemptEnd::Finished, Some(4));
        assert_eq!(shown(&studies).attempts, [first, finished]);
        let study = studies.get(id).expect("one");
        let in_short =
            convert::trial_in_short(study, second.number, study.get(second.number).expect("there"));
        assert!(in_short.artifacts.is_empty() && in_short.attempts.is_empty(), "{in_short:?}");
    }
}
