//! Looks inside a network: activations, gradients and neurons, layer by layer.
//!
//! It shows why a method works: whether the signal fades or grows from layer to layer, whether neurons are
//! saturated or dead, whether gradients arrive, and whether neurons are identical.

mod statistics;
#[cfg(test)]
mod tests;

use std::fmt;

use burn::module::Param;
use burn::optim::{GradientsAccumulator, GradientsParams};
use burn::tensor::activation::softmax;
use burn::tensor::{Int, Tensor};
use serde::Serialize;

pub use self::statistics::Histogram;
use self::statistics::{mean_and_std, norm, repeated_rows, rounded, share, zero_columns};
use super::images::Images;
use super::network::Network;
use super::settings::{LossKind, Settings};
use super::train::loss;

/// Images in a diagnosis: enough for shares and means, at less than a hundredth of the cost of a usual trial.
const SAMPLE: usize = 128;

/// A sigmoid is saturated outside these bounds: its slope is below a fifth of its maximum.
const SATURATED: (f32, f32) = (0.05, 0.95);

/// A network at several stages of training.
///
/// Numbers have four significant digits; one that is not finite is `null` in JSON.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Diagnosis {
    /// In the order of training.
    pub stages: Vec<Stage>,
}

/// A network at one stage.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Stage {
    /// `start`, `after 1 epoch`, `after 2 epochs`, …
    pub stage: String,
    /// From the input on.
    pub layers: Vec<Layer>,
}

/// A layer at one stage.
///
/// Its activations are what it passes on: outputs after the activation function and, where the layer pools,
/// after pooling.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Layer {
    /// `conv 1`, …, `fc 1`, …
    pub name: String,
    /// What the layer does with its inputs.
    pub kind: LayerKind,
    /// The activation function after it.
    pub activation: Activation,
    /// Mean of the activations.
    pub mean: f64,
    /// Standard deviation of the activations, over all neurons, positions and images together.
    pub std: f64,
    /// Share of a sigmoid's outputs below 0.05 or above 0.95. Sigmoid layers only.
    pub saturated: Option<f64>,
    /// Share of neurons (channels) that are 0 at every position of every image. `ReLU` layers only.
    pub dead: Option<f64>,
    /// 2-norm of the gradient of the training loss, averaged over the sample, with respect to the layer's
    /// weights (without the biases).
    pub gradient: f64,
    /// Share of neurons (channels) whose weights (without the biases) equal those of an earlier neuron of the
    /// layer bit for bit.
    pub equal: f64,
    /// The activations: of a sigmoid from 0 to 1; of a `ReLU` from 0 to the maximum, unless all are 0.
    pub histogram: Histogram,
}

/// A kind of layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LayerKind {
    /// A convolution.
    Conv,
    /// A fully connected layer.
    Fc,
}

/// An activation function.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Activation {
    /// max(x, 0), of convolutions.
    Relu,
    /// Of hidden fully connected layers.
    Sigmoid,
    /// Of the last layer, over the classes.
    Softmax,
}

/// What a network is measured on: the same images at every stage and in every trial of a study.
pub(super) struct Sample {
    /// `[images, pixels]`, on a device that tracks gradients.
    images: Tensor<2>,
    /// `[images]`.
    labels: Tensor<1, Int>,
    loss: LossKind,
    /// Batch size; the measured networks have at least this capacity.
    batch: usize,
}

impl fmt::Display for Activation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Relu => "relu",
            Self::Sigmoid => "sigmoid",
            Self::Softmax => "softmax",
        })
    }
}

impl Sample {
    /// The first training images, in batches of the training batch size.
    pub(super) fn of(train: &Images, settings: &Settings) -> Self {
        let first: Vec<i64> = (0..).take(train.len().min(SAMPLE)).collect();
        let (images, labels) = train.batch(train.indices(&first));
        Self::new(images, labels, settings.loss, settings.batch_size())
    }

    pub(super) fn new(
        images: Tensor<2>,
        labels: Tensor<1, Int>,
        loss: LossKind,
        batch: usize,
    ) -> Self {
        Self { images, labels, loss, batch }
    }

    /// Measures a network after `epochs` epochs. Draws no random numbers and changes nothing.
    pub(super) fn measure(&self, epochs: usize, network: &Network) -> Stage {
        let n = self.labels.dims()[0];
        let mut activations = vec![Vec::new(); layers(network).count()];
        let mut gradients = GradientsAccumulator::new();
        for start in (0..n).step_by(self.batch) {
            let batch = start..n.min(start + self.batch);
            let weight = batch.len() as f64 / n as f64;
            let images = self.images.clone().slice(batch.clone());
            let labels = self.labels.clone().slice(batch);

            let mut outputs = Vec::new();
            let logits = network.watched(images, |output| outputs.push(output.clone()));
            outputs.push(softmax(logits.clone(), 1));
            for (all, output) in activations.iter_mut().zip(outputs) {
                all.extend(numbers(output.inner()));
            }
            // The sample's mean is the mean over batches, weighted by their sizes.
            let loss = loss(logits, labels, self.loss) * weight;
            gradients.accumulate(network, GradientsParams::from_grads(loss.backward(), network));
        }
        let gradients = gradients.grads();
        let layers = layers(network).zip(&activations).map(|(layer, activations)| {
            let gradient = gradients.get::<2>(layer.weights.id);
            let gradient = gradient.expect("the loss depends on every layer");
            Layer::of(layer, activations, norm(&numbers(gradient)))
        });
        Stage { stage: stage_name(epochs), layers: layers.collect() }
    }
}

/// A layer of a network.
struct NamedLayer<'a> {
    name: String,
    kind: LayerKind,
    activation: Activation,
    /// `[inputs, neurons]`.
    weights: &'a Param<Tensor<2>>,
}

/// The network's layers, from the input on.
fn layers(network: &Network) -> impl Iterator<Item = NamedLayer<'_>> {
    let (convs, fcs) = (network.convolutions(), network.fully_connected());
    let last = fcs.len();
    let convs = (1..).zip(convs).map(|(number, layer)| NamedLayer {
        name: format!("conv {number}"),
        kind: LayerKind::Conv,
        activation: Activation::Relu,
        weights: &layer.weight,
    });
    let fcs = (1..).zip(fcs).map(move |(number, layer)| NamedLayer {
        name: format!("fc {number}"),
        kind: LayerKind::Fc,
        activation: if number == last { Activation::Softmax } else { Activation::Sigmoid },
        weights: &layer.weight,
    });
    convs.chain(fcs)
}

impl Layer {
    /// `activations` are `[images × places, neurons]`.
    fn of(layer: NamedLayer<'_>, activations: &[f32], gradient: f64) -> Self {
        let NamedLayer { name, kind, activation, weights } = layer;
        let [inputs, neurons] = weights.dims();
        let by_neuron = numbers(weights.val().inner().transpose());
        let (relu, sigmoid) = (activation == Activation::Relu, activation == Activation::Sigmoid);
        let (mean, std) = mean_and_std(activations);
        let saturated = || share(activations, |x| x < SATURATED.0 || x > SATURATED.1);
        Self {
            name,
            kind,
            activation,
            mean: rounded(mean),
            std: rounded(std),
            saturated: sigmoid.then(|| rounded(saturated())),
            dead: relu.then(|| rounded(zero_columns(activations, neurons))),
            gradient: rounded(gradient),
            equal: rounded(repeated_rows(&by_neuron, inputs)),
            histogram: Histogram::from_zero(
                activations,
                if relu { largest(activations) } else { 1.0 },
            ),
        }
    }
}

/// The largest finite number, or 1 if none is above 0: a histogram needs some width.
fn largest(activations: &[f32]) -> f64 {
    let finite = activations.iter().copied().filter(|x| x.is_finite());
    let largest = finite.fold(0.0, f32::max);
    if largest > 0.0 { rounded(f64::from(largest)) } else { 1.0 }
}

fn stage_name(epochs: usize) -> String {
    match epochs {
        0 => "start".to_owned(),
        1 => "after 1 epoch".to_owned(),
        _ => format!("after {epochs} epochs"),
    }
}

/// The elements, row by row.
fn numbers(matrix: Tensor<2>) -> Vec<f32> {
    matrix.into_data().iter::<f32>().collect()
}
