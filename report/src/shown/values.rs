//! What a trial's values are, and which are better.
//!
//! Everything that shows, orders or compares values asks here: the analysis, and the commands too. Only the
//! page has to know it again (`web/src/values.ts`).

use std::cmp::Ordering;

use kindling_proto::v1;
use serde::Serialize;

/// Which way is better, per objective; at least one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Directions(Box<[Direction]>);

/// Whether a larger or a smaller value is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// A larger one.
    Maximize,
    /// A smaller one.
    Minimize,
}

/// The values of a completed trial, one per objective; empty for any other, and unless all are finite.
pub fn values(trial: &v1::Trial) -> &[f64] {
    let is_complete = trial.state() == v1::TrialState::Complete;
    let are_whole = is_complete && trial.values.iter().all(|value| value.is_finite());
    if are_whole { &trial.values } else { &[] }
}

/// The value of a completed trial's first objective, which is what statistics are about.
pub fn value(trial: &v1::Trial) -> Option<f64> {
    values(trial).first().copied()
}

/// Whether a trial is feasible: it told all of the study's constraints, and each is at or below 0. Without constraints
/// every trial is.
pub fn is_feasible(study: &v1::Study, trial: &v1::Trial) -> bool {
    let wanted = study.spec.as_ref().map_or(0, |spec| spec.constraints.len());
    trial.constraints.len() >= wanted && trial.constraints.iter().all(|value| *value <= 0.0)
}

/// The best trial of a study's search, as its coordinator says.
pub fn best(study: &v1::Study) -> Option<&v1::Trial> {
    study.best.as_ref()
}

impl Directions {
    /// Those of a study. One that names none maximises.
    pub fn of(study: &v1::Study) -> Self {
        let named = study.spec.iter().flat_map(v1::StudySpec::directions);
        let directions: Box<[_]> = named.map(Direction::new).collect();
        if directions.is_empty() { Self([Direction::Maximize].into()) } else { Self(directions) }
    }

    /// The direction of the first objective.
    pub fn first(&self) -> Direction {
        self.0[0]
    }

    /// All of them; at least one.
    pub fn as_slice(&self) -> &[Direction] {
        &self.0
    }

    /// The values to minimise, one per objective.
    pub(crate) fn losses(&self, values: &[f64]) -> Vec<f64> {
        self.0.iter().zip(values).map(|(direction, value)| direction.loss(*value)).collect()
    }

    /// The trials with values, best first. Equals keep their order.
    pub fn ranked<'a>(
        &self,
        trials: impl IntoIterator<Item = &'a v1::Trial>,
    ) -> Vec<&'a v1::Trial> {
        let mut ranked: Vec<_> =
            trials.into_iter().filter(|trial| !values(trial).is_empty()).collect();
        ranked.sort_by(|a, b| self.order(values(a), values(b)));
        ranked
    }

    /// The order in which trials are listed, best first: by the first objective, then by the next.
    pub fn order(&self, a: &[f64], b: &[f64]) -> Ordering {
        let pairs = self.0.iter().zip(a).zip(b);
        let orders = pairs.map(|((direction, a), b)| direction.order(*a, *b));
        orders.fold(Ordering::Equal, Ordering::then)
    }
}

impl Direction {
    fn new(wire: v1::Direction) -> Self {
        match wire {
            v1::Direction::Minimize => Self::Minimize,
            v1::Direction::Maximize | v1::Direction::Unspecified => Self::Maximize,
        }
    }

    /// The value to minimise, in either direction.
    pub fn loss(self, value: f64) -> f64 {
        match self {
            Self::Maximize => -value,
            Self::Minimize => value,
        }
    }

    /// The order of two values of one objective, the better one first.
    pub fn order(self, a: f64, b: f64) -> Ordering {
        self.loss(a).total_cmp(&self.loss(b))
    }

    /// The best of some values of one objective.
    pub fn best(self, values: impl IntoIterator<Item = f64>) -> Option<f64> {
        values.into_iter().min_by(|a, b| self.order(*a, *b))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    fn study(directions: &[v1::Direction]) -> v1::Study {
        let directions = directions.iter().map(|direction| (*direction).into()).collect();
        v1::Study {
            spec: Some(v1::StudySpec { directions, ..Default::default() }),
            ..Default::default()
        }
    }

    fn trial(number: u32, values: &[f64]) -> v1::Trial {
        v1::Trial { values: values.to_vec(), ..testing::trial(number, 0.0, &[]) }
    }

    #[test]
    fn a_trial_has_all_its_values_or_none() {
        let running =
            v1::Trial { state: v1::TrialState::Running.into(), ..testing::trial(0, 0.5, &[]) };
        for without in [trial(0, &[]), trial(0, &[0.5, f64::NAN]), running] {
            assert_eq!((values(&without), value(&without)), (&[][..], None));
        }
        let whole = trial(0, &[0.5, 2.0]);
        assert_eq!((values(&whole), value(&whole)), (&[0.5, 2.0][..], Some(0.5)));
    }

    #[test]
    fn a_trial_is_feasible_if_it_told_all_constraints_and_none_is_above_0() {
        let mut study = study(&[]);
        let told = |constraints: &[f64]| v1::Trial {
            constraints: constraints.to_vec(),
            ..testing::trial(0, 0.5, &[])
        };
        assert!(is_feasible(&study, &told(&[])));
        study.spec.as_mut().unwrap().constraints = vec!["a".to_owned(), "b".to_owned()];
        for (constraints, feasible) in [
            (&[][..], false),
            (&[-1.0], false),
            (&[-1.0, 0.0], true),
            (&[-1.0, 1e-300], false),
            (&[f64::NEG_INFINITY, f64::NAN], false),
        ] {
            assert_eq!(is_feasible(&study, &told(constraints)), feasible, "{constraints:?}");
        }
    }

    #[test]
    fn trials_are_ranked_by_the_first_objective_and_then_by_the_next() {
        let directions =
            Directions::of(&study(&[v1::Direction::Minimize, v1::Direction::Maximize]));
        let trials = [[2.0, 9.0], [1.0, 3.0], [1.0, 5.0], [1.0, 3.0]];
        let trials: Vec<_> = (0..).zip(&trials).map(|(number, of)| trial(number, of)).collect();
        let failed = v1::Trial { number: 9, ..Default::default() };
        let ranked = directions.ranked(trials.iter().chain([&failed]));
        assert_eq!(ranked.iter().map(|trial| trial.number).collect::<Vec<_>>(), [2, 1, 3, 0]);
    }

    #[test]
    fn the_best_is_the_largest_or_the_smallest() {
        let best = |direction: Direction| direction.best([2.0, 3.0, 1.0]);
        assert_eq!(best(Direction::Maximize), Some(3.0));
        assert_eq!(best(Direction::Minimize), Some(1.0));
        assert_eq!(Direction::Minimize.best([]), None);
    }

    #[test]
    fn a_study_has_a_direction_always() {
        let written = |study| serde_json::to_string(&Directions::of(&study)).expect("JSON");
        let both = study(&[v1::Direction::Maximize, v1::Direction::Minimize]);
        assert_eq!(written(both), r#"["maximize","minimize"]"#);
        assert_eq!(written(study(&[])), r#"["maximize"]"#);
        assert_eq!(written(v1::Study::default()), r#"["maximize"]"#);
        assert_eq!(Directions::of(&v1::Study::default()).first(), Direction::Maximize);
    }
}
