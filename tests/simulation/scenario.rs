//! What a seed decides in advance.

use std::time::Duration;

use kindling_proto::v1;
use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use serde_json::json;

use crate::network::Weather;
use crate::optuna;

/// Bad events happen only during this time.
pub(crate) const CHAOS: Duration = Duration::from_mins(3);

#[derive(Debug, Clone)]
pub(crate) struct Scenario {
    pub(crate) seed: u64,
    /// The kind of events that may happen.
    pub(crate) climate: Climate,
    pub(crate) weather: Weather,
    pub(crate) lease_term: Duration,
    pub(crate) workers: usize,
    pub(crate) slots: u32,
    pub(crate) trials: u32,
    pub(crate) max_attempts: u32,
    pub(crate) sampler: &'static str,
    pub(crate) pruner: &'static str,
    pub(crate) training: Habits,
    pub(crate) events: Vec<(Duration, Fate)>,
    /// Whether the search's best configurations are run again.
    pub(crate) confirms: bool,
    /// Whether the study has two objectives and a constraint. Its pruner compares the second.
    pub(crate) fronts: bool,
    /// How many trials may fail in a row.
    pub(crate) max_failures_in_a_row: u32,
    /// How much a lease may compute; what takes more is proposed apart from it.
    pub(crate) most_effort: usize,
    /// How many clients of Optuna's there are, and their habits.
    pub(crate) guests: u64,
    pub(crate) optuna: optuna::Habits,
}

/// How trials behave. Probabilities are per trial.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Habits {
    pub(crate) longest_step: Duration,
    pub(crate) fails: f64,
    pub(crate) nan: f64,
    /// The trial kills its worker's process, wherever it trains.
    pub(crate) deadly: f64,
    /// It saves a checkpoint after a step.
    pub(crate) saves: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Climate {
    /// Nothing goes wrong except the wall clock.
    Fair,
    /// The coordinator crashes, for less than a lease term.
    Restarts,
    /// Anything may happen.
    Foul,
}

#[derive(Debug, Clone)]
pub(crate) enum Fate {
    Crash {
        down: Duration,
    },
    Cut {
        worker: usize,
        lasts: Duration,
    },
    Kill {
        worker: usize,
        same_name: bool,
        down: Duration,
    },
    Drain {
        worker: usize,
        down: Duration,
    },
    FullDisk {
        lasts: Duration,
    },
    SetWallClock {
        seconds: i64,
    },
    Enqueue {
        place: u32,
    },
    Retry,
    Look,
    /// Several people add a line to the study's note, all at about the same time.
    Note {
        place: u32,
    },
    Pause {
        lasts: Duration,
    },
    Stop {
        lasts: Duration,
    },
    /// The coordinator's machine freezes.
    Freeze {
        lasts: Duration,
    },
    /// Another process starts under a worker's name.
    Twin {
        worker: usize,
        lasts: Duration,
    },
    /// The store is restored to a copy of this age.
    PutBack {
        age: Duration,
        down: Duration,
    },
    /// Somebody with a worker's token forges claims on running trials.
    Forge,
}

impl Scenario {
    #[expect(clippy::too_many_lines, reason = "one choice after another")]
    pub(crate) fn of(seed: u64) -> Self {
        let rng = &mut ChaCha8Rng::seed_from_u64(seed);
        let climate = *[Climate::Fair, Climate::Restarts, Climate::Foul, Climate::Foul]
            .choose(rng)
            .expect("some");
        let foul = climate == Climate::Foul;
        let some = |rng: &mut ChaCha8Rng, most: f64| {
            if foul && rng.random_bool(0.7) { rng.random_range(0.0..most) } else { 0.0 }
        };
        let weather = Weather {
            lost_calls: some(rng, 0.2),
            lost_answers: some(rng, 0.2),
            doubled: some(rng, 0.2),
            latest: seconds(rng, 1.0, 60.0),
            delay: if foul { seconds(rng, 0.01, 3.0) } else { seconds(rng, 0.01, 0.2) },
        };
        let workers = rng.random_range(1..=4);
        let training = Habits {
            // Sometimes longer than a lease term: heartbeats must renew the lease.
            longest_step: seconds(rng, 1.0, 40.0),
            fails: some(rng, 0.3),
            nan: some(rng, 0.3),
            deadly: if foul && rng.random_bool(0.2) { 0.2 } else { 0.0 },
            saves: 0.0,
        };
        let events: Vec<_> = (0..rng.random_range(3..16))
            .map(|i| (rng.random_range(Duration::ZERO..CHAOS), fate(climate, workers, i, rng)))
            .collect();
        let mut scenario = Self {
            seed,
            climate,
            weather,
            lease_term: Duration::from_secs(rng.random_range(12..30)),
            workers,
            slots: rng.random_range(1..=2),
            trials: rng.random_range(3..=10),
            max_attempts: rng.random_range(2..=4),
            sampler: if rng.random_bool(0.3) { "tpe" } else { "random" },
            pruner: if foul {
                ["none", "none", "median"].choose(rng).expect("some")
            } else {
                "none"
            },
            training,
            events,
            confirms: rng.random_bool(0.3),
            fronts: false,
            max_failures_in_a_row: 0,
            most_effort: usize::MAX,
            guests: 0,
            optuna: optuna::Habits::default(),
        };
        // Draw newer features last, so that a seed's story begins as before.
        for _ in 0..rng.random_range(0..3) {
            let at = rng.random_range(Duration::ZERO..CHAOS);
            let worker = rng.random_range(0..workers);
            let lasts = seconds(rng, 1.0, 60.0);
            scenario.events.push(match rng.random_range(0..2) {
                0 => (at, Fate::Freeze { lasts }),
                _ => (at, Fate::Twin { worker, lasts }),
            });
        }
        for _ in 0..rng.random_range(0..3) {
            let at = rng.random_range(Duration::ZERO..CHAOS);
            scenario.events.push((at, Fate::Forge));
        }
        if foul && rng.random_bool(0.4) {
            let at = rng.random_range(Duration::ZERO..CHAOS);
            let (age, down) = (seconds(rng, 0.0, 60.0), seconds(rng, 0.0, 20.0));
            scenario.events.push((at, Fate::PutBack { age, down }));
        }
        scenario.events.sort_by_key(|(at, _)| *at);
        scenario.max_failures_in_a_row = rng.random_range(0..=6);
        if rng.random_bool(0.3) {
            scenario.most_effort = 0;
        }
        if scenario.sampler == "tpe" {
            scenario.sampler = *["tpe", "gp", "auto"].choose(rng).expect("some");
        }
        if scenario.sampler == "auto" {
            // It learns from the tenth on.
            scenario.trials += 10;
        }
        scenario.guests = rng.random_range(0..=4);
        scenario.optuna = optuna::Habits {
            lost_after: rng.random_range(5..40),
            retry_lost: rng.random_range(0..=2),
            insists: rng.random_bool(0.5),
            deadly: if rng.random_bool(0.5) { 0.1 } else { 0.0 },
            longest_step: seconds(rng, 1.0, 120.0),
        };
        scenario.fronts = rng.random_bool(0.3);
        if scenario.fronts && scenario.sampler == "auto" && rng.random_bool(0.5) {
            // Which it would take from a number of trials on that no story comes to.
            scenario.sampler = "nsga2";
        }
        if rng.random_bool(0.5) {
            scenario.training.saves = 0.7;
        }
        if rng.random_bool(0.5) {
            let at = rng.random_range(Duration::ZERO..CHAOS);
            let notes = (0..rng.random_range(2..5)).map(|place| (at, Fate::Note { place }));
            scenario.events.extend(notes);
            scenario.events.sort_by_key(|(at, _)| *at);
        }
        scenario
    }

    /// The study's spec.
    pub(crate) fn spec(&self) -> v1::StudySpec {
        let sampler = match self.sampler {
            "tpe" => json!({"kind": "tpe", "startup_trials": 2, "candidates": 4}),
            "gp" => json!({"kind": "gp", "startup_trials": 2}),
            "nsga2" => json!({"kind": "nsga2", "population": 4}),
            kind => json!({"kind": kind}),
        };
        let mut pruner = match self.pruner {
            "median" => json!({"kind": "median", "startup_trials": 1}),
            kind => json!({"kind": kind}),
        };
        let (mut directions, mut metric_names) = (vec![v1::Direction::Maximize.into()], vec![]);
        let mut by = vec!["method".to_owned()];
        if self.fronts {
            directions.push(v1::Direction::Minimize.into());
            metric_names = vec!["a".to_owned(), "b".to_owned()];
            pruner["metric"] = json!("b");
            by.clear();
        }
        let constraints = if self.fronts { vec!["c".to_owned()] } else { vec![] };
        let float = |name: &str, log| v1::Parameter {
            name: name.to_owned(),
            distribution: Some(v1::parameter::Distribution::Float(v1::FloatDistribution {
                low: 1e-4,
                high: 1.0,
                log,
                step: None,
            })),
            when: Vec::new(),
        };
        let mut space = vec![float("rate", true), float("momentum", false)];
        let confirm = v1::Confirm { by, best: 2, seeds: 2, each: true };
        if self.confirms {
            space.push(method());
        }
        v1::StudySpec {
            name: "s".to_owned(),
            directions,
            metric_names,
            constraints,
            trials: self.trials,
            seed: self.seed,
            max_attempts: self.max_attempts,
            sampler: Some(structure(&sampler)),
            pruner: Some(structure(&pruner)),
            space,
            objective: Some(v1::Objective { kind: "simulated".into(), settings_json: "{}".into() }),
            confirm: self.confirms.then_some(confirm),
            max_failures_in_a_row: Some(self.max_failures_in_a_row),
            keep_checkpoints: 0,
            notify: None,
        }
    }
}

fn method() -> v1::Parameter {
    let choice = |text: &str| v1::Value { kind: Some(v1::value::Kind::Text(text.to_owned())) };
    let choices = ["a", "b", "c"].map(choice).to_vec();
    let categorical = v1::CategoricalDistribution { choices };
    v1::Parameter {
        name: "method".to_owned(),
        distribution: Some(v1::parameter::Distribution::Categorical(categorical)),
        when: Vec::new(),
    }
}

fn fate(climate: Climate, workers: usize, place: u32, rng: &mut ChaCha8Rng) -> Fate {
    let worker = rng.random_range(0..workers);
    let choice = match climate {
        Climate::Fair => [0, 1, 2, 14][rng.random_range(0..4)],
        Climate::Restarts => rng.random_range(0..6),
        Climate::Foul => rng.random_range(0..16),
    };
    match choice {
        0 => Fate::SetWallClock { seconds: rng.random_range(-10..=10) * 31_557_600 },
        1 => Fate::Enqueue { place },
        2 | 3 => Fate::Look,
        4 | 5 if climate == Climate::Restarts => Fate::Crash { down: seconds(rng, 0.0, 4.0) },
        4 | 5 => Fate::Crash { down: seconds(rng, 0.0, 40.0) },
        6 | 7 => Fate::Cut { worker, lasts: seconds(rng, 1.0, 60.0) },
        8..=10 => {
            let same_name = rng.random_bool(0.5);
            Fate::Kill { worker, same_name, down: seconds(rng, 0.0, 30.0) }
        }
        11 => Fate::Drain { worker, down: seconds(rng, 0.0, 20.0) },
        12 => Fate::FullDisk { lasts: seconds(rng, 1.0, 30.0) },
        13 => Fate::Retry,
        14 => Fate::Pause { lasts: seconds(rng, 1.0, 30.0) },
        _ => Fate::Stop { lasts: seconds(rng, 1.0, 30.0) },
    }
}

fn seconds(rng: &mut ChaCha8Rng, from: f64, to: f64) -> Duration {
    Duration::from_secs_f64(rng.random_range(from..to))
}

fn structure(value: &serde_json::Value) -> prost_types::Struct {
    use prost_types::value::Kind;
    let field = |value: &serde_json::Value| prost_types::Value {
        kind: Some(match value {
            serde_json::Value::Number(n) => Kind::NumberValue(n.as_f64().expect("a number")),
            other => Kind::StringValue(other.as_str().expect("a word").to_owned()),
        }),
    };
    let fields = value.as_object().expect("an object").iter();
    prost_types::Struct { fields: fields.map(|(k, v)| (k.clone(), field(v))).collect() }
}
