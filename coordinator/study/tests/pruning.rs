//! Pruning in a study whose trials are lost, fail, and report twice.

use std::time::Duration;

use kindling_study::sampler::SamplerSpec;
use kindling_study::{
    Attributes, Claim, Direction, Distribution, Event, FloatScale, ObjectiveSpec, Param,
    Result as TrialResult, SearchSpace, Settings, Study, StudyName, StudySpec, Tick, Verdict, Wall,
    WorkerId,
};

struct Pruned(Study);

impl Pruned {
    /// A study whose first rung, at step 1, lets the best half go on.
    fn halving() -> Self {
        Self::by(r#"{"kind": "asha", "reduction_factor": 2}"#)
    }

    fn by(pruner: &str) -> Self {
        let distribution = Distribution::Float { low: 0.0, high: 1.0, scale: FloatScale::Linear };
        let param = Param { name: "x".into(), distribution, when: vec![] };
        let spec = StudySpec {
            name: StudyName::new("s").expect("valid"),
            direction: Direction::Maximize,
            trials: 10,
            seed: 1,
            max_attempts: 2,
            sampler: SamplerSpec::Random {},
            pruner: serde_json::from_str(pruner).expect("valid"),
            space: SearchSpace::new(vec![param]).expect("valid"),
            objective: ObjectiveSpec { kind: "none".into(), settings: Settings::new() },
            confirm: None,
        };
        Self(Study::new(spec, Wall(0)))
    }

    fn apply(&mut self, events: &[Event]) {
        for event in events {
            self.0.apply(event, Wall(0), Tick(Duration::from_secs(30)));
        }
    }

    fn lease(&mut self) -> Claim {
        let worker = WorkerId::new("w").expect("valid");
        let (events, number) = self.0.lease(&worker).expect("work");
        self.apply(&events);
        Claim { number, attempt: self.0.get(number).expect("leased").attempt, worker }
    }

    fn report(&mut self, claim: &Claim, step: u64, value: f64) -> Verdict {
        let (events, verdict) = self.0.report(claim, step, value).expect("taken");
        self.apply(&events);
        verdict
    }

    /// Leases a trial, which reports at the rung.
    fn reported(&mut self, value: f64) -> (Claim, Verdict) {
        let claim = self.lease();
        let verdict = self.report(&claim, 1, value);
        (claim, verdict)
    }

    fn finish(&mut self, claim: &Claim, result: TrialResult) {
        let (events, ()) = self.0.finish(claim, result, Attributes::new()).expect("taken");
        self.apply(&events);
    }
}

#[test]
fn larger_is_better_where_the_study_maximizes() {
    let mut study = Pruned::halving();
    study.reported(0.5);
    assert_eq!(study.reported(0.6).1, Verdict::Continue);
    assert_eq!(study.reported(0.4).1, Verdict::Prune);
}

#[test]
fn a_verdict_stands_whatever_happens_after_it() {
    let mut study = Pruned::halving();
    let (first, verdict) = study.reported(0.5);
    assert_eq!(verdict, Verdict::Continue);
    let (worse, verdict) = study.reported(0.4);
    assert_eq!(verdict, Verdict::Prune);
    for _ in 0..3 {
        study.reported(0.9);
    }
    for _ in 0..3 {
        study.reported(0.1);
    }
    assert_eq!(study.report(&first, 1, 0.5), Verdict::Continue);
    assert_eq!(study.report(&worse, 1, 0.4), Verdict::Prune);
    assert_eq!(study.report(&worse, 2, 1.0), Verdict::Prune, "it was over at step 1");
}

#[test]
fn a_lost_attempt_leaves_nothing_behind() {
    let mut study = Pruned::halving();
    let (lost, _) = study.reported(0.9);
    let events = study.0.release(&lost).expect("held").0;
    study.apply(&events);
    let again = study.lease();
    assert_eq!(again.number, lost.number);
    assert_eq!(study.reported(0.5).1, Verdict::Continue, "nobody else is at the rung");
    assert_eq!(study.report(&again, 0, 0.2), Verdict::Continue);
    assert_eq!(study.report(&again, 1, 0.4), Verdict::Prune, "its 0.9 is gone");
    let events = study.0.release(&again).expect("held").0;
    study.apply(&events);
    let third = study.lease();
    assert_eq!(study.report(&third, 1, 0.6), Verdict::Continue, "and so is that verdict");
}

#[test]
fn failed_trials_do_not_count() {
    let mut study = Pruned::halving();
    let (failed, _) = study.reported(0.9);
    study.finish(&failed, TrialResult::Fail("broken".into()));
    assert_eq!(study.reported(0.5).1, Verdict::Continue);
    let (pruned, verdict) = study.reported(0.4);
    assert_eq!(verdict, Verdict::Prune);
    study.finish(&pruned, TrialResult::Pruned);
    study.reported(0.6);
    assert_eq!(study.reported(0.5).1, Verdict::Continue, "second of four, of which one pruned");
}

#[test]
fn a_trial_that_gave_itself_up_stays_in_the_comparison() {
    let mut study = Pruned::by(r#"{"kind": "median", "startup_trials": 0, "warmup_steps": 2}"#);
    for (at_one, at_two) in [(0.3, 0.4), (0.3, 0.6)] {
        let (claim, _) = study.reported(at_one);
        study.report(&claim, 2, at_two);
    }
    let quitters = [(); 2].map(|()| study.reported(0.1).0);
    let (judged, _) = study.reported(0.2);
    let mut without = Pruned(study.0.clone());
    assert_eq!(without.report(&judged, 2, 0.3), Verdict::Prune, "below 0.5");
    for quitter in quitters {
        study.finish(&quitter, TrialResult::Pruned);
    }
    assert_eq!(study.report(&judged, 2, 0.3), Verdict::Continue, "above 0.25");
}
