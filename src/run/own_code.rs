//! What a run must know of objectives that are processes of somebody else's code.

use std::time::Duration;

use kindling_process::Needs;
use kindling_study::ObjectiveSpec;

/// An objective that is a process.
pub(super) struct OwnCode {
    /// Its kind.
    pub(super) kind: String,
    /// GPUs of each trial.
    pub(super) gpus: usize,
    /// How long a trial may take to end once it is told to.
    pub(super) grace: Duration,
}

impl OwnCode {
    /// `None` for an objective that trains in the worker itself.
    pub(super) fn of(objective: &ObjectiveSpec) -> anyhow::Result<Option<Self>> {
        let Some(needs) = kindling_process::needs(&objective.kind, &objective.settings) else {
            return Ok(None);
        };
        let Needs { gpus, grace } = needs?;
        Ok(Some(Self { kind: objective.kind.clone(), gpus, grace }))
    }
}
