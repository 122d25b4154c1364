//! What a trial does while its network trains: reports, measures, saves checkpoints.

use kindling_worker::{Reported, Stopped, Trial, TrialError};
use serde_json::{Value, json};

use super::diagnosis::{Sample, Stage};
use super::network::Network;
use super::train::{Progress, Watch};
use super::{ACCURACY, EPOCHS, checkpoint, has};

/// What was measured of the network.
#[derive(Debug, Default)]
pub(super) struct Measured {
    /// Before the checkpoint that training went on from.
    pub(super) earlier: Vec<Value>,
    /// Since then.
    pub(super) stages: Vec<Stage>,
}

impl Measured {
    fn all(&self) -> Result<Vec<Value>, serde_json::Error> {
        let stages = self.stages.iter().map(serde_json::to_value);
        self.earlier.iter().cloned().map(Ok).chain(stages).collect()
    }

    /// As a [`super::Diagnosis`] is written.
    pub(super) fn into_json(self) -> Result<Value, serde_json::Error> {
        Ok(json!({ "stages": self.all()? }))
    }
}

/// A trial that follows its training.
pub(super) struct Watching<'a, 't> {
    pub(super) trial: &'a mut Trial<'t>,
    pub(super) sample: Sample,
    /// After so many epochs the network is measured.
    pub(super) measure_after: usize,
    /// Epochs from one checkpoint to the next; 0: none are saved.
    pub(super) every: usize,
    pub(super) measured: Measured,
}

impl Watch for Watching<'_, '_> {
    fn epoch(&mut self, epoch: usize, accuracy: f64, network: &Network) -> Result<(), Stopped> {
        if epoch + 1 == self.measure_after {
            self.measured.stages.push(self.sample.measure(self.measure_after, network));
        }
        let names = &self.trial.facts().metrics.names;
        if names.is_empty() {
            return self.trial.report(epoch as u64, accuracy);
        }
        let all = [(ACCURACY, accuracy), (EPOCHS, epoch as f64)];
        let asked = all.into_iter().filter(|(name, _)| has(names, name));
        let asked = asked.map(|(name, value)| (name.to_owned(), value)).collect();
        self.trial.report(epoch as u64, Reported::Named(asked))
    }

    fn progress(&mut self, progress: &Progress) -> Result<(), TrialError> {
        let is_due = self.every > 0 && progress.epochs.is_multiple_of(self.every);
        if !is_due && !self.trial.should_checkpoint() {
            return Ok(());
        }
        let bytes = checkpoint::write(progress, self.measured.all()?)?;
        self.trial.save_checkpoint(progress.epochs as u64 - 1, bytes)
    }
}
