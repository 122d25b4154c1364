//! Prints verdicts on given curves, for `tests/peers/pruners.py` to compare with Optuna's.
//!
//! Reads one JSON document: the pruner's options, the direction, each trial's curve, and for each turn the
//! trial that reports. A trial completes with the last point of its curve. If `obeys` is set, a trial that is
//! given up ends, and its later turns are skipped. Prints a line per report: trial, step, verdict.

use std::io::Read as _;

use kindling_study::sampler::SamplerSpec;
use kindling_study::{
    Attributes, Claim, Direction, Distribution, Event, FloatScale, Mark, Metrics, ObjectiveSpec,
    Param, PrunerSpec, SearchSpace, Settings, Study, StudyName, StudySpec, Tick, TrialId,
    TrialNumber, TrialResult, Verdict, Wall, WorkerId,
};
use serde::Deserialize;

#[derive(Deserialize)]
struct Scenario {
    pruner: PrunerSpec,
    direction: Direction,
    curves: Vec<Vec<(u64, f64)>>,
    turns: Vec<u32>,
    obeys: bool,
}

/// There is nobody else who could pretend to be the worker.
const MARK: Mark = Mark::new([0; Mark::LEN]);

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text)?;
    let scenario: Scenario = serde_json::from_str(&text)?;
    let worker = WorkerId::new("w")?;
    let mut study = study(&scenario)?;
    for number in scenario.turns.into_iter().map(TrialNumber) {
        while study.get(number).is_none() {
            let (events, _) = study.lease(&worker, 0, MARK).ok_or("a turn without a curve")?;
            apply(&mut study, &events);
        }
        if !study.running().contains(&number) {
            continue;
        }
        let trial = study.trial_at(number)?;
        let claim =
            Claim { number, attempt: trial.attempt, worker: worker.clone(), mark: Some(MARK) };
        let curve = &scenario.curves[number.index()];
        let place = trial.curve.len();
        let (step, value) = curve[place];
        let (events, verdict) = study.report(&claim, step, value, &[])?;
        apply(&mut study, &events);
        let result = match verdict {
            Verdict::Prune if scenario.obeys => Some(TrialResult::Pruned),
            _ if place + 1 == curve.len() => Some(TrialResult::Complete(value.into())),
            _ => None,
        };
        if let Some(result) = result {
            let (events, ()) = study.finish(&claim, result, &[], Attributes::new())?;
            apply(&mut study, &events);
        }
        println!("{number} {step} {}", u8::from(verdict == Verdict::Prune));
    }
    Ok(())
}

fn study(scenario: &Scenario) -> Result<Study, Box<dyn std::error::Error>> {
    let distribution = Distribution::Float { low: 0.0, high: 1.0, scale: FloatScale::Linear };
    let param = Param { name: "x".to_owned(), distribution, when: vec![] };
    let spec = StudySpec {
        name: StudyName::new("s")?,
        directions: scenario.direction.into(),
        metrics: Metrics::default(),
        trials: u32::try_from(scenario.curves.len())?,
        seed: 0,
        max_attempts: 1,
        max_failures_in_a_row: 0,
        keep_checkpoints: 1,
        notify: None,
        sampler: SamplerSpec::Random {},
        pruner: scenario.pruner.clone(),
        space: SearchSpace::new(vec![param])?,
        objective: ObjectiveSpec { kind: "none".to_owned(), settings: Settings::new() },
        confirm: None,
    };
    spec.check()?;
    Ok(Study::new(spec, Wall(0)))
}

fn apply(study: &mut Study, events: &[Event]) {
    for event in events {
        let next = TrialId(study.trials().len() as i64);
        study.apply(event, next, Wall(0), Tick::default());
    }
}
