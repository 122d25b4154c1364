//! Checkpoints: a trial's training as bytes, from which it goes on to the same bits.
//!
//! The format is safetensors, so that other programs can read the weights: `network.N.weight` and `.bias`, `kept.…` (the
//! best epoch's, if that was not the last), and `optimizer.N.first` and `.second`, each in the network's order. The rest is
//! JSON in the metadata.

use std::collections::HashMap;

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use kindling_burn::{AdamW, AdamWState, Moments};
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

impl From<CheckpointError> for TrialError {
    fn from(error: CheckpointError) -> Self {
        Self::Failed(error.to_string())
    }
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
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
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
