//! What samplers learn from: the finished trials as coordinates, in the order in which they finished. It
//! grows trial by trial, so that a proposal need not walk the history.

use std::collections::{BTreeMap, HashSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use super::cmaes;
use super::fronts::Fronts;
use super::gp::Model;
use super::history::History;
use super::memo::Memo;
use super::nsga;
use super::results::{Completed, Results};
use super::table::{Rank, Table};
use crate::space::{Allowed, Numbers, ParamValue, Params, SearchSpace};
use crate::spec::StudySpec;
use crate::trial::{Outcome, Phase, Trial, TrialResult};
use crate::values::Directions;

/// What makes a trial good.
#[derive(Debug, Clone, PartialEq)]
pub struct Goal {
    /// Which way is better, per objective.
    pub(super) directions: Directions,
    /// How many constraints there are.
    pub(super) constraints: usize,
    /// The index of the objective whose intermediate values trials have.
    pub(super) pruner_objective: usize,
}

impl Goal {
    /// That of this study.
    pub(crate) fn of(spec: &StudySpec) -> Self {
        let (directions, constraints) = (spec.directions.clone(), spec.metrics.constraints.len());
        Self { directions, constraints, pruner_objective: spec.metrics.pruner_objective }
    }

    /// The same with so many constraints.
    pub(crate) fn with_constraints(self, constraints: usize) -> Self {
        Self { constraints, ..self }
    }
}

impl<D: Into<Directions>> From<D> for Goal {
    /// Without constraints; trials report the first objective.
    fn from(directions: D) -> Self {
        Self { directions: directions.into(), constraints: 0, pruner_objective: 0 }
    }
}

/// The finished trials of a study's search.
#[derive(Debug, Clone, PartialEq)]
pub struct Archive {
    goal: Goal,
    tables: Vec<Table>,
    history: History,
    results: Results,
    /// Of several objectives, who may be good.
    fronts: Option<Fronts>,
    model: Memo<Model>,
    /// What CMA-ES learned from the history.
    cmaes: Memo<cmaes::State>,
    /// What survived of them, in a genetic algorithm.
    nsga: Memo<nsga::State>,
    /// How many trials finished with a value.
    observations: usize,
    /// How many finished without one: failed, lost too often, or pruned before they reported.
    failures: usize,
    /// Hashes of the parameters of all these trials.
    tried: HashSet<u64>,
    /// Hashes of the parameters of those that finished without a value.
    failed: HashSet<u64>,
}

impl Archive {
    /// An empty archive.
    pub(crate) fn new(space: &SearchSpace, goal: impl Into<Goal>) -> Self {
        let goal = goal.into();
        let (objectives, constraints) = (goal.directions.as_slice().len(), goal.constraints);
        // With one objective, who is feasible ranks first, and its density says nothing new.
        let is_told_apart = objectives > 1 && constraints > 0;
        let table = |places| Table::new(space, places, is_told_apart);
        Self {
            goal,
            tables: groups(space).into_iter().map(table).collect(),
            history: History::new(space),
            results: Results::new(objectives),
            fronts: (objectives > 1).then(|| Fronts::new(objectives, constraints)),
            model: Memo::default(),
            cmaes: Memo::default(),
            nsga: Memo::default(),
            observations: 0,
            failures: 0,
            tried: HashSet::new(),
            failed: HashSet::new(),
        }
    }

    /// Adds a finished trial. Skips confirmations, trials without parameters, and parameters that do not fit
    /// the space.
    pub(crate) fn add(&mut self, space: &SearchSpace, trial: &Trial) {
        if trial.confirms.is_some() {
            return;
        }
        let Some(params) = trial.params().filter(|params| space.contains(params)) else { return };
        let hash = hash(params);
        self.tried.insert(hash);
        let rank = Rank::of(trial, &self.goal);
        let losses = rank.and_then(|_| losses(trial, &self.goal.directions));
        let ranked = rank.map(|rank| (rank, self.observations));
        if let Some((rank, place)) = ranked {
            self.observations += 1;
            if let Some(fronts) = &mut self.fronts {
                fronts.add(place, rank, losses.as_deref());
            }
        } else {
            self.failures += 1;
            self.failed.insert(hash);
        }
        self.history.add(params, rank);
        if let (Some(rank), Some(losses)) = (rank, losses) {
            let place = self.history.len() - 1;
            let completed = Completed { place, violation: rank.violation, losses };
            self.results.add(&completed, self.history.digest(self.history.len()));
        }
        for table in &mut self.tables {
            table.add(params, ranked);
        }
    }

    /// How many objectives there are.
    pub(super) fn objectives(&self) -> usize {
        self.goal.directions.as_slice().len()
    }

    /// How many constraints there are.
    pub(super) fn constraints(&self) -> usize {
        self.goal.constraints
    }

    /// How many trials finished with a value.
    pub(super) fn observations(&self) -> usize {
        self.observations
    }

    /// How many trials finished without a value.
    pub(super) fn failures(&self) -> usize {
        self.failures
    }

    /// The groups of parameters, parents' groups first.
    pub(super) fn tables(&self) -> &[Table] {
        &self.tables
    }

    /// Of several objectives, who may be good.
    pub(super) fn fronts(&self) -> Option<&Fronts> {
        self.fronts.as_ref()
    }

    /// What a Gaussian process made of them.
    pub(super) fn model(&self) -> &Memo<Model> {
        &self.model
    }

    /// The trials as whole rows.
    pub(super) fn history(&self) -> &History {
        &self.history
    }

    /// What CMA-ES learned last.
    pub(super) fn cmaes(&self) -> &Memo<cmaes::State> {
        &self.cmaes
    }

    /// What the completed trials brought.
    pub(super) fn results(&self) -> &Results {
        &self.results
    }

    /// What survived last, in a genetic algorithm.
    pub(super) fn nsga(&self) -> &Memo<nsga::State> {
        &self.nsga
    }

    /// Whether a trial with these parameters finished, with any result.
    pub(super) fn has_tried(&self, params: &Params) -> bool {
        self.tried.contains(&hash(params))
    }

    /// Whether a trial with these parameters finished without a value.
    pub(super) fn has_failed(&self, params: &Params) -> bool {
        self.failed.contains(&hash(params))
    }
}

/// The losses of a completed trial, one for each objective.
fn losses(trial: &Trial, directions: &Directions) -> Option<Vec<f64>> {
    let Phase::Finished(Outcome { result: TrialResult::Complete(values), .. }) = &trial.phase
    else {
        return None;
    };
    Some(directions.losses(values))
}

/// Per parent, the values that satisfy.
type Conditions = BTreeMap<usize, Satisfying>;

/// Values in a normal form.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Satisfying {
    /// Choices in ascending order; none at all if the conditions contradict each other.
    Choices(Vec<usize>),
    Ints(Vec<(i64, i64)>),
    /// The bits of the smallest and the largest number.
    Floats(u64, u64),
}

/// Groups the places of parameters with equal conditions, parents' groups first.
fn groups(space: &SearchSpace) -> Vec<Vec<usize>> {
    let mut groups: Vec<Vec<usize>> = Vec::new();
    let mut known: BTreeMap<Conditions, usize> = BTreeMap::new();
    for place in 0..space.params().len() {
        let group = *known.entry(merged(space.conditions(place))).or_insert(groups.len());
        if group == groups.len() {
            groups.push(Vec::new());
        }
        groups[group].push(place);
    }
    groups
}

/// A normal form: equal however the conditions were written.
fn merged(conditions: &[(usize, Allowed)]) -> Conditions {
    let mut merged: BTreeMap<usize, Option<Allowed>> = BTreeMap::new();
    for (parent, allowed) in conditions {
        let known = merged.entry(*parent).or_insert_with(|| Some(allowed.clone()));
        *known = known.as_ref().and_then(|known| known.both(allowed));
    }
    let normal = |allowed| match allowed {
        None => Satisfying::Choices(Vec::new()),
        Some(Allowed::Choices(mut choices)) => {
            choices.sort_unstable();
            choices.dedup();
            Satisfying::Choices(choices)
        }
        Some(Allowed::Numbers(Numbers::Ints(spans))) => Satisfying::Ints(spans),
        Some(Allowed::Numbers(Numbers::Floats { low, high, .. })) => {
            Satisfying::Floats(low.to_bits(), high.to_bits())
        }
    };
    merged.into_iter().map(|(parent, allowed)| (parent, normal(allowed))).collect()
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
    use crate::Direction;
    use crate::confirm::Confirmation;
    use crate::ids::TrialNumber;
    use crate::space::{Choice, Condition, Distribution, FloatScale, Param};
    use crate::trial::TrialResult;

    fn float(name: &str, when: Vec<Condition>) -> Param {
        let distribution = Distribution::Float { low: 0.0, high: 1.0, scale: FloatScale::Linear };
        Param { name: name.into(), distribution, when }
    }

    fn method(name: &str, when: Vec<Condition>) -> Param {
        let choices = (0..3).map(Choice::Int).collect();
        Param { name: name.into(), distribution: Distribution::Categorical { choices }, when }
    }

    fn when(parent: &str, any_of: &[i64]) -> Condition {
        Condition::any_of(parent, any_of.iter().copied().map(Choice::Int).collect::<Vec<_>>())
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
    fn ranges_with_the_same_numbers_are_the_same_condition() {
        let layers = Distribution::Int { low: 1, high: 9, step: 1, log: false };
        let between = |low, high| Condition::between("n", low, high);
        let of = |numbers: &[i64]| when("n", numbers);
        let space = SearchSpace::new(vec![
            Param { name: "n".into(), distribution: layers, when: vec![] },
            float("a", vec![between(Some(3.0), None)]),
            float("b", vec![between(Some(2.5), Some(20.0))]),
            float("c", vec![of(&[9, 3, 4, 5, 6, 8, 7])]),
            float("d", vec![between(Some(3.0), None), between(None, Some(4.0))]),
            float("e", vec![of(&[4, 3])]),
        ])
        .expect("valid");
        assert_eq!(groups(&space), [vec![0], vec![1, 2, 3], vec![4, 5]]);
    }

    #[test]
    fn a_long_history_is_thinned_out_but_for_its_newest() {
        let space = SearchSpace::new(vec![float("x", vec![])]).expect("valid");
        let mut archive = Archive::new(&space, Direction::Minimize);
        let rows = |archive: &Archive| archive.tables()[0].ranked().spread(4).collect::<Vec<_>>();
        let params: Params = vec![Some(ParamValue::Float(0.5))].into();
        let mut seen = vec![];
        for _ in 0..11 {
            seen.push(rows(&archive));
            archive.add(&space, &finished(&params, &TrialResult::Complete(0.0.into())));
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
        archive.add(&space, &finished(&at(0.0), &TrialResult::Complete(1.0.into())));
        archive.add(&space, &finished(&at(0.25), &TrialResult::Fail("lost".into())));
        assert!([0.0, -0.0, 0.25].map(at).iter().all(|params| archive.has_tried(params)));
        assert!(!archive.has_tried(&at(0.5)));
        assert_eq!((archive.observations(), archive.failures()), (1, 1));
        assert!(archive.has_failed(&at(0.25)) && !archive.has_failed(&at(0.0)));
    }

    #[test]
    fn what_confirms_another_is_not_learned_from() {
        let space = SearchSpace::new(vec![float("x", vec![])]).expect("valid");
        let mut archive = Archive::new(&space, Direction::Minimize);
        let before = archive.clone();
        let params: Params = vec![Some(ParamValue::Float(0.5))].into();
        let mut trial = finished(&params, &TrialResult::Complete(1.0.into()));
        trial.confirms = Some(Confirmation { of: TrialNumber(0), seed: 0 });
        archive.add(&space, &trial);
        assert_eq!(archive, before);
    }
}
