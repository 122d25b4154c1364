//! What samplers learn from: the trials that finished, in the order in which they did, as
//! coordinates. It grows by a trial at a time, so that a proposal need not walk the history.

use std::collections::{BTreeMap, HashSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use super::axis::Axis;
use crate::Direction;
use crate::space::{ParamValue, Params, SearchSpace};
use crate::trial::{Outcome, Phase, Result, Trial};

/// The finished trials of a study.
#[derive(Debug, Clone, PartialEq)]
pub struct Archive {
    direction: Direction,
    tables: Vec<Table>,
    /// How many trials finished with something to learn from.
    observations: usize,
    /// Hashes of the parameters of all finished trials, whatever their result.
    tried: HashSet<u64>,
}

/// The trials in which the parameters of one group, which are active together, are active.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Table {
    /// The parameters' places in the space.
    pub(super) places: Vec<usize>,
    /// Their shapes.
    pub(super) axes: Vec<Axis>,
    /// For each parameter its coordinates, a row for each trial.
    columns: Vec<Vec<f64>>,
    /// The best rows, best first; of equals, the older.
    best: Vec<(Rank, usize)>,
}

/// How good a finished trial is; the least is the best.
#[derive(Debug, Clone, Copy)]
struct Rank {
    /// 0 for a trial that completed; pruned ones rank behind those that got further.
    shortfall: u64,
    loss: f64,
}

/// The best rows that are kept: more than any sampler calls good.
const MAX_BEST: usize = 64;

impl Archive {
    /// Of a study without trials.
    pub(crate) fn new(space: &SearchSpace, direction: Direction) -> Self {
        let tables = groups(space).into_iter().map(|places| Table::new(space, places)).collect();
        Self { direction, tables, observations: 0, tried: HashSet::new() }
    }

    /// Takes a trial that finished; one that confirms another, or without parameters, or with foreign
    /// ones, is left out.
    pub(crate) fn add(&mut self, space: &SearchSpace, trial: &Trial) {
        if trial.confirms.is_some() {
            return;
        }
        let Some(params) = trial.params().filter(|params| space.contains(params)) else { return };
        self.tried.insert(hash(params));
        let Some(rank) = Rank::of(trial, self.direction) else { return };
        self.observations += 1;
        for table in &mut self.tables {
            table.add(params, rank);
        }
    }

    /// How many trials finished with something to learn from.
    pub(super) fn observations(&self) -> usize {
        self.observations
    }

    /// The groups of parameters, parents' first.
    pub(super) fn tables(&self) -> &[Table] {
        &self.tables
    }

    /// Whether a trial with these parameters finished, however it did.
    pub(super) fn has_tried(&self, params: &Params) -> bool {
        self.tried.contains(&hash(params))
    }
}

impl Table {
    fn new(space: &SearchSpace, places: Vec<usize>) -> Self {
        let axes = places.iter().map(|p| Axis::new(&space.params()[*p].distribution)).collect();
        let columns = vec![Vec::new(); places.len()];
        Self { places, axes, columns, best: Vec::new() }
    }

    fn add(&mut self, params: &Params, rank: Rank) {
        let Some(row) = self.row(params) else { return };
        let place = self.best.partition_point(|(other, _)| other.cmp(&rank).is_le());
        if place < MAX_BEST {
            self.best.insert(place, (rank, self.len()));
            self.best.truncate(MAX_BEST);
        }
        for (column, coordinate) in self.columns.iter_mut().zip(row) {
            column.push(coordinate);
        }
    }

    /// The coordinates of these parameters, if they are active.
    pub(super) fn row(&self, params: &Params) -> Option<Vec<f64>> {
        let places = self.places.iter().zip(&self.axes);
        places.map(|(place, axis)| params[*place].map(|value| axis.coordinate(value))).collect()
    }

    /// How many trials it has.
    pub(super) fn len(&self) -> usize {
        self.columns[0].len()
    }

    /// The coordinates of the parameter at `place` among the group's, by row.
    pub(super) fn column(&self, place: usize) -> &[f64] {
        &self.columns[place]
    }

    /// Rows, at most `most`: the newest, and as many evenly spread over those before.
    pub(super) fn spread(&self, most: usize) -> impl Iterator<Item = usize> {
        let newest = if self.len() <= most { self.len() } else { most / 2 };
        let older = self.len() - newest;
        let kept = older.min(most - newest);
        (0..kept).map(move |i| i * older / kept).chain(older..self.len())
    }

    /// The best `count` rows, at most 64, best first.
    pub(super) fn best(&self, count: usize) -> Vec<usize> {
        self.best.iter().take(count).map(|(_, row)| *row).collect()
    }
}

impl Rank {
    /// A pruned trial has its last intermediate value; a failed one has no rank.
    fn of(trial: &Trial, direction: Direction) -> Option<Self> {
        let Phase::Finished(Outcome { result, .. }) = &trial.phase else { return None };
        let (shortfall, value) = match result {
            Result::Complete(value) => (0, *value),
            Result::Pruned => {
                let (step, value) = trial.curve.last()?;
                // A step fits 63 bits.
                (u64::MAX - step, *value)
            }
            Result::Fail(_) => return None,
        };
        // Adding 0 makes −0 equal to 0.
        value.is_finite().then(|| Self { shortfall, loss: direction.loss(value) + 0.0 })
    }

    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.shortfall.cmp(&other.shortfall).then(self.loss.total_cmp(&other.loss))
    }
}

impl PartialEq for Rank {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
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

fn hash(params: &Params) -> u64 {
    let mut hasher = DefaultHasher::new();
    for value in params {
        match value {
            None => 0_u8.hash(&mut hasher),
            Some(ParamValue::Float(x)) => (x + 0.0).to_bits().hash(&mut hasher),
            Some(ParamValue::Int(x)) => x.hash(&mut hasher),
            Some(ParamValue::Choice(c)) => c.hash(&mut hasher),
        }
    }
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::super::tests::finished;
    use super::*;
    use crate::confirm::Confirmation;
    use crate::ids::TrialNumber;
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

    #[test]
    fn a_long_history_is_thinned_out_but_for_its_newest() {
        let space = SearchSpace::new(vec![float("x", vec![])]).expect("valid");
        let mut archive = Archive::new(&space, Direction::Minimize);
        let rows = |archive: &Archive| archive.tables()[0].spread(4).collect::<Vec<_>>();
        let params: Params = vec![Some(ParamValue::Float(0.5))].into();
        let mut seen = vec![];
        for _ in 0..11 {
            seen.push(rows(&archive));
            archive.add(&space, &finished(&params, &Result::Complete(0.0)));
        }
        assert!(seen[0].is_empty());
        assert_eq!(seen[4], [0, 1, 2, 3]);
        assert_eq!(seen[5], [0, 1, 3, 4]);
        assert_eq!(seen[10], [0, 4, 8, 9]);
    }

    #[test]
    fn what_was_tried_is_remembered_whatever_came_of_it() {
        let space = SearchSpace::new(vec![float("x", vec![])]).expect("valid");
        let mut archive = Archive::new(&space, Direction::Minimize);
        let at = |x| -> Params { vec![Some(ParamValue::Float(x))].into() };
        archive.add(&space, &finished(&at(0.0), &Result::Complete(1.0)));
        archive.add(&space, &finished(&at(0.25), &Result::Fail("lost".into())));
        assert!([0.0, -0.0, 0.25].map(at).iter().all(|params| archive.has_tried(params)));
        assert!(!archive.has_tried(&at(0.5)));
        assert_eq!(archive.observations(), 1);
    }

    #[test]
    fn what_confirms_another_is_not_learned_from() {
        let space = SearchSpace::new(vec![float("x", vec![])]).expect("valid");
        let mut archive = Archive::new(&space, Direction::Minimize);
        let before = archive.clone();
        let params: Params = vec![Some(ParamValue::Float(0.5))].into();
        let mut trial = finished(&params, &Result::Complete(1.0));
        trial.confirms = Some(Confirmation { of: TrialNumber(0), seed: 0 });
        archive.add(&space, &trial);
        assert_eq!(archive, before);
    }
}
