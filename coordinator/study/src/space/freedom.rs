//! What fixed values leave open for each parameter. A fixed value also restricts its parents, which must make
//! it active.

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
            for (parent, choices) in space.conditions(place) {
                needed[*parent] = true;
                freedoms[*parent].narrow(choices);
            }
        }
    }
    freedoms
}

impl Freedom {
    /// Keeps only `choices`, unless nothing would be left.
    fn narrow(&mut self, choices: &[usize]) {
        match self {
            Self::Any => {
                let mut open = choices.to_vec();
                open.sort_unstable();
                open.dedup();
                *self = Self::Among(open);
            }
            Self::Among(open) if open.iter().any(|c| choices.contains(c)) => {
                open.retain(|c| choices.contains(c));
            }
            Self::Among(_) | Self::Fixed(_) => {}
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
        Condition {
            parent: parent.into(),
            any_of: any_of.iter().copied().map(Choice::Int).collect(),
        }
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
}
