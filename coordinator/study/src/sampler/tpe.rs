//! Tree-structured Parzen estimator: proposes where good observations are dense and bad ones, with
//! the trials still running among them, are not.

use std::collections::BTreeMap;

use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::axis::Axis;
use super::freedom::{Freedom, freedoms};
use super::parzen::ParzenEstimator;
use super::{History, random};
use crate::space::{ParamValue, Params, SearchSpace};

/// Options of the TPE sampler.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TpeOptions {
    /// Finished trials before the first proposal that learns from them.
    pub startup_trials: u32,
    /// Draws from the good density, of which the best is proposed.
    pub candidates: u32,
}

impl Default for TpeOptions {
    fn default() -> Self {
        Self { startup_trials: 10, candidates: 24 }
    }
}

pub(super) fn propose(
    options: &TpeOptions,
    history: &History<'_>,
    fixed: &Params,
    rng: &mut ChaCha8Rng,
) -> Params {
    let space = history.space;
    if history.observations.len() < options.startup_trials as usize {
        return random::propose(space, fixed, rng);
    }
    let (good, bad) = split(history);
    let freedoms = freedoms(space, fixed);
    let mut values: Params = vec![None; space.params().len()].into();
    for group in groups(space) {
        if !space.is_active(group[0], &values) {
            continue;
        }
        let group = Group::new(space, group, &freedoms);
        let point = group.propose(&good, &bad, options.candidates, rng);
        for (place, value) in group.places.iter().zip(point) {
            values[*place] = Some(value);
        }
    }
    values
}

/// The good and the bad, each in the order in which they finished, pending trials last.
fn split<'a>(history: &History<'a>) -> (Vec<&'a Params>, Vec<&'a Params>) {
    let observations = &history.observations;
    // Adding 0 makes −0 equal to 0.
    let loss = |i: usize| history.direction.loss(observations[i].value) + 0.0;
    let mut ranking: Vec<_> = (0..observations.len()).collect();
    ranking.sort_by(|a, b| {
        let pruned = observations[*a].pruned.cmp(&observations[*b].pruned);
        pruned.then(loss(*a).total_cmp(&loss(*b)))
    });
    let mut is_good = vec![false; observations.len()];
    for place in &ranking[..good_count(observations.len())] {
        is_good[*place] = true;
    }
    let of = |kind: bool| {
        let those = observations.iter().zip(&is_good).filter(move |(_, good)| **good == kind);
        those.map(|(observation, _)| observation.params)
    };
    (of(true).collect(), of(false).chain(history.pending.iter().copied()).collect())
}

/// The best tenth, at most 25.
fn good_count(observations: usize) -> usize {
    observations.div_ceil(10).min(25)
}

/// For each parent the choices that satisfy, in ascending order.
type Conditions = BTreeMap<usize, Vec<usize>>;

/// The places of parameters with equal conditions, parents' groups first.
fn groups(space: &SearchSpace) -> Vec<Vec<usize>> {
    let mut groups: Vec<(Conditions, Vec<usize>)> = Vec::new();
    for place in 0..space.params().len() {
        let conditions = merged(space.conditions(place));
        match groups.iter_mut().find(|(known, _)| *known == conditions) {
            Some((_, places)) => places.push(place),
            None => groups.push((conditions, vec![place])),
        }
    }
    groups.into_iter().map(|(_, places)| places).collect()
}

/// One form of the conditions, however they were written.
fn merged(conditions: &[(usize, Vec<usize>)]) -> Conditions {
    let mut merged = Conditions::new();
    for (parent, choices) in conditions {
        let known = merged.entry(*parent).or_insert_with(|| choices.clone());
        known.retain(|c| choices.contains(c));
        known.sort_unstable();
        known.dedup();
    }
    merged
}

/// Parameters that are active together, modelled jointly.
struct Group<'a> {
    space: &'a SearchSpace,
    places: Vec<usize>,
    axes: Vec<Axis>,
    freedoms: Vec<Freedom>,
}

impl<'a> Group<'a> {
    fn new(space: &'a SearchSpace, places: Vec<usize>, freedoms: &[Freedom]) -> Self {
        let axes = places.iter().map(|p| Axis::new(&space.params()[*p].distribution)).collect();
        let freedoms = places.iter().map(|p| freedoms[*p].clone()).collect();
        Self { space, places, axes, freedoms }
    }

    /// The draw from the good density l with the largest `log l − log g`; the first of equals.
    fn propose(
        &self,
        good: &[&Params],
        bad: &[&Params],
        candidates: u32,
        rng: &mut ChaCha8Rng,
    ) -> Vec<ParamValue> {
        let good = self.estimator(good);
        let bad = self.estimator(bad);
        let draws = good.draws(&self.freedoms);
        let score = |point: &[ParamValue]| good.log_density(point) - bad.log_density(point);
        let mut best = draws.sample(rng);
        let mut best_score = score(&best);
        for _ in 1..candidates {
            let point = draws.sample(rng);
            let score = score(&point);
            if score > best_score {
                (best, best_score) = (point, score);
            }
        }
        best
    }

    /// Learns from those in which the group is active.
    fn estimator(&self, seen: &[&Params]) -> ParzenEstimator {
        let seen: Vec<_> = seen.iter().filter(|params| self.is_active_in(params)).collect();
        let column = |place: &usize| seen.iter().filter_map(|params| params[*place]).collect();
        let columns: Vec<_> = self.places.iter().map(column).collect();
        ParzenEstimator::new(&self.axes, &columns)
    }

    fn is_active_in(&self, params: &Params) -> bool {
        self.places.iter().all(|place| {
            let distribution = &self.space.params()[*place].distribution;
            params.get(*place).copied().flatten().is_some_and(|v| distribution.contains(v))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::Observation;
    use super::*;
    use crate::Direction;
    use crate::space::{Choice, Condition, Distribution, FloatScale, Param};

    fn float(name: &str, when: Vec<Condition>) -> Param {
        let distribution = Distribution::Float { low: 0.0, high: 1.0, scale: FloatScale::Linear };
        Param { name: name.into(), distribution, when }
    }

    fn method(name: &str, when: Vec<Condition>) -> Param {
        let choices = (0..3).map(Choice::Int).collect();
        Param { name: name.into(), distribution: Distribution::Categorical { choices }, when }
    }

    fn when(parent: &str, any_of: &[i64]) -> Condition {
        let any_of = any_of.iter().copied().map(Choice::Int).collect();
        Condition { parent: parent.into(), any_of }
    }

    /// Splits trials at 0, 1, 2, … with these values, and says which are good and which bad.
    fn split_of(direction: Direction, trials: &[(f64, bool)], pending: u8) -> [Vec<f64>; 2] {
        let space = SearchSpace::new(vec![float("x", vec![])]).expect("valid");
        let at = |x: usize| -> Params { vec![Some(ParamValue::Float(x as f64))].into() };
        let params: Vec<_> = (0..trials.len() + usize::from(pending)).map(at).collect();
        let (finished, pending) = params.split_at(trials.len());
        let observe = |(params, (value, pruned)): (_, &(f64, bool))| Observation {
            params,
            value: *value,
            pruned: *pruned,
        };
        let observations = finished.iter().zip(trials).map(observe).collect();
        let pending = pending.iter().collect();
        let (good, bad) = split(&History { space: &space, direction, observations, pending });
        let x = |params: &&Params| match params[0] {
            Some(ParamValue::Float(x)) => x,
            _ => f64::NAN,
        };
        [good.iter().map(x).collect(), bad.iter().map(x).collect()]
    }

    #[test]
    fn the_best_tenth_is_good_and_pending_trials_are_bad() {
        let values = [3.0, 0.0, 2.0, -0.0, 5.0, 1.0, 4.0, 9.0, 8.0, 7.0, 6.0].map(|v| (v, false));
        let [good, bad] = split_of(Direction::Minimize, &values, 2);
        assert_eq!(good, [1.0, 3.0]);
        assert_eq!(bad, [0.0, 2.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0, 12.0]);
        assert_eq!(split_of(Direction::Maximize, &values, 0)[0], [7.0, 8.0]);
        assert_eq!(split_of(Direction::Minimize, &[], 1), [vec![], vec![0.0]]);
    }

    #[test]
    fn pruned_trials_rank_behind_all_that_completed_and_ties_go_to_the_first() {
        let pruned = [(0.0, true), (9.0, false), (1.0, true)];
        assert_eq!(split_of(Direction::Minimize, &pruned, 0)[0], [1.0]);
        assert_eq!(split_of(Direction::Minimize, &[(0.0, false), (-0.0, false)], 0)[0], [0.0]);
        assert_eq!(split_of(Direction::Maximize, &[(-0.0, false), (0.0, false)], 0)[0], [0.0]);
    }

    #[test]
    fn the_good_are_never_more_than_25() {
        assert_eq!([0, 1, 10, 11, 250, 251, 9999].map(good_count), [0, 1, 1, 2, 25, 25, 25]);
    }

    #[test]
    fn parameters_with_the_same_conditions_form_a_group() {
        let space = SearchSpace::new(vec![
            method("a", vec![]),
            float("x", vec![when("a", &[0, 1])]),
            method("b", vec![]),
            float("y", vec![when("b", &[0]), when("a", &[1])]),
            float("z", vec![when("a", &[1, 0, 1])]),
            float("u", vec![when("a", &[1]), when("b", &[2, 0]), when("b", &[0, 1])]),
        ])
        .expect("valid");
        assert_eq!(groups(&space), [vec![0, 2], vec![1, 4], vec![3, 5]]);
    }
}
