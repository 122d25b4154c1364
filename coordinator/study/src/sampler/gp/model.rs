//! The model of a study: which trials it learns from, and what it learns.
//!
//! Estimating hyper-parameters and factoring the covariance matrix anew is what costs. So it is done when an era begins,
//! and the trials since only extend the model. Eras are short at first: up to 40 trials, each is one. A few eras make an
//! epoch. When it begins the estimate is made from scratch; each era's begins with its epoch's. Which era and epoch it
//! is follows from the number of trials alone, so a model is the same whether it grew or was made at once.

use std::sync::Arc;

use super::fit::{self, Data};
use super::kernel::{Kernel, Layout, Point};
use super::posterior::Posterior;
use super::warp::{POWERS, Warp};
use crate::sampler::archive::Archive;
use crate::sampler::history::{End, Finished, History};

/// What is known after some trials.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::sampler) struct Model {
    pub(super) layout: Layout,
    pub(super) posterior: Posterior,
    /// Per point of it, what was observed there, warped, and its coordinates in the space.
    pub(super) values: Vec<f64>,
    pub(super) rows: Vec<Vec<f64>>,
    outcomes: Outcomes,
    epoch: Epoch,
    /// With how many trials its era began, how many it has seen by now, and the hash of those.
    era: usize,
    seen: usize,
    digest: u64,
}

/// What an epoch began with.
#[derive(Debug, Clone, PartialEq)]
struct Epoch {
    /// With how many trials, and the hash of those.
    trials: usize,
    digest: u64,
    /// Under which power their losses look most likely, and the logarithms of the hyper-parameters then.
    power: f64,
    logarithms: Vec<f64>,
}

/// How results become values.
#[derive(Debug, Clone, PartialEq)]
struct Outcomes {
    warp: Warp,
    /// The median loss of completed trials, and the largest; nothing if none completed.
    completed: Option<(f64, f64)>,
}

/// A trial that has a value.
#[derive(Clone)]
struct Observed {
    row: Vec<f64>,
    point: Point,
    loss: f64,
    value: f64,
}

/// What hyper-parameters are estimated from.
struct Sample {
    points: Vec<Point>,
    values: Vec<f64>,
    /// The logarithm of how much the losses were stretched.
    log_stretch: f64,
}

/// From how many trials the hyper-parameters are estimated. More would change them little.
const FITTED: usize = 160;
/// How often the likelihood is evaluated from scratch, and from a similar estimate on.
const ANEW: usize = 40;
const AGAIN: usize = 8;
/// How many trials the model has when an era begins.
const MODELLED: usize = 500;

impl Model {
    /// What is known from the archive. At least one of its trials has a value.
    pub(super) fn of(archive: &Archive) -> Arc<Self> {
        let (history, memo) = (archive.history(), archive.model());
        let trials = history.len();
        let belongs = |seen: usize, digest: u64| seen <= trials && digest == history.digest(seen);
        let known = memo.get().filter(|model| belongs(model.seen, model.digest));
        if let Some(model) = known.as_ref().filter(|model| model.seen == trials) {
            return Arc::clone(model);
        }
        let (era, epoch) = (era(trials), trials - trials % (4 * length(trials)));
        let mut model = match known {
            Some(model) if model.era == era => Arc::unwrap_or_clone(model),
            known => {
                let known = known.filter(|model| model.epoch.trials == epoch);
                Self::begin(
                    archive,
                    era,
                    known.map_or_else(|| Epoch::begin(archive, epoch), |known| known.epoch.clone()),
                )
            }
        };
        model.see(history);
        let model = Arc::new(model);
        memo.set(Arc::clone(&model));
        model
    }

    /// The steps of a new model, some nanoseconds each; 0 if there is one that only grows.
    pub(super) fn effort(archive: &Archive) -> usize {
        let trials = archive.history().len();
        let begins = archive.model().get().is_none_or(|model| model.era != era(trials));
        let dimensions = archive.history().axes().len();
        let evaluation = |rows: usize| rows * rows * (2 * (dimensions + 1) + rows / 8);
        let evaluations = ANEW + AGAIN * POWERS.len();
        if begins {
            evaluations * evaluation(trials.min(FITTED)) + evaluation(rows(archive))
        } else {
            0
        }
    }

    /// The model with which an era begins.
    fn begin(archive: &Archive, era: usize, epoch: Epoch) -> Self {
        let (history, layout) = (archive.history(), layout(archive));
        let finished: Vec<_> = history.since(0).take(era).collect();
        let outcomes = Outcomes::new(&finished, epoch.power);
        let observed = outcomes.all(&layout, &finished);
        let logarithms = if epoch.trials == era {
            epoch.logarithms.clone()
        } else {
            let sample = outcomes.sample(&observed);
            Data::new(&layout, &sample.points, &sample.values).fit(&epoch.logarithms, AGAIN).0
        };
        let posterior = Posterior::new(Kernel::from_logarithms(&layout, &logarithms));
        let (values, rows, digest) = (Vec::new(), Vec::new(), history.digest(era));
        let mut model =
            Self { layout, posterior, values, rows, outcomes, epoch, era, seen: era, digest };
        model.add(some(&observed, MODELLED));
        model
    }

    /// Sees the trials that have finished since.
    fn see(&mut self, history: &History) {
        let new = history.since(self.seen);
        let new = new.filter_map(|trial| self.outcomes.observed(&self.layout, &trial)).collect();
        self.add(new);
        self.posterior.observe(std::slice::from_ref(&self.values));
        (self.seen, self.digest) = (history.len(), history.digest(history.len()));
    }

    fn add(&mut self, observed: Vec<Observed>) {
        self.rows.extend(observed.iter().map(|observed| observed.row.clone()));
        let (points, values) = split(observed);
        self.posterior.extend(&self.layout, &points);
        self.values.extend(values);
    }
}

/// How many trials the model has at most.
pub(super) fn rows(archive: &Archive) -> usize {
    let trials = archive.history().len();
    trials.min(MODELLED + length(trials))
}

impl Epoch {
    fn begin(archive: &Archive, trials: usize) -> Self {
        let (history, layout) = (archive.history(), layout(archive));
        let finished: Vec<_> = history.since(0).take(trials).collect();
        let digest = history.digest(trials);
        let mut best =
            Self { trials, digest, power: POWERS[0], logarithms: fit::expected(&layout) };
        let mut least = f64::INFINITY;
        for power in POWERS {
            let outcomes = Outcomes::new(&finished, power);
            let sample = outcomes.sample(&outcomes.all(&layout, &finished));
            let evaluations = if least.is_finite() { AGAIN } else { ANEW };
            let data = Data::new(&layout, &sample.points, &sample.values);
            let (logarithms, loss) = data.fit(&best.logarithms, evaluations);
            let loss = loss - sample.log_stretch;
            if loss < least {
                least = loss;
                best = Self { power, logarithms, ..best };
            }
        }
        best
    }
}

/// The terms for the space of an archive.
fn layout(archive: &Archive) -> Layout {
    let groups: Vec<_> = archive.tables().iter().map(|table| &table.places[..]).collect();
    Layout::new(archive.history().axes(), &groups)
}

/// With how many trials the era began that this many are in.
fn era(trials: usize) -> usize {
    trials - trials % length(trials)
}

/// How many trials finish in an era that this many are in. It divides four times any longer one.
fn length(trials: usize) -> usize {
    match trials {
        ..40 => 1,
        40..80 => 2,
        80..160 => 4,
        160..320 => 8,
        320..640 => 16,
        _ => 32,
    }
}

/// At most `most` of the trials, in their order: a quarter of them the best, half the newest, the rest spread evenly.
fn some(observed: &[Observed], most: usize) -> Vec<Observed> {
    let mut keep = vec![observed.len() <= most; observed.len()];
    if observed.len() > most {
        let mut order: Vec<_> = (0..observed.len()).collect();
        order.sort_by(|a, b| observed[*a].value.total_cmp(&observed[*b].value));
        order[..most / 4].iter().for_each(|row| keep[*row] = true);
        keep[observed.len() - most / 2..].fill(true);
        let rest: Vec<_> = (0..observed.len()).filter(|row| !keep[*row]).collect();
        let open = most - keep.iter().filter(|keep| **keep).count();
        (0..open).for_each(|i| keep[rest[i * rest.len() / open]] = true);
    }
    let kept = observed.iter().zip(&keep).filter(|(_, keep)| **keep);
    kept.map(|(observed, _)| observed.clone()).collect()
}

fn split(observed: Vec<Observed>) -> (Vec<Point>, Vec<f64>) {
    observed.into_iter().map(|observed| (observed.point, observed.value)).unzip()
}

impl Outcomes {
    /// As it follows from these trials.
    fn new(finished: &[Finished], power: f64) -> Self {
        let mut losses: Vec<_> = finished
            .iter()
            .filter_map(|trial| match trial.end {
                End::Complete(loss) => Some(loss),
                End::Pruned(_) | End::Failed => None,
            })
            .collect();
        losses.sort_unstable_by(f64::total_cmp);
        let completed = losses.last().map(|most| (losses[losses.len() / 2], *most));
        if losses.is_empty() {
            losses.extend(finished.iter().filter_map(|trial| match trial.end {
                End::Pruned(loss) => Some(loss),
                End::Complete(_) | End::Failed => None,
            }));
        }
        let warp = Warp::new(if losses.is_empty() { &[0.0] } else { &losses }, power);
        Self { warp, completed }
    }

    /// The trials that have a value.
    fn all(&self, layout: &Layout, finished: &[Finished]) -> Vec<Observed> {
        finished.iter().filter_map(|trial| self.observed(layout, trial)).collect()
    }

    /// Those of them that hyper-parameters are estimated from.
    fn sample(&self, observed: &[Observed]) -> Sample {
        let observed = some(observed, FITTED);
        let log_stretch =
            observed.iter().map(|observed| self.warp.log_stretch(observed.loss)).sum();
        let (points, values) = split(observed);
        Sample { points, values, log_stretch }
    }

    /// A trial that has a value. A pruned trial would not have been among the better half, so its value is between
    /// the median of those that completed and the worst of them, as its last report has it.
    fn observed(&self, layout: &Layout, trial: &Finished) -> Option<Observed> {
        let loss = match (trial.end, self.completed) {
            (End::Failed, _) => return None,
            (End::Pruned(loss), Some((median, most))) => loss.clamp(median, most),
            (End::Pruned(loss), None) | (End::Complete(loss), _) => loss,
        };
        let row = trial.at.clone();
        Some(Observed { point: layout.point(&row), row, loss, value: self.warp.apply(loss) })
    }
}
