//! The proposals for given seeds, to the last bit, in studies without failures. If these numbers change, no
//! study can be repeated, and the tables of `docs/sampling.md` change too.

mod described;

use std::time::Duration;

use kindling_study::sampler::{
    CmaesOptions, GpOptions, GridOptions, Nsga2Options, Nsga3Options, SamplerSpec, TpeOptions,
};
use kindling_study::{
    Attributes, Choice, Claim, Direction, Directions, Event, Mark, Metrics, ObjectiveSpec,
    ParamValue, Params, PrunerSpec, SearchSpace, Settings, Study, StudyName, StudySpec, Tick,
    TrialId, TrialNumber, TrialResult, Values, Wall, WorkerId,
};
use serde_json::json;

/// There is nobody else who could pretend to be the worker.
const MARK: Mark = Mark::new([0; Mark::LEN]);

/// A study with a fixed number of running trials.
struct World {
    study: Study,
    worker: WorkerId,
    at_once: usize,
}

impl World {
    fn new(space: &SearchSpace, sampler: SamplerSpec, at_once: usize) -> Self {
        Self::of(space, sampler, at_once, 1)
    }

    fn of(space: &SearchSpace, sampler: SamplerSpec, at_once: usize, objectives: usize) -> Self {
        let spec = StudySpec {
            name: StudyName::new("golden").expect("valid"),
            directions: Directions::new(vec![Direction::Minimize; objectives]).expect("some"),
            metrics: Metrics::default(),
            trials: u32::MAX,
            seed: 7,
            max_attempts: 1,
            max_failures_in_a_row: 0,
            keep_checkpoints: 1,
            notify: None,
            sampler,
            pruner: PrunerSpec::None,
            space: space.clone(),
            objective: ObjectiveSpec { kind: "any".into(), settings: Settings::new() },
            confirm: None,
        };
        let worker = WorkerId::new("w").expect("valid");
        Self { study: Study::new(spec, Wall(0)), worker, at_once }
    }

    fn apply(&mut self, events: &[Event]) {
        for event in events {
            let next = TrialId(self.study.trials().len() as i64);
            self.study.apply(event, next, Wall(0), Tick(Duration::MAX));
        }
    }

    fn enqueue(&mut self, fixed: &[(&str, Choice)]) {
        let fixed: Vec<_> = fixed.iter().map(|(n, c)| ((*n).to_owned(), c.clone())).collect();
        let (events, _) = self.study.enqueue(&fixed, None, None).expect("valid");
        self.apply(&events);
    }

    /// Leases this many trials. When too many run, the oldest finishes. Every fifth is pruned after a report.
    fn run(&mut self, trials: usize) {
        for _ in 0..trials {
            if self.study.running().len() == self.at_once {
                self.finish_oldest();
            }
            let (events, _) = self.study.lease(&self.worker, 0, MARK).expect("the budget lasts");
            self.apply(&events);
        }
    }

    fn finish_oldest(&mut self) {
        let number = *self.study.running().first().expect("one runs");
        let trial = self.study.trial_at(number).expect("there");
        let claim =
            Claim { number, attempt: trial.attempt, worker: self.worker.clone(), mark: Some(MARK) };
        let value = loss(trial.params().expect("proposed"), 0.0);
        let objectives = self.study.spec().directions.as_slice().len();
        let of = |k: usize| loss(trial.params().expect("proposed"), 0.4 * k as f64);
        let values: Vec<f64> = (0..objectives).map(of).collect();
        let mut result = TrialResult::Complete(Values::new(values).expect("some"));
        if number.0 % 5 == 4 {
            let step = u64::from(number.0 % 3);
            let (events, _) = self.study.report(&claim, step, value, &[]).expect("fits");
            self.apply(&events);
            result = TrialResult::Pruned;
        }
        let (events, ()) = self.study.finish(&claim, result, &[], Attributes::new()).expect("fits");
        self.apply(&events);
    }

    /// A hash of all bits of all proposals (FNV-1a).
    fn bits(&self) -> u64 {
        let mut hash = 0xcbf2_9ce4_8422_2325_u64;
        let mut add = |bits: u64| {
            for byte in bits.to_le_bytes() {
                hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
            }
        };
        for number in (0..self.study.trials().len() as u32).map(TrialNumber) {
            let trial = self.study.trial_at(number).expect("there");
            for value in trial.params().expect("proposed") {
                match value {
                    None => add(1),
                    Some(ParamValue::Float(x)) => add(x.to_bits()),
                    Some(ParamValue::Int(x)) => add(*x as u64),
                    Some(ParamValue::Choice(c)) => add(*c as u64),
                }
            }
        }
        hash
    }
}

/// Only additions and multiplications, so that all platforms rank the same.
/// The best of each parameter is further up by `shift`.
fn loss(params: &Params, shift: f64) -> f64 {
    let square = |(place, value): (usize, &Option<ParamValue>)| {
        let x = match value {
            None => 0.5,
            Some(ParamValue::Float(x)) => *x,
            Some(ParamValue::Int(x)) => *x as f64 * 0.25,
            Some(ParamValue::Choice(c)) => *c as f64 * 0.5,
        };
        let off = x - 0.1 * place as f64 - shift;
        off * off
    };
    params.iter().enumerate().map(square).sum()
}

fn space(params: serde_json::Value) -> SearchSpace {
    serde_json::from_value::<described::Described>(params).expect("a description").space()
}

/// All kinds of parameters, and three groups under conditions.
fn conditional() -> SearchSpace {
    let float = |low: f64, high: f64, scale: serde_json::Value| json!({"type": "float", "low": low, "high": high, "scale": scale});
    let int = |low: i64, high: i64, step: i64, log: bool| json!({"type": "int", "low": low, "high": high, "step": step, "log": log});
    let when = |parent: &str, any_of: &[&str]| json!([{"parent": parent, "any_of": any_of}]);
    space(json!([
        {"name": "method", "distribution": {"type": "categorical", "choices": ["a", "b", "c"]}},
        {"name": "rate", "distribution": float(1e-5, 1e-1, json!("log"))},
        {"name": "share", "distribution": float(0.0, 1.0, json!("linear"))},
        {"name": "steps", "distribution": float(0.0, 1.0, json!({"step": 0.125}))},
        {"name": "depth", "distribution": int(1, 9, 2, false)},
        {"name": "width", "distribution": int(8, 1024, 1, true), "when": when("method", &["a", "b"])},
        {"name": "inner", "distribution": {"type": "categorical", "choices": ["x", "y"]}, "when": when("method", &["b"])},
        {"name": "deep", "distribution": float(-1.0, 1.0, json!("linear")), "when": when("inner", &["y"])},
    ]))
}

/// Ten configurations. If `open`, one of them has a continuous parameter.
fn small(open: bool) -> SearchSpace {
    let c = if open {
        json!({"type": "float", "low": 0.0, "high": 1.0})
    } else {
        json!({"type": "int", "low": 1, "high": 4, "step": 1, "log": false})
    };
    space(json!([
        {"name": "a", "distribution": {"type": "categorical", "choices": [0, 1, 2]}},
        {"name": "b", "distribution": {"type": "categorical", "choices": [0, 1, 2]}, "when": [{"parent": "a", "any_of": [0, 1]}]},
        {"name": "c", "distribution": c, "when": [{"parent": "a", "any_of": [2]}]},
    ]))
}

/// This many parameters, taking turns through all kinds.
fn wide(count: usize) -> SearchSpace {
    let kinds = [
        json!({"type": "float", "low": 0.0, "high": 1.0}),
        json!({"type": "int", "low": 0, "high": 1000, "step": 1, "log": false}),
        json!({"type": "float", "low": 0.001, "high": 10.0, "scale": "log"}),
        json!({"type": "categorical", "choices": ["p", "q", "r"]}),
        json!({"type": "int", "low": 0, "high": 3, "step": 1, "log": false}),
        json!({"type": "int", "low": 0, "high": 100_000_000, "step": 1, "log": false}),
    ];
    let param = |i: usize| json!({"name": format!("p{i}"), "distribution": kinds[i % kinds.len()]});
    space((0..count).map(param).collect())
}

fn tpe(startup_trials: u32, candidates: u32) -> SamplerSpec {
    SamplerSpec::Tpe(TpeOptions { startup_trials, candidates })
}

#[test]
fn of_several_objectives_samplers_propose_what_they_always_did() {
    let nsga2 = SamplerSpec::Nsga2(Nsga2Options { population: 6, ..Nsga2Options::default() });
    let nsga3 = SamplerSpec::Nsga3(Nsga3Options { population: 6, ..Nsga3Options::default() });
    let samplers = [tpe(10, 24), nsga2, nsga3, SamplerSpec::Auto {}];
    let bits = |space: &SearchSpace, at_once: usize, objectives: usize| {
        samplers.clone().map(|sampler| {
            let mut world = World::of(space, sampler, at_once, objectives);
            world.run(230);
            world.bits()
        })
    };
    let found = [bits(&conditional(), 1, 2), bits(&conditional(), 6, 4), bits(&wide(9), 3, 3)];
    let expected = [
        [
            0x0303_8117_900c_dc54,
            0xf955_709e_5a99_2d4a,
            0xa59e_c2d2_7ab8_a08d,
            0x0e91_84e0_7605_1ae7,
        ],
        [
            0x5629_36c4_3e52_91b2,
            0x0c8d_e711_bb29_4cc2,
            0x7eb3_f69e_ca7b_c121,
            0xf299_4d52_127b_4ec0,
        ],
        [
            0x8b0c_c4ae_deac_9c34,
            0x1837_4cc7_cf87_86a6,
            0x010b_9e1e_dfbb_80e5,
            0xf9d3_0c3e_b260_c0c7,
        ],
    ];
    assert_eq!(found, expected, "{found:x?}");
}

#[test]
fn every_sampler_proposes_what_it_always_did() {
    let samplers = [
        tpe(10, 24),
        SamplerSpec::Random {},
        SamplerSpec::Sobol {},
        SamplerSpec::Grid(GridOptions::default()),
    ];
    let bits = |space: &SearchSpace, at_once: usize| {
        samplers.clone().map(|sampler| {
            let mut world = World::new(space, sampler, at_once);
            world.run(70);
            world.bits()
        })
    };
    let expected = [
        0x8a7b_b51a_7724_34b0,
        0x8a48_a2b4_e807_11a2,
        0x58cb_eace_052d_62c6,
        0xfa77_3da5_fffa_15b2,
    ];
    assert_eq!(bits(&conditional(), 1), expected);
    let expected = [
        0xaa5b_6c7c_84b9_767c,
        0x8a48_a2b4_e807_11a2,
        0x58cb_eace_052d_62c6,
        0xfa77_3da5_fffa_15b2,
    ];
    assert_eq!(bits(&conditional(), 6), expected);
    let expected = [
        0x936e_908f_8a9f_db66,
        0x8ec0_8670_33b9_5a01,
        0x2f29_52c7_ae47_5600,
        0x7652_1ba2_765e_3ca0,
    ];
    assert_eq!(bits(&small(false), 1), expected);
    let expected = [
        0xb7d9_130e_b037_b307,
        0x8ec0_8670_33b9_5a01,
        0x2f29_52c7_ae47_5600,
        0x7652_1ba2_765e_3ca0,
    ];
    assert_eq!(bits(&small(false), 3), expected);
    let expected = [
        0xaefa_9268_124c_0115,
        0x5b9b_2496_5eb6_696e,
        0x9b5f_82a2_73f5_9147,
        0x3e7b_7397_06ac_6114,
    ];
    assert_eq!(bits(&small(true), 1), expected);
}

#[test]
fn cmaes_proposes_what_it_always_did() {
    let bits = |space: &SearchSpace, population: u32, at_once: usize| {
        let sampler = SamplerSpec::Cmaes(CmaesOptions { population });
        let mut world = World::new(space, sampler, at_once);
        world.run(150);
        world.bits()
    };
    let found = [
        bits(&conditional(), 0, 1),
        bits(&conditional(), 9, 6),
        bits(&small(true), 0, 1),
        bits(&wide(30), 0, 3),
    ];
    let expected = [
        0x7e5e_f313_a90a_24a7,
        0xa6d0_c58e_4fb3_6e62,
        0xa2c0_3029_1364_5128,
        0x2564_cd37_e062_35d7,
    ];
    assert_eq!(found, expected, "{found:x?}");
}

#[test]
fn gp_proposes_what_it_always_did() {
    let bits = |space: &SearchSpace, startup_trials: u32, at_once: usize, trials: usize| {
        let sampler = SamplerSpec::Gp(GpOptions { startup_trials });
        let mut world = World::new(space, sampler, at_once);
        world.run(trials);
        world.bits()
    };
    let found = [
        bits(&conditional(), 10, 1, 90),
        bits(&conditional(), 4, 6, 50),
        bits(&small(false), 4, 1, 12),
        bits(&small(true), 10, 3, 50),
        bits(&wide(30), 10, 3, 30),
    ];
    let expected = [
        0x7de1_119e_3c84_0670,
        0xd4a7_7872_f861_7ceb,
        0x71b2_671c_53a7_7b00,
        0x47b4_55a4_9757_77e4,
        0x858d_3d1f_7dda_014f,
    ];
    assert_eq!(found, expected, "{found:x?}");
}

#[test]
fn auto_proposes_what_it_always_did() {
    let bits = |space: &SearchSpace, at_once: usize, trials: usize| {
        let mut world = World::new(space, SamplerSpec::Auto {}, at_once);
        world.run(trials);
        world.bits()
    };
    let found = [
        bits(&conditional(), 1, 40),
        bits(&conditional(), 6, 40),
        bits(&small(true), 3, 40),
        // So wide that it takes another sampler.
        bits(&wide(90), 4, 40),
    ];
    let expected = [
        0x327e_3797_1723_0ff5,
        0xcde1_fed7_6509_f2ab,
        0xbe07_a9e6_cfb9_f56e,
        0x7ed6_ea49_fa35_971b,
    ];
    assert_eq!(found, expected, "{found:x?}");
}

#[test]
fn what_somebody_fixed_gives_the_rest_that_it_always_did() {
    let mut world = World::new(&conditional(), tpe(10, 24), 3);
    world.run(8);
    world.enqueue(&[("deep", Choice::Float(0.25))]);
    world.enqueue(&[("rate", Choice::Float(1e-3)), ("method", Choice::Text("c".into()))]);
    world.run(20);
    world.enqueue(&[("deep", Choice::Float(-0.25)), ("depth", Choice::Int(5))]);
    world.enqueue(&[("width", Choice::Int(64))]);
    world.run(20);
    assert_eq!(world.bits(), 0x9e26_0c0b_1850_1cd0);
}

#[test]
fn a_wide_space_and_a_long_history_give_what_they_always_did() {
    let mut wide = World::new(&wide(90), tpe(10, 8), 4);
    wide.run(40);
    let mut long = World::new(&conditional(), tpe(620, 24), 12);
    long.run(650);
    assert_eq!([wide.bits(), long.bits()], [0x48ce_a014_9488_0036, 0xc78e_c92e_b4d7_bd69]);
}
