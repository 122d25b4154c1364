//! Tests of the layout without a database.

mod changes;
mod reading;

use kindling_study::sampler::SamplerSpec;
use kindling_study::{
    Choice, Direction, Distribution, FloatScale, Metrics, ObjectiveSpec, Param, PrunerSpec,
    SearchSpace, Settings, StudyId, StudyName, StudySpec,
};
use serde_json::{Value, json};

use super::*;

const STUDY: StudyId = StudyId(1);

fn spec() -> StudySpec {
    let wide = Distribution::Int { low: 0, high: i64::MAX, step: 1, log: false };
    let param = |name: &str| Param { name: name.into(), distribution: wide.clone(), when: vec![] };
    StudySpec {
        name: StudyName::new("a").expect("a name"),
        directions: Direction::Minimize.into(),
        metrics: Metrics::default(),
        trials: 9,
        seed: 5,
        max_attempts: 2,
        max_failures_in_a_row: 4,
        keep_checkpoints: 1,
        sampler: SamplerSpec::Random {},
        pruner: PrunerSpec::None,
        space: SearchSpace::new(vec![param("x"), param("y")]).expect("a space"),
        objective: ObjectiveSpec { kind: "test".into(), settings: Settings::new() },
        confirm: None,
        notify: None,
    }
}

#[test]
fn distributions_are_written_as_optuna_writes_them() {
    let written = |distribution: &Distribution| -> Value {
        serde_json::from_str(&encode::distribution(distribution)).expect("JSON")
    };
    let float = |low, high, scale| Distribution::Float { low, high, scale };
    let choices = vec![
        Choice::Text("ädam \"w\"".into()),
        Choice::Bool(true),
        Choice::Int(1),
        Choice::Float(1.0),
        Choice::Float(0.1),
    ];
    for (distribution, name, attributes) in [
        (
            Distribution::Categorical { choices },
            "CategoricalDistribution",
            json!({"choices": ["ädam \"w\"", true, 1, 1.0, 0.1]}),
        ),
        (
            float(1e-300, 1e300, FloatScale::Log),
            "FloatDistribution",
            json!({"low": 1e-300, "high": 1e300, "log": true, "step": null}),
        ),
        (
            float(0.1, 0.7, FloatScale::Step(0.1)),
            "FloatDistribution",
            json!({"low": 0.1, "high": 0.7, "log": false, "step": 0.1}),
        ),
        (
            Distribution::Int { low: -3, high: 39, step: 7, log: false },
            "IntDistribution",
            json!({"low": -3, "high": 39, "log": false, "step": 7}),
        ),
    ] {
        assert_eq!(written(&distribution), json!({"name": name, "attributes": attributes}));
    }
}
