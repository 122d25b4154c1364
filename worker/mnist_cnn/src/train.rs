//! Training with early stopping.

use burn::module::Module;
use burn::nn::loss::CrossEntropyLoss;
use burn::optim::GradientsParams;
use burn::tensor::activation::softmax;
use burn::tensor::{Int, Tensor};
use rand::seq::SliceRandom as _;
use rand_chacha::ChaCha8Rng;

use super::early_stopping::{Best, EarlyStopping, Verdict};
use super::images::{Images, accuracy};
use super::network::Network;
use super::settings::{LossKind, Settings};
use kindling_burn::{AdamW, AdamWConstants};
use kindling_worker::{Stop, Stopped, TrialError};

/// The result of training.
#[derive(Debug)]
pub(super) struct Trained {
    /// The best epoch's weights, without gradients.
    pub(super) network: Network,
    pub(super) best: Best,
    /// Counted from 0.
    pub(super) last_epoch: usize,
    /// The mean loss over the last epoch's training images, each measured in its own batch.
    pub(super) final_loss: f64,
}

/// The data to train on. `train` is on a device that tracks gradients, `validation` on the same device
/// without.
pub(super) struct TrainingData {
    pub(super) train: Images,
    pub(super) validation: Images,
}

/// `PyTorch`'s defaults; Burn's differ in ε and the weight decay.
pub(super) const ADAM_W: AdamWConstants =
    AdamWConstants { beta_1: 0.9, beta_2: 0.999, epsilon: 1e-8, weight_decay: 0.01 };

/// Trains until early stopping ends it.
///
/// `report` gets each epoch's number, its validation accuracy and the current network. When the trial is told
/// to stop, training ends between two batches.
pub(super) fn train(
    mut network: Network,
    data: &TrainingData,
    settings: &Settings,
    learning_rate: f64,
    rng: &mut ChaCha8Rng,
    stop: &Stop,
    mut report: impl FnMut(usize, f64, &Network) -> Result<(), Stopped>,
) -> Result<Trained, TrialError> {
    let mut optimizer = AdamW::new(ADAM_W, &data.train.device());
    let mut stopping = EarlyStopping::new(settings.patience);
    let mut order: Vec<i64> = (0..).take(data.train.len()).collect();
    let mut kept = network.valid();
    let (mut last_epoch, mut final_loss) = (0, f64::NAN);
    for epoch in 0..settings.max_epochs {
        order.shuffle(rng);
        let loss;
        (network, loss) =
            one_epoch(network, &mut optimizer, data, &order, settings, learning_rate, stop)?;
        if !loss.is_finite() {
            return Err(TrialError::Failed(format!(
                "the training loss is {loss} in epoch {epoch} (learning rate {learning_rate:?})"
            )));
        }
        let candidate = network.valid();
        let accuracy = accuracy(&candidate, &data.validation);
        (last_epoch, final_loss) = (epoch, loss);
        // For those who look at the trial's output.
        tracing::debug!(target: "kindling::trial", loss, accuracy, "epoch {epoch}");
        report(epoch, accuracy, &network)?;
        match stopping.observe(accuracy) {
            Verdict::NewBest => kept = candidate,
            Verdict::GoOn => {}
            Verdict::Stop => break,
        }
    }
    Ok(Trained {
        network: kept,
        best: stopping.best().expect("at least one epoch, says Settings"),
        last_epoch,
        final_loss,
    })
}

/// One pass over the training images. Returns the network and the mean loss.
fn one_epoch(
    mut network: Network,
    optimizer: &mut AdamW,
    data: &TrainingData,
    order: &[i64],
    settings: &Settings,
    learning_rate: f64,
    stop: &Stop,
) -> Result<(Network, f64), Stopped> {
    let order_there = data.train.indices(order);
    let (n, size) = (order.len(), settings.batch_size());
    // Summed on the device and read back once, because reading waits for the device.
    let mut sum = None;
    // The last batch may be smaller; its step still follows the mean of its own images, as in PyTorch.
    for start in (0..n).step_by(size) {
        if stop.is_wanted() {
            return Err(Stopped);
        }
        let batch = start..n.min(start + size);
        let count = batch.len();
        let (images, labels) = data.train.batch(order_there.clone().slice(batch));
        let loss = loss(network.forward(images), labels, settings.loss);
        let weighted = loss.clone().inner() * count as f64;
        sum = Some(sum.map_or(weighted.clone(), |sum: Tensor<1>| sum + weighted));
        let gradients = GradientsParams::from_grads(loss.backward(), &network);
        network = optimizer.step(learning_rate, network, gradients);
    }
    let sum = sum.expect("at least one image, says Settings");
    Ok((network, f64::from(sum.into_scalar::<f32>()) / n as f64))
}

/// The mean cross-entropy `[1]` of logits `[images, 10]` and labels `[images]`.
pub(super) fn loss(logits: Tensor<2>, labels: Tensor<1, Int>, kind: LossKind) -> Tensor<1> {
    let taken_for_logits = match kind {
        LossKind::Softmax => softmax(logits, 1),
        LossKind::Logits => logits,
    };
    let device = taken_for_logits.device();
    CrossEntropyLoss::new(None, &device).forward(taken_for_logits, labels)
}

#[cfg(test)]
mod tests {
    use burn::module::Param;
    use burn::nn::Linear;
    use burn::tensor::TensorData;
    use kindling_data::digits;
    use rand::SeedableRng as _;

    use super::super::init::Init;
    use super::super::network::COMMON;
    use super::super::testing::device;
    use super::*;

    /// A network, and a few digits to train it on.
    fn few_digits(init: Init) -> (Network, TrainingData, Settings) {
        let (inner, tracking) = (device(), device().autodiff());
        let settings = Settings { batch_size: Some(16), ..Settings::default() };
        let mut rng = ChaCha8Rng::seed_from_u64(5);
        let network = Network::new(&COMMON, init, init, &mut rng, 16, &tracking);
        let data = TrainingData {
            train: Images::upload(&digits(40, 1), &tracking),
            validation: Images::upload(&digits(40, 2), &inner),
        };
        (network, data, settings)
    }

    /// An epoch that is not stopped.
    fn epoch(
        network: Network,
        optimizer: &mut AdamW,
        data: &TrainingData,
        order: &[i64],
        settings: &Settings,
        learning_rate: f64,
    ) -> (Network, f64) {
        let stop = Stop::default();
        one_epoch(network, optimizer, data, order, settings, learning_rate, &stop).unwrap()
    }

    #[test]
    fn training_lowers_the_loss() {
        let (mut network, data, settings) = few_digits(Init::XavierNormal);
        let (mut optimizer, order) = (AdamW::new(ADAM_W, &device()), (0..40).collect::<Vec<_>>());
        let mut losses = Vec::new();
        for _ in 0..8 {
            let loss;
            (network, loss) = epoch(network, &mut optimizer, &data, &order, &settings, 3e-3);
            losses.push(loss);
        }
        assert!(losses[7] < losses[0] - 0.05, "{losses:?}");
    }

    #[test]
    fn the_loss_of_an_epoch_counts_every_image_once_though_the_last_batch_is_smaller() {
        let (network, data, settings) = few_digits(Init::XavierNormal);
        let order = (0..40).collect::<Vec<_>>();
        let (images, labels) = data.train.batch(data.train.indices(&order[..16]));
        let first = loss(network.forward(images), labels, settings.loss);
        let (images, labels) = data.train.batch(data.train.indices(&order[16..32]));
        let second = loss(network.forward(images), labels, settings.loss);
        let (images, labels) = data.train.batch(data.train.indices(&order[32..]));
        let third = loss(network.forward(images), labels, settings.loss);
        let expected = (first * 16 + second * 16 + third * 8).into_scalar::<f32>() / 40.0;
        // The learning rate is too small to change anything.
        let (_, found) =
            epoch(network, &mut AdamW::new(ADAM_W, &device()), &data, &order, &settings, 1e-30);
        assert!((found - f64::from(expected)).abs() < 1e-5, "{found} {expected}");
    }

    #[test]
    fn the_weights_of_the_best_epoch_are_kept() {
        let (network, data, settings) = few_digits(Init::XavierNormal);
        let settings = Settings { patience: 2, loss: LossKind::Logits, ..settings };
        let mut rng = ChaCha8Rng::seed_from_u64(6);
        let mut reports = Vec::new();
        let report = |epoch, accuracy, _: &Network| {
            reports.push((epoch, accuracy));
            Ok(())
        };
        let trained =
            train(network, &data, &settings, 3e-3, &mut rng, &Stop::default(), report).unwrap();
        assert!(trained.best.epoch < trained.last_epoch, "{reports:?} would prove little");
        assert_eq!(reports.len(), trained.last_epoch + 1);
        assert_eq!(reports[trained.best.epoch], (trained.best.epoch, trained.best.accuracy));
        let again = accuracy(&trained.network, &data.validation);
        assert_eq!(again.to_bits(), trained.best.accuracy.to_bits());
        assert_ne!(again.to_bits(), reports[trained.last_epoch].1.to_bits());
    }

    #[test]
    fn zeros_stay_zeros_in_every_convolution() {
        let (network, data, settings) = few_digits(Init::Zero);
        let order = (0..40).collect::<Vec<_>>();
        let (network, _) =
            epoch(network, &mut AdamW::new(ADAM_W, &device()), &data, &order, &settings, 1e-2);
        for kernel in network.layers().take(COMMON.convs.len()) {
            let weights = kernel.weight.to_data();
            assert!(weights.iter::<f32>().all(|w| w.to_bits() == 0));
        }
    }

    /// `PyTorch`'s `torch.optim.AdamW`, as documented, for one weight.
    fn pytorch(weight: f64, gradients: &[f64], rate: f64) -> f64 {
        let (beta_1, beta_2, epsilon, decay) = (0.9, 0.999, 1e-8, 0.01);
        let (mut weight, mut m, mut v) = (weight, 0.0, 0.0);
        for (t, g) in (1..).zip(gradients) {
            weight -= rate * decay * weight;
            m = beta_1 * m + (1.0 - beta_1) * g;
            v = beta_2 * v + (1.0 - beta_2) * g * g;
            let m_hat = m / (1.0 - beta_1.powi(t));
            let v_hat = v / (1.0 - beta_2.powi(t));
            weight -= rate * m_hat / (v_hat.sqrt() + epsilon);
        }
        weight
    }

    #[test]
    fn the_optimiser_is_pytorchs_adam_w() {
        let device = device().autodiff();
        // Small gradients make ε visible, large weights the weight decay.
        let weights = [0.5_f32, -2.0, 30.0, 1.0, 0.0];
        let gradients = [
            [1.0_f32, -0.3, 0.0, 1e-8, 3e-7],
            [0.5, 0.3, 0.0, 2e-8, -1e-7],
            [-2.0, 0.1, 0.0, 1e-8, 5e-8],
        ];
        let rate = 0.05;
        let weight = Tensor::<2>::from_data(TensorData::new(weights.to_vec(), [5, 1]), &device);
        let mut layer = Linear { weight: Param::from_tensor(weight), bias: None };
        let mut optimizer = AdamW::new(ADAM_W, &device);
        for gradient in &gradients {
            // The loss is the sum of gradient × weight.
            let slope = Tensor::<2>::from_data([*gradient], &device);
            let loss = layer.forward(slope).sum();
            let gradients = GradientsParams::from_grads(loss.backward(), &layer);
            layer = optimizer.step(rate, layer, gradients);
        }
        for (i, found) in layer.weight.to_data().iter::<f32>().enumerate() {
            let gradients = gradients.map(|gradient| f64::from(gradient[i]));
            let expected = pytorch(f64::from(weights[i]), &gradients, rate);
            assert!(
                (f64::from(found) - expected).abs() < 1e-5 * (1.0 + expected.abs()),
                "weight {i}: {found}, expected {expected}"
            );
        }
    }

    #[test]
    fn the_loss_is_the_cross_entropy_of_the_softmax_or_of_the_logits() {
        let logits = [[2.0_f32, -1.0, 0.5], [0.0, 3.0, 3.0]];
        let labels = [0_usize, 2];
        let softmax = |x: [f64; 3]| {
            let e = x.map(f64::exp);
            e.map(|y| y / (e[0] + e[1] + e[2]))
        };
        let mean = |taken_for_logits: [[f64; 3]; 2]| {
            let losses = taken_for_logits.iter().zip(labels);
            losses.map(|(&x, label)| -softmax(x)[label].ln()).sum::<f64>() / 2.0
        };
        let plain = logits.map(|row| row.map(f64::from));
        for (kind, expected) in
            [(LossKind::Logits, mean(plain)), (LossKind::Softmax, mean(plain.map(softmax)))]
        {
            let logits = Tensor::<2>::from_data(logits, &device());
            let labels = Tensor::<1, Int>::from_data([0, 2], &device());
            let found = f64::from(loss(logits, labels, kind).into_scalar::<f32>());
            assert!((found - expected).abs() < 1e-6, "{kind:?}: {found}, expected {expected}");
        }
    }
}
