//! Grid search: a few values of each parameter, in every combination.

use std::num::NonZeroU16;

use serde::{Deserialize, Serialize};

use super::{hash, sobol};
use crate::space::{
    Configurations, Distribution, FloatScale, ParamValue, Params, SearchSpace, Values, freedoms,
};

/// Options of grid search.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GridOptions {
    /// How many values each number takes. Categorical parameters, and numbers with fewer values, take all.
    pub points: NonZeroU16,
}

impl Default for GridOptions {
    fn default() -> Self {
        const POINTS: NonZeroU16 = NonZeroU16::new(5).unwrap();
        Self { points: POINTS }
    }
}

/// The grid's configuration at place `number` in the order of visit, which starts again after the last. If it
/// was tried, the next untried one. Once all were tried, or all that there is time to look at, they repeat.
///
/// Only parameters that are not fixed have a grid. The order is pseudo-random and the same for every study,
/// so a study that ends early has seen a random sample of the grid. Nested loops would have shown it a corner
/// only. Equal strides would have shown all values of some parameters but few of others.
pub(super) fn propose(
    options: &GridOptions,
    space: &SearchSpace,
    number: u32,
    fixed: &Params,
    is_tried: impl Fn(&Params) -> bool,
) -> Params {
    let points = options.points.get();
    let Some(grid) = Configurations::new(space, fixed, |d| coarse(d, points)) else {
        return sample(points, space, number, fixed);
    };
    let visit = |place| grid.get(hash::shuffled(place, grid.count()));
    let start = u128::from(number) % grid.count();
    let mut places = (start..grid.count()).chain(0..start).take(grid.patience());
    places.find_map(|place| Some(visit(place)).filter(|p| !is_tried(p))).unwrap_or(visit(start))
}

/// A configuration from a grid that is too large to number, where repeats are unlikely.
fn sample(points: u16, space: &SearchSpace, number: u32, fixed: &Params) -> Params {
    let mut params = space.nothing();
    for (place, freedom) in freedoms(space, fixed).iter().enumerate() {
        if space.is_active(place, &params) {
            let open = || coarse(&space.params()[place].distribution, points);
            let values = Values::left(freedom, open);
            let at = sobol::unit(0, place as u32, number);
            params[place] = values.count().map(|n| values.nth((at * n as f64) as u64));
        }
    }
    params
}

/// At most `points` values, evenly spaced on the distribution's scale, including both ends. A single point is
/// in the middle. A categorical parameter takes all its choices.
fn coarse(distribution: &Distribution, points: u16) -> Values<'_> {
    let is_categorical = matches!(distribution, Distribution::Categorical { .. });
    if is_categorical || distribution.size().is_some_and(|size| size <= points.into()) {
        return Values::All(distribution);
    }
    let place = |i: u16| if points == 1 { 0.5 } else { f64::from(i) / f64::from(points - 1) };
    let mut values: Vec<_> = (0..points).map(|i| value(distribution, place(i))).collect();
    // A log scale may have less than one whole number per point.
    values.dedup();
    Values::These(values)
}

/// The value at `z` in `[0, 1]` along the distribution's scale.
fn value(distribution: &Distribution, z: f64) -> ParamValue {
    let between = |low: f64, high: f64| low * (1.0 - z) + high * z;
    let between_logs = |low, high| libm::exp(between(libm::log(low), libm::log(high)));
    match *distribution {
        Distribution::Float { low, .. } if z <= 0.0 => ParamValue::Float(low),
        Distribution::Float { high, .. } if z >= 1.0 => ParamValue::Float(high),
        Distribution::Float { low, high, scale: FloatScale::Linear } => {
            ParamValue::Float(plain(between(low, high)).clamp(low, high))
        }
        Distribution::Float { low, high, scale: FloatScale::Log } => {
            ParamValue::Float(plain(between_logs(low, high)).clamp(low, high))
        }
        Distribution::Int { low, .. } if z <= 0.0 => ParamValue::Int(low),
        Distribution::Int { high, .. } if z >= 1.0 => ParamValue::Int(high),
        Distribution::Int { low, high, log: true, .. } => {
            let x = between_logs(low as f64, high as f64).round() as i64;
            ParamValue::Int(x.clamp(low, high))
        }
        _ => {
            let last = distribution.size().map_or(0, |size| size - 1);
            distribution.nth(((z * last as f64).round() as u64).min(last))
        }
    }
}

/// Drops the last digits, which are rounding: 0.3 rather than 0.30000000000000004, as a person would enqueue
/// it.
fn plain(x: f64) -> f64 {
    format!("{x:.14e}").parse().unwrap_or(x)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::space::{Choice, Condition, Param};

    fn options(points: u16) -> GridOptions {
        GridOptions { points: NonZeroU16::new(points).expect("not 0") }
    }

    fn int(low: i64, high: i64, step: i64, log: bool) -> Distribution {
        Distribution::Int { low, high, step, log }
    }

    fn float(low: f64, high: f64, scale: FloatScale) -> Distribution {
        Distribution::Float { low, high, scale }
    }

    fn categorical(choices: i64) -> Distribution {
        Distribution::Categorical { choices: (0..choices).map(Choice::Int).collect() }
    }

    fn param(name: &str, distribution: Distribution) -> Param {
        Param { name: name.into(), distribution, when: vec![] }
    }

    fn square(side: i64) -> SearchSpace {
        let params = ["x", "y"].map(|name| param(name, int(1, side, 1, false)));
        SearchSpace::new(params.into()).expect("valid")
    }

    fn is_new(_: &Params) -> bool {
        false
    }

    /// The grid's values as numbers, choices as their indices.
    fn numbers(distribution: &Distribution, points: u16) -> Vec<f64> {
        let values = coarse(distribution, points);
        let number = |k| match values.nth(k) {
            ParamValue::Float(x) => x,
            ParamValue::Int(x) => x as f64,
            ParamValue::Choice(c) => c as f64,
        };
        (0..values.count().expect("separate")).map(number).collect()
    }

    #[test]
    fn values_are_evenly_spaced_on_their_scale_from_end_to_end() {
        let linear = float(0.1, 0.8, FloatScale::Linear);
        assert_eq!(numbers(&linear, 8), [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8]);
        assert_eq!(numbers(&linear, 1), [0.45]);
        let log = float(1e-4, 1.0, FloatScale::Log);
        assert_eq!(numbers(&log, 5), [1e-4, 1e-3, 1e-2, 1e-1, 1.0]);
        assert_eq!(numbers(&int(1, 1000, 1, true), 4), [1.0, 10.0, 100.0, 1000.0]);
        let huge = int(1, i64::MAX - 1, 1, true);
        assert_eq!(coarse(&huge, 2).nth(1), ParamValue::Int(i64::MAX - 1));
        assert_eq!(numbers(&int(0, 100, 1, false), 5), [0.0, 25.0, 50.0, 75.0, 100.0]);
        let stepped = float(0.0, 2.0, FloatScale::Step(0.25));
        assert_eq!(numbers(&stepped, 5), [0.0, 0.5, 1.0, 1.5, 2.0]);
    }

    #[test]
    fn where_there_are_few_values_all_are_taken_once() {
        assert_eq!(numbers(&int(3, 12, 3, false), 4), [3.0, 6.0, 9.0, 12.0]);
        assert_eq!(numbers(&float(0.0, 0.3, FloatScale::Step(0.1)), 9), [0.0, 0.1, 0.2, 0.3]);
        assert_eq!(numbers(&float(2.0, 2.0, FloatScale::Log), 9), [2.0]);
        assert_eq!(numbers(&int(1, 10, 1, true), 9), [1.0, 2.0, 3.0, 4.0, 6.0, 7.0, 10.0]);
        assert_eq!(numbers(&categorical(9), 2).len(), 9);
    }

    #[test]
    fn every_combination_comes_once_and_then_all_come_again() {
        let mut deep = param("deep", float(0.0, 1.0, FloatScale::Linear));
        deep.when = vec![Condition::any_of("method", [Choice::Int(2)])];
        let params = vec![param("method", categorical(3)), deep, param("k", int(0, 1, 1, false))];
        let space = SearchSpace::new(params).expect("valid");
        let visit = |number| propose(&options(4), &space, number, &space.nothing(), is_new);
        let seen: Vec<_> = (0..12).map(visit).collect();
        for (i, params) in seen.iter().enumerate() {
            assert!(space.contains(params) && !seen[..i].contains(params), "{params:?}");
        }
        assert!((12..24).map(visit).eq(seen));
    }

    #[test]
    fn what_was_tried_is_passed_over_while_there_is_anything_else() {
        let space = square(3);
        let mut tried: Vec<Params> = vec![];
        let next = |number, tried: &[Params]| {
            propose(&options(3), &space, number, &space.nothing(), |p| tried.contains(p))
        };
        // Somebody enqueued the grid's second configuration, and its last.
        tried.extend([next(1, &[]), next(8, &[])]);
        for number in 2..9 {
            let params = next(number, &tried);
            assert!(!tried.contains(&params));
            tried.push(params);
        }
        assert_eq!(next(9, &tried), next(0, &[]));
        assert_eq!(next(13, &tried), next(4, &[]));
    }

    #[test]
    fn a_study_that_ends_early_has_seen_values_all_over() {
        let space = square(10);
        let visit = |number| propose(&options(10), &space, number, &space.nothing(), is_new);
        let seen: Vec<_> = (0..20).map(visit).collect();
        for place in 0..2 {
            let is_seen = |x: &i64| seen.iter().any(|p| p[place] == Some(ParamValue::Int(*x)));
            assert!((1..=10).filter(is_seen).count() >= 8, "{seen:?}");
        }
    }

    #[test]
    fn only_what_is_not_fixed_has_a_grid() {
        let space = square(3);
        let fixed: Params = vec![None, Some(ParamValue::Int(2))].into();
        let visit = |number| propose(&options(2), &space, number, &fixed, is_new);
        let mut seen = [0, 1].map(|number| visit(number)[0]);
        seen.sort_by_key(|value| *value == Some(ParamValue::Int(3)));
        assert_eq!(seen, [1, 3].map(|x| Some(ParamValue::Int(x))));
        assert_eq!(visit(0)[1], fixed[1]);
    }

    #[test]
    fn a_grid_too_large_to_be_numbered_is_sampled() {
        let params = (0..60).map(|i| param(&i.to_string(), float(0.0, 1.0, FloatScale::Linear)));
        let space = SearchSpace::new(params.collect()).expect("valid");
        let first = propose(&options(5), &space, 0, &space.nothing(), is_new);
        let second = propose(&options(5), &space, 1, &space.nothing(), is_new);
        let on_grid = |value: &Option<ParamValue>| {
            [0.0, 0.25, 0.5, 0.75, 1.0].iter().any(|x| *value == Some(ParamValue::Float(*x)))
        };
        assert!(first.iter().all(on_grid));
        assert!(first.iter().zip(&second).filter(|(a, b)| a != b).count() > 30);
    }

    #[test]
    fn options_are_checked_as_they_are_read() {
        let read = |json| serde_json::from_str::<GridOptions>(json);
        assert_eq!(read("{}").expect("valid"), options(5));
        assert_eq!(read(r#"{"points": 3}"#).expect("valid"), options(3));
        for bad in [r#"{"points": 0}"#, r#"{"points": 70000}"#, r#"{"point": 3}"#] {
            assert!(read(bad).is_err());
        }
    }
}
