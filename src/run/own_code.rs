//! What a run must know of objectives that are processes of somebody else's code.

use std::time::Duration;

use kindling_process::Needs;
use kindling_study::ObjectiveSpec;

/// An objective that is a process. Its settings were checked before.
#[derive(Debug)]
pub(super) struct OwnCode {
    /// Its kind.
    pub(super) kind: String,
    /// GPUs of each trial; those of its slot, if the study does not say.
    pub(super) gpus: Option<usize>,
    /// How long a trial may take to end once it is told to.
    pub(super) grace: Duration,
}

impl OwnCode {
    /// `None` for an objective that trains in the worker itself.
    pub(super) fn of(ObjectiveSpec { kind, settings }: &ObjectiveSpec) -> Option<Self> {
        let Needs { gpus, grace } = kindling_process::needs(kind, settings)?;
        Some(Self { kind: kind.clone(), gpus, grace })
    }
}
