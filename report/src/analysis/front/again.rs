//! The front's trials, run again under fresh seeds: which of them are on the front of the means.

use kindling_proto::v1;
use serde::Serialize;

use super::{Front, covers, order};
use crate::analysis::confirm::{Measured, runs};
use crate::analysis::table::FEW;
use crate::shown::{Directions, Params, params, values};
use crate::stats::{interval, mean, sd};

/// The confirmation runs of a study of several objectives.
#[derive(Debug, Clone, Serialize)]
pub struct AgainFront {
    /// The configurations that ran again: best first by the first objective's mean, then by the next; those without a
    /// value come last.
    pub arms: Vec<AgainArm>,
}

/// One configuration and the results of its runs.
#[derive(Debug, Clone, Serialize)]
pub struct AgainArm {
    /// The search's trial with this configuration.
    pub of: u32,
    /// The configuration.
    pub params: Params,
    /// Whether that trial is on the search's front.
    pub was_on_front: bool,
    /// The planned number of seeds.
    pub planned: usize,
    /// What each seed gave, by ascending seed.
    pub runs: Vec<AgainRun>,
    /// The number of seeds whose runs ended without a value.
    pub failed: usize,
    /// Whether there are too few runs to draw conclusions.
    pub few: bool,
    /// One per objective; empty without a run.
    pub objectives: Vec<Estimate>,
    /// The mean of each constraint over the runs that told it.
    pub constraints: Vec<Option<f64>>,
    /// Whether the mean of every constraint is at or below 0; null without a run.
    pub feasible: Option<bool>,
    /// Whether it is feasible and no other feasible configuration's means dominate its own; null without a run.
    pub on_front: Option<bool>,
}

/// What one seed gave.
#[derive(Debug, Clone, Serialize)]
pub struct AgainRun {
    /// The index of the fresh seed.
    pub seed: u32,
    /// One value per objective.
    pub values: Vec<f64>,
}

/// A mean, and how certain it is.
#[derive(Debug, Clone, Serialize)]
pub struct Estimate {
    /// The values' mean.
    pub mean: f64,
    /// The lower end of the mean's 95 % interval; requires two or more values.
    pub low: Option<f64>,
    /// The upper end.
    pub high: Option<f64>,
    /// The values' standard deviation; requires two or more.
    pub sd: Option<f64>,
}

impl Estimate {
    /// `None` if a number is too large to sum up.
    fn new(sample: &[f64]) -> Option<Self> {
        let finite = |x: &f64| x.is_finite();
        let interval = interval(sample).filter(|(low, high)| finite(low) && finite(high));
        Some(Self {
            mean: mean(sample).filter(finite)?,
            low: interval.map(|(low, _)| low),
            high: interval.map(|(_, high)| high),
            sd: sd(sample).filter(finite),
        })
    }
}

impl AgainFront {
    /// `None` without a plan to confirm, or until a confirmation run has ended.
    pub(in crate::analysis) fn new(
        study: &v1::Study,
        trials: &[v1::Trial],
        front: &Front,
    ) -> Option<Self> {
        let seeds = study.confirm.as_ref()?.seeds as usize;
        let directions = Directions::of(study);
        let mut arms: Vec<_> = runs(trials)?
            .into_iter()
            .map(|(of, runs)| AgainArm::new(study, of, front.trials.contains(&of), seeds, runs))
            .collect();
        let losses = |arm: &AgainArm| {
            directions.losses(&arm.objectives.iter().map(|o| o.mean).collect::<Vec<_>>())
        };
        arms.sort_by(|a, b| {
            let missing = a.objectives.is_empty().cmp(&b.objectives.is_empty());
            missing.then_with(|| order(&losses(a), &losses(b)))
        });
        let feasible: Vec<_> =
            arms.iter().filter(|arm| arm.feasible == Some(true)).map(losses).collect();
        for arm in &mut arms {
            let own = losses(arm);
            let dominates = |other: &Vec<f64>| covers(other, &own) && !covers(&own, other);
            arm.on_front = arm.feasible.map(|is| is && !feasible.iter().any(dominates));
        }
        Some(Self { arms })
    }
}

impl AgainArm {
    fn new(
        study: &v1::Study,
        of: u32,
        was_on_front: bool,
        seeds: usize,
        mut runs: Vec<&v1::Trial>,
    ) -> Self {
        runs.sort_by_key(|trial| trial.number);
        let measured = Measured::new(&runs);
        let objectives = Directions::of(study).as_slice().len();
        // A trial has one value per objective; what has not is not of this study.
        let whole = |(_, trial): &(u32, &v1::Trial)| values(trial).len() == objectives;
        let trials: Vec<_> = measured.trials.into_iter().filter(whole).collect();
        let sample = |objective: usize| {
            trials.iter().map(|(_, trial)| values(trial)[objective]).collect::<Vec<_>>()
        };
        let estimates: Option<Vec<_>> =
            (0..objectives).map(|objective| Estimate::new(&sample(objective))).collect();
        let wanted = study.spec.as_ref().map_or(0, |spec| spec.constraints.len());
        let told = trials.iter().map(|(_, trial)| trial.constraints.len()).max().unwrap_or(0);
        let constraint = |place: usize| {
            let told: Vec<_> = trials
                .iter()
                .filter_map(|(_, trial)| trial.constraints.get(place).copied())
                .collect();
            mean(&told).filter(|mean| !mean.is_nan())
        };
        let constraints: Vec<_> = (0..wanted.max(told)).map(constraint).collect();
        let objectives = estimates.unwrap_or_default();
        let holds = constraints.iter().all(|mean| mean.is_some_and(|mean| mean <= 0.0));
        Self {
            of,
            params: runs.first().map(|trial| params(trial)).unwrap_or_default(),
            was_on_front,
            planned: if was_on_front { seeds.max(measured.seeds) } else { measured.seeds },
            failed: measured.failed,
            few: trials.len() < FEW,
            feasible: (!objectives.is_empty()).then_some(holds),
            on_front: None,
            runs: trials
                .iter()
                .map(|(seed, trial)| AgainRun { seed: *seed, values: values(trial).to_vec() })
                .collect(),
            objectives,
            constraints: constraints
                .into_iter()
                .map(|mean| mean.map(|mean| mean.clamp(f64::MIN, f64::MAX)))
                .collect(),
        }
    }
}
