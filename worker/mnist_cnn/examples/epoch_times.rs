//! Times the epochs of the flagship's networks: the Kindling side of `tests/peers/speed.py`.
//!
//! ```sh
//! cargo run --release -p kindling-mnist-cnn --example epoch_times -- --device flex --network common
//! ```
//!
//! Prints JSON: the seconds that each epoch takes to train on 2,000 images, and to validate on 2,000.

use std::time::Instant;

use clap::Parser;
use kindling_mnist_cnn::MnistCnn;
use kindling_worker::{
    DeviceName, Objective as _, ParamValue, Reporter, Stopped, Trial, TrialError, TrialFacts,
};
use serde_json::json;

/// As in the `kindling` command.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Parser)]
struct Args {
    /// Where to train
    #[arg(long, default_value = "flex")]
    device: DeviceName,
    /// common or deep
    #[arg(long, default_value = "common")]
    network: String,
    /// Epochs to time, after one to warm up
    #[arg(long, default_value_t = 5)]
    epochs: usize,
    /// Threads; flex always trains on one
    #[arg(long, default_value_t = 1)]
    threads: usize,
}

/// Records when each epoch ended.
#[derive(Default)]
struct Clock(Vec<Instant>);

impl Reporter for Clock {
    fn report(&mut self, _step: u64, _value: f64) -> Result<(), Stopped> {
        self.0.push(Instant::now());
        Ok(())
    }
}

/// The seconds of each epoch but the first, with the given numbers of training and validation images.
fn epochs(args: &Args, train: usize, validation: usize) -> Result<Vec<f64>, TrialError> {
    let text = |text: &str| ParamValue::Text(text.to_owned());
    let settings = json!({
        "network": args.network, "data": "digits", "train": train, "epoch_validation": validation,
        "trial_validation": 1, "test": 1, "max_epochs": args.epochs + 1, "patience": args.epochs + 1,
    });
    let facts = TrialFacts {
        params: [
            ("winit_conv".to_owned(), text("he_normal")),
            ("winit_fc".to_owned(), text("xavier_normal")),
            ("learning_rate".to_owned(), ParamValue::Float(1e-3)),
        ]
        .into(),
        settings: settings.as_object().cloned().unwrap_or_default(),
        seed: 1,
        study_seed: 1,
        ..TrialFacts::default()
    };
    kindling_burn::open(args.device, args.threads)?;
    let mut clock = Clock::default();
    MnistCnn::new().run(&mut Trial::new(&facts, args.device, None, &mut clock))?;
    Ok(clock.0.windows(2).map(|pair| (pair[1] - pair[0]).as_secs_f64()).collect())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args = Args::parse();
    // One image more or less makes no difference beside 2,000.
    let train = epochs(&args, 2000, 1).map_err(|error| format!("{error:?}"))?;
    let validation = epochs(&args, 1, 2000).map_err(|error| format!("{error:?}"))?;
    println!("{}", json!({"train": train, "validation": validation}));
    Ok(())
}
