//! How long a large report takes, and how large it is:
//!
//!     cargo run --release -p kindling-report --example big_report [TRIALS] [FILE] [OBJECTIVES]
//!
//! Writes the page to FILE, if there is one. With 2 or more OBJECTIVES the study has a constraint, too, and the front's
//! first trials run again under fresh seeds.

use std::collections::HashMap;
use std::time::Instant;

use kindling_proto::v1;
use kindling_proto::v1::parameter::Distribution;
use kindling_proto::v1::value::Kind;
use kindling_report::{Analysis, Document, Page, html};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use serde_json::json;

const METHODS: [&str; 7] = [
    "const_zero",
    "const_0.5",
    "gaussian",
    "xavier_uniform",
    "xavier_normal",
    "he_uniform",
    "he_normal",
];
const STEPS: u64 = 20;
const LAYERS: usize = 9;

fn main() {
    let mut args = std::env::args().skip(1);
    let count = args.next().map_or(10_000, |n| n.parse().expect("a number of trials"));
    let path = args.next();
    let objectives = args.next().map_or(1, |n| n.parse().expect("a number of objectives"));
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mut study = study();
    let mut trials: Vec<_> = (0..count).map(|number| trial(number, &mut rng)).collect();
    if objectives > 1 {
        several(&mut study, &mut trials, objectives, &mut rng);
    }

    let (document, seconds) = timed(|| Document::new(&study, &trials, &[], 1_764_166_000_000));
    println!("document of {count} trials of {STEPS} steps: {seconds:.3} s");
    let (_, seconds) = timed(|| Analysis::new(&study, &trials));
    println!("of that the analysis: {seconds:.3} s");
    let (page, seconds) = timed(|| html(Page::Report(&document)));
    println!("page: {seconds:.3} s, {:.2} MB", page.len() as f64 / 1e6);
    let json = serde_json::to_vec(&document).expect("JSON");
    println!("as JSON with all diagnoses: {:.1} MB", json.len() as f64 / 1e6);
    if let Some(path) = path {
        std::fs::write(path, page).expect("written");
    }
}

fn timed<T>(f: impl FnOnce() -> T) -> (T, f64) {
    let start = Instant::now();
    let made = f();
    (made, start.elapsed().as_secs_f64())
}

/// Turns one objective into several, with one constraint. Larger networks are better, slower, and need more memory.
fn several(
    study: &mut v1::Study,
    trials: &mut Vec<v1::Trial>,
    objectives: usize,
    rng: &mut ChaCha8Rng,
) {
    let names = ["accuracy", "latency_ms", "energy_j", "size_mb", "cost", "loss", "drift", "heat"];
    let spec = study.spec.as_mut().expect("a spec");
    spec.directions.extend(vec![i32::from(v1::Direction::Minimize); objectives - 1]);
    spec.metric_names = names[..objectives].iter().map(|&name| name.to_owned()).collect();
    spec.constraints = vec!["memory_gb".to_owned()];
    for trial in trials.iter_mut() {
        tell(trial, objectives, rng);
    }
    let front = Analysis::new(study, trials).front.expect("several objectives").trials;
    study.confirm = Some(v1::Confirm { seeds: 5, ..Default::default() });
    let of_all = |number: &u32| trials.iter().find(|trial| trial.number == *number).cloned();
    study.front = front.iter().take(256).filter_map(of_all).collect();
    study.front_size = front.len() as u32;
    for (of, seed) in front.iter().take(8).flat_map(|of| (0..5).map(move |seed| (*of, seed))) {
        let mut again = trials[of as usize].clone();
        again.number = trials.len() as u32;
        again.confirms = Some(v1::Confirmation { of, seed });
        again.values.iter_mut().for_each(|value| *value *= 1.0 + rng.random_range(-0.02..0.01));
        trials.push(again);
    }
}

/// Values, intermediate values and a constraint from a trial's parameters and its one value.
fn tell(trial: &mut v1::Trial, objectives: usize, rng: &mut ChaCha8Rng) {
    let number = |name: &str| {
        let param = trial.params.iter().find(|param| param.name == name);
        match param.and_then(|param| param.value.as_ref()?.kind.as_ref()) {
            Some(Kind::Int(i)) => *i as f64,
            Some(Kind::Float(x)) => *x,
            _ => 0.0,
        }
    };
    let (layers, units) = (number("layers"), number("units"));
    let size = layers * units / 1000.0;
    let slower = 1.0 + rng.random_range(0.0..0.5);
    let latency = (2.0 + 3.0 * layers + units / 100.0) * slower;
    let energy = (1.0 + size) * (2.0 - number("learning_rate") * 50.0) / slower;
    let mut others = vec![latency, energy, size];
    others.resize_with(objectives.max(4), || rng.random());
    others.truncate(objectives - 1);
    trial.values[0] -= 0.3 / (1.0 + 4.0 * size);
    trial.values.extend(&others);
    // Some trials do not say what they need.
    let memory = size * 4.0 + rng.random_range(0.0..2.0) - 16.0;
    trial.constraints = if rng.random_bool(0.97) { vec![memory] } else { vec![] };
    for step in &mut trial.intermediate_values {
        let value = latency * (1.0 + rng.random_range(0.0..0.2));
        step.others.push(v1::ObjectiveValue { objective: 1, value });
    }
}

/// Like the flagship, with four more parameters.
fn study() -> v1::Study {
    let choices = METHODS.map(|method| v1::Value { kind: Some(Kind::Text(method.to_owned())) });
    let categorical =
        Distribution::Categorical(v1::CategoricalDistribution { choices: choices.to_vec() });
    let log =
        |low, high| Distribution::Float(v1::FloatDistribution { low, high, log: true, step: None });
    let int = |high| Distribution::Int(v1::IntDistribution { low: 1, high, log: false, step: 1 });
    let space = [
        ("winit_conv", categorical.clone()),
        ("winit_fc", categorical),
        ("learning_rate", log(5e-4, 1e-2)),
        ("gaussian_std_conv", log(0.25, 4.0)),
        ("gaussian_std_fc", log(0.25, 4.0)),
        ("weight_decay", log(1e-5, 1e-1)),
        ("layers", int(8)),
        ("units", int(1024)),
    ];
    let param = |(name, distribution): (&str, Distribution)| v1::Parameter {
        name: name.to_owned(),
        distribution: Some(distribution),
        when: vec![],
    };
    let confirm = v1::Confirm {
        by: vec!["winit_conv".to_owned(), "winit_fc".to_owned()],
        best: 6,
        seeds: 10,
        each: true,
    };
    let spec = v1::StudySpec {
        name: "big".to_owned(),
        directions: vec![v1::Direction::Maximize.into()],
        space: space.map(param).to_vec(),
        ..Default::default()
    };
    v1::Study { spec: Some(spec), confirm: Some(confirm), ..Default::default() }
}

fn trial(number: u32, rng: &mut ChaCha8Rng) -> v1::Trial {
    let mut params = Vec::new();
    let mut set = |name: &str, kind| {
        params.push(v1::NamedValue {
            name: name.to_owned(),
            value: Some(v1::Value { kind: Some(kind) }),
        });
    };
    let log = |low: f64, high: f64, rng: &mut ChaCha8Rng| {
        Kind::Float(low * (high / low).powf(rng.random()))
    };
    let [conv, fc] = [(); 2].map(|()| METHODS[rng.random_range(0..METHODS.len())]);
    set("winit_conv", Kind::Text(conv.to_owned()));
    set("winit_fc", Kind::Text(fc.to_owned()));
    set("learning_rate", log(5e-4, 1e-2, rng));
    for (name, method) in [("gaussian_std_conv", conv), ("gaussian_std_fc", fc)] {
        if method == "gaussian" {
            set(name, log(0.25, 4.0, rng));
        }
    }
    set("weight_decay", log(1e-5, 1e-1, rng));
    set("layers", Kind::Int(rng.random_range(1..=8)));
    set("units", Kind::Int(rng.random_range(1..=1024)));

    let best = if conv == "const_zero" { 0.1 } else { rng.random_range(0.8..0.98) };
    let curve = (1..=STEPS).map(|step| {
        let value: f64 = best * (1.0 - 0.5_f64.powi(step as i32)) + rng.random_range(-0.01..0.01);
        v1::IntermediateValue { step, value, ..Default::default() }
    });
    let time = |seconds: i64, rng: &mut ChaCha8Rng| {
        let nanos = rng.random_range(0..1_000_000_000);
        Some(prost_types::Timestamp { seconds: 1_764_166_000 + seconds, nanos })
    };
    v1::Trial {
        number,
        state: v1::TrialState::Complete.into(),
        params,
        values: vec![best],
        intermediate_values: curve.collect(),
        attributes_json: attributes(best, rng),
        attempt: 1,
        worker: format!("worker-{}", rng.random_range(0..16)),
        start_time: time(i64::from(number), rng),
        complete_time: time(i64::from(number) + 120, rng),
        ..Default::default()
    }
}

fn attributes(best: f64, rng: &mut ChaCha8Rng) -> HashMap<String, String> {
    let stages = ["start", "after 1 epoch"];
    let stages = stages.map(|stage| {
        let layers: Vec<_> = (0..LAYERS).map(|layer| diagnosis(layer, rng)).collect();
        json!({"stage": stage, "layers": layers})
    });
    let attributes = [
        ("epochs", json!(STEPS)),
        ("train_seconds", json!(rng.random_range(10.0..200.0))),
        ("test_accuracy", json!(best + rng.random_range(-0.005..0.005))),
        ("diagnosis", json!({"stages": stages})),
    ];
    attributes.map(|(key, value)| (key.to_owned(), value.to_string())).into()
}

fn diagnosis(layer: usize, rng: &mut ChaCha8Rng) -> serde_json::Value {
    let counts: Vec<u32> = (0..20).map(|_| rng.random_range(0..20_000)).collect();
    json!({
        "name": format!("conv {layer}"),
        "kind": "conv",
        "activation": "relu",
        "mean": rng.random::<f64>(),
        "std": rng.random::<f64>(),
        "saturated": null,
        "dead": rng.random::<f64>(),
        "gradient": rng.random::<f64>(),
        "equal": rng.random::<f64>(),
        "histogram": {"low": 0.0, "high": rng.random::<f64>(), "counts": counts},
    })
}
