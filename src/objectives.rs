//! The built-in objectives, and the devices they train on.

use std::sync::Arc;

use kindling_burn::BurnDevices;
use kindling_coordinator::config::nearest;
use kindling_mnist_cnn::MnistCnn;
use kindling_worker::{Devices, Objective};

pub(crate) fn built_in() -> Vec<Arc<dyn Objective>> {
    vec![Arc::new(MnistCnn::default())]
}

/// The devices of the framework that all objectives use.
pub(crate) fn devices() -> Arc<dyn Devices> {
    Arc::new(BurnDevices)
}

/// The devices that an objective of this kind trains on.
pub(crate) fn devices_of(_kind: &str) -> Arc<dyn Devices> {
    devices()
}

/// Finds a built-in objective by name.
pub(crate) fn find(kind: &str) -> Option<Arc<dyn Objective>> {
    built_in().into_iter().find(|o| o.kind() == kind)
}

/// The error for an unknown objective.
pub(crate) fn not_built_in(kind: &str) -> String {
    let built_in = built_in();
    let known: Vec<_> = built_in.iter().map(|objective| objective.kind()).collect();
    let told = match nearest(kind, &known) {
        Some(near) => format!("; did you mean `{near}`?"),
        None => format!(", unlike `{}`", known.join("`, `")),
    };
    format!("objective `{kind}` is not built in{told}")
}
