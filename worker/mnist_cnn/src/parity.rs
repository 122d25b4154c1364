//! Checks that a network computes what `PyTorch` computes.
//!
//! Weights and images come from a formula. Outputs, losses, gradients and the weights after ten steps must
//! agree. `tests/peers/parity.py` is the `PyTorch` side.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use burn::nn::Linear;
use burn::optim::GradientsParams;
use burn::tensor::{Device, Int, Tensor, TensorData};

use super::diagnosis::Sample;
use super::network::Network;
use super::settings::{LossKind, NetworkName};
use super::testing::devices;
use super::train::{ADAM_W, loss};
use kindling_burn::AdamW;

const STEPS: usize = 10;
const LEARNING_RATE: f64 = 1e-3;
/// The peer's file says why these values.
const IMAGES: usize = 8;
const IMAGE_STREAM: u32 = 116;

/// The largest allowed difference, relative to the norm.
const TOLERANCE: f64 = 1e-5;
/// The same, for libtorch's weights after some steps.
///
/// libtorch picks its kernels by the processor. A last bit that differs tips a maximum of the deep network sooner or
/// later, and the weights part. `PyTorch` itself came 1.4e-3 from its own record so, on a processor without AVX-512.
const TOLERANCE_ELSEWHERE: f64 = 5e-3;

/// The tolerance for a quantity that was computed on `device`.
fn tolerance(device: &Device, key: &str) -> f64 {
    let is_libtorch = format!("{device:?}").contains("LibTorch");
    if is_libtorch && is_after_steps(key) { TOLERANCE_ELSEWHERE } else { TOLERANCE }
}

fn is_after_steps(key: &str) -> bool {
    key.contains(" after ")
}

/// Numbers from −1 to 1: the finaliser of `MurmurHash3` on a counter.
fn uniform(count: usize, stream: u32) -> impl Iterator<Item = f32> {
    (0..count as u32).map(move |i| {
        let mut x = i.wrapping_add(stream.wrapping_mul(0x9E37_79B9));
        x ^= x >> 16;
        x = x.wrapping_mul(0x85EB_CA6B);
        x ^= x >> 13;
        x = x.wrapping_mul(0xC2B2_AE35);
        x ^= x >> 16;
        (f64::from(x) / 2_f64.powi(31) - 1.0) as f32
    })
}

/// Everything that is compared, by name.
type Quantities = BTreeMap<String, Vec<f32>>;

/// The network, images `[8, 784]` and labels `[8]`.
fn start(name: NetworkName, device: &Device) -> (Network, Tensor<2>, Tensor<1, Int>) {
    let mut stream = 0;
    let network = Network::with_weights(name.architecture(), IMAGES, device, |layer| {
        let bound = (1.5 / layer.fan_in as f64).sqrt() as f32;
        let weights = uniform(layer.fan_in * layer.neurons, stream).map(|x| x * bound).collect();
        let biases = uniform(layer.neurons, 50 + stream).map(|x| x * 0.5).collect();
        stream += 1;
        (weights, biases)
    });
    let pixels = uniform(IMAGES * 784, IMAGE_STREAM).collect::<Vec<_>>();
    let images = Tensor::<2>::from_data(TensorData::new(pixels, [IMAGES, 784]), device);
    let labels = (0..IMAGES as i64).map(|i| i * 7 % 10).collect::<Vec<_>>();
    let labels = Tensor::<1, Int>::from_data(TensorData::new(labels, [IMAGES]), device);
    (network, images, labels)
}

fn quantities(name: NetworkName, kind: LossKind, device: &Device) -> Quantities {
    let device = device.clone().autodiff();
    let (mut network, images, labels) = start(name, &device);
    let mut found = Quantities::new();
    let mut optimizer = AdamW::new(ADAM_W, &device);
    for step in 0..STEPS {
        let logits = network.forward(images.clone());
        let value = loss(logits.clone(), labels.clone(), kind);
        let gradients = GradientsParams::from_grads(value.backward(), &network);
        if step == 0 {
            found.insert("logits".into(), numbers(logits));
            found.insert("loss".into(), numbers(value));
            for (layer, name) in network.layers().zip(names(name)) {
                let bias = layer.bias.as_ref().expect("every layer has biases");
                let of_weight = gradients.get::<2>(layer.weight.id).expect("a gradient");
                let of_bias = gradients.get::<1>(bias.id).expect("a gradient");
                found.insert(format!("gradient of {name}.weight"), numbers(of_weight));
                found.insert(format!("gradient of {name}.bias"), numbers(of_bias));
            }
        }
        network = optimizer.step(LEARNING_RATE, network, gradients);
    }
    for (Linear { weight, bias, .. }, name) in network.layers().zip(names(name)) {
        let bias = bias.as_ref().expect("every layer has biases");
        found.insert(format!("{name}.weight after {STEPS} steps"), numbers(weight.val()));
        found.insert(format!("{name}.bias after {STEPS} steps"), numbers(bias.val()));
    }
    found
}

fn numbers<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().iter::<f32>().collect()
}

/// The layers' names: `conv0`, …, `fc0`, …
fn names(name: NetworkName) -> impl Iterator<Item = String> {
    let convs = name.architecture().convs.len();
    let conv = (0..convs).map(|i| format!("conv{i}"));
    conv.chain((0..).map(|i| format!("fc{i}")))
}

fn norm(of: impl Iterator<Item = f64>) -> f64 {
    of.map(|x| x * x).sum::<f64>().sqrt()
}

/// The cases, with their names in the peer's files.
const CASES: [(NetworkName, LossKind, &str, &str); 4] = [
    (NetworkName::Common, LossKind::Softmax, "common", "softmax"),
    (NetworkName::Common, LossKind::Logits, "common", "logits"),
    (NetworkName::Deep, LossKind::Softmax, "deep", "softmax"),
    (NetworkName::Deep, LossKind::Logits, "deep", "logits"),
];

/// Compares the norm and one projection of every tensor with those recorded from `PyTorch` 2.9.0.
#[test]
fn a_network_computes_what_pytorch_computed() {
    let mut compared = 0;
    for device in devices() {
        for (network, kind, network_name, kind_name) in CASES {
            let found = quantities(network, kind, &device);
            for (key, record) in recorded(network_name, kind_name) {
                let tensor = found.get(key).unwrap_or_else(|| panic!("no {key}"));
                let tensor: Vec<_> = tensor.iter().copied().map(f64::from).collect();
                let off = record.differs_from(&tensor);
                let what = format!("{device:?} {network_name},{kind_name},{key}");
                assert!(
                    off < tolerance(&device, key),
                    "{what}: norm or projection off by {off:.1e}"
                );
                compared += 1;
            }
        }
    }
    assert_eq!(compared, 120 * devices().len());
}

/// A tensor of `PyTorch`'s in short.
struct Recorded {
    norm: f64,
    projection: f64,
}

impl Recorded {
    /// By how much the tensor is another one, relative to the norm.
    fn differs_from(&self, tensor: &[f64]) -> f64 {
        let along = tensor.iter().zip(uniform(tensor.len(), 200)).map(|(x, r)| x * f64::from(r));
        let projection: f64 = along.sum();
        let off = (norm(tensor.iter().copied()) - self.norm).abs();
        off.max((projection - self.projection).abs()) / self.norm
    }
}

/// The tensors of a case, by name, as `PyTorch` 2.9.0 made them on one machine.
fn recorded(network: &str, kind: &str) -> impl Iterator<Item = (&'static str, Recorded)> {
    let prefix = format!("{network},{kind},");
    let all = include_str!("../../../tests/peers/parity.csv").lines();
    all.filter_map(move |line| line.strip_prefix(&prefix)).map(|line| {
        let [key, norm, projection] =
            line.split(',').collect::<Vec<_>>().try_into().expect("three columns");
        let number = |text: &str| text.parse::<f64>().expect("a number");
        (key, Recorded { norm: number(norm), projection: number(projection) })
    })
}

/// A diagnosis sums gradients over batches, here of 3, 3 and 2 images.
#[test]
fn a_diagnosis_tells_the_gradients_that_pytorch_computed() {
    let recorded = include_str!("../../../tests/peers/parity.csv");
    for device in devices() {
        let device = device.autodiff();
        for (network_name, kind, name, kind_name) in CASES {
            let (network, images, labels) = start(network_name, &device);
            let stage = Sample::new(images, labels, kind, 3).measure(0, &network);
            for (layer, ours) in names(network_name).zip(&stage.layers) {
                let prefix = format!("{name},{kind_name},gradient of {layer}.weight,");
                let line = recorded.lines().find_map(|line| line.strip_prefix(&prefix));
                let (norm, _) = line.and_then(|line| line.split_once(',')).expect("recorded");
                let norm: f64 = norm.parse().expect("a number");
                // A diagnosis keeps four digits.
                let off = (ours.gradient - norm).abs() / norm;
                assert!(off < 6e-4, "{device:?} {prefix}: {} is off by {off:.1e}", ours.gradient);
            }
        }
    }
}

/// Compares every number.
///
/// Needs `KINDLING_PEERS_PYTHON`, a Python with `PyTorch` 2.9.0; `.ci/run` sets it. The test above needs
/// neither.
#[test]
fn a_network_computes_what_pytorch_computes() {
    let Ok(python) = std::env::var("KINDLING_PEERS_PYTHON") else {
        eprintln!("skipped: KINDLING_PEERS_PYTHON is not set");
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/peers/parity.py");
    let output = Command::new(python).arg(script).arg(folder.path()).output().expect("runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let theirs = |case: &str, key: &str| -> Vec<f64> {
        let file = folder.path().join(format!("{case}-{key}"));
        let bytes = std::fs::read(&file).unwrap_or_else(|e| panic!("{file:?}: {e}"));
        bytes.as_chunks::<4>().0.iter().map(|b| f64::from(f32::from_le_bytes(*b))).collect()
    };
    let mut compared = 0;
    for (network, kind, network_name, kind_name) in CASES {
        let case = format!("{network_name}-{kind_name}");
        // After some steps a rounding can have tipped a maximum, and then PyTorch differs from what it made itself on
        // another processor. The test above compares ours with that.
        let strays = |(key, record): (&str, Recorded)| {
            is_after_steps(key) && record.differs_from(&theirs(&case, key)) > TOLERANCE
        };
        let has_strayed = recorded(network_name, kind_name).any(strays);
        if has_strayed {
            println!("{case}: PyTorch itself is elsewhere after some steps, on this processor");
        }
        for device in devices() {
            for (key, ours) in quantities(network, kind, &device) {
                let tolerance = tolerance(&device, &key);
                if has_strayed && is_after_steps(&key) && tolerance == TOLERANCE {
                    continue;
                }
                let theirs = theirs(&case, &key);
                assert_eq!(ours.len(), theirs.len(), "{key}");
                let difference = ours.iter().zip(&theirs).map(|(&x, y)| f64::from(x) - y);
                let off = norm(difference) / norm(theirs.iter().copied());
                println!("{device:?} {case}-{key}: off by {off:.1e}");
                assert!(off < tolerance, "{device:?} {case}-{key}: off by {off:.1e}");
                compared += 1;
            }
        }
    }
    assert!(compared >= 80 * devices().len(), "too little is compared: {compared}");
}
