//! What a filter can ask about the trials of a study.

use std::collections::{BTreeSet, HashMap};

use kindling_proto::v1;
use kindling_proto::v1::value::Kind as Wire;

use crate::shown::{Choice, Domain, Param, is_feasible, metric_names, milliseconds, values};

/// Whose name it is: one of our words, or what somebody called a parameter, an objective, a constraint or an attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Group {
    Trial,
    Param,
    Metric,
    Constraint,
    Attribute,
}

/// What a field may be held against, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Number,
    Seconds,
    Choice,
    State,
    Text,
    Reason,
    Tags,
    Truth,
    Anything,
}

/// Where a field's value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Source {
    Number,
    State,
    Metric(usize),
    Reported,
    Step,
    Duration,
    Worker,
    Attempt,
    Reason,
    Tags,
    Feasible,
    Confirms,
    RetryOf,
    Param,
    Constraint(usize),
    Attribute,
}

#[derive(Debug, Clone)]
pub(super) struct Field {
    pub(super) group: Group,
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) choices: Vec<Value>,
    source: Source,
}

/// A value of a trial.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Number(f64),
    Truth(bool),
    Text(String),
    /// A choice that is no value.
    Null,
}

pub(super) const STATES: [&str; 5] = ["waiting", "running", "complete", "pruned", "failed"];

/// All fields of a study, by name.
pub(super) struct Fields {
    pub(super) all: Vec<Field>,
    /// The fields of a name without its group, in the order in which names first came. Attributes have none.
    pub(super) bare: Vec<(String, Vec<usize>)>,
    pub(super) bare_places: HashMap<String, usize>,
    /// The first field of a name with its group.
    pub(super) grouped: HashMap<String, usize>,
}

impl Group {
    pub(super) const ALL: [Self; 5] =
        [Self::Trial, Self::Param, Self::Metric, Self::Constraint, Self::Attribute];

    /// As it stands before the point.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Trial => "trial",
            Self::Param => "param",
            Self::Metric => "metric",
            Self::Constraint => "constraint",
            Self::Attribute => "attr",
        }
    }

    pub(super) fn is_what(self) -> &'static str {
        match self {
            Self::Trial => "a word of filters",
            Self::Param => "a parameter",
            Self::Metric => "a metric",
            Self::Constraint => "a constraint",
            Self::Attribute => "an attribute",
        }
    }
}

impl Fields {
    pub(super) fn new(study: &v1::Study, trials: &[v1::Trial]) -> Self {
        let mut all = fixed(study);
        all.extend(attributes(trials));
        let mut fields =
            Self { all, bare: vec![], bare_places: HashMap::new(), grouped: HashMap::new() };
        for (place, field) in fields.all.iter().enumerate() {
            let grouped = format!("{}.{}", field.group.word(), field.name);
            fields.grouped.entry(grouped).or_insert(place);
            if field.group == Group::Attribute {
                continue;
            }
            let next = fields.bare.len();
            let at = *fields.bare_places.entry(field.name.clone()).or_insert(next);
            if at == next {
                fields.bare.push((field.name.clone(), vec![]));
            }
            fields.bare[at].1.push(place);
        }
        fields
    }

    /// Whether two fields are one under two names.
    pub(super) fn are_same(&self, a: usize, b: usize) -> bool {
        a == b || self.all[a].source == self.all[b].source && self.all[a].group != self.all[b].group
    }
}

/// All of them but attributes.
fn fixed(study: &v1::Study) -> Vec<Field> {
    use Kind::{Number, Reason, Seconds, State, Tags, Text, Truth};
    let spec = study.spec.clone().unwrap_or_default();
    let own = |name: &str, kind, source| Field::new(Group::Trial, name, kind, source);
    let metrics = metric_names(&spec.metric_names, spec.directions.len().max(1));
    let mut all = vec![own("number", Number, Source::Number), own("state", State, Source::State)];
    if metrics.len() == 1 {
        all.push(own("value", Number, Source::Metric(0)));
    }
    all.extend([
        own("reported", Number, Source::Reported),
        own("step", Number, Source::Step),
        own("duration", Seconds, Source::Duration),
        own("worker", Text, Source::Worker),
        own("attempt", Number, Source::Attempt),
        own("reason", Reason, Source::Reason),
        own("tag", Tags, Source::Tags),
        own("feasible", Truth, Source::Feasible),
        own("confirms", Number, Source::Confirms),
        own("retry_of", Number, Source::RetryOf),
    ]);
    all.extend(spec.space.iter().map(|param| of_param(&Param::new(param))));
    let metric = |(place, name): (usize, &String)| {
        Field::new(Group::Metric, name, Number, Source::Metric(place))
    };
    all.extend(metrics.iter().enumerate().map(metric));
    let constraint = |(place, name): (usize, &String)| {
        Field::new(Group::Constraint, name, Number, Source::Constraint(place))
    };
    all.extend(spec.constraints.iter().enumerate().map(constraint));
    all
}

fn of_param(param: &Param) -> Field {
    match &param.domain {
        Domain::Categorical { choices } => Field {
            choices: choices.iter().map(|choice| Value::of_choice(choice.clone())).collect(),
            ..Field::new(Group::Param, &param.name, Kind::Choice, Source::Param)
        },
        _ => Field::new(Group::Param, &param.name, Kind::Number, Source::Param),
    }
}

/// The attributes that are no lists and no tables, by name.
fn attributes(trials: &[v1::Trial]) -> impl Iterator<Item = Field> {
    let mut names = BTreeSet::new();
    for (name, json) in trials.iter().flat_map(|trial| &trial.attributes_json) {
        if !names.contains(name.as_str()) && attribute(json).is_some() {
            names.insert(name.as_str());
        }
    }
    let field = |name| Field::new(Group::Attribute, name, Kind::Anything, Source::Attribute);
    names.into_iter().map(field)
}

/// The value of an attribute, unless it is a list, a table or null. What is no JSON is a text.
fn attribute(json: &str) -> Option<Value> {
    if json.trim_start().starts_with(['{', '[']) {
        return None;
    }
    match serde_json::from_str(json) {
        Ok(serde_json::Value::Number(number)) => number.as_f64().map(Value::Number),
        Ok(serde_json::Value::Bool(truth)) => Some(Value::Truth(truth)),
        Ok(serde_json::Value::String(text)) => Some(Value::Text(text)),
        Ok(_) => None,
        Err(_) => Some(Value::Text(json.to_owned())),
    }
}

impl Field {
    fn new(group: Group, name: &str, kind: Kind, source: Source) -> Self {
        Self { group, name: name.to_owned(), kind, choices: vec![], source }
    }

    /// The trial's value; `None` if it has none. Tags are asked for with [`tags`].
    pub(super) fn of(&self, study: &v1::Study, trial: &v1::Trial) -> Option<Value> {
        let number = |number: f64| Some(Value::Number(number));
        let text = |text: &str| (!text.is_empty()).then(|| Value::Text(text.to_owned()));
        let reported = || trial.intermediate_values.iter().rfind(|value| value.value.is_finite());
        match &self.source {
            Source::Number => number(trial.number.into()),
            Source::State => text(STATES[state(trial)]),
            Source::Metric(place) => values(trial).get(*place).copied().map(Value::Number),
            Source::Reported => reported().map(|value| Value::Number(value.value)),
            Source::Step => reported().map(|value| Value::Number(value.step as f64)),
            Source::Duration => {
                let (start, end) = (trial.start_time?, trial.complete_time?);
                number((milliseconds(end) - milliseconds(start)) as f64 / 1000.0)
            }
            Source::Worker => text(&trial.worker),
            Source::Attempt => (trial.attempt > 0).then(|| Value::Number(trial.attempt.into())),
            Source::Reason => text(&trial.fail_reason),
            Source::Tags => None,
            Source::Feasible => (trial.state() == v1::TrialState::Complete)
                .then(|| Value::Truth(is_feasible(study, trial))),
            Source::Confirms => trial.confirms.map(|confirms| Value::Number(confirms.of.into())),
            Source::RetryOf => trial.retry_of.map(|number| Value::Number(number.into())),
            Source::Param => {
                let param = trial.params.iter().find(|param| param.name == self.name)?;
                Value::of_wire(param.value.as_ref()?)
            }
            Source::Constraint(place) => {
                let told = *trial.constraints.get(*place)?;
                (!told.is_nan()).then_some(Value::Number(told))
            }
            Source::Attribute => attribute(trial.attributes_json.get(&self.name)?),
        }
    }
}

/// The place in [`STATES`].
fn state(trial: &v1::Trial) -> usize {
    match trial.state() {
        v1::TrialState::Waiting | v1::TrialState::Unspecified => 0,
        v1::TrialState::Running => 1,
        v1::TrialState::Complete => 2,
        v1::TrialState::Pruned => 3,
        v1::TrialState::Fail => 4,
    }
}

pub(super) fn tags(trial: &v1::Trial) -> &[String] {
    &trial.tags
}

impl Value {
    fn of_wire(value: &v1::Value) -> Option<Self> {
        Some(match value.kind.as_ref()? {
            Wire::Text(text) => Self::Text(text.clone()),
            _ => Self::of_choice(Choice::new(value)?),
        })
    }

    fn of_choice(choice: Choice) -> Self {
        match choice {
            Choice::Bool(truth) => Self::Truth(truth),
            Choice::Int(number) => Self::Number(number as f64),
            Choice::Float(number) => Self::Number(number),
            Choice::Text(text) | Choice::Nested(text) => Self::Text(text),
            Choice::None => Self::Null,
        }
    }

    /// As it stands in a filter.
    pub(super) fn to_text(&self) -> String {
        match self {
            Self::Number(number) => number.to_string(),
            Self::Truth(truth) => truth.to_string(),
            Self::Text(text) => text.clone(),
            Self::Null => "null".to_owned(),
        }
    }
}
