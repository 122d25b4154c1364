//! What a worker runs: the trait that users implement, and what an objective sees of its trial.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use kindling_proto::attributes::{Attributes, LEFT_OUT, LeftOut};
use serde::de::DeserializeOwned;

use crate::device::DeviceName;
use crate::stop::Stop;
use crate::takes::Takes;
use crate::trial::{JsonMap, ParamValue, Params, Stopped, TrialError, TrialFacts};

/// Something to optimise: parameters in, a value out.
///
/// One objective serves every trial that a worker runs, several at a time when the worker has
/// several slots, each on a thread of its own. To be reproducible it draws all its randomness from
/// [`Trial::seed`].
pub trait Objective: Send + Sync {
    /// The name by which a study file asks for it: `[objective] kind = "…"`.
    fn kind(&self) -> &str;

    /// Checks a study file's settings before the study is created.
    fn check(&self, settings: &JsonMap) -> Result<(), SettingsError> {
        let _ = settings;
        Ok(())
    }

    /// The parameters that trials with these settings take. `None` if it does not say; then nobody checks them, and a
    /// trial in which one is missing fails.
    fn takes(&self, settings: &JsonMap) -> Option<Vec<Takes>> {
        let _ = settings;
        None
    }

    /// Gets what trials with these settings need and a machine may lack: data to fetch, say. Called before the
    /// first of them, by each worker, and by `kindling run` before it starts any; what is there already is
    /// not fetched again. `data_dir` is where data sets lie, if that was told.
    fn prepare(
        &self,
        settings: &JsonMap,
        data_dir: Option<&Path>,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<(), Unfit> {
        let _ = (settings, data_dir, progress);
        Ok(())
    }

    /// Trains one trial to its end. A panic in here fails the trial, not the worker. What it reports on the
    /// way has ascending steps: see [`Trial::report`].
    fn run(&self, trial: &mut Trial<'_>) -> Result<Completion, TrialError>;
}

/// How getting ready is getting on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// Something is being fetched.
    Fetching {
        /// What.
        name: String,
        /// Bytes so far.
        received: u64,
        /// Bytes in all, if that is known.
        total: Option<u64>,
    },
    /// Something is done, or was tried in vain.
    Note(String),
}

/// Why trials of an objective cannot run on this machine at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unfit(pub String);

/// A finished trial.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Completion {
    /// The objective value. NaN or infinite fails the trial.
    pub value: f64,
    /// Whatever else is worth keeping; the sampler never sees it.
    attributes: Attributes<String>,
}

impl Completion {
    /// A value with no attributes.
    pub fn new(value: f64) -> Self {
        Self { value, attributes: Attributes::default() }
    }

    /// Adds an attribute. One that does not fit is left out, which the log says, and the result.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl Into<serde_json::Value>) -> Self {
        if let Err(left_out) = self.set(key, value) {
            tracing::warn!("{left_out}");
        }
        self
    }

    /// Adds an attribute, or says at once why it does not fit. Then it is left out, and the result says so.
    ///
    /// There may be 256, of 64 KiB each as JSON and 1 MiB together, nested 64 deep.
    pub fn set(&mut self, key: &str, value: impl Into<serde_json::Value>) -> Result<(), LeftOut> {
        self.attributes.set(key, value.into().to_string())
    }

    /// The attributes that are kept so far.
    pub fn attributes(&self) -> JsonMap {
        let read = |json: &String| serde_json::from_str(json).unwrap_or_default();
        self.attributes.iter().map(|(name, json)| (name.to_owned(), read(json))).collect()
    }

    /// The attributes as they are sent: JSON by name, and one more on those that were left out.
    pub(crate) fn into_attributes(self) -> BTreeMap<String, String> {
        let (kept, note) = self.attributes.into_parts();
        kept.into_iter().chain(note.map(|note| (LEFT_OUT.to_owned(), note))).collect()
    }
}

/// What is wrong with an objective's settings.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("objective.{key}: {message}")]
pub struct SettingsError {
    /// The key at fault, dotted where nested; empty for the whole table.
    pub key: String,
    /// What was found and what was expected.
    pub message: String,
}

/// Receives a trial's intermediate values. The answer says go on or stop.
pub trait Reporter: Send {
    /// Takes the value of one step, which is above the steps before it.
    fn report(&mut self, step: u64, value: f64) -> Result<(), Stopped>;

    /// Tells at any time whether the trial is to stop. One that is never told so otherwise has no word on it.
    fn stop(&self) -> Stop {
        Stop::default()
    }
}

/// One trial as its objective sees it.
pub struct Trial<'a> {
    facts: &'a TrialFacts,
    device: DeviceName,
    data_dir: Option<PathBuf>,
    reporter: &'a mut dyn Reporter,
}

impl<'a> Trial<'a> {
    /// A trial on a device. `data_dir` is where data sets lie, if the worker was told.
    pub fn new(
        facts: &'a TrialFacts,
        device: DeviceName,
        data_dir: Option<PathBuf>,
        reporter: &'a mut dyn Reporter,
    ) -> Self {
        Self { facts, device, data_dir, reporter }
    }

    /// The value of a float parameter (or of a whole number as one).
    pub fn float(&self, name: &str) -> Result<f64, TrialError> {
        match self.param(name)? {
            ParamValue::Float(x) => Ok(*x),
            ParamValue::Int(i) => Ok(*i as f64),
            other => Err(wrong_kind(name, other, "a number")),
        }
    }

    /// The value of an int parameter.
    pub fn int(&self, name: &str) -> Result<i64, TrialError> {
        match self.param(name)? {
            ParamValue::Int(i) => Ok(*i),
            other => Err(wrong_kind(name, other, "a whole number")),
        }
    }

    /// The chosen word of a categorical parameter.
    pub fn choice(&self, name: &str) -> Result<&'a str, TrialError> {
        match self.param(name)? {
            ParamValue::Text(s) => Ok(s),
            other => Err(wrong_kind(name, other, "a word")),
        }
    }

    /// All active parameters.
    pub fn params(&self) -> &'a Params {
        &self.facts.params
    }

    /// The objective's settings, read into a type of its own.
    pub fn settings<T: DeserializeOwned>(&self) -> Result<T, TrialError> {
        Ok(serde_json::from_value(self.facts.settings.clone().into())?)
    }

    /// The seed for all randomness of this trial.
    pub fn seed(&self) -> u64 {
        self.facts.seed
    }

    /// The study's seed, for what all its trials share.
    pub fn study_seed(&self) -> u64 {
        self.facts.study_seed
    }

    /// Where to train. The calling thread has opened it: a framework's crate makes a device of its own of the
    /// name (`kindling_burn::device`).
    pub fn device(&self) -> DeviceName {
        self.device
    }

    /// Where data sets lie, if the worker was told.
    pub fn data_dir(&self) -> Option<&Path> {
        self.data_dir.as_deref()
    }

    /// Reports the intermediate value of a step (an epoch, say). `Err(Stopped)` means: return now.
    ///
    /// Steps ascend, though they may leave some out, and end at 2^63 - 1. A step that is not above the one
    /// before fails the trial at once, and says so; only the very same report may be repeated.
    pub fn report(&mut self, step: u64, value: f64) -> Result<(), Stopped> {
        self.reporter.report(step, value)
    }

    /// Whether the trial is to stop, which it may be told at any time and not only when it reports. An objective that
    /// looks, between two batches, say, ends sooner, and with it its slot is free: return
    /// [`TrialError::Stopped`].
    pub fn stop(&self) -> Stop {
        self.reporter.stop()
    }

    fn param(&self, name: &str) -> Result<&'a ParamValue, TrialError> {
        self.facts.params.get(name).ok_or_else(|| {
            let active: Vec<_> = self.facts.params.keys().map(String::as_str).collect();
            TrialError::Failed(format!(
                "parameter `{name}` is not active in this trial, which has {}",
                active.join(", ")
            ))
        })
    }
}

fn wrong_kind(name: &str, found: &ParamValue, expected: &str) -> TrialError {
    TrialError::Failed(format!("parameter `{name}` is {found}, not {expected}"))
}
