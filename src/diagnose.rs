//! `kindling diagnose`: looks inside a network of the flagship objective, without a study.

use std::path::{Path, PathBuf};

use clap::builder::PossibleValuesParser;
use kindling_data::mnist;
use kindling_mnist_cnn::{Diagnosis, Histogram, Init, MnistCnn, Stage};
use kindling_worker::{
    DeviceChoice, DeviceName, ParamValue, Reporter, Stopped, Trial, TrialError, TrialFacts,
};
use serde_json::{Value, json};

use crate::data::show_fetch;
use crate::hint::hinted;
use crate::out::outln;
use crate::{format, json, objectives, table};

/// Means every method.
const ALL: &str = "all";

#[derive(clap::Args)]
pub(crate) struct DiagnoseArgs {
    /// The network
    #[arg(long, default_value = "common", value_parser = ["common", "deep"])]
    network: String,
    /// How to draw the convolutions' weights; several with commas, or all
    #[arg(long, value_name = "METHOD", required = true, value_delimiter = ',', value_parser = methods())]
    conv: Vec<String>,
    /// How to draw the fully connected layers' weights; several with commas, or all
    #[arg(long, value_name = "METHOD", required = true, value_delimiter = ',', value_parser = methods())]
    fc: Vec<String>,
    /// The standard deviation of `gaussian`; several with commas
    #[arg(long, value_name = "S", value_delimiter = ',', value_parser = positive)]
    std: Vec<f64>,
    /// For the convolutions alone, instead of --std
    #[arg(long, value_name = "S", value_delimiter = ',', value_parser = positive)]
    std_conv: Vec<f64>,
    /// For the fully connected layers alone, instead of --std
    #[arg(long, value_name = "S", value_delimiter = ',', value_parser = positive)]
    std_fc: Vec<f64>,
    /// The learning rate
    #[arg(long, value_name = "LR", default_value_t = 1e-3, value_parser = positive)]
    learning_rate: f64,
    /// Measure again after this many epochs of training; 0 measures only the start
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(..=1000))]
    epochs: u16,
    /// What the cross-entropy takes for logits: the softmax output, as in the published runs, or the logits
    #[arg(long, default_value = "softmax", value_parser = ["softmax", "logits"])]
    loss: String,
    /// The images: MNIST, or synthetic digits, for which there is nothing to fetch
    #[arg(long, default_value = "mnist", value_parser = ["mnist", "digits"])]
    data: String,
    /// Where data sets lie
    #[arg(long, value_name = "DIR", env = "KINDLING_DATA_DIR")]
    data_dir: Option<PathBuf>,
    /// Decides the choice of images, the weights and the order of training
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Where to compute: auto, flex, cpu (libtorch) or cuda:N
    #[arg(long, value_name = "DEVICE", default_value_t)]
    device: DeviceChoice,
    /// Print JSON: an object, or a list of them for several combinations
    #[arg(long)]
    json: bool,
}

pub(crate) fn diagnose(args: &DiagnoseArgs) -> anyhow::Result<()> {
    let convs = laws("conv", &args.conv, &args.std, &args.std_conv)?;
    let fcs = laws("fc", &args.fc, &args.std, &args.std_fc)?;
    if !args.std.is_empty() && !convs.iter().chain(&fcs).any(|law| law.std.is_some()) {
        return Err(unused("--std", "--conv or --fc"));
    }
    let device = device(&args.device)?;
    let data_dir = data_dir(args)?;
    // One objective for all combinations, because it caches the images.
    let objective = MnistCnn::new();
    let mut found = Vec::new();
    for conv in &convs {
        for fc in &fcs {
            let diagnosis = measure(&objective, args, [conv, fc], device, data_dir.as_deref())?;
            if args.json {
                found.push(document(args, [conv, fc], device, &diagnosis)?);
            } else {
                print(args, [conv, fc], &diagnosis);
            }
        }
    }
    if args.json {
        json::print(&if found.len() == 1 { found.remove(0) } else { found.into() });
    }
    Ok(())
}

/// A method, with the standard deviation for `gaussian`.
struct Law {
    method: String,
    std: Option<f64>,
}

/// The laws for a kind of layer, from its methods, the shared standard deviations and its own ones.
fn laws(kind: &str, methods: &[String], both: &[f64], own: &[f64]) -> anyhow::Result<Vec<Law>> {
    let stds = if own.is_empty() { both } else { own };
    let all = methods.iter().any(|method| method == ALL);
    let methods = if all { Init::NAMES.map(str::to_owned).to_vec() } else { methods.to_vec() };
    let gaussian = methods.iter().any(|method| method == "gaussian");
    if gaussian && stds.is_empty() {
        return Err(hinted(
            format!("`--{kind} gaussian` needs a standard deviation"),
            format!("give it with --std S, or with --std-{kind} S"),
        ));
    }
    if !gaussian && !own.is_empty() {
        return Err(unused(&format!("--std-{kind}"), &format!("--{kind}")));
    }
    let laws = methods.into_iter().flat_map(|method| {
        let stds = if method == "gaussian" {
            stds.iter().copied().map(Some).collect()
        } else {
            vec![None]
        };
        stds.into_iter().map(move |std| Law { method: method.clone(), std })
    });
    Ok(laws.collect())
}

fn unused(given: &str, of: &str) -> anyhow::Error {
    hinted(
        format!("{given} is of no use: only `gaussian` has a standard deviation"),
        format!("leave it out, or choose gaussian with {of}"),
    )
}

fn device(choice: &DeviceChoice) -> anyhow::Result<DeviceName> {
    match (choice, &choice.resolve(&*objectives::devices())?[..]) {
        (DeviceChoice::Auto, [first, ..]) | (_, [first]) => Ok(*first),
        _ => Err(hinted(format!("`{choice}` is not one device"), "name one, or leave it to auto")),
    }
}

/// The directory with MNIST, downloaded if needed.
fn data_dir(args: &DiagnoseArgs) -> anyhow::Result<Option<PathBuf>> {
    if args.data == "digits" {
        return Ok(None);
    }
    let found = mnist::ensure(args.data_dir.as_deref(), &mut show_fetch());
    Ok(Some(found.map_err(|error| hinted(error.to_string(), "here that is `--data digits`"))?))
}

/// Ignores all reports.
struct Unheard;

impl Reporter for Unheard {
    fn report(&mut self, _step: u64, _value: f64) -> Result<(), Stopped> {
        Ok(())
    }
}

fn measure(
    objective: &MnistCnn,
    args: &DiagnoseArgs,
    [conv, fc]: [&Law; 2],
    device: DeviceName,
    data_dir: Option<&Path>,
) -> anyhow::Result<Diagnosis> {
    let mut params = kindling_worker::Params::new();
    params.insert("learning_rate".to_owned(), ParamValue::Float(args.learning_rate));
    for (kind, law) in [("conv", conv), ("fc", fc)] {
        params.insert(format!("winit_{kind}"), ParamValue::Text(law.method.clone()));
        if let Some(std) = law.std {
            params.insert(format!("gaussian_std_{kind}"), ParamValue::Float(std));
        }
    }
    let settings = json!({"network": args.network, "data": args.data, "loss": args.loss});
    let facts = TrialFacts {
        params,
        settings: settings.as_object().cloned().unwrap_or_default(),
        seed: args.seed,
        study_seed: args.seed,
        ..TrialFacts::default()
    };
    let mut unheard = Unheard;
    // One thread, as in a trial, to get the same bits.
    kindling_burn::open(device, 1)?;
    let mut trial = Trial::new(&facts, device, data_dir.map(Path::to_owned), &mut unheard);
    objective.diagnose(&mut trial, args.epochs.into()).map_err(|error| match error {
        TrialError::Failed(reason) => hinted(
            reason,
            "a smaller --learning-rate may train; --epochs 0 measures the start alone",
        ),
        TrialError::Unfit(reason) | TrialError::HandBack(reason) => anyhow::anyhow!(reason),
        TrialError::Stopped | TrialError::Pruned => unreachable!("nobody stops it"),
    })
}

/// The diagnosis with its parameters.
fn document(
    args: &DiagnoseArgs,
    [conv, fc]: [&Law; 2],
    device: DeviceName,
    diagnosis: &Diagnosis,
) -> anyhow::Result<Value> {
    let mut document = serde_json::to_value(diagnosis)?;
    document["settings"] = json!({
        "network": args.network,
        "conv": conv.method,
        "std_conv": conv.std,
        "fc": fc.method,
        "std_fc": fc.std,
        "learning_rate": args.learning_rate,
        "epochs": args.epochs,
        "loss": args.loss,
        "data": args.data,
        "seed": args.seed,
        "device": device.to_string(),
    });
    Ok(document)
}

fn print(args: &DiagnoseArgs, [conv, fc]: [&Law; 2], diagnosis: &Diagnosis) {
    let law = |law: &Law| match law.std {
        Some(std) => format!("{} {}", law.method, format::number(std)),
        None => law.method.clone(),
    };
    for stage in &diagnosis.stages {
        outln!("{}: conv {}, fc {}: {}", args.network, law(conv), law(fc), stage.stage);
        outln!("{}\n", layers(stage));
    }
}

fn layers(stage: &Stage) -> table::Table {
    let head = ["layer", "mean", "std", "saturated", "dead", "gradient", "equal", "from", "", "to"];
    let mut table = table::new(&head, &[1, 2, 3, 4, 5, 6, 7]);
    let share = |share: f64| format!("{} %", format::number((share * 1000.0).round() / 10.0));
    for layer in &stage.layers {
        table.add_row([
            format!("{} {}", layer.name, layer.activation),
            format::number(layer.mean),
            format::number(layer.std),
            layer.saturated.map(share).unwrap_or_default(),
            layer.dead.map(share).unwrap_or_default(),
            format::number(layer.gradient),
            share(layer.equal),
            format::number(layer.histogram.low),
            bars(&layer.histogram),
            format::number(layer.histogram.high),
        ]);
    }
    table
}

/// One character per bin, with a height relative to the fullest bin; a dot for an empty one.
fn bars(histogram: &Histogram) -> String {
    const HEIGHTS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let fullest = histogram.counts.iter().copied().max().unwrap_or(0);
    let bar = |&count: &u64| match count {
        0 => '·',
        _ => HEIGHTS[((count * 8).div_ceil(fullest) - 1) as usize],
    };
    histogram.counts.iter().map(bar).collect()
}

fn methods() -> PossibleValuesParser {
    PossibleValuesParser::new(Init::NAMES.into_iter().chain([ALL]))
}

fn positive(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(number) if number > 0.0 && f64::is_finite(number) => Ok(number),
        _ => Err("expected a positive number".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_show_even_a_single_number_and_where_there_is_none() {
        let counts = vec![8000, 4000, 1, 0, 7001];
        assert_eq!(bars(&Histogram { low: 0.0, high: 1.0, counts }), "█▄▁·█");
    }
}
