//! Reduces a document to what a page in one file needs.

use std::collections::{BTreeMap, HashSet};

use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Number, Value as Json};

use crate::document::Document;
use crate::shown::{Artifact, Params, Study, Trial, Worker};

/// The attribute with measurements of the network, which make up most of a trial's size.
const DIAGNOSIS: &str = "diagnosis";
/// The largest number of trials that keep it.
const DIAGNOSES: usize = 1000;
/// Curves and attributes are only drawn, not used in computations.
const DIGITS: usize = 6;

/// Reduces trials: intermediate values and attributes are cut to six digits, and at most 1,000 diagnoses stay.
///
/// Values and parameters keep all digits. `kindling report --format json` writes everything.
pub(super) struct Small {
    /// The numbers of the trials that keep their diagnosis.
    diagnosed: HashSet<u32>,
}

impl Small {
    pub(super) fn new(document: &Document) -> Self {
        Self { diagnosed: diagnosed(&document.trials) }
    }

    pub(super) fn trial(&self, trial: &Trial) -> Trial {
        let mut trial = trial.clone();
        if !self.diagnosed.contains(&trial.number) {
            trial.attributes.remove(DIAGNOSIS);
        }
        let others = trial.other_curves.values_mut().flatten();
        trial.curve.iter_mut().chain(others).for_each(|(_, value)| *value = rounded(*value));
        for attribute in trial.attributes.values_mut() {
            if let Ok(short) = shortened(attribute) {
                *attribute = short;
            }
        }
        trial
    }
}

/// The first piece, as [`crate::Beginning`].
#[derive(Serialize)]
pub(super) struct Head<'a> {
    version: u32,
    generated: i64,
    study: &'a Study,
    workers: &'a [Worker],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    artifacts: &'a [Artifact],
    total: usize,
    trials: Vec<Trial>,
}

impl<'a> Head<'a> {
    pub(super) fn new(document: &'a Document, small: &Small) -> Self {
        let Document { version, generated, study, workers, trials, artifacts, .. } = document;
        let first: HashSet<_> = study.best.iter().chain(&study.front).collect();
        let shown_first = trials.iter().filter(|trial| first.contains(&trial.number));
        Self {
            version: *version,
            generated: *generated,
            study,
            workers,
            artifacts,
            total: trials.len(),
            trials: shown_first.map(|trial| small.trial(trial)).collect(),
        }
    }
}

/// Chooses the trials that keep their diagnosis: the first one of each combination of choices, then the
/// second ones, and so on up to the limit. So a method with only one trial keeps its diagnosis.
fn diagnosed(trials: &[Trial]) -> HashSet<u32> {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let mut turns: Vec<_> = trials
        .iter()
        .filter(|trial| trial.attributes.contains_key(DIAGNOSIS))
        .map(|trial| {
            let turn = seen.entry(choices(&trial.params)).or_default();
            *turn += 1;
            (*turn, trial.number)
        })
        .collect();
    turns.sort_unstable();
    turns.into_iter().take(DIAGNOSES).map(|(_, number)| number).collect()
}

/// The parameters whose values are no numbers, as text.
fn choices(params: &Params) -> String {
    let named = params.iter().filter(|(_, c)| c.number().is_none());
    named.map(|(name, choice)| format!("{name}={choice:?}")).collect::<Vec<_>>().join(" ")
}

fn shortened(attribute: &RawValue) -> serde_json::Result<Box<RawValue>> {
    let mut json = serde_json::from_str(attribute.get())?;
    round(&mut json);
    to_raw_value(&json)
}

fn round(json: &mut Json) {
    match json {
        Json::Number(number) => {
            if let Some(x) = number.as_f64().filter(|_| number.is_f64())
                && let Some(short) = Number::from_f64(rounded(x))
            {
                *number = short;
            }
        }
        Json::Array(items) => items.iter_mut().for_each(round),
        Json::Object(fields) => fields.values_mut().for_each(round),
        Json::Null | Json::Bool(_) | Json::String(_) => {}
    }
}

/// Rounds to six significant digits.
fn rounded(x: f64) -> f64 {
    format!("{x:.*e}", DIGITS - 1).parse().unwrap_or(x)
}
