//! Asks a sampler over standard input and output, for programs that compare samplers. Each line is a JSON
//! message: `{"study": {"space": …, "sampler": …, "directions": […], "seed": …}}` starts a study, `{"ask": {}}`
//! returns a trial's number and parameters, `{"tell": {"number": …, "values": […]}}` gives its result. Without
//! values the trial failed. Of one objective it may be `direction` and `value`. A study with `"constraints": 2` is told
//! of them with each result, too: `"constraints": [0.5, -1]`.

#[path = "../tests/described/mod.rs"]
mod described;

use std::error::Error;
use std::io::{BufRead as _, Write as _};
use std::time::Duration;

use kindling_study::sampler::SamplerSpec;
use kindling_study::{
    Attributes, Claim, Direction, Directions, Event, Mark, Metrics, ObjectiveSpec, PrunerSpec,
    SearchSpace, Settings, Study, StudyName, StudySpec, Tick, TrialId, TrialNumber, TrialResult,
    Values, Wall, WorkerId,
};
use serde::Deserialize;
use serde_json::{Value, json};

use described::Described;

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Message {
    Study {
        space: Described,
        sampler: SamplerSpec,
        #[serde(alias = "direction")]
        directions: OneOrMore<Direction>,
        /// How many.
        #[serde(default)]
        constraints: usize,
        seed: u64,
    },
    Ask {},
    Tell {
        number: u32,
        #[serde(alias = "value")]
        values: Option<OneOrMore<f64>>,
        #[serde(default)]
        constraints: Vec<f64>,
    },
}

/// One, or several.
#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMore<T> {
    One(T),
    Several(Vec<T>),
}

impl<T> From<OneOrMore<T>> for Box<[T]> {
    fn from(some: OneOrMore<T>) -> Self {
        match some {
            OneOrMore::One(one) => [one].into(),
            OneOrMore::Several(several) => several.into(),
        }
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let worker = WorkerId::new("worker")?;
    let mut study = None;
    for line in std::io::stdin().lock().lines() {
        let answer = match serde_json::from_str(&line?)? {
            Message::Study { space, sampler, directions, constraints, seed } => {
                study = Some(new_study(space.space(), sampler, directions, constraints, seed)?);
                Value::Null
            }
            Message::Ask {} => ask(study.as_mut().ok_or("no study")?, &worker)?,
            Message::Tell { number, values, constraints } => {
                tell(study.as_mut().ok_or("no study")?, &worker, number, values, &constraints)?;
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
    directions: OneOrMore<Direction>,
    constraints: usize,
    seed: u64,
) -> Result<Study, Box<dyn Error>> {
    let spec = StudySpec {
        name: StudyName::new("study")?,
        directions: Directions::new(directions)?,
        metrics: Metrics {
            constraints: (0..constraints).map(|index| index.to_string().into()).collect(),
            ..Metrics::default()
        },
        trials: u32::MAX,
        seed,
        max_attempts: 1,
        max_failures_in_a_row: 0,
        keep_checkpoints: 1,
        notify: None,
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
    values: Option<OneOrMore<f64>>,
    constraints: &[f64],
) -> Result<(), Box<dyn Error>> {
    let number = TrialNumber(number);
    let attempt = study.trial_at(number)?.attempt;
    let claim = Claim { number, attempt, worker: worker.clone(), mark: Some(MARK) };
    let result = match values {
        None => TrialResult::Fail("it failed".into()),
        Some(values) => TrialResult::Complete(Values::new(values)?),
    };
    let (events, ()) = study.finish(&claim, result, constraints, Attributes::new())?;
    apply(study, &events);
    Ok(())
}

fn apply(study: &mut Study, events: &[Event]) {
    for event in events {
        let next = TrialId(study.trials().len() as i64);
        study.apply(event, next, Wall(0), Tick(Duration::MAX));
    }
}
