//! What fixed values leave open for each parameter. A fixed value also restricts its parents, which must make
//! it active.

use super::allowed::{Allowed, Numbers};
use super::distribution::ParamValue;
use super::param::{Param, Params};
use super::search_space::SearchSpace;

/// What a proposal may choose for one parameter.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Freedom {
    /// Any value of the distribution.
    Any,
    /// One of these choices: at least one, in ascending order.
    Among(Vec<usize>),
    /// One of these numbers.
    Within(Numbers),
    /// This value.
    Fixed(ParamValue),
}

/// The freedom of each parameter such that every fixed value becomes active, as far as the fixed values
/// agree.
pub(crate) fn freedoms(space: &SearchSpace, fixed: &Params) -> Vec<Freedom> {
    let fixed = |(place, param): (usize, &Param)| {
        let value = fixed.get(place).copied().flatten();
        value.filter(|v| param.distribution.contains(*v)).map_or(Freedom::Any, Freedom::Fixed)
    };
    let mut freedoms: Vec<_> = space.params().iter().enumerate().map(fixed).collect();
    let mut needed: Vec<_> = freedoms.iter().map(|f| *f != Freedom::Any).collect();
    // Parents come first, so going backwards we know everything that the children need.
    for place in (0..needed.len()).rev() {
        if needed[place] {
            for (parent, allowed) in space.conditions(place) {
                needed[*parent] = true;
                freedoms[*parent].narrow(allowed);
            }
        }
    }
    freedoms
}

impl Freedom {
    /// Whether this value is open.
    pub(crate) fn allows(&self, value: ParamValue) -> bool {
        match (self, value) {
            (Self::Any, _) => true,
            (Self::Among(open), ParamValue::Choice(choice)) => open.contains(&choice),
            (Self::Within(numbers), value) => numbers.has(value),
            (Self::Fixed(fixed), value) => *fixed == value,
            (Self::Among(_), _) => false,
        }
    }

    /// Keeps only the allowed values, unless nothing would be left.
    fn narrow(&mut self, allowed: &Allowed) {
        match (&mut *self, allowed) {
            (Self::Any, Allowed::Choices(choices)) => {
                let mut open = choices.clone();
                open.sort_unstable();
                open.dedup();
                *self = Self::Among(open);
            }
            (Self::Any, Allowed::Numbers(numbers)) => *self = Self::Within(numbers.clone()),
            (Self::Among(open), Allowed::Choices(choices))
                if open.iter().any(|c| choices.contains(c)) =>
            {
                open.retain(|c| choices.contains(c));
            }
            (Self::Within(open), Allowed::Numbers(numbers)) => {
                if let Some(both) = open.both(numbers) {
                    *open = both;
                }
            }
            (Self::Among(_) | Self::Within(_) | Self::Fixed(_), _) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::space::{Choice, Condition, Distribution, FloatScale};

    fn categorical(name: &str, choices: i64, when: Vec<Condition>) -> Param {
        let choices = (0..choices).map(Choice::Int).collect();
        Param { name: name.into(), distribution: Distribution::Categorical { choices }, when }
    }

    fn float(name: &str, when: Vec<Condition>) -> Param {
        let distribution = Distribution::Float { low: 0.0, high: 1.0, scale: FloatScale::Linear };
        Param { name: name.into(), distribution, when }
    }

    fn when(parent: &str, any_of: &[i64]) -> Condition {
        Condition::any_of(parent, any_of.iter().copied().map(Choice::Int).collect::<Vec<_>>())
    }

    #[test]
    fn a_fixed_grandchild_narrows_both_ancestors() {
        let space = SearchSpace::new(vec![
            categorical("a", 4, vec![]),
            categorical("b", 3, vec![when("a", &[1, 3])]),
            float("x", vec![when("b", &[2, 2]), when("a", &[0, 3])]),
        ])
        .expect("valid");
        let fixed: Params = vec![None, None, Some(ParamValue::Float(0.5))].into();
        let expected = [
            Freedom::Among(vec![3]),
            Freedom::Among(vec![2]),
            Freedom::Fixed(ParamValue::Float(0.5)),
        ];
        assert_eq!(freedoms(&space, &fixed), expected);
    }

    #[test]
    fn what_disagrees_or_does_not_belong_is_no_harm() {
        let space = SearchSpace::new(vec![
            categorical("a", 2, vec![]),
            float("x", vec![when("a", &[0])]),
            float("y", vec![when("a", &[1])]),
        ])
        .expect("valid");
        let half = Some(ParamValue::Float(0.5));
        let disagreeing = freedoms(&space, &vec![None, half, half].into());
        assert_eq!(disagreeing[0], Freedom::Among(vec![1]));
        let foreign = freedoms(&space, &vec![half, Some(ParamValue::Float(9.0))].into());
        assert_eq!(foreign, [Freedom::Any, Freedom::Any, Freedom::Any]);
    }

    #[test]
    fn children_narrow_the_numbers_of_a_parent() {
        let layers = Distribution::Int { low: 1, high: 100, step: 1, log: false };
        let unit = Distribution::Float { low: 0.0, high: 1.0, scale: FloatScale::Linear };
        let param = |name: &str, distribution: &Distribution, when| Param {
            name: name.into(),
            distribution: distribution.clone(),
            when,
        };
        let between = Condition::between;
        let space = SearchSpace::new(vec![
            param("layers", &layers, vec![]),
            param("x", &unit, vec![between("layers", Some(3.0), None)]),
            param("y", &unit, vec![between("layers", Some(40.5), Some(50.0))]),
            param("z", &unit, vec![between("layers", Some(60.0), None)]),
            param("w", &unit, vec![between("x", None, Some(0.25))]),
        ])
        .expect("valid");
        let half = Some(ParamValue::Float(0.5));
        let of = |fixed: [Option<ParamValue>; 5]| freedoms(&space, &fixed.to_vec().into());
        let ints = |low, high| Freedom::Within(Numbers::Ints(vec![(low, high)]));
        assert_eq!(of([None, half, None, None, None])[0], ints(3, 100));
        assert_eq!(of([None, half, half, None, None])[0], ints(41, 50));
        // What disagrees is no harm.
        assert_eq!(of([None, None, half, half, None])[0], ints(60, 100));
        let deep = of([None, None, None, None, half]);
        let quarter = Numbers::Floats { low: 0.0, high: 0.25, slack: 0.0 };
        assert_eq!(deep[..2], [ints(3, 100), Freedom::Within(quarter)]);
    }
}
