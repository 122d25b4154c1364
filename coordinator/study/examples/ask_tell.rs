//! Asks a sampler over standard input and output, for programs that compare samplers. Each line is a JSON
//! message: `{"study": {"space": …, "sampler": …, "direction": …, "seed": …}}` starts a study, `{"ask": {}}`
//! returns a trial's number and parameters, `{"tell": {"number": …, "value": …}}` gives its result. Without a
//! value the trial failed.

#[path = "../tests/described/mod.rs"]
mod described;

use std::error::Error;
use std::io::{BufRead as _, Write as _};
use std::time::Duration;

use kindling_study::sampler::SamplerSpec;
use kindling_study::{
    Attributes, Claim, Direction, Event, Mark, ObjectiveSpec, PrunerSpec, SearchSpace, Settings,
    Study, StudyName, StudySpec, Tick, TrialId, TrialNumber, TrialResult, Wall, WorkerId,
};
use serde::Deserialize;
use serde_json::{Value, json};

use described::Described;

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Message {
    Study { space: Described, sampler: SamplerSpec, direction: Direction, seed: u64 },
    Ask {},
    Tell { number: u32, value: Option<f64> },
}

fn main() -> Result<(), Box<dyn Error>> {
    let worker = WorkerId::new("worker")?;
    let mut study = None;
    for line in std::io::stdin().lock().lines() {
        let answer = match serde_json::from_str(&line?)? {
            Message::Study { space, sampler, direction, seed } => {
                study = Some(new_study(space.space(), sampler, direction, seed)?);
                Value::Null
            }
            Message::Ask {} => ask(study.as_mut().ok_or("no study")?, &worker)?,
            Message::Tell { number, value } => {
                tell(study.as_mut().ok_or("no study")?, &worker, number, value)?;
                Value::Null
            }
        };
        let mut out = std::io::stdout().lock();
        writeln!(out, "{answer}")?;
        out.flush()?;
    }
    Ok(())
}

fn new_study(
    space: SearchSpace,
    sampler: SamplerSpec,
    direction: Direction,
    seed: u64,
) -> Result<Study, Box<dyn Error>> {
    let spec = StudySpec {
        name: StudyName::new("study")?,
        directions: direction.into(),
        trials: u32::MAX,
        seed,
        max_attempts: 1,
        max_failures_in_a_row: 0,
        sampler,
        pruner: PrunerSpec::None,
        space,
        objective: ObjectiveSpec { kind: "asked".into(), settings: Settings::new() },
        confirm: None,
    };
    Ok(Study::new(spec, Wall(0)))
}

/// There is nobody else who could pretend to be the worker.
const MARK: Mark = Mark::new([0; Mark::LEN]);

fn ask(study: &mut Study, worker: &WorkerId) -> Result<Value, Box<dyn Error>> {
    let (events, number) = study.lease(worker, 0, MARK).ok_or("no trial")?;
    apply(study, &events);
    let trial = study.trial_at(number)?;
    let params = trial.params().ok_or("no parameters")?;
    let values = study.spec().space.params().iter().zip(params).filter_map(|(param, value)| {
        let shown = param.distribution.show((*value)?);
        Some((param.name.clone(), json!(shown)))
    });
    Ok(json!({ "number": number.0, "params": values.collect::<serde_json::Map<_, _>>() }))
}

fn tell(
    study: &mut Study,
    worker: &WorkerId,
    number: u32,
    value: Option<f64>,
) -> Result<(), Box<dyn Error>> {
    let number = TrialNumber(number);
    let attempt = study.trial_at(number)?.attempt;
    let claim = Claim { number, attempt, worker: worker.clone(), mark: Some(MARK) };
    let result = value.map_or_else(
        || TrialResult::Fail("it failed".into()),
        |value| TrialResult::Complete(value.into()),
    );
    let (events, ()) = study.finish(&claim, result, Attributes::new())?;
    apply(study, &events);
    Ok(())
}

fn apply(study: &mut Study, events: &[Event]) {
    for event in events {
        let next = TrialId(study.trials().len() as i64);
        study.apply(event, next, Wall(0), Tick(Duration::MAX));
    }
}
