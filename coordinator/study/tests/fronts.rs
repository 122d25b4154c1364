//! Checks studies of several objectives under any order of leases and results: their front is the one of the definition,
//! proposals lie in the space, and each can be computed again.

use proptest::prelude::*;

use kindling_study::sampler::{Nsga2Options, Nsga3Options, SamplerSpec, TpeOptions};
use kindling_study::{
    Attributes, Choice, Claim, Condition, Direction, Directions, Distribution, FloatScale, Mark,
    Metrics, ObjectiveSpec, Param, PrunerSpec, SearchSpace, Settings, Study, StudyName, StudySpec,
    Tick, Trial, TrialId, TrialNumber, TrialResult, Values, Wall, WorkerId,
};

const TRIALS: u32 = 30;

/// What happens next.
#[derive(Debug, Clone)]
enum Op {
    Lease,
    /// The `nth` of the running trials ends.
    Complete {
        nth: usize,
        values: Vec<f64>,
        constraint: f64,
    },
    Fail {
        nth: usize,
    },
    /// The coordinator restarts from its store.
    Restart,
}

/// Few different values, so that many are equal; and the largest that there are.
fn value() -> impl Strategy<Value = f64> {
    prop_oneof![
        6 => (0..4_u8).prop_map(f64::from),
        3 => -1.0..1.0_f64,
        1 => prop_oneof![Just(f64::MAX), Just(f64::MIN), Just(f64::MIN_POSITIVE)],
    ]
}

fn op() -> impl Strategy<Value = Op> {
    let nth = any::<usize>();
    let (values, constraint) = (proptest::collection::vec(value(), 3), value());
    prop_oneof![
        5 => Just(Op::Lease),
        4 => (nth, values, constraint)
            .prop_map(|(nth, values, constraint)| Op::Complete { nth, values, constraint }),
        1 => nth.prop_map(|nth| Op::Fail { nth }),
        1 => Just(Op::Restart),
    ]
}

fn sampler() -> impl Strategy<Value = SamplerSpec> {
    prop_oneof![
        Just(SamplerSpec::Tpe(TpeOptions { startup_trials: 2, candidates: 4 })),
        Just(SamplerSpec::Nsga2(Nsga2Options { population: 3, ..Nsga2Options::default() })),
        Just(SamplerSpec::Nsga3(Nsga3Options { population: 3, ..Nsga3Options::default() })),
        Just(SamplerSpec::Auto {}),
    ]
}

fn spec(sampler: SamplerSpec, objectives: usize, is_limited: bool) -> StudySpec {
    let choices = ["a", "b"].map(|c| Choice::Text(c.into())).to_vec();
    let param = |name: &str, distribution, when| Param { name: name.into(), distribution, when };
    let only_a = Condition::any_of("method", [Choice::Text("a".into())]);
    let float = Distribution::Float { low: 0.1, high: 0.9, scale: FloatScale::Log };
    let params = vec![
        param("method", Distribution::Categorical { choices }, vec![]),
        param("rate", float.clone(), vec![]),
        param("std", float, vec![only_a]),
    ];
    let directions = [Direction::Maximize, Direction::Minimize, Direction::Minimize];
    let names = ["a", "b", "c"].map(Into::into);
    let metrics = Metrics {
        names: names[..objectives].into(),
        constraints: is_limited.then(|| "limit".into()).into_iter().collect(),
        ..Metrics::default()
    };
    StudySpec {
        name: StudyName::new("s").expect("valid"),
        directions: Directions::new(directions[..objectives].to_vec()).expect("some"),
        metrics,
        trials: TRIALS,
        seed: 1,
        max_attempts: 3,
        max_failures_in_a_row: 0,
        sampler,
        pruner: PrunerSpec::None {},
        space: SearchSpace::new(params).expect("valid"),
        objective: ObjectiveSpec { kind: "none".into(), settings: Settings::new() },
        confirm: None,
        keep_checkpoints: 1,
        notify: None,
    }
}

struct World {
    study: Study,
    leases: u8,
}

impl World {
    fn apply(&mut self, events: &[kindling_study::Event]) {
        for event in events {
            let next = TrialId(self.study.trials().len() as i64);
            self.study.apply(event, next, Wall::default(), Tick::default());
        }
    }

    fn step(&mut self, op: &Op) {
        match op {
            Op::Lease => {
                self.leases += 1;
                let worker = WorkerId::new(format!("w{}", self.leases)).expect("valid");
                let mark = Mark::new([self.leases; 16]);
                if let Some((events, number)) = self.study.lease(&worker, 0, mark) {
                    self.apply(&events);
                    self.check_proposal(number);
                }
            }
            Op::Complete { nth, values, constraint } => {
                let objectives = self.study.spec().directions.as_slice().len();
                let values = Values::new(values[..objectives].to_vec()).expect("some");
                self.finish(*nth, TrialResult::Complete(values), *constraint);
            }
            Op::Fail { nth } => self.finish(*nth, TrialResult::Fail("no".into()), 0.0),
            Op::Restart => self.restart(),
        }
    }

    fn finish(&mut self, nth: usize, result: TrialResult, constraint: f64) {
        let running: Vec<_> = self.study.running().iter().copied().collect();
        if running.is_empty() {
            return;
        }
        let number = running[nth % running.len()];
        let trial = self.study.trial_at(number).expect("there");
        let claim = Claim {
            number,
            attempt: trial.attempt,
            worker: trial.worker.clone().expect("leased"),
            mark: trial.mark,
        };
        let limits = self.study.spec().metrics.constraints.len();
        let constraints = &[constraint][..limits];
        let finished = self.study.finish(&claim, result, constraints, Attributes::new());
        let (events, ()) = finished.expect("its lease stands");
        self.apply(&events);
    }

    fn restart(&mut self) {
        let study = &self.study;
        let (before, front) = (study.trials().to_vec(), study.front().collect::<Vec<_>>());
        let restored = Study::restore(
            study.spec().clone(),
            study.state(),
            study.budget(),
            None,
            study.created(),
            before,
            study.finish_order().to_vec(),
        );
        assert_eq!(restored.front().collect::<Vec<_>>(), front);
        self.study = restored;
    }

    fn check_proposal(&self, number: TrialNumber) {
        let trial = self.study.trial_at(number).expect("there");
        let params = trial.params().expect("proposed");
        let space = &self.study.spec().space;
        let shown = space.params().iter().zip(params).filter_map(|(param, value)| {
            Some((param.name.clone(), param.distribution.show((*value)?)))
        });
        let fixed = space.fix(&shown.collect::<Vec<_>>()).expect("in the space");
        assert_eq!(&fixed, params);
    }

    /// Of the completed and feasible trials, those that no other dominates; and it says the same by each way.
    fn check_front(&self) {
        let study = &self.study;
        let limits = study.spec().metrics.constraints.len();
        let losses = |trial: &Trial| -> Option<Vec<f64>> {
            (trial.violation(limits) <= 0.0).then_some(())?;
            let values = trial.values()?.as_slice().iter();
            let directions = study.spec().directions.as_slice();
            Some(values.zip(directions).map(|(value, direction)| direction.loss(*value)).collect())
        };
        let all: Vec<_> = study.trials().iter().map(losses).collect();
        let dominates = |a: &[f64], b: &[f64]| {
            a.iter().zip(b).all(|(a, b)| a <= b) && a.iter().zip(b).any(|(a, b)| a < b)
        };
        let is_on = |place: &usize| {
            let Some(own) = &all[*place] else { return false };
            !all.iter().flatten().any(|other| dominates(other, own))
        };
        let wanted: Vec<_> = (0..all.len()).filter(is_on).collect();
        let mut found: Vec<_> = study.front().map(TrialNumber::index).collect();
        found.sort_unstable();
        assert_eq!(found, wanted);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn a_front_is_the_one_of_the_definition_and_proposals_can_be_computed_again(
        sampler in sampler(),
        objectives in 2..4_usize,
        is_limited in any::<bool>(),
        ops in proptest::collection::vec(op(), 0..100),
    ) {
        let study = Study::new(spec(sampler, objectives, is_limited), Wall::default());
        let mut world = World { study, leases: 0 };
        for op in &ops {
            world.step(op);
            world.check_front();
        }
        prop_assert_eq!(world.study.replay().mismatches.len(), 0);
    }
}
