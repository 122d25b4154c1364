//! What a trial takes, and what it comes to.

use super::*;
use crate::metrics::Metrics;
use crate::stop::StopReason;
use crate::values::Intermediate;

/// What a trial says of itself, and the stop that it hears.
#[derive(Default)]
struct Recorder {
    taken: Vec<(u64, Intermediate)>,
    stop: Stop,
}

impl Reporter for Recorder {
    fn report(&mut self, _: u64, _: f64) -> Result<(), Stopped> {
        unreachable!("all values come at once")
    }

    fn report_all(&mut self, step: u64, values: Intermediate) -> Result<(), Stopped> {
        self.taken.push((step, values));
        Ok(())
    }

    fn stop(&self) -> Stop {
        self.stop.clone()
    }
}

fn facts() -> TrialFacts {
    let names = ["accuracy", "latency_ms"].map(str::to_owned).into();
    let metrics = Metrics { names, constraints: vec!["memory_gb".into()], pruner_objective: 0 };
    TrialFacts { metrics, ..TrialFacts::default() }
}

#[test]
fn reports_are_by_name_and_an_unknown_name_fails_the_trial_at_once() {
    let (facts, mut recorder) = (facts(), Recorder::default());
    let mut trial = Trial::new(&facts, DeviceName::Cpu, None, &mut recorder);
    assert_eq!(trial.report(0, 0.5), Ok(()));
    assert_eq!(trial.report(1, [("latency_ms", 12.5), ("accuracy", 0.9)]), Ok(()));
    assert_eq!(trial.report(2, [("accuracy", 0.9), ("latency", 1.0)]), Err(Stopped));
    let reason = trial.stop().reason();
    let expected = "no objective `latency`\nhint: ";
    assert!(
        matches!(&reason, Some(StopReason::Refused(why)) if why.contains(expected)),
        "{reason:?}"
    );
    let both = Intermediate { value: 0.9, others: vec![(1, 12.5)] };
    assert_eq!(recorder.taken, [(0, 0.5.into()), (1, both)]);
}

#[test]
fn a_result_has_all_values_and_all_constraints_or_the_trial_fails() {
    let facts = facts();
    let end = |constraint: Option<f64>, outcome: Result<Completion, TrialError>| {
        let mut recorder = Recorder::default();
        let mut trial = Trial::new(&facts, DeviceName::Cpu, None, &mut recorder);
        assert!(trial.set_constraint("memory", 1.0).is_err());
        if let Some(value) = constraint {
            trial.set_constraint("memory_gb", 7.0).expect("known");
            trial.set_constraint("memory_gb", value).expect("known");
        }
        assert_eq!(trial.constraint("memory_gb"), constraint);
        let (outcome, noted) = trial.end(outcome);
        (outcome, noted.constraints)
    };
    let two = Values::try_from(vec![0.9, 12.5]).expect("two");
    let (outcome, constraints) = end(Some(-1.0), Ok(Completion::new(two.clone())));
    assert_eq!((outcome.expect("complete").values, &*constraints), (two.clone(), &[-1.0][..]));
    let failed = |found| match found {
        (Err(TrialError::Failed(reason)), _) => reason,
        other => panic!("{other:?}"),
    };
    let reason = failed(end(None, Ok(Completion::new(two))));
    assert!(reason.contains("the constraint `memory_gb`"), "{reason}");
    let reason = failed(end(Some(-1.0), Ok(Completion::new(0.9))));
    assert!(reason.contains("1 value, and the study 2 objectives"), "{reason}");
    assert_eq!(end(None, Err(TrialError::Pruned)), (Err(TrialError::Pruned), vec![]));
    assert_eq!(end(Some(2.0), Err(TrialError::Pruned)), (Err(TrialError::Pruned), vec![2.0]));
    let mut recorder = Recorder::default();
    let trial = Trial::new(&facts, DeviceName::Cpu, None, &mut recorder);
    let named = trial.completion([("latency_ms", 12.5), ("accuracy", 0.9)]).expect("both");
    assert_eq!(named.values.as_slice(), [0.9, 12.5]);
}
