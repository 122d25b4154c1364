//! Shared by this objective's tests.

use burn::tensor::{Device, Tensor};
use kindling_burn::open;
use kindling_worker::{DeviceName, ParamValue, Reporter, Stopped, Trial, TrialFacts};
use serde_json::Value;

/// The device that tests run on: flex, or the one named by `KINDLING_TEST_DEVICE`.
pub(super) fn device_name() -> DeviceName {
    let name = std::env::var("KINDLING_TEST_DEVICE");
    name.map_or(DeviceName::Flex, |name| name.parse().expect("a device"))
}

/// The same, opened for the calling thread.
pub(super) fn device() -> Device {
    open(device_name(), 1).expect("a device of this build")
}

/// All devices that this build can compare.
pub(super) fn devices() -> Vec<Device> {
    let mut names = vec![DeviceName::Flex];
    if cfg!(feature = "tch") {
        names.push(DeviceName::Cpu);
    }
    if let Ok(name) = std::env::var("KINDLING_TEST_DEVICE") {
        names.push(name.parse().expect("a device"));
    }
    names.dedup();
    names.into_iter().map(|name| open(name, 1).expect("a device of this build")).collect()
}

/// The facts of a trial, with its parameters and settings given as JSON objects.
pub(super) fn facts(params: &Value, settings: &Value) -> TrialFacts {
    let value = |value: &Value| match value {
        Value::String(text) => ParamValue::Text(text.clone()),
        number => ParamValue::Float(number.as_f64().expect("a word or a number")),
    };
    let params = params.as_object().expect("an object");
    TrialFacts {
        params: params.iter().map(|(k, v)| (k.clone(), value(v))).collect(),
        settings: settings.as_object().expect("an object").clone(),
        seed: 7,
        study_seed: 42,
        ..TrialFacts::default()
    }
}

/// Records a trial's reports, and stops it after a given number of them.
#[derive(Debug)]
pub(super) struct Reports {
    pub(super) values: Vec<f64>,
    pub(super) stop_after: usize,
}

impl Default for Reports {
    fn default() -> Self {
        Self { values: Vec::new(), stop_after: usize::MAX }
    }
}

impl Reporter for Reports {
    fn report(&mut self, step: u64, value: f64) -> Result<(), Stopped> {
        assert_eq!(step, self.values.len() as u64, "a step for each epoch, from 0");
        self.values.push(value);
        if self.values.len() < self.stop_after { Ok(()) } else { Err(Stopped) }
    }
}

/// Calls `f` with a trial of these facts.
pub(super) fn with_trial<T>(facts: &TrialFacts, f: impl FnOnce(&mut Trial<'_>) -> T) -> T {
    device();
    f(&mut Trial::new(facts, device_name(), None, &mut Reports::default()))
}

/// The largest difference between two matrices of the same size.
pub(super) fn differ(a: &Tensor<2>, b: &Tensor<2>) -> f32 {
    assert_eq!(a.dims(), b.dims());
    let difference = (a.clone().inner() - b.clone().inner()).abs();
    difference.max().into_scalar()
}
