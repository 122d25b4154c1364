//! Compares with other packages, and checks what they do not know.

mod grown;
mod oracle;
mod parts;
mod promises;
mod quality;

use rand::SeedableRng as _;

use super::*;
use crate::Direction;
use crate::sampler::tests::finished;
use crate::space::{Choice, Condition, Distribution, FloatScale, Param, ParamValue, SearchSpace};
use crate::trial::TrialResult;

fn float(low: f64, high: f64, scale: FloatScale) -> Distribution {
    Distribution::Float { low, high, scale }
}

fn unit() -> Distribution {
    float(0.0, 1.0, FloatScale::Linear)
}

fn int(low: i64, high: i64, step: i64, log: bool) -> Distribution {
    Distribution::Int { low, high, step, log }
}

fn choices(count: i64) -> Distribution {
    Distribution::Categorical { choices: (0..count).map(Choice::Int).collect() }
}

/// A parameter's conditions: places of its parents, each with the choices that satisfy.
type Conditions = Vec<(usize, Vec<usize>)>;

/// A space whose parameters have these distributions and conditions.
fn space(params: &[(Distribution, Conditions)]) -> SearchSpace {
    let param = |(place, (distribution, conditions)): (usize, &(Distribution, Conditions))| {
        let condition = |(parent, any_of): &(usize, Vec<usize>)| {
            let any_of: Vec<_> = any_of.iter().map(|choice| Choice::Int(*choice as i64)).collect();
            Condition::any_of(parent.to_string(), any_of)
        };
        let when = conditions.iter().map(condition).collect();
        Param { name: place.to_string(), distribution: distribution.clone(), when }
    };
    SearchSpace::new(params.iter().enumerate().map(param).collect()).expect("valid")
}

/// A bit of everything: the last three parameters depend on the third.
fn mixed() -> SearchSpace {
    space(&[
        (unit(), vec![]),
        (float(1e-4, 1.0, FloatScale::Log), vec![]),
        (choices(3), vec![]),
        (int(1, 30, 1, false), vec![(2, vec![0, 1])]),
        (unit(), vec![(2, vec![1, 0])]),
        (choices(2), vec![(2, vec![2])]),
    ])
}

fn complete(value: f64) -> TrialResult {
    TrialResult::Complete(value.into())
}

fn anywhere(space: &SearchSpace, rng: &mut ChaCha8Rng) -> Params {
    crate::sampler::random::propose(space, &space.nothing(), rng)
}

fn seeded(seed: u64) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(seed)
}

/// The values as numbers; choices by their index.
fn numbers(params: &Params) -> Vec<Option<f64>> {
    let number = |value: ParamValue| match value {
        ParamValue::Float(x) => x,
        ParamValue::Int(x) => x as f64,
        ParamValue::Choice(choice) => choice as f64,
    };
    params.iter().map(|value| value.map(number)).collect()
}

fn archive(space: &SearchSpace, trials: &[(Params, TrialResult)]) -> Archive {
    let mut archive = Archive::new(space, Direction::Minimize);
    for (params, result) in trials {
        archive.add(space, &finished(params, result));
    }
    archive
}
