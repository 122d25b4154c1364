//! Checkpoints: a trial's training as bytes, from which it goes on to the same bits.
//!
//! The format is safetensors, so that other programs can read the weights: `network.N.weight` and `.bias`, `kept.…` (the
//! best epoch's, if that was not the last), and `optimizer.N.first` and `.second`, each in the network's order. The rest is
//! JSON in the metadata.

use std::collections::HashMap;

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use kindling_burn::{AdamW, AdamWState, Moments};
use kindling_data::hex;
use kindling_worker::TrialError;
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::early_stopping::{Best, EarlyStopping};
use super::network::{LayerShape, Network};
use super::settings::Settings;
use super::train::{ADAM_W, Progress};

/// The key of the metadata.
const KEY: &str = "kindling";
/// Of the format.
const VERSION: u32 = 1;

/// What is not a tensor. Numbers that must come back to the last bit are their bits.
#[derive(Debug, Serialize, Deserialize)]
struct Rest {
    version: u32,
    epochs: usize,
    best: Option<(usize, u64)>,
    final_loss: u64,
    steps: u32,
    /// What was measured so far.
    stages: Vec<serde_json::Value>,
}

/// A checkpoint cannot be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum CheckpointError {
    #[error("the checkpoint is damaged: {0}")]
    Damaged(String),
    #[error(
        "the checkpoint is of version {0} of its format, and this worker reads version {VERSION}"
    )]
    Version(u32),
    #[error("the checkpoint is of another network: {0}")]
    Network(String),
}

/// How far training has come, and what was measured so far, as bytes.
pub(super) fn write(
    progress: &Progress,
    stages: Vec<serde_json::Value>,
) -> Result<Vec<u8>, TrialError> {
    let AdamWState { steps, moments } = progress.optimizer.state(&progress.network);
    let best = progress.stopping.best();
    let mut tensors = layers("network", &progress.network);
    if best.is_some_and(|best| best.epoch + 1 != progress.epochs) {
        tensors.extend(layers("kept", &progress.kept));
    }
    for (place, Moments { first, second }) in moments.into_iter().enumerate() {
        tensors.push(Numbers::flat(format!("optimizer.{place}.first"), &first));
        tensors.push(Numbers::flat(format!("optimizer.{place}.second"), &second));
    }
    let rest = Rest {
        version: VERSION,
        epochs: progress.epochs,
        best: best.map(|best| (best.epoch, best.accuracy.to_bits())),
        final_loss: progress.final_loss.to_bits(),
        steps,
        stages,
    };
    let metadata = HashMap::from([(KEY.to_owned(), serde_json::to_string(&rest)?)]);
    let views = tensors.iter().map(|numbers| Ok((numbers.name.as_str(), numbers.view()?)));
    let views = views.collect::<Result<Vec<_>, safetensors::SafeTensorError>>();
    views
        .and_then(|views| safetensors::serialize(views, Some(metadata)))
        .map_err(|error| TrialError::Failed(format!("the checkpoint cannot be written: {error}")))
}

/// What the bytes tell. Batches may hold at most `capacity` images; `tracking` is the device that tracks gradients.
pub(super) fn read(
    bytes: &[u8],
    settings: &Settings,
    capacity: usize,
    tracking: &Device,
) -> Result<(Progress, Vec<serde_json::Value>), CheckpointError> {
    let damaged = |error: &dyn std::fmt::Display| CheckpointError::Damaged(error.to_string());
    let (_, metadata) = SafeTensors::read_metadata(bytes).map_err(|error| damaged(&error))?;
    let tensors = SafeTensors::deserialize(bytes).map_err(|error| damaged(&error))?;
    let rest = metadata.metadata().as_ref().and_then(|entries| entries.get(KEY));
    let rest = rest.ok_or_else(|| damaged(&"it is not one of this objective"))?;
    let rest: Rest = serde_json::from_str(rest).map_err(|error| damaged(&error))?;
    if rest.version != VERSION {
        return Err(CheckpointError::Version(rest.version));
    }
    let network = network("network", &tensors, settings, capacity, tracking)?;
    let best = rest.best.map(|(epoch, bits)| Best { epoch, accuracy: f64::from_bits(bits) });
    let is_last = best.is_none_or(|best| best.epoch + 1 == rest.epochs);
    let kept = if is_last {
        network.valid()
    } else {
        self::network("kept", &tensors, settings, capacity, tracking)?.valid()
    };
    let moments = (0..).map_while(|place| {
        let found = |which: &str| numbers(&tensors, &format!("optimizer.{place}.{which}")).ok();
        Some(Moments { first: found("first")?, second: found("second")? })
    });
    let state = AdamWState { steps: rest.steps, moments: moments.collect() };
    let optimizer = AdamW::resume(ADAM_W, tracking, &network, state)
        .map_err(|error| CheckpointError::Network(error.to_string()))?;
    let progress = Progress {
        network,
        optimizer,
        stopping: EarlyStopping::resume(settings.patience, rest.epochs, best),
        kept,
        epochs: rest.epochs,
        final_loss: f64::from_bits(rest.final_loss),
    };
    Ok((progress, rest.stages))
}

/// The SHA-256 of a network's weights and biases, layer by layer, in hexadecimal digits: equal for equal networks.
pub(super) fn fingerprint(network: &Network) -> String {
    let mut hash = Sha256::new();
    for numbers in layers("", network) {
        hash.update(&numbers.bytes);
    }
    hex(&hash.finalize())
}

/// A tensor on its way out.
struct Numbers {
    name: String,
    shape: Vec<usize>,
    bytes: Vec<u8>,
}

impl Numbers {
    fn flat(name: String, numbers: &[f32]) -> Self {
        let bytes = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
        Self { name, shape: vec![numbers.len()], bytes }
    }

    fn of<const D: usize>(name: String, tensor: &Tensor<D>) -> Self {
        let numbers: Vec<f32> = tensor.to_data().iter::<f32>().collect();
        Self { shape: tensor.dims().to_vec(), ..Self::flat(name, &numbers) }
    }

    fn view(&self) -> Result<TensorView<'_>, safetensors::SafeTensorError> {
        TensorView::new(Dtype::F32, self.shape.clone(), &self.bytes)
    }
}

fn layers(prefix: &str, network: &Network) -> Vec<Numbers> {
    let mut tensors = Vec::new();
    for (place, layer) in network.layers().enumerate() {
        let weight = layer.weight.val();
        tensors.push(Numbers::of(format!("{prefix}.{place}.weight"), &weight));
        if let Some(bias) = &layer.bias {
            tensors.push(Numbers::of(format!("{prefix}.{place}.bias"), &bias.val()));
        }
    }
    tensors
}

fn network(
    prefix: &str,
    tensors: &SafeTensors<'_>,
    settings: &Settings,
    capacity: usize,
    device: &Device,
) -> Result<Network, CheckpointError> {
    let (mut place, mut wrong) = (0, None);
    let network =
        Network::with_weights(settings.network.architecture(), capacity, device, |layer| {
            let found = of_layer(prefix, place, tensors, layer);
            place += 1;
            found.unwrap_or_else(|error| {
                wrong.get_or_insert(error);
                (vec![0.0; layer.fan_in * layer.neurons], vec![0.0; layer.neurons])
            })
        });
    wrong.map_or(Ok(network), Err)
}

fn of_layer(
    prefix: &str,
    place: usize,
    tensors: &SafeTensors<'_>,
    layer: LayerShape,
) -> Result<(Vec<f32>, Vec<f32>), CheckpointError> {
    let weights = numbers(tensors, &format!("{prefix}.{place}.weight"))?;
    let biases = numbers(tensors, &format!("{prefix}.{place}.bias"))?;
    if (weights.len(), biases.len()) != (layer.fan_in * layer.neurons, layer.neurons) {
        let (found, wanted) = (weights.len(), layer.fan_in * layer.neurons);
        let reason = format!("layer {place} has {found} weights there and {wanted} here");
        return Err(CheckpointError::Network(reason));
    }
    Ok((weights, biases))
}

fn numbers(tensors: &SafeTensors<'_>, name: &str) -> Result<Vec<f32>, CheckpointError> {
    let view = tensors
        .tensor(name)
        .map_err(|_| CheckpointError::Network(format!("it has no `{name}`")))?;
    if view.dtype() != Dtype::F32 {
        let reason = format!("`{name}` has numbers of another kind");
        return Err(CheckpointError::Network(reason));
    }
    let number = |bytes: &[u8; 4]| f32::from_le_bytes(*bytes);
    Ok(view.data().as_chunks().0.iter().map(number).collect())
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use kindling_worker::{
        Completion, Content, Objective as _, Reporter, SavedCheckpoint, Stopped, Trial, TrialFacts,
    };
    use serde_json::{Value, json};

    use super::super::network::COMMON;
    use super::super::{Init, MnistCnn, testing};
    use super::*;

    /// Takes reports and keeps the newest checkpoint, until so many reports have come.
    struct Worker {
        curve: Vec<(u64, f64)>,
        stop_after: usize,
        newest: Option<(u64, Vec<u8>)>,
        file: tempfile::NamedTempFile,
    }

    impl Worker {
        fn new() -> Self {
            let file = tempfile::NamedTempFile::new().unwrap();
            Self { curve: Vec::new(), stop_after: usize::MAX, newest: None, file }
        }

        /// The worker dies: a new one has what was saved, and the curve up to there.
        fn killed(&mut self) {
            let step = self.newest.as_ref().map(|(step, _)| *step);
            self.curve.retain(|(known, _)| Some(*known) <= step);
        }
    }

    impl Reporter for Worker {
        fn report(&mut self, step: u64, value: f64) -> Result<(), Stopped> {
            assert!(self.curve.last().is_none_or(|(last, _)| last + 1 == step), "each step once");
            self.curve.push((step, value));
            if self.curve.len() < self.stop_after { Ok(()) } else { Err(Stopped) }
        }

        fn load_checkpoint(&mut self) -> Result<Option<SavedCheckpoint>, TrialError> {
            let Some((step, bytes)) = &self.newest else { return Ok(None) };
            self.file = tempfile::NamedTempFile::new()?;
            self.file.write_all(bytes)?;
            Ok(Some(SavedCheckpoint { step: *step, path: self.file.path().to_owned() }))
        }

        fn save_checkpoint(&mut self, step: u64, content: Content) -> Result<(), TrialError> {
            let Content::Bytes(bytes) = content else { panic!("bytes") };
            self.newest = Some((step, bytes));
            Ok(())
        }
    }

    fn facts(settings: &Value) -> TrialFacts {
        let params =
            json!({"winit_conv": "he_normal", "winit_fc": "xavier_uniform", "learning_rate": 2e-3});
        let mut all = json!({
            "data": "digits", "train": 40, "epoch_validation": 20, "trial_validation": 50, "test": 30,
            "batch_size": 16, "max_epochs": 12, "patience": 12, "checkpoint_every": 1,
        });
        for (key, value) in settings.as_object().unwrap() {
            all[key] = value.clone();
        }
        testing::facts(&params, &all)
    }

    fn run(worker: &mut Worker, facts: &TrialFacts) -> Result<Completion, TrialError> {
        testing::device();
        MnistCnn::new().run(&mut Trial::new(facts, testing::device_name(), None, worker))
    }

    /// Whatever is compared: values, curve and attributes, the weights' SHA-256 among them.
    fn undisturbed(facts: &TrialFacts) -> (Completion, Vec<(u64, f64)>) {
        let mut worker = Worker::new();
        (run(&mut worker, facts).unwrap(), worker.curve)
    }

    #[test]
    fn a_trial_that_was_killed_five_times_ends_with_the_same_bits() {
        for settings in [json!({}), json!({"checkpoint_every": 2}), json!({"loss": "logits"})] {
            let facts = facts(&settings);
            let (expected, curve) = undisturbed(&facts);
            assert!(curve.len() > 7, "{settings}: too short to be killed so often");
            let mut worker = Worker::new();
            for reports in [2, 3, 3, 5, 7] {
                worker.stop_after = reports;
                assert_eq!(run(&mut worker, &facts), Err(TrialError::Stopped));
                worker.killed();
            }
            worker.stop_after = usize::MAX;
            assert_eq!(run(&mut worker, &facts).unwrap(), expected, "{settings}");
            assert_eq!(worker.curve, curve, "{settings}");
        }
    }

    /// A checkpoint of some epochs.
    fn checkpoint(facts: &TrialFacts) -> Vec<u8> {
        let mut worker = Worker { stop_after: 3, ..Worker::new() };
        assert_eq!(run(&mut worker, facts), Err(TrialError::Stopped));
        worker.newest.unwrap().1
    }

    fn refusal(bytes: &[u8], settings: &Settings) -> String {
        let device = testing::device().autodiff();
        read(bytes, settings, 64, &device).err().expect("refused").to_string()
    }

    #[test]
    fn what_is_no_checkpoint_of_this_network_is_refused_with_a_reason() {
        let bytes = checkpoint(&facts(&json!({})));
        let settings = Settings::default();
        let deep = Settings::parse(json!({"network": "deep"}).as_object().unwrap()).unwrap();
        assert!(refusal(&bytes, &deep).contains("of another network: layer 2 has"));
        assert!(refusal(&bytes[..bytes.len() / 2], &settings).contains("damaged"));
        assert!(refusal(b"", &settings).contains("damaged"));
        let view = TensorView::new(Dtype::F32, vec![1], &[0; 4]).unwrap();
        let strange = safetensors::serialize([("a", view)], None).unwrap();
        assert!(refusal(&strange, &settings).contains("not one of this objective"));
    }

    #[test]
    fn equal_networks_have_one_fingerprint() {
        use rand::SeedableRng as _;
        let device = testing::device();
        let of = |seed| {
            let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(seed);
            let init = Init::HeNormal;
            fingerprint(&Network::new(&COMMON, init, init, &mut rng, 1, &device))
        };
        assert_eq!((of(1), of(1).len()), (of(1), 64));
        assert_ne!(of(1), of(2));
    }
}
