//! The trait that users implement, and an objective's view of its trial.

use std::path::{Path, PathBuf};

use kindling_proto::attributes::LeftOut;
use serde::de::DeserializeOwned;

use crate::device::DeviceName;
use crate::metrics::MetricError;
use crate::output::Output;
use crate::session::Noted;
use crate::stop::{Stop, StopReason};
use crate::takes::Takes;
use crate::trial::{JsonMap, ParamValue, Params, Stopped, TrialError, TrialFacts};
use crate::user_attributes::UserAttributes;
use crate::values::{Intermediate, Reported, Values};

/// A function to optimise: parameters in, a value for each objective of the study out.
///
/// One objective serves all trials of a worker. With several slots it runs several trials at a time, each on
/// its own thread. To be reproducible, draw all randomness from [`Trial::seed`].
pub trait Objective: Send + Sync {
    /// The name that selects it in a study file: `[objective] kind = "…"`.
    fn kind(&self) -> &str;

    /// Checks a study file's settings before the study is created.
    fn check(&self, settings: &JsonMap) -> Result<(), SettingsError> {
        let _ = settings;
        Ok(())
    }

    /// The names of the values that its trials find, of which a study may make objectives and constraints.
    ///
    /// With `None`, names are not checked in advance.
    fn finds(&self) -> Option<&'static [&'static str]> {
        None
    }

    /// The parameters that trials with these settings take.
    ///
    /// With `None`, parameters are not checked in advance, and a trial without a required one fails.
    fn takes(&self, settings: &JsonMap) -> Option<Vec<Takes>> {
        let _ = settings;
        None
    }

    /// Fetches whatever trials with these settings need, such as data.
    ///
    /// Each worker calls this before the first such trial, and `kindling run` before it starts any worker. Do
    /// not fetch again what is already there. `data_dir` is the folder with data sets, if one was given.
    fn prepare(
        &self,
        settings: &JsonMap,
        data_dir: Option<&Path>,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<(), Unfit> {
        let _ = (settings, data_dir, progress);
        Ok(())
    }

    /// Trains one trial to its end. Steps must ascend: see [`Trial::report`].
    ///
    /// A panic in here fails the trial, not the worker.
    fn run(&self, trial: &mut Trial<'_>) -> Result<Completion, TrialError>;

    /// Ends whatever still runs outside of this process, and returns when it is gone.
    ///
    /// Called when the worker is about to end. Trials may still be running: those that were handed back.
    fn leave(&self) {}
}

/// The progress of [`Objective::prepare`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// A download is running.
    Fetching {
        /// The name of what is downloaded.
        name: String,
        /// Bytes so far.
        received: u64,
        /// Bytes in total, if known.
        total: Option<u64>,
    },
    /// Something is done, or an attempt failed.
    Note(String),
}

/// Why this machine cannot run any trial of an objective.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unfit(pub String);

/// A finished trial.
#[derive(Debug, Clone, PartialEq)]
pub struct Completion {
    /// A value for each objective of the study. NaN, infinite, or another number of them fails the trial.
    pub values: Values,
    /// Other results to keep; the sampler never sees them.
    attributes: UserAttributes,
}

impl Completion {
    /// Values with no attributes. With one objective, its value: `Completion::new(0.93)`.
    pub fn new(values: impl Into<Values>) -> Self {
        Self { values: values.into(), attributes: UserAttributes::default() }
    }

    /// Adds an attribute. One that does not fit is left out; the log and the result say so.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl Into<serde_json::Value>) -> Self {
        if let Err(left_out) = self.set(key, value) {
            tracing::warn!("{left_out}");
        }
        self
    }

    /// Adds an attribute: see [`UserAttributes::set`].
    pub fn set(&mut self, key: &str, value: impl Into<serde_json::Value>) -> Result<(), LeftOut> {
        self.attributes.set(key, value)
    }

    /// The attributes kept so far.
    pub fn attributes(&self) -> JsonMap {
        self.attributes.kept()
    }

    /// The values, and the attributes.
    pub(crate) fn into_parts(self) -> (Values, UserAttributes) {
        (self.values, self.attributes)
    }
}

/// An error in an objective's settings.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("objective.{key}: {message}")]
pub struct SettingsError {
    /// The invalid key, with dots where nested; empty for the whole table.
    pub key: String,
    /// What was found and what was expected.
    pub message: String,
}

/// Receives a trial's intermediate values, and answers whether to go on.
pub trait Reporter: Send {
    /// Takes the value of one step. Steps ascend.
    fn report(&mut self, step: u64, value: f64) -> Result<(), Stopped>;

    /// Takes the values of several objectives. The default takes the one that the pruner compares.
    fn report_all(&mut self, step: u64, values: Intermediate) -> Result<(), Stopped> {
        self.report(step, values.value)
    }

    /// Has the trial fail for this reason.
    fn refuse(&mut self, reason: String) {
        self.stop().want(StopReason::Refused(reason.into()));
    }

    /// Takes what the trial writes. The default drops it.
    fn output(&self) -> Output {
        Output::default()
    }

    /// A handle that tells at any time whether the trial should stop. The default never says so.
    fn stop(&self) -> Stop {
        Stop::default()
    }
}

/// One trial as its objective sees it.
pub struct Trial<'a> {
    facts: &'a TrialFacts,
    device: DeviceName,
    data_dir: Option<PathBuf>,
    attributes: UserAttributes,
    /// In the study's order.
    constraints: Vec<Option<f64>>,
    reporter: &'a mut dyn Reporter,
}

impl<'a> Trial<'a> {
    /// A trial on a device. `data_dir` is the folder with data sets, if the worker was given one.
    pub fn new(
        facts: &'a TrialFacts,
        device: DeviceName,
        data_dir: Option<PathBuf>,
        reporter: &'a mut dyn Reporter,
    ) -> Self {
        let attributes = UserAttributes::default();
        let constraints = vec![None; facts.metrics.constraints.len()];
        Self { facts, device, data_dir, attributes, constraints, reporter }
    }

    /// The value of a float parameter. A whole number is converted.
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

    /// The chosen string of a categorical parameter.
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

    /// The objective's settings, deserialised into `T`.
    pub fn settings<T: DeserializeOwned>(&self) -> Result<T, TrialError> {
        Ok(serde_json::from_value(self.facts.settings.clone().into())?)
    }

    /// Everything that this trial was given.
    pub fn facts(&self) -> &'a TrialFacts {
        self.facts
    }

    /// The seed for all randomness of this trial.
    pub fn seed(&self) -> u64 {
        self.facts.seed
    }

    /// The study's seed, for whatever all its trials share.
    pub fn study_seed(&self) -> u64 {
        self.facts.study_seed
    }

    /// The device to train on. The calling thread has opened it.
    ///
    /// The framework's crate turns the name into its own type (`kindling_burn::device`).
    pub fn device(&self) -> DeviceName {
        self.device
    }

    /// The folder with data sets, if the worker was given one.
    pub fn data_dir(&self) -> Option<&Path> {
        self.data_dir.as_deref()
    }

    /// Reports the intermediate value of a step, for example an epoch. On `Err(Stopped)`, return at once.
    ///
    /// With several objectives, a number is of the one that the pruner compares. By name, that one must be there and
    /// others may: `trial.report(epoch, [("accuracy", 0.9), ("latency_ms", 12.5)])`.
    ///
    /// Steps must ascend, may have gaps, and end at 2^63 - 1. A step that does not ascend fails the trial
    /// with a reason, as does a name that the study does not have. Only an identical report may be repeated.
    pub fn report(&mut self, step: u64, values: impl Into<Reported>) -> Result<(), Stopped> {
        match self.facts.metrics.intermediate(values.into()) {
            Ok(values) => self.reporter.report_all(step, values),
            Err(error) => {
                self.reporter.refuse(error.to_string());
                Err(Stopped)
            }
        }
    }

    /// Tells the value of one of the study's constraints, which holds at or below 0. The last one counts. A trial that
    /// completes without all of them fails.
    pub fn set_constraint(&mut self, name: &str, value: f64) -> Result<(), MetricError> {
        let index = self.facts.metrics.constraint(name)?;
        self.constraints[index] = Some(value);
        Ok(())
    }

    /// The value of a constraint, if it was set.
    pub fn constraint(&self, name: &str) -> Option<f64> {
        let index = self.facts.metrics.constraint(name).ok()?;
        self.constraints[index]
    }

    /// A result by the names of the study's objectives, in any order: each of them, and no other.
    pub fn completion<'n>(
        &self,
        named: impl IntoIterator<Item = (&'n str, f64)>,
    ) -> Result<Completion, MetricError> {
        self.facts.metrics.values(named).map(Completion::new)
    }

    /// Sets an attribute, which is kept however the trial ends: see [`UserAttributes::set`].
    pub fn set_user_attr(
        &mut self,
        name: &str,
        value: impl Into<serde_json::Value>,
    ) -> Result<(), LeftOut> {
        self.attributes.set(name, value)
    }

    /// The attributes set so far.
    pub fn user_attrs(&self) -> JsonMap {
        self.attributes.kept()
    }

    /// How it ended, and what it noted. A result that lacks what the study asks for is a failure.
    pub(crate) fn end(
        self,
        outcome: Result<Completion, TrialError>,
    ) -> (Result<Completion, TrialError>, Noted) {
        let metrics = &self.facts.metrics;
        let constraints = metrics.constraints(&self.constraints);
        let outcome = outcome.and_then(|done| {
            metrics.check(done.values.as_slice())?;
            constraints.as_ref().map_err(Clone::clone)?;
            Ok(done)
        });
        // Of a trial that was pruned they are all known, or else none.
        let constraints = constraints.unwrap_or_default();
        (outcome, Noted { attributes: self.attributes, constraints })
    }

    /// Takes lines of output of processes that the objective runs. What it logs itself with `tracing` is there anyway.
    pub fn output(&self) -> Output {
        self.reporter.output()
    }

    /// Whether the trial should stop. Unlike [`Self::report`], it can be checked at any time.
    ///
    /// An objective that checks between batches frees its slot sooner. To stop, return
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

#[cfg(test)]
mod tests;
