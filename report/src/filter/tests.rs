use kindling_proto::v1;
use kindling_proto::v1::parameter::Distribution;
use kindling_proto::v1::value::Kind;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{Filter, FilterError};

#[derive(Deserialize)]
struct Group {
    study: Study,
    trials: Vec<Trial>,
    matches: Vec<Match>,
    errors: Vec<Wrong>,
}

#[derive(Deserialize)]
struct Study {
    directions: Vec<String>,
    metrics: Vec<String>,
    constraints: Vec<String>,
    space: Vec<Param>,
}

#[derive(Deserialize)]
struct Param {
    name: String,
    r#type: String,
    low: Option<f64>,
    high: Option<f64>,
    choices: Option<Vec<Value>>,
}

#[derive(Deserialize)]
struct Trial {
    number: u32,
    state: String,
    values: Vec<f64>,
    constraints: Vec<f64>,
    params: Map<String, Value>,
    curve: Vec<(u64, f64)>,
    attributes: Map<String, Value>,
    #[serde(default)]
    tags: Vec<String>,
    attempt: u32,
    worker: String,
    fail_reason: Option<String>,
    retry_of: Option<u32>,
    confirms: Option<Confirms>,
    start: Option<i64>,
    complete: Option<i64>,
}

#[derive(Deserialize)]
struct Confirms {
    of: u32,
    seed: u32,
}

#[derive(Deserialize)]
struct Match {
    filter: Written,
    trials: Vec<u32>,
}

#[derive(Deserialize)]
struct Wrong {
    filter: Written,
    at: usize,
    length: usize,
    message: String,
    hint: Option<String>,
}

/// A filter, or the parts of a long one with how often each stands there.
#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Whole(String),
    Parts(Vec<(String, usize)>),
}

impl Written {
    fn text(&self) -> String {
        match self {
            Self::Whole(text) => text.clone(),
            Self::Parts(parts) => parts.iter().map(|(part, times)| part.repeat(*times)).collect(),
        }
    }
}

/// The cases that hold the page's filter, too.
fn groups() -> Vec<Group> {
    serde_json::from_str(include_str!("cases.json")).expect("cases")
}

fn study(of: &Study) -> v1::Study {
    let direction = |word: &String| match word.as_str() {
        "minimize" => v1::Direction::Minimize.into(),
        _ => v1::Direction::Maximize.into(),
    };
    let spec = v1::StudySpec {
        directions: of.directions.iter().map(direction).collect(),
        metric_names: of.metrics.clone(),
        constraints: of.constraints.clone(),
        space: of.space.iter().map(param).collect(),
        ..Default::default()
    };
    v1::Study { spec: Some(spec), ..Default::default() }
}

fn param(of: &Param) -> v1::Parameter {
    let (low, high) = (of.low.unwrap_or_default(), of.high.unwrap_or_default());
    let distribution = match of.r#type.as_str() {
        "float" => Distribution::Float(v1::FloatDistribution { low, high, ..Default::default() }),
        "int" => Distribution::Int(v1::IntDistribution {
            low: low as i64,
            high: high as i64,
            ..Default::default()
        }),
        _ => Distribution::Categorical(v1::CategoricalDistribution {
            choices: of.choices.iter().flatten().map(value).collect(),
        }),
    };
    v1::Parameter { name: of.name.clone(), distribution: Some(distribution), ..Default::default() }
}

fn value(of: &Value) -> v1::Value {
    let kind = match of {
        Value::Null => Kind::None(0),
        Value::Bool(truth) => Kind::Bool(*truth),
        Value::Number(number) => match number.as_i64() {
            Some(whole) => Kind::Int(whole),
            None => Kind::Float(number.as_f64().expect("a number")),
        },
        Value::String(text) => Kind::Text(text.clone()),
        nested => Kind::Json(nested.to_string()),
    };
    v1::Value { kind: Some(kind) }
}

fn trial(of: &Trial) -> v1::Trial {
    let state = match of.state.as_str() {
        "RUNNING" => v1::TrialState::Running,
        "COMPLETE" => v1::TrialState::Complete,
        "PRUNED" => v1::TrialState::Pruned,
        "FAIL" => v1::TrialState::Fail,
        _ => v1::TrialState::Waiting,
    };
    let named = |(name, of): (&String, &Value)| v1::NamedValue {
        name: name.clone(),
        value: Some(value(of)),
    };
    let step = |(step, value): &(u64, f64)| v1::IntermediateValue {
        step: *step,
        value: *value,
        ..Default::default()
    };
    let time = |ms: i64| prost_types::Timestamp {
        seconds: ms.div_euclid(1000),
        nanos: ms.rem_euclid(1000) as i32 * 1_000_000,
    };
    v1::Trial {
        number: of.number,
        state: state.into(),
        values: of.values.clone(),
        constraints: of.constraints.clone(),
        params: of.params.iter().map(named).collect(),
        intermediate_values: of.curve.iter().map(step).collect(),
        attributes_json: of.attributes.iter().map(|(k, v)| (k.clone(), v.to_string())).collect(),
        attempt: of.attempt,
        worker: of.worker.clone(),
        tags: of.tags.clone(),
        fail_reason: of.fail_reason.clone().unwrap_or_default(),
        retry_of: of.retry_of,
        confirms: of.confirms.as_ref().map(|c| v1::Confirmation { of: c.of, seed: c.seed }),
        start_time: of.start.map(time),
        complete_time: of.complete.map(time),
        ..Default::default()
    }
}

#[test]
fn filters_match_the_same_trials_as_the_pages() {
    let mut wrong = Vec::new();
    for group in groups() {
        let study = study(&group.study);
        let trials: Vec<_> = group.trials.iter().map(trial).collect();
        for Match { filter, trials: wanted } in &group.matches {
            let text = filter.text();
            let found = Filter::new(&text, &study, &trials).map(|filter| {
                let matching = trials.iter().filter(|trial| filter.matches(trial));
                matching.map(|trial| trial.number).collect::<Vec<_>>()
            });
            if found.as_ref() != Ok(wanted) {
                wrong.push(format!("{text}: {found:?}, not {wanted:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn wrong_filters_are_told_in_the_same_words_as_on_the_page() {
    let mut wrong = Vec::new();
    for group in groups() {
        let study = study(&group.study);
        let trials: Vec<_> = group.trials.iter().map(trial).collect();
        for Wrong { filter, at, length, message, hint } in &group.errors {
            let expected = FilterError {
                message: message.clone(),
                at: *at,
                length: *length,
                hint: hint.clone(),
            };
            let found = Filter::new(&filter.text(), &study, &trials).err();
            if found.as_ref() != Some(&expected) {
                wrong.push(format!("{}: {found:?}, not {expected:?}", filter.text()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_is_far_too_long_is_refused_at_once() {
    let study = v1::Study::default();
    let text = "(".repeat(10_000_000);
    assert_eq!(Filter::new(&text, &study, &[]).err().map(|error| error.at), Some(2000));
}
