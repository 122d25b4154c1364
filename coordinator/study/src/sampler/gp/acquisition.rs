//! How promising a point is: the logarithm of the expected improvement over the best that is known, plus the logarithm
//! of the chance that a trial there gets a value.
//!
//! Running trials are part of the model. What they will bring is drawn from it several times over, and the improvement
//! is the mean over these futures (Ginsbourger et al. 2008; Snoek et al. 2012, "Practical Bayesian Optimization of
//! Machine Learning Algorithms"). The best that is known is the least mean of the model at any trial, not the least
//! loss, which may be luck.

use std::borrow::Cow;

use rand_chacha::ChaCha8Rng;

use super::kernel::Point;
use super::lanes::{Lanes, WIDTH, ZERO};
use super::log_ei::log_expected_improvement;
use super::model::Model;
use super::posterior::{Posterior, Prediction};
use crate::sampler::Ask;
use crate::sampler::archive::Archive;
use crate::sampler::axis::Axis;
use crate::sampler::chance::Chance;
use crate::sampler::table::Table;
use crate::space::{Freedom, Params};

/// An acquisition function, to be maximised.
pub(super) struct Acquisition<'a> {
    pub(super) model: &'a Model,
    pub(super) archive: &'a Archive,
    pub(super) posterior: Cow<'a, Posterior>,
    /// Per future, the least mean.
    pub(super) least: Vec<f64>,
    /// Per group of parameters, the chance of a value.
    pub(super) chances: Vec<Option<Chance>>,
}

/// How many futures to think of while trials run.
const FUTURES: usize = WIDTH;
/// How many trials the chance of a value is estimated from.
const ROWS: usize = 500;
/// One proposal of so many looks for a large improvement, of this many deviations of all values. It explores.
const EXPLORES: u32 = 4;
const LARGE: f64 = 1.0;
/// The most running trials to think of; of more, the newest.
const RUNNING: usize = 200;

impl<'a> Acquisition<'a> {
    pub(super) fn new(model: &'a Model, ask: &'a Ask<'_>, rng: &mut ChaCha8Rng) -> Self {
        let newest = ask.pending.len().saturating_sub(RUNNING);
        let history = ask.archive.history();
        let running: Vec<_> = ask.pending[newest..]
            .iter()
            .map(|params| model.layout.point(&history.coordinates(params)))
            .collect();
        let mut posterior = Cow::Borrowed(&model.posterior);
        let mut futures = vec![model.values.clone()];
        if !running.is_empty() {
            let posterior = posterior.to_mut();
            posterior.extend(&model.layout, &running);
            futures = posterior.futures(&model.values, FUTURES, rng);
            posterior.observe(&futures);
        }
        let mut least = posterior.least_means(&futures);
        if ask.number % EXPLORES == EXPLORES - 1 {
            for least in &mut least {
                *least -= LARGE;
            }
        }
        let chances =
            ask.archive.tables().iter().map(|table| Chance::of_a_value(table, ROWS)).collect();
        Self { model, archive: ask.archive, posterior, least, chances }
    }

    /// The coordinates of the trials with the lowest values.
    pub(super) fn best(&self, count: usize) -> Vec<Vec<f64>> {
        let mut order: Vec<_> = (0..self.model.values.len()).collect();
        order.sort_by(|a, b| self.model.values[*a].total_cmp(&self.model.values[*b]));
        order.truncate(count);
        order.into_iter().map(|row| self.model.rows[row].clone()).collect()
    }

    /// Per parameter of the space, its coordinate.
    pub(super) fn coordinates(&self, params: &Params) -> Vec<f64> {
        self.archive.history().coordinates(params)
    }

    /// The parameters along which there is a slope to climb, with their dimensions in the model.
    pub(super) fn smooth(&self, axes: &[Axis], freedoms: &[Freedom]) -> Vec<(usize, usize)> {
        /// Between fewer cells than this there are no slopes worth climbing.
        const CELLS: f64 = 12.0;
        let places = self.model.layout.places.iter().enumerate();
        let is_smooth = |place: usize| match &axes[place] {
            Axis::Line(line) => line.cells().is_none_or(|cells| cells > CELLS),
            _ => false,
        };
        places
            .filter(|(_, place)| is_smooth(**place) && freedoms[**place] == Freedom::Any)
            .map(|(dimension, place)| (*place, dimension))
            .collect()
    }

    /// The scores of up to [`WIDTH`] points.
    pub(super) fn scores(&self, params: &[Params]) -> Vec<f64> {
        let layout = &self.model.layout;
        let points: Vec<_> = params.iter().map(|p| layout.point(&self.coordinates(p))).collect();
        let block = layout.block(&points);
        let prediction = self.posterior.predict(layout, &points, &block);
        let values = self.improvements(&prediction, points.len());
        let scores = values.iter().zip(params);
        scores.map(|(improvement, params)| improvement.value + self.log_chance(params)).collect()
    }

    /// The logarithms of the expected improvements at up to [`WIDTH`] points, and their gradients by dimension.
    pub(super) fn slopes(&self, at: &[Vec<f64>]) -> Vec<(f64, Vec<f64>)> {
        let layout = &self.model.layout;
        let points: Vec<Point> = at.iter().map(|at| layout.point(at)).collect();
        let block = layout.block(&points);
        let prediction = self.posterior.predict(layout, &points, &block);
        let improvements = self.improvements(&prediction, points.len());
        let mut by_means = vec![ZERO; self.least.len()];
        let mut by_deviation = ZERO;
        for (lane, improvement) in improvements.iter().enumerate() {
            for (by_mean, of_future) in by_means.iter_mut().zip(&improvement.by_means) {
                by_mean[lane] = *of_future;
            }
            by_deviation[lane] = improvement.by_deviation;
        }
        let gradient =
            self.posterior.gradient(layout, &block, prediction, &by_means, &by_deviation);
        let of_lane = |(lane, improvement): (usize, &Improvement)| {
            (improvement.value, gradient.iter().map(|g: &Lanes| g[lane]).collect())
        };
        improvements.iter().enumerate().map(of_lane).collect()
    }

    fn improvements(&self, prediction: &Prediction, points: usize) -> Vec<Improvement> {
        (0..points).map(|lane| self.improvement(prediction, lane)).collect()
    }

    /// The mean over the futures, and its derivatives.
    fn improvement(&self, prediction: &Prediction, lane: usize) -> Improvement {
        let deviation = prediction.deviations[lane];
        let futures = prediction.means.iter().zip(&self.least);
        let futures: Vec<_> = futures
            .map(|(means, least)| log_expected_improvement(*least, means[lane], deviation))
            .collect();
        let most = futures.iter().map(|future| future.value).fold(f64::NEG_INFINITY, f64::max);
        let weights: Vec<_> = futures.iter().map(|f| libm::exp(f.value - most)).collect();
        let sum: f64 = weights.iter().sum();
        let shares = futures.iter().zip(&weights).map(|(future, weight)| (future, weight / sum));
        Improvement {
            value: most + libm::log(sum / futures.len() as f64),
            by_means: shares.clone().map(|(future, share)| share * future.by_mean).collect(),
            by_deviation: shares.map(|(future, share)| share * future.by_deviation).sum(),
        }
    }

    /// The logarithm of the chance that a trial gets a value.
    fn log_chance(&self, params: &Params) -> f64 {
        let groups = self.archive.tables().iter().zip(&self.chances);
        let of_group = |(table, chance): (&Table, &Option<Chance>)| {
            let chance = chance.as_ref()?;
            let point: Option<Vec<_>> = table.places.iter().map(|place| params[*place]).collect();
            Some(chance.log_of(&point?))
        };
        groups.filter_map(of_group).sum()
    }
}

/// The value of the acquisition function at a point, and its derivatives by the means and by the deviation.
struct Improvement {
    value: f64,
    by_means: Vec<f64>,
    by_deviation: f64,
}
