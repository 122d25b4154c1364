//! The objectives that this binary's workers offer.

use std::sync::Arc;

use kindling_worker::Objective;
use kindling_worker::mnist_cnn::MnistCnn;

pub(crate) fn built_in() -> Vec<Arc<dyn Objective>> {
    vec![Arc::new(MnistCnn::default())]
}

/// The built-in objective of this name.
pub(crate) fn find(kind: &str) -> Option<Arc<dyn Objective>> {
    built_in().into_iter().find(|o| o.kind() == kind)
}
