//! Measures how long a proposal takes. `proposal_times FINISHED RUNNING REPEATS [FAILED]` reads a space and a
//! sampler, `{"space": …, "sampler": …}`, from standard input; with `"objectives": 3` there are several. It fills a study with that many random trials
//! and prints the times of further proposals, in seconds, as a JSON list.
#![expect(clippy::disallowed_methods, reason = "it measures time")]

#[path = "../tests/described/mod.rs"]
mod described;

use std::error::Error;
use std::io::stdin;
use std::time::{Duration, Instant};

use kindling_study::sampler::SamplerSpec;
use kindling_study::{
    Attributes, Claim, Direction, Directions, Event, Mark, Metrics, ObjectiveSpec, ParamValue,
    PrunerSpec, Settings, Study, StudyName, StudySpec, Tick, TrialId, TrialResult, Values, Wall,
    WorkerId,
};
use serde::Deserialize;

use described::Described;

#[derive(Deserialize)]
struct Input {
    space: Described,
    sampler: SamplerSpec,
    #[serde(default = "one")]
    objectives: usize,
}

fn one() -> usize {
    1
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments = std::env::args().skip(1).map(|a| a.parse()).collect::<Result<Vec<_>, _>>()?;
    let (finished, running, repeats, failed) = match arguments[..] {
        [finished, running, repeats] => (finished, running, repeats, 0),
        [finished, running, repeats, failed] => (finished, running, repeats, failed),
        _ => return Err("expected: FINISHED RUNNING REPEATS [FAILED]".into()),
    };
    let input: Input = serde_json::from_reader(stdin())?;
    let worker = WorkerId::new("worker")?;
    let mut study = filled(input, [failed, finished, running], &worker)?;
    let mut times: Vec<f64> = Vec::new();
    for _ in 0..repeats {
        let start = Instant::now();
        let (events, _) = study.lease(&worker, 0, MARK).ok_or("no trial")?;
        times.push(start.elapsed().as_secs_f64());
        // The oldest finishes, so that the number of running trials stays the same.
        apply(&mut study, &events);
        finish_oldest(&mut study, &worker, false)?;
    }
    println!("{}", serde_json::to_string(&times)?);
    Ok(())
}

/// There is nobody else who could pretend to be the worker.
const MARK: Mark = Mark::new([0; Mark::LEN]);

/// A study with this many failed, finished and running trials, proposed by random search.
fn filled(
    input: Input,
    [failed, finished, running]: [usize; 3],
    worker: &WorkerId,
) -> Result<Study, Box<dyn Error>> {
    let spec = StudySpec {
        name: StudyName::new("study")?,
        directions: Directions::new(vec![Direction::Maximize; input.objectives])?,
        metrics: Metrics::default(),
        trials: u32::MAX,
        seed: 1,
        max_attempts: 1,
        max_failures_in_a_row: 0,
        keep_checkpoints: 1,
        notify: None,
        sampler: SamplerSpec::Random {},
        pruner: PrunerSpec::None,
        space: input.space.space(),
        objective: ObjectiveSpec { kind: "none".into(), settings: Settings::new() },
        confirm: None,
    };
    let mut random = Study::new(spec.clone(), Wall(0));
    for trial in 0..failed + finished + running {
        let (events, _) = random.lease(worker, 0, MARK).ok_or("no trial")?;
        apply(&mut random, &events);
        if trial >= running {
            finish_oldest(&mut random, worker, trial - running < failed)?;
        }
    }
    let (state, budget) = (random.state(), random.budget());
    let (trials, order) = (random.trials().to_vec(), random.finish_order().to_vec());
    let spec = StudySpec { sampler: input.sampler, ..spec };
    Ok(Study::restore(spec, state, budget, None, Wall(0), trials, order))
}

fn finish_oldest(study: &mut Study, worker: &WorkerId, fails: bool) -> Result<(), Box<dyn Error>> {
    let number = *study.running().first().ok_or("nothing runs")?;
    let trial = study.trial_at(number)?;
    let claim = Claim { number, attempt: trial.attempt, worker: worker.clone(), mark: Some(MARK) };
    let params = trial.params().ok_or("no parameters")?;
    let numbers: Vec<_> = params.iter().flatten().map(number_of).collect();
    // The objectives disagree.
    let factor = |k: usize, i: usize| if k == 0 { 1.0 } else { (2.0 * k as f64 + i as f64).cos() };
    let value = |k: usize| numbers.iter().enumerate().map(|(i, x)| factor(k, i) * x).sum();
    let objectives = 0..study.spec().directions.as_slice().len();
    let values: Vec<f64> = objectives.map(value).collect();
    let result = if fails {
        TrialResult::Fail("it failed".into())
    } else {
        TrialResult::Complete(Values::new(values)?)
    };
    let (events, ()) = study.finish(&claim, result, &[], Attributes::new())?;
    apply(study, &events);
    Ok(())
}

fn number_of(value: &ParamValue) -> f64 {
    match value {
        ParamValue::Float(x) => *x,
        ParamValue::Int(x) => *x as f64,
        ParamValue::Choice(c) => *c as f64,
    }
}

fn apply(study: &mut Study, events: &[Event]) {
    for event in events {
        let next = TrialId(study.trials().len() as i64);
        study.apply(event, next, Wall(0), Tick(Duration::MAX));
    }
}
