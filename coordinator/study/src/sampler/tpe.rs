//! Tree-structured Parzen estimator. It proposes where good observations are dense, bad and running ones are
//! not, and trials do not fail.

use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::Ask;
use super::archive::Archive;
use super::chance::Chances;
use super::effort::{self, most_rows};
use super::fronts::MOST_GOOD;
use super::parzen::{ParzenEstimator, Sample, Shape};
use super::startup;
use super::table::Table;
use crate::space::{Freedom, ParamValue, Params, freedoms};

/// Options of the TPE sampler.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TpeOptions {
    /// Finished trials before the first proposal that learns from them.
    pub startup_trials: u32,
    /// How many points to draw from the good density. The best one is proposed.
    pub candidates: u32,
}

impl TpeOptions {
    /// What a study file without options means.
    pub const DEFAULT: Self = Self { startup_trials: 10, candidates: 24 };
}

impl Default for TpeOptions {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// For good observations. Narrower than Optuna's, so that the search can close in, and slower to settle on a
/// choice. There are too few of them for `least` to matter. No kernel is narrower than the deviation of a
/// uniform distribution over its cell. A narrower one would keep all of its mass on one value, and the search
/// would never look at the next.
const GOOD: Shape =
    Shape { prior: 1.0, narrowest: 0.3, least: 0.003, cell: 0.288_675, smoothing: 3.0 };
/// For bad observations. A choice is not condemned by one bad combination. A region without trials is no
/// find, and neither is a gap between two bad points. What is bad about a value says nothing of the next one.
const BAD: Shape = Shape { prior: 4.0, narrowest: 1.0, least: 0.02, cell: 0.0, smoothing: 8.0 };

pub(super) fn propose(options: &TpeOptions, ask: &Ask<'_>, rng: &mut ChaCha8Rng) -> Params {
    if startup::is_startup(options.startup_trials, ask.archive) {
        return startup::propose(ask, rng);
    }
    let space = ask.space;
    let freedoms = freedoms(space, ask.fixed);
    let most = most_rows(options.candidates as usize, ask.archive.tables());
    let of_all = ask.archive.fronts().map(|fronts| fronts.best(good_of(ask.archive)));
    let mut values = space.nothing();
    for table in ask.archive.tables() {
        if !space.is_active(table.places[0], &values) {
            continue;
        }
        let freedoms: Vec<_> = table.places.iter().map(|place| freedoms[*place].clone()).collect();
        let of_group = of_all.as_ref().map(|good| table.rows_of(good));
        let (good, bad) = split(table, of_group, &ask.pending, most);
        let point = if is_separate(ask) {
            one_by_one(options, table, [&good, &bad], &freedoms, most, rng)
        } else {
            together(options, table, [&good, &bad], &freedoms, most, rng)
        };
        for (place, value) in table.places.iter().zip(point) {
            values[*place] = Some(value);
        }
    }
    values
}

/// Whether each parameter is chosen by itself: with several objectives, for every fourth trial. Joint densities know how parameters depend on each
/// other, but of each part of a front they know few trials. By itself, a parameter has all of them.
fn is_separate(ask: &Ask<'_>) -> bool {
    ask.archive.objectives() > 1 && ask.number.is_multiple_of(4)
}

/// Values for a group, from joint densities of all its parameters.
fn together(
    options: &TpeOptions,
    table: &Table,
    [good, bad]: [&Sample; 2],
    freedoms: &[Freedom],
    most: usize,
    rng: &mut ChaCha8Rng,
) -> Vec<ParamValue> {
    let good = ParzenEstimator::new(&table.axes, good, GOOD);
    let bad = ParzenEstimator::new(&table.axes, bad, BAD);
    let chances = Chances::new(table, most);
    let score = |point: &[ParamValue]| {
        good.log_density(point) - bad.log_density(point) + chances.log_of(point)
    };
    let draws = good.draws(freedoms);
    best_draw(|rng| draws.sample(rng), score, options.candidates, rng)
}

/// Values for a group, each from densities of its own. Where trials fail or violate constraints, the best of several of these points.
fn one_by_one(
    options: &TpeOptions,
    table: &Table,
    samples: [&Sample; 2],
    freedoms: &[Freedom],
    most: usize,
    rng: &mut ChaCha8Rng,
) -> Vec<ParamValue> {
    const POINTS: u32 = 4;
    let densities: Vec<_> = (0..table.axes.len())
        .map(|place| {
            let [good, bad] = samples.map(|sample| sample.of(place));
            let axis = &table.axes[place..=place];
            [ParzenEstimator::new(axis, &good, GOOD), ParzenEstimator::new(axis, &bad, BAD)]
        })
        .collect();
    let score = |[good, bad]: &[ParzenEstimator; 2], value: &[ParamValue]| {
        good.log_density(value) - bad.log_density(value)
    };
    let draw = |rng: &mut ChaCha8Rng| -> Vec<ParamValue> {
        let mut one = |(both, freedom): (&[ParzenEstimator; 2], &Freedom)| {
            let draws = both[0].draws(std::slice::from_ref(freedom));
            let score = |value: &[ParamValue]| score(both, value);
            best_draw(|rng| draws.sample(rng), score, options.candidates, rng)
        };
        densities.iter().zip(freedoms).flat_map(&mut one).collect()
    };
    let chances = Chances::new(table, most);
    let score = |point: &[ParamValue]| {
        let of = |(both, value): (&[ParzenEstimator; 2], &ParamValue)| {
            score(both, std::slice::from_ref(value))
        };
        densities.iter().zip(point).map(of).sum::<f64>() + chances.log_of(point)
    };
    best_draw(draw, score, if chances.are_any() { POINTS } else { 1 }, rng)
}

/// The steps of the next proposal.
pub(super) fn effort(options: &TpeOptions, archive: &Archive) -> usize {
    if startup::is_startup(options.startup_trials, archive) {
        return 0;
    }
    let splitting = archive.fronts().map_or(0, |fronts| fronts.effort(good_of(archive)));
    effort::effort(options.candidates as usize, archive.tables()).saturating_add(splitting)
}

/// The draw with the largest score; of equal ones, the first.
fn best_draw(
    mut draw: impl FnMut(&mut ChaCha8Rng) -> Vec<ParamValue>,
    score: impl Fn(&[ParamValue]) -> f64,
    candidates: u32,
    rng: &mut ChaCha8Rng,
) -> Vec<ParamValue> {
    let mut best = draw(rng);
    let mut best_score = score(&best);
    for _ in 1..candidates {
        let point = draw(rng);
        let score = score(&point);
        if score > best_score {
            (best, best_score) = (point, score);
        }
    }
    best
}

/// Splits the trials in which the table's parameters are active into good and bad. Of several objectives, `good` has the good rows, and
/// none is better than another; without any, there is only the prior. Running trials count as bad (a constant liar). Looks at no more than `most`
/// trials of either kind.
fn split(
    table: &Table,
    good: Option<Vec<usize>>,
    pending: &[&Params],
    most: usize,
) -> (Sample, Sample) {
    let ranked = table.ranked();
    let count = good_count(ranked.len());
    let (good, weights) = match good {
        Some(good) => (good.clone(), vec![1.0; good.len()]),
        None => (table.best(count), good_weights(count)),
    };
    let bad: Vec<_> = ranked.spread(most).filter(|row| !good.contains(row)).collect();
    let mut bad_columns = ranked.columns(&bad);
    let newest = pending.iter().rev().filter_map(|params| table.row(params)).take(most);
    let pending: Vec<_> = newest.collect();
    for row in pending.iter().rev() {
        for (column, coordinate) in bad_columns.iter_mut().zip(row) {
            column.push(*coordinate);
        }
    }
    let bad_weights = vec![1.0; bad_columns[0].len()];
    let good = Sample { columns: ranked.columns(&good), weights, pending: 0 };
    (good, Sample { columns: bad_columns, weights: bad_weights, pending: pending.len() })
}

/// How many trials are good, of several objectives: of all groups together.
fn good_of(archive: &Archive) -> usize {
    good_count(archive.observations())
}

/// The best tenth, at most 25.
fn good_count(observations: usize) -> usize {
    observations.div_ceil(10).min(MOST_GOOD)
}

/// The weights of the good observations, best first; 1 on average. As in CMA-ES, each is the logarithm of how
/// far its rank is from the end of the ranking (Hansen, arXiv 1604.00772). Ranks, unlike improvements, do not
/// change when the objective is transformed, and are robust against noise.
fn good_weights(count: usize) -> Vec<f64> {
    let log = |rank: usize| libm::log((count as f64 + 0.5) / (rank as f64 + 1.0));
    let mean = (0..count).map(log).sum::<f64>() / count as f64;
    (0..count).map(|rank| log(rank) / mean).collect()
}

#[cfg(test)]
mod tests {
    use super::super::tests::finished;
    use super::*;
    use crate::Direction;
    use crate::space::{Distribution, FloatScale, Param, SearchSpace};
    use crate::trial::TrialResult::{self, Pruned};

    fn complete(value: f64) -> TrialResult {
        TrialResult::Complete(value.into())
    }

    /// Splits trials at 0, 0.01, 0.02, … with these results. Returns the good ones, best first, and the bad ones,
    /// in hundredths.
    fn split_of(direction: Direction, results: &[TrialResult], pending: usize) -> [Vec<usize>; 2] {
        let distribution = Distribution::Float { low: 0.0, high: 1.0, scale: FloatScale::Linear };
        let param = Param { name: "x".into(), distribution, when: vec![] };
        let space = SearchSpace::new(vec![param]).expect("valid");
        let at = |i: usize| -> Params { vec![Some(ParamValue::Float(i as f64 / 100.0))].into() };
        let mut archive = Archive::new(&space, direction);
        for (i, result) in results.iter().enumerate() {
            archive.add(&space, &finished(&at(i), result));
        }
        let pending: Vec<_> = (results.len()..results.len() + pending).map(at).collect();
        let (good, bad) =
            split(&archive.tables()[0], None, &pending.iter().collect::<Vec<_>>(), 500);
        assert_eq!([good.pending, bad.pending], [0, pending.len()]);
        [good, bad].map(|s| s.columns[0].iter().map(|x| (x * 100.0).round() as usize).collect())
    }

    #[test]
    fn the_best_tenth_is_good_and_pending_trials_are_bad() {
        let values = [3.0, 0.0, 2.0, -0.0, 5.0, 1.0, 4.0, 9.0, 8.0, 7.0, 6.0].map(complete);
        let [good, bad] = split_of(Direction::Minimize, &values, 2);
        assert_eq!(good, [1, 3]);
        assert_eq!(bad, [0, 2, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
        assert_eq!(split_of(Direction::Maximize, &values, 0)[0], [7, 8]);
        assert_eq!(split_of(Direction::Minimize, &[], 1), [vec![], vec![0]]);
    }

    #[test]
    fn pruned_trials_rank_behind_all_that_completed_and_ties_go_to_the_first() {
        let results = [Pruned, complete(9.0), Pruned];
        assert_eq!(split_of(Direction::Minimize, &results, 0)[0], [1]);
        assert_eq!(split_of(Direction::Minimize, &[complete(0.0), complete(-0.0)], 0)[0], [0]);
        assert_eq!(split_of(Direction::Maximize, &[complete(-0.0), complete(0.0)], 0)[0], [0]);
    }

    #[test]
    fn the_good_are_never_more_than_25() {
        assert_eq!([0, 1, 10, 11, 250, 251, 9999].map(good_count), [0, 1, 1, 2, 25, 25, 25]);
    }

    #[test]
    fn better_ranks_weigh_more() {
        let weights = good_weights(20);
        assert!(weights.is_sorted_by(|a, b| a > b) && weights[19] > 0.0);
        assert!((weights.iter().sum::<f64>() - 20.0).abs() < 1e-12);
        assert_eq!(good_weights(1), [1.0]);
    }
}
