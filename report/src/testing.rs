//! Wire messages for tests.

use kindling_proto::v1;
use kindling_proto::v1::parameter::Distribution;
use kindling_proto::v1::value::Kind;

pub(crate) fn value(kind: Kind) -> v1::Value {
    v1::Value { kind: Some(kind) }
}

pub(crate) fn text(word: &str) -> v1::Value {
    value(Kind::Text(word.to_owned()))
}

pub(crate) fn param(name: &str, distribution: Distribution) -> v1::Parameter {
    v1::Parameter { name: name.to_owned(), distribution: Some(distribution), when: vec![] }
}

pub(crate) fn words(name: &str, choices: &[&str]) -> v1::Parameter {
    let choices = choices.iter().map(|word| text(word)).collect();
    param(name, Distribution::Categorical(v1::CategoricalDistribution { choices }))
}

pub(crate) fn float(name: &str, low: f64, high: f64, log: bool) -> v1::Parameter {
    param(name, Distribution::Float(v1::FloatDistribution { low, high, log, step: None }))
}

/// A study that maximises its objective.
pub(crate) fn study(space: Vec<v1::Parameter>, confirm: Option<v1::Confirm>) -> v1::Study {
    let spec = v1::StudySpec {
        name: "a study".to_owned(),
        directions: vec![v1::Direction::Maximize.into()],
        seed: u64::MAX,
        space,
        confirm: confirm.clone(),
        ..Default::default()
    };
    v1::Study { spec: Some(spec), confirm, ..Default::default() }
}

/// A completed trial.
pub(crate) fn trial(number: u32, value: f64, params: &[(&str, v1::Value)]) -> v1::Trial {
    let named = |(name, value): &(&str, v1::Value)| v1::NamedValue {
        name: (*name).to_owned(),
        value: Some(value.clone()),
    };
    v1::Trial {
        number,
        state: v1::TrialState::Complete.into(),
        values: vec![value],
        params: params.iter().map(named).collect(),
        ..Default::default()
    }
}
