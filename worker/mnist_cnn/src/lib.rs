//! The flagship objective: which weight initialisation suits which layer of an MNIST CNN.
//!
//! A trial initialises a convolutional network with two of seven methods, one for the convolutions and one
//! for the fully connected layers, trains it, and returns its accuracy on held-out images.
//! `studies/README.md` has the whole protocol.

mod checkpoint;
mod conv;
mod diagnosis;
mod early_stopping;
mod images;
mod init;
mod network;
#[cfg(test)]
mod parity;
mod sets;
mod settings;
#[cfg(test)]
mod testing;
mod train;
mod watch;

use std::path::Path;
use std::sync::Arc;

use burn::tensor::Device;
use kindling_burn::evaluation_batch;
use kindling_data::mnist::FetchProgress;
use kindling_worker::{
    Completion, JsonMap, Objective, Progress, SettingsError, Takes, Trial, TrialError, Unfit,
};
use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;

use self::checkpoint::fingerprint;
pub use self::conv::ConvShape;
use self::diagnosis::Sample;
pub use self::diagnosis::{Activation, Diagnosis, Histogram, Layer, LayerKind, Stage};
use self::images::{Images, accuracy};
pub use self::init::Init;
use self::init::positive;
pub use self::network::{Architecture, COMMON, DEEP, LayerShape, Network};
use self::sets::{Sets, SetsCache};
pub use self::settings::{DataName, LossKind, NetworkName, Settings};
use self::train::{Progress as Training, Trained, TrainingData, train};
use self::watch::{Measured, Watching};

/// The objective `mnist_cnn`: accuracy on the trial-validation images, to be maximised.
///
/// Parameters: `winit_conv` and `winit_fc`, each the name of an [`Init`]; `gaussian_std_conv` and
/// `gaussian_std_fc` where the method is `gaussian`; `learning_rate`.
///
/// After each epoch (step), counted from 0, it reports the accuracy on the epoch-validation images.
///
/// Attributes: `test_accuracy`, `best_epoch` and `best_epoch_validation_accuracy`, all measured with the best
/// epoch's weights, and `weights_sha256`, their SHA-256; `epochs` (the last epoch run, counted from 0),
/// `final_train_loss`, and `diagnosis` (a [`Diagnosis`] at the start and after the first epoch).
///
/// A trial saves a checkpoint every few epochs, and when its worker is about to leave. Whoever goes on from it gets the same
/// weights and accuracies, to the last bit, on the same kind of device.
#[derive(Debug, Default)]
pub struct MnistCnn {
    sets: SetsCache,
}

impl MnistCnn {
    /// The objective, with no data loaded yet.
    pub fn new() -> Self {
        Self::default()
    }
}

/// What a study may make objectives of, by name: the share of trial validation that is classified correctly, and the epoch,
/// counted from 0, after which training stopped.
const ACCURACY: &str = "accuracy";
const EPOCHS: &str = "epochs";

/// Whether the study has an objective of this name.
fn has(names: &[String], name: &str) -> bool {
    names.iter().any(|known| known == name)
}

impl Objective for MnistCnn {
    fn kind(&self) -> &'static str {
        "mnist_cnn"
    }

    fn check(&self, settings: &JsonMap) -> Result<(), SettingsError> {
        Settings::parse(settings).map(|_| ())
    }

    fn finds(&self) -> Option<&'static [&'static str]> {
        Some(&[ACCURACY, EPOCHS])
    }

    fn takes(&self, _: &JsonMap) -> Option<Vec<Takes>> {
        let of = |kind: &str| {
            let method = format!("winit_{kind}");
            let std = Takes::positive(format!("gaussian_std_{kind}")).when(&method, "gaussian");
            [Takes::words(method, &Init::NAMES), std]
        };
        let [[conv, std_conv], [fc, std_fc]] = [of("conv"), of("fc")];
        Some(vec![conv, fc, Takes::positive("learning_rate"), std_conv, std_fc])
    }

    fn prepare(
        &self,
        settings: &JsonMap,
        data_dir: Option<&Path>,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<(), Unfit> {
        if Settings::parse(settings).is_ok_and(|settings| settings.data == DataName::Mnist) {
            let read = self.sets.prepare(data_dir, progress);
            read.map_err(|error| Unfit(error.to_string()))?;
        }
        Ok(())
    }

    fn run(&self, trial: &mut Trial<'_>) -> Result<Completion, TrialError> {
        let settings = Settings::parse(&trial.settings()?)?;
        let prepared = self.begin(trial, settings)?;
        let (sets, device) = (Arc::clone(&prepared.sets), prepared.device.clone());
        let (trained, measured) = prepared.train(trial)?;

        let share = |set| accuracy(&trained.network, &Images::upload(set, &device));
        let found = share(&sets.trial_validation);
        let names = &trial.facts().metrics.names;
        let done = if names.is_empty() {
            Completion::new(found)
        } else {
            let all = [(ACCURACY, found), (EPOCHS, trained.last_epoch as f64)];
            trial.completion(all.into_iter().filter(|(name, _)| has(names, name)))?
        };
        Ok(done
            .with("test_accuracy", share(&sets.test))
            .with("best_epoch", trained.best.epoch)
            .with("best_epoch_validation_accuracy", trained.best.accuracy)
            .with("epochs", trained.last_epoch)
            .with("final_train_loss", trained.final_loss)
            .with("weights_sha256", fingerprint(&trained.network))
            .with("diagnosis", measured.into_json()?))
    }
}

/// Translates the progress of an MNIST download into [`Progress`].
pub fn fetching(mut progress: impl FnMut(Progress)) -> impl FnMut(FetchProgress<'_>) {
    move |fetch| {
        progress(match fetch {
            FetchProgress::Receiving { name, received, total } => {
                Progress::Fetching { name: name.to_owned(), received, total }
            }
            FetchProgress::MirrorFailed(failure) => {
                Progress::Note(format!("{failure}; trying the next mirror"))
            }
            FetchProgress::Done { name } => Progress::Note(format!("{name}: fetched and verified")),
        });
    }
}

impl MnistCnn {
    /// Measures a trial's network at the start and after `epochs` epochs of training.
    pub fn diagnose(&self, trial: &mut Trial<'_>, epochs: usize) -> Result<Diagnosis, TrialError> {
        let mut settings = Settings::parse(&trial.settings()?)?;
        // Disables early stopping.
        (settings.max_epochs, settings.patience) = (epochs, epochs);
        settings.checkpoint_every = 0;
        let prepared = self.begin(trial, settings)?;
        if epochs == 0 {
            return Ok(Diagnosis { stages: vec![prepared.sample.measure(0, &prepared.network)] });
        }
        let (_, measured) = prepared.train_from_start(trial, epochs)?;
        Ok(Diagnosis { stages: measured.stages })
    }

    fn begin(&self, trial: &Trial<'_>, settings: Settings) -> Result<Prepared, TrialError> {
        let (conv, fc) = (Init::of(trial, "conv")?, Init::of(trial, "fc")?);
        let learning_rate = positive(trial, "learning_rate")?;
        let sets = self.sets.get(trial, &settings)?;

        let device = kindling_burn::device(trial.device())?;
        let tracking = device.clone().autodiff();
        let capacity = settings.batch_size().max(evaluation_batch(&device));
        let network = Network::new(
            settings.network.architecture(),
            conv,
            fc,
            &mut stream(trial, Purpose::Weights),
            capacity,
            &tracking,
        );
        let data = TrainingData {
            train: Images::upload(&sets.train, &tracking),
            validation: Images::upload(&sets.epoch_validation, &device),
        };
        let sample = Sample::of(&data.train, &settings);
        Ok(Prepared { settings, learning_rate, sets, device, capacity, network, data, sample })
    }
}

/// All that training needs.
struct Prepared {
    settings: Settings,
    learning_rate: f64,
    sets: Arc<Sets>,
    device: Device,
    /// The most images in a batch.
    capacity: usize,
    network: Network,
    data: TrainingData,
    sample: Sample,
}

impl Prepared {
    /// Trains the network, from a checkpoint if there is one, and measures it at the start and after the first epoch.
    fn train(self, trial: &mut Trial<'_>) -> Result<(Trained, Measured), TrialError> {
        let Some(saved) = trial.load_checkpoint()? else { return self.train_from_start(trial, 1) };
        let bytes = saved.read();
        let bytes = bytes.map_err(|error| {
            TrialError::Failed(format!("its checkpoint cannot be read: {error}"))
        })?;
        let tracking = self.data.train.device();
        let (start, earlier) = checkpoint::read(&bytes, &self.settings, self.capacity, &tracking)?;
        self.go_on(trial, start, 1, Measured { earlier, stages: Vec::new() })
    }

    /// Trains the network, and measures it before and after `epochs` epochs.
    fn train_from_start(
        self,
        trial: &mut Trial<'_>,
        epochs: usize,
    ) -> Result<(Trained, Measured), TrialError> {
        let stages = vec![self.sample.measure(0, &self.network)];
        let (network, tracking) = (self.network.clone(), self.data.train.device());
        let start = Training::start(network, &self.settings, &tracking);
        self.go_on(trial, start, epochs, Measured { earlier: Vec::new(), stages })
    }

    fn go_on(
        self,
        trial: &mut Trial<'_>,
        start: Training,
        measure_after: usize,
        measured: Measured,
    ) -> Result<(Trained, Measured), TrialError> {
        let Self { settings, learning_rate, data, sample, .. } = self;
        let (mut order, stop) = (stream(trial, Purpose::Order), trial.stop());
        let every = settings.checkpoint_every;
        let mut watching = Watching { trial, sample, measure_after, every, measured };
        let trained =
            train(start, &data, &settings, learning_rate, &mut order, &stop, &mut watching)?;
        Ok((trained, watching.measured))
    }
}

/// What random numbers are used for. No two purposes share a stream.
#[derive(Clone, Copy)]
enum Purpose {
    Weights = 1,
    Order = 2,
}

/// The trial's random stream for one purpose.
fn stream(trial: &Trial<'_>, purpose: Purpose) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(trial.seed());
    rng.set_stream(purpose as u64);
    rng
}

#[cfg(test)]
mod tests {
    use kindling_worker::{Stopped, TrialFacts};
    use serde_json::{Value, json};

    use super::testing::Reports;
    use super::train::Watch;
    use super::*;

    /// A trial on a few synthetic digits. `params` and `settings` extend or override the defaults.
    fn facts(params: &Value, settings: &Value) -> TrialFacts {
        let overrule = |mut table: Value, by: &Value| {
            for (key, value) in by.as_object().unwrap() {
                table[key] = value.clone();
            }
            table
        };
        let params = overrule(
            json!({"winit_conv": "he_normal", "winit_fc": "xavier_uniform", "learning_rate": 2e-3}),
            params,
        );
        let settings = overrule(
            json!({"data": "digits", "train": 40, "epoch_validation": 20, "trial_validation": 50,
                   "test": 30, "batch_size": 16, "max_epochs": 2}),
            settings,
        );
        testing::facts(&params, &settings)
    }

    fn run(
        params: &Value,
        settings: &Value,
        reports: &mut Reports,
    ) -> Result<Completion, TrialError> {
        let facts = facts(params, settings);
        MnistCnn::new().run(&mut Trial::new(&facts, testing::device_name(), None, reports))
    }

    fn complete(params: &Value, settings: &Value) -> (Completion, Vec<f64>) {
        let mut reports = Reports::default();
        (run(params, settings, &mut reports).unwrap(), reports.values)
    }

    #[test]
    fn a_trial_reports_every_epoch_and_tells_which_one_it_kept() {
        let (done, reports) = complete(&json!({}), &json!({"max_epochs": 3}));
        let number = |name: &str| done.attributes()[name].as_f64().unwrap();
        assert_eq!(reports.len(), 3);
        assert_eq!(done.attributes()["epochs"], 2);
        let best = reports.iter().fold(0.0, |best: f64, &a| best.max(a));
        let first = reports.iter().position(|&a| a >= best).unwrap();
        assert_eq!(done.attributes()["best_epoch"], first);
        assert_eq!(done.attributes()["best_epoch_validation_accuracy"], best);
        assert!((0.0..=1.0).contains(&done.values.first()));
        assert!((0.0..=1.0).contains(&number("test_accuracy")));
        // Softmax of a softmax: the loss is between ln(1 + 9/e) and ln(e + 9).
        assert!((1.461..2.461).contains(&number("final_train_loss")));
        assert_eq!(done.attributes().len(), 7);
    }

    #[test]
    fn a_study_may_make_objectives_of_accuracy_and_epochs() {
        let (alone, curve) = complete(&json!({}), &json!({"max_epochs": 2}));
        let mut facts = facts(&json!({}), &json!({"max_epochs": 2}));
        facts.metrics.names = vec!["epochs".to_owned(), "accuracy".to_owned()];
        facts.metrics.pruner_objective = 1;
        let mut reports = Reports::default();
        let mut trial = Trial::new(&facts, testing::device_name(), None, &mut reports);
        let done = MnistCnn::new().run(&mut trial).unwrap();
        assert_eq!(done.values.as_slice(), [1.0, alone.values.first()]);
        assert_eq!(reports.values, curve, "the pruner compares accuracies");
    }

    #[test]
    fn the_same_facts_give_the_same_bits() {
        let once = complete(&json!({}), &json!({}));
        assert_eq!(once, complete(&json!({}), &json!({})));
        assert_ne!(once, complete(&json!({"learning_rate": 2.1e-3}), &json!({})));
        assert_ne!(once.0, complete(&json!({}), &json!({"loss": "logits"})).0);
    }

    #[derive(Default)]
    struct Curve(Vec<f64>);

    impl Watch for Curve {
        fn epoch(&mut self, _: usize, accuracy: f64, _: &Network) -> Result<(), Stopped> {
            self.0.push(accuracy);
            Ok(())
        }
    }

    #[test]
    fn a_diagnosis_changes_no_bit_of_a_trial() {
        let (done, reports) = complete(&json!({}), &json!({"max_epochs": 3}));
        assert_eq!(done.attributes()["diagnosis"]["stages"][1]["stage"], "after 1 epoch");

        let facts = facts(&json!({}), &json!({"max_epochs": 3}));
        let settings = Settings::parse(&facts.settings).unwrap();
        let (value, curve) = testing::with_trial(&facts, |trial| {
            let Prepared { network, data, sets, learning_rate, .. } =
                MnistCnn::new().begin(trial, settings.clone()).unwrap();
            let mut curve = Curve::default();
            let (mut order, stop) = (stream(trial, Purpose::Order), trial.stop());
            let start = Training::start(network, &settings, &data.train.device());
            let trained =
                train(start, &data, &settings, learning_rate, &mut order, &stop, &mut curve);
            let validation = Images::upload(&sets.trial_validation, &testing::device());
            (accuracy(&trained.unwrap().network, &validation), curve.0)
        });
        assert_eq!((value.to_bits(), curve), (done.values.first().to_bits(), reports));
    }

    #[test]
    fn zeros_learn_nothing_and_stop_after_five_epochs() {
        let zeros = json!({"winit_conv": "const_zero", "winit_fc": "const_zero"});
        let (done, reports) = complete(&zeros, &json!({"max_epochs": 50, "train": 32}));
        // The network predicts one class for all images. As the last biases learn, that class may change, but
        // it is right for every tenth image.
        assert_eq!(done.attributes()["epochs"], reports.len() - 1);
        assert!(reports.iter().all(|&a| a <= 0.25), "{reports:?}");
    }

    #[test]
    fn a_stopped_trial_returns_at_once() {
        let mut reports = Reports { stop_after: 1, ..Reports::default() };
        assert_eq!(run(&json!({}), &json!({}), &mut reports), Err(TrialError::Stopped));
        assert_eq!(reports.values.len(), 1);
    }

    #[test]
    fn a_training_that_diverges_fails_and_says_so() {
        let huge = json!({"learning_rate": 1e38});
        let result = run(&huge, &json!({}), &mut Reports::default());
        assert!(
            matches!(&result, Err(TrialError::Failed(reason)) if reason.starts_with("the training loss is NaN in epoch 0")),
            "{result:?}"
        );
    }

    #[test]
    fn wrong_parameters_and_settings_fail_before_anything_is_trained() {
        for (params, settings, reason) in [
            (
                json!({"learning_rate": 0.0}),
                json!({}),
                "parameter `learning_rate` is 0, expected a positive number",
            ),
            (
                json!({"winit_conv": "he"}),
                json!({}),
                "parameter `winit_conv` is he, expected one of const_zero, ",
            ),
            (
                json!({}),
                json!({"train": 0}),
                "objective.train: invalid value: integer `0`, expected a whole",
            ),
        ] {
            let result = run(&params, &settings, &mut Reports::default());
            assert!(
                matches!(&result, Err(TrialError::Failed(found)) if found.starts_with(reason)),
                "{result:?}"
            );
        }
    }

    #[test]
    fn settings_are_checked_before_the_study_is_created() {
        let check = |table: Value| MnistCnn::new().check(table.as_object().unwrap());
        assert_eq!(check(json!({"network": "deep"})), Ok(()));
        assert_eq!(check(json!({"patience": -1})).unwrap_err().key, "patience");
    }
}
