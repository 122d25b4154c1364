//! What failed trials do to a search: they are not repeated, they repel, and the search goes on. The way in
//! which they fail makes no difference.

mod described;

use std::time::Duration;

use kindling_study::sampler::{
    CmaesOptions, GpOptions, GridOptions, Nsga2Options, Nsga3Options, SamplerSpec, TpeOptions,
};
use kindling_study::{
    Attributes, Choice, Claim, Direction, Event, Mark, Metrics, ObjectiveSpec, ParamValue, Params,
    PrunerSpec, SearchSpace, Settings, Study, StudyName, StudySpec, Tick, TrialId, TrialNumber,
    TrialResult, Wall, WorkerId,
};
use serde_json::json;

/// There is nobody else who could pretend to be the worker.
const MARK: Mark = Mark::new([0; Mark::LEN]);

/// How a trial ends.
#[derive(Debug, Clone, Copy)]
enum End {
    Value(f64),
    Fails,
    /// Its value is NaN.
    Nan,
    /// An intermediate value is NaN.
    NanReport,
    /// Its worker reports it as pruned before any report.
    PrunedUnheard,
    /// Its workers die as often as the study allows.
    Lost,
}

const FAILURES: [End; 5] = [End::Fails, End::Nan, End::NanReport, End::PrunedUnheard, End::Lost];

struct World {
    study: Study,
    worker: WorkerId,
}

impl World {
    fn new(space: &SearchSpace, sampler: SamplerSpec, seed: u64) -> Self {
        let spec = StudySpec {
            name: StudyName::new("failing").expect("valid"),
            directions: Direction::Minimize.into(),
            metrics: Metrics::default(),
            trials: u32::MAX,
            seed,
            max_attempts: 2,
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
        Self { study: Study::new(spec, Wall(0)), worker }
    }

    fn apply(&mut self, events: &[Event]) {
        for event in events {
            let next = TrialId(self.study.trials().len() as i64);
            self.study.apply(event, next, Wall(0), Tick(Duration::MAX));
        }
    }

    fn lease(&mut self) -> (Claim, Params) {
        let (events, number) = self.study.lease(&self.worker, 0, MARK).expect("the budget lasts");
        self.apply(&events);
        let trial = self.study.trial_at(number).expect("there");
        let claim =
            Claim { number, attempt: trial.attempt, worker: self.worker.clone(), mark: Some(MARK) };
        (claim, trial.params().expect("proposed").clone())
    }

    fn finish(&mut self, claim: &Claim, result: TrialResult) {
        let (events, ()) = self.study.finish(claim, result, &[], Attributes::new()).expect("fits");
        self.apply(&events);
    }

    fn end(&mut self, claim: &Claim, end: End) {
        match end {
            End::Value(value) => self.finish(claim, TrialResult::Complete(value.into())),
            End::Fails => self.finish(claim, TrialResult::Fail("out of memory".into())),
            End::Nan => self.finish(claim, TrialResult::Complete(f64::NAN.into())),
            End::PrunedUnheard => self.finish(claim, TrialResult::Pruned),
            End::NanReport => {
                let (events, _) = self.study.report(claim, 1, f64::NAN, &[]).expect("fits");
                self.apply(&events);
            }
            End::Lost => {
                let events = self.study.lose(claim.number);
                self.apply(&events);
                let (again, _) = self.lease();
                assert_eq!(again.number, claim.number, "a lost trial waits, and goes first");
                let events = self.study.lose(claim.number);
                self.apply(&events);
            }
        }
    }

    /// Runs this many trials one after another.
    fn run(&mut self, trials: usize, end: impl Fn(TrialNumber, &Params) -> End) -> Vec<Params> {
        let mut proposed = vec![];
        for _ in 0..trials {
            let (claim, params) = self.lease();
            self.end(&claim, end(claim.number, &params));
            proposed.push(params);
        }
        proposed
    }
}

fn tpe() -> SamplerSpec {
    SamplerSpec::Tpe(TpeOptions::default())
}

fn samplers() -> [SamplerSpec; 9] {
    let grid = SamplerSpec::Grid(GridOptions::default());
    let cmaes = SamplerSpec::Cmaes(CmaesOptions::default());
    let gp = SamplerSpec::Gp(GpOptions::default());
    let auto = SamplerSpec::Auto {};
    let nsga2 = SamplerSpec::Nsga2(Nsga2Options::default());
    let nsga3 = SamplerSpec::Nsga3(Nsga3Options::default());
    let (random, sobol) = (SamplerSpec::Random {}, SamplerSpec::Sobol {});
    [auto, gp, tpe(), cmaes, nsga2, nsga3, random, sobol, grid]
}

fn space(params: serde_json::Value) -> SearchSpace {
    serde_json::from_value::<described::Described>(params).expect("a description").space()
}

fn float(name: &str) -> serde_json::Value {
    json!({"name": name, "distribution": {"type": "float", "low": 0.0, "high": 1.0}})
}

fn line() -> SearchSpace {
    space(json!([float("x")]))
}

fn square() -> SearchSpace {
    space(json!([float("x"), float("y")]))
}

/// Two methods. One has nothing to tune, so it is a single configuration next to more than can be counted.
fn plain_or(tuned: impl IntoIterator<Item = serde_json::Value>) -> SearchSpace {
    let method = json!({"name": "method", "distribution": {"type": "categorical", "choices": ["plain", "tuned"]}});
    let under = |(i, distribution)| {
        let when = json!([{"parent": "method", "any_of": ["tuned"]}]);
        json!({"name": format!("p{i}"), "distribution": distribution, "when": when})
    };
    let tuned = tuned.into_iter().enumerate().map(under);
    space(std::iter::once(method).chain(tuned).collect())
}

fn at(params: &Params, place: usize) -> f64 {
    match params[place] {
        Some(ParamValue::Float(x)) => x,
        other => panic!("{other:?} is no number"),
    }
}

fn distinct(params: &[Params]) -> usize {
    params.iter().enumerate().filter(|(i, one)| !params[..*i].contains(one)).count()
}

#[test]
fn nothing_that_failed_is_proposed_again_while_anything_is_left() {
    let unit = json!({"type": "float", "low": 0.0, "high": 1.0});
    let dice = json!({"type": "int", "low": 1, "high": 6, "step": 1, "log": false});
    let spaces = [
        ("two numbers", square(), 40),
        (
            "thirty-six configurations",
            space(json!([
                {"name": "x", "distribution": dice}, {"name": "y", "distribution": dice},
            ])),
            36,
        ),
        ("one beside a number", plain_or([unit]), 40),
        ("one beside too many to count", plain_or(vec![dice; 60]), 40),
        (
            "one beside two numbers that are hardly any",
            plain_or([json!({"type": "float", "low": 1e10, "high": 1e10_f64.next_up().next_up()})]),
            4,
        ),
    ];
    for (name, space, trials) in spaces {
        for sampler in samplers() {
            for (seed, end) in (0..).zip(FAILURES) {
                let mut world = World::new(&space, sampler.clone(), seed);
                let proposed = world.run(trials, |_, _| end);
                assert_eq!(distinct(&proposed), trials, "{name}, {}, {end:?}", sampler.name());
            }
        }
    }
}

#[test]
fn one_failure_among_successes_is_not_repeated_either() {
    let space = plain_or([json!({"type": "float", "low": 0.0, "high": 1.0})]);
    for sampler in samplers() {
        // In a build that is not optimised, a Gaussian process takes long.
        let takes_long = matches!(sampler, SamplerSpec::Auto {} | SamplerSpec::Gp(_));
        let seeds = if takes_long { 4 } else { 20 };
        for seed in 0..seeds {
            let mut world = World::new(&space, sampler.clone(), seed);
            let plain = |params: &Params| params[0] == Some(ParamValue::Choice(0));
            let proposed =
                world.run(
                    60,
                    |_, params| if plain(params) { End::Fails } else { End::Value(at(params, 1)) },
                );
            let failed = proposed.iter().filter(|params| plain(params)).count();
            assert!(failed <= 1, "{}, seed {seed}: {failed} times", sampler.name());
        }
    }
}

#[test]
fn while_nothing_has_succeeded_tpe_looks_everywhere() {
    for seed in 0..10 {
        for end in FAILURES {
            let mut world = World::new(&line(), tpe(), seed);
            let proposed = world.run(48, |_, _| end);
            for eighth in 0..8 {
                let low = f64::from(eighth) / 8.0;
                let is_in = |params: &&Params| (low..low + 0.125).contains(&at(params, 0));
                let found = proposed.iter().filter(is_in).count();
                assert!((2..13).contains(&found), "{found} of 48 from {low} on, seed {seed}");
            }
        }
    }
}

#[test]
fn a_branch_in_which_all_has_failed_is_looked_at_everywhere() {
    let space = plain_or([json!({"type": "float", "low": 0.0, "high": 1.0})]);
    for seed in 0..10 {
        let mut world = World::new(&space, tpe(), seed);
        let mut enqueue = |method: &str, trials: usize, end: End| {
            let fixed = [("method".to_owned(), Choice::Text(method.into()))];
            for _ in 0..trials {
                let (events, _) = world.study.enqueue(&fixed, None, None).expect("fits");
                world.apply(&events);
            }
            world.run(trials, |_, _| end)
        };
        enqueue("plain", 12, End::Value(0.0)); // Ends startup.
        let failed = enqueue("tuned", 24, End::Fails);
        let mut places: Vec<_> = failed.iter().map(|params| at(params, 1)).collect();
        places.sort_by(f64::total_cmp);
        let widest = places.windows(2).map(|pair| pair[1] - pair[0]).fold(places[0], f64::max);
        assert!(widest.max(1.0 - places[23]) < 0.13, "seed {seed}: {places:?}");
    }
}

#[test]
fn tpe_keeps_off_where_trials_fail() {
    // The best point is near an edge, and everything beyond the edge fails. On either side.
    for (end, sign) in [(End::Fails, 1.0), (End::Lost, -1.0)] {
        for seed in 0..10 {
            let mut world = World::new(&square(), tpe(), seed);
            let inner = |params: &Params| 0.6 - (0.5 + sign * (at(params, 0) - 0.5));
            let fails = |params: &Params| inner(params) < 0.0;
            let loss = |params: &Params| (inner(params) - 0.1).abs() + (at(params, 1) - 0.3).abs();
            let proposed = world
                .run(80, |_, params| if fails(params) { end } else { End::Value(loss(params)) });
            let [first, last] = [&proposed[..20], &proposed[40..]]
                .map(|some| some.iter().filter(|params| fails(params)).count());
            assert!(first <= 9, "seed {seed}: {first} of the first 20 failed");
            assert!(last <= 4, "seed {seed}: {last} of the last 40 failed");
            let succeeded = proposed.iter().filter(|params| !fails(params));
            let best = succeeded.map(loss).fold(1.0, f64::min);
            assert!(best < 0.1, "seed {seed}: {best}");
        }
    }
}

#[test]
fn where_trials_fail_by_chance_nothing_is_excluded() {
    for seed in 0..10 {
        let mut world = World::new(&square(), tpe(), seed);
        let distance = |params: &Params| (at(params, 0) - 0.7).abs() + (at(params, 1) - 0.3).abs();
        // Multiples of the golden ratio, modulo 1: spread as evenly as possible.
        let by_chance =
            |number: TrialNumber| (f64::from(number.0) * 0.618_033_988_749).fract() < 0.4;
        let proposed = world.run(120, |number, params| {
            if by_chance(number) { End::Fails } else { End::Value(distance(params)) }
        });
        let near = proposed[80..].iter().filter(|params| distance(params) < 0.2).count();
        assert!(near >= 24, "seed {seed}: {near} of the last 40 are near the best");
    }
}

#[test]
fn startup_ends_though_most_trials_fail() {
    // A thousandth of the space succeeds, and one point of it is enqueued.
    let mut world = World::new(&square(), tpe(), 3);
    let fixed = ["x", "y"].map(|name| (name.to_owned(), Choice::Float(0.5)));
    let (events, _) = world.study.enqueue(&fixed, None, None).expect("fits");
    world.apply(&events);
    let distance = |params: &Params| (at(params, 0) - 0.5).hypot(at(params, 1) - 0.5);
    let end = |_: TrialNumber, params: &Params| {
        if distance(params) < 0.018 { End::Value(distance(params)) } else { End::Fails }
    };
    let proposed = world.run(80, end);
    let near = proposed[40..].iter().filter(|params| distance(params) < 0.25).count();
    assert!(near >= 12, "{near} of the last 40 are where one has succeeded");
}

#[test]
fn proposals_that_saw_failures_are_computed_again() {
    let ends = [
        End::Value(1.0),
        End::Fails,
        End::Lost,
        End::Value(0.5),
        End::PrunedUnheard,
        End::NanReport,
    ];
    for sampler in samplers() {
        let mut world = World::new(
            &plain_or(vec![json!({"type": "float", "low": 0.0, "high": 1.0}); 2]),
            sampler,
            5,
        );
        world.run(10, |number, _| ends[number.0 as usize % ends.len()]);
        // Three trials run at a time and end out of order.
        let mut running = vec![];
        for turn in 0..40 {
            running.push(world.lease().0);
            if running.len() == 3 {
                let claim = running.remove(turn % 3);
                let end = if turn % 2 == 0 { End::Fails } else { End::Value(turn as f64) };
                world.end(&claim, end);
            }
        }
        let replay = world.study.replay();
        assert_eq!((replay.checked, replay.mismatches), (50, vec![]));
        let (study, spec) = (&world.study, world.study.spec().clone());
        let (trials, order) = (study.trials().to_vec(), study.finish_order().to_vec());
        let restored =
            Study::restore(spec, study.state(), study.budget(), None, Wall(0), trials, order);
        assert_eq!(&restored, study);
    }
}
