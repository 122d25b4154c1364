//! A worker with its own objective: it tunes a small network on synthetic digits.
//!
//! The study file names it by `kind = "digits_mlp"` and gives it three parameters: `hidden` (int),
//! `learning_rate` (float) and `activation` (categorical: `relu`, `tanh` or `sigmoid`).

use std::sync::Arc;

use burn::module::{Module, Param};
use burn::nn::Linear;
use burn::nn::loss::CrossEntropyLoss;
use burn::optim::{AdamConfig, GradientsParams};
use burn::tensor::activation::{relu, sigmoid, tanh};
use burn::tensor::{Device, Int, Tensor, TensorData};
use clap::Parser as _;
use kindling_burn::BurnDevices;
use kindling_data::{Dataset, digits};
use kindling_worker::{
    Completion, JsonMap, Objective, Takes, Trial, TrialError, WorkerArgs, WorkerError, run_worker,
};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

const EPOCHS: u64 = 20;
const BATCH: usize = 50;

struct DigitsMlp;

impl Objective for DigitsMlp {
    fn kind(&self) -> &'static str {
        "digits_mlp"
    }

    fn takes(&self, _: &JsonMap) -> Option<Vec<Takes>> {
        Some(vec![
            Takes::positive("hidden"),
            Takes::positive("learning_rate"),
            Takes::words("activation", &["relu", "tanh", "sigmoid"]),
        ])
    }

    fn run(&self, trial: &mut Trial<'_>) -> Result<Completion, TrialError> {
        let hidden = usize::try_from(trial.int("hidden")?)?;
        let learning_rate = trial.float("learning_rate")?;
        let activation = match trial.choice("activation")? {
            "relu" => relu,
            "tanh" => tanh,
            "sigmoid" => sigmoid,
            other => return Err(TrialError::Failed(format!("no activation `{other}`"))),
        };

        // All trials of a study share the data; everything else is drawn from the trial's own seed.
        let data = digits(1_500, trial.study_seed());
        let (train, validation) = (0..1_000, 1_000..1_500);
        let device = kindling_burn::device(trial.device())?;
        let tracking = device.clone().autodiff();
        let (images, labels) = upload(&data, &tracking);
        let mut rng = ChaCha8Rng::seed_from_u64(trial.seed());
        let mut network = Mlp {
            hidden: linear(28 * 28, hidden, &mut rng, &tracking),
            output: linear(hidden, 10, &mut rng, &tracking),
        };
        let mut optimizer = AdamConfig::new().init();
        let loss = CrossEntropyLoss::new(None, &tracking);

        let mut accuracy = 0.0;
        for epoch in 0..EPOCHS {
            for start in train.clone().step_by(BATCH) {
                let batch = start..start + BATCH;
                let logits = network.forward(images.clone().slice(batch.clone()), activation);
                let loss = loss.forward(logits, labels.clone().slice(batch));
                let gradients = GradientsParams::from_grads(loss.backward(), &network);
                network = optimizer.step(learning_rate, network, gradients);
            }
            let images = images.clone().inner().slice(validation.clone());
            let labels = labels.clone().inner().slice(validation.clone());
            let guesses = network.valid().forward(images, activation).argmax(1);
            let right = guesses.squeeze_dim(1).equal(labels).int().sum();
            accuracy = right.into_scalar::<i64>() as f64 / validation.len() as f64;
            // `?` returns at once if the trial is pruned or the study is stopped.
            trial.report(epoch, accuracy)?;
        }
        Ok(Completion::new(accuracy).with("parameters", network.num_params()))
    }
}

#[derive(Module, Debug)]
struct Mlp {
    hidden: Linear,
    output: Linear,
}

impl Mlp {
    fn forward(&self, images: Tensor<2>, activation: fn(Tensor<2>) -> Tensor<2>) -> Tensor<2> {
        self.output.forward(activation(self.hidden.forward(images)))
    }
}

/// A layer with weights drawn from the trial's own generator.
///
/// Burn's global generator is shared by all trials in the process, which would make them irreproducible.
fn linear(inputs: usize, outputs: usize, rng: &mut ChaCha8Rng, device: &Device) -> Linear {
    let bound = (1.0 / inputs as f32).sqrt();
    let weights = (0..inputs * outputs).map(|_| rng.random_range(-bound..bound));
    let weights = TensorData::new(weights.collect::<Vec<f32>>(), [inputs, outputs]);
    Linear {
        weight: Param::from_data(weights, device),
        bias: Some(Param::from_tensor(Tensor::zeros([outputs], device))),
    }
}

/// Images `[n, 784]` from −1 to 1, and labels `[n]`.
fn upload(data: &Dataset, device: &Device) -> (Tensor<2>, Tensor<1, Int>) {
    let labels: Vec<i64> = data.labels().iter().copied().map(i64::from).collect();
    let images = TensorData::new(data.normalised(), [data.len(), 28 * 28]);
    let labels = TensorData::new(labels, [data.len()]);
    (Tensor::from_data(images, device), Tensor::from_data(labels, device))
}

#[derive(clap::Parser)]
struct Args {
    #[command(flatten)]
    worker: WorkerArgs,
}

#[tokio::main]
async fn main() -> Result<(), WorkerError> {
    run_worker(Args::parse().worker, Arc::new(BurnDevices), vec![Arc::new(DigitsMlp)]).await
}
