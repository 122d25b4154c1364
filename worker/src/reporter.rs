//! What a trial tells, and what it hears.

use crate::content::{Content, SavedCheckpoint};
use crate::output::Output;
use crate::stop::{Stop, StopReason};
use crate::trial::{Stopped, TrialError};
use crate::values::Intermediate;

/// Receives a trial's intermediate values, answers whether to go on, and keeps its files.
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

    /// What an earlier attempt saved last. The default has nothing.
    fn load_checkpoint(&mut self) -> Result<Option<SavedCheckpoint>, TrialError> {
        Ok(None)
    }

    /// Saves a checkpoint. The default keeps nothing.
    fn save_checkpoint(&mut self, step: u64, content: Content) -> Result<(), TrialError> {
        _ = (step, content);
        Ok(())
    }

    /// Keeps an artifact. The default keeps nothing.
    fn save_artifact(
        &mut self,
        name: &str,
        media_type: &str,
        content: Content,
    ) -> Result<(), TrialError> {
        _ = (name, media_type, content);
        Ok(())
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
