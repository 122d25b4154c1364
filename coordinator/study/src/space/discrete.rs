//! Numbers the configurations of a discrete space.
//!
//! With conditions, a space is not a product of its parameters, since two parameters may share parents. So a
//! configuration is a path through a graph. A node stands for a parameter and for the set of later parameters
//! that are already ruled out. Each value leads to a node of the next parameter. Values that rule out the
//! same parameters lead to the same node, which keeps the graph small.
//!
//! The cost is linear in the edges, times what each edge rules out; both are bounded. A parameter has one
//! node for each difference that earlier values make to it and to later parameters. To keep these few,
//! children follow their parents as closely as possible. Without conditions a parameter has one node; in a
//! tree of conditions it has at most one per combination of the values above it. If many parents share
//! children pair by pair, the number of nodes is exponential, and counting is given up.

use std::collections::{BTreeMap, BTreeSet};

use super::distribution::{Distribution, ParamValue};
use super::freedom::{Freedom, freedoms};
use super::param::Params;
use super::search_space::SearchSpace;

/// The values that a parameter may take while it is active.
#[derive(Debug, Clone)]
pub(crate) enum Values<'a> {
    /// All values of the distribution.
    All(&'a Distribution),
    /// These values: at least one, no two equal.
    These(Vec<ParamValue>),
}

/// The configurations of a space whose active parameters all have finitely many values, numbered from 0.
/// Later parameters vary faster. Children count as later than their parents.
#[derive(Debug)]
pub(crate) struct Configurations<'a> {
    values: Vec<Values<'a>>,
    /// In the order of visit. Every path begins at the first node.
    nodes: Vec<Node>,
    /// How many paths lead from each node to the end. The end is the last entry.
    counts: Vec<u128>,
}

#[derive(Debug)]
struct Node {
    place: usize,
    ways: Ways,
}

/// The next node.
#[derive(Debug)]
enum Ways {
    /// The parameter is not active.
    Inactive(usize),
    /// The same node for every value.
    Any(usize),
    /// One node per value.
    Each(Vec<usize>),
}

/// The places of later parameters that can no longer become active.
type RuledOut = BTreeSet<usize>;

impl<'a> Configurations<'a> {
    /// The configurations that keep the fixed values, as far as those agree. A parameter without fixed values
    /// takes the values from `open`.
    ///
    /// `None` if they cannot be counted: a parameter that may be active is continuous, there are 2^128
    /// configurations or more, or the conditions are so entangled that counting would take too long (there
    /// are thousands of configurations then).
    pub(crate) fn new(
        space: &'a SearchSpace,
        fixed: &Params,
        open: impl Fn(&'a Distribution) -> Values<'a>,
    ) -> Option<Self> {
        let distributions = space.params().iter().map(|param| &param.distribution);
        let values: Vec<_> = freedoms(space, fixed)
            .iter()
            .zip(distributions)
            .map(|(freedom, distribution)| Values::left(freedom, || open(distribution)))
            .collect();
        let nodes = graph(space, &values)?;
        let counts = counts(&nodes, &values)?;
        Some(Self { values, nodes, counts })
    }

    /// How many there are; at least one.
    pub(crate) fn count(&self) -> u128 {
        self.counts[0]
    }

    /// Configuration number `k`, which must be below the count.
    pub(crate) fn get(&self, mut k: u128) -> Params {
        let mut params: Params = vec![None; self.values.len()].into();
        let mut at = 0;
        while let Some(Node { place, ways }) = self.nodes.get(at) {
            let values = &self.values[*place];
            match ways {
                Ways::Inactive(next) => at = *next,
                Ways::Any(next) => {
                    params[*place] = Some(values.nth((k / self.counts[*next]) as u64));
                    (at, k) = (*next, k % self.counts[*next]);
                }
                Ways::Each(ways) => {
                    let mut value = 0;
                    while k >= self.counts[ways[value]] {
                        k -= self.counts[ways[value]];
                        value += 1;
                    }
                    params[*place] = Some(values.nth(value as u64));
                    at = ways[value];
                }
            }
        }
        params
    }

    /// The first untried configuration, from number `start` modulo the count on and wrapping around. `None`
    /// if all were tried, or too many in a row to keep callers waiting.
    pub(crate) fn untried(
        &self,
        start: u128,
        is_tried: impl Fn(&Params) -> bool,
    ) -> Option<Params> {
        let start = start % self.count();
        let numbers = (start..self.count()).chain(0..start);
        numbers.take(self.patience()).map(|k| self.get(k)).find(|params| !is_tried(params))
    }

    /// How many configurations a search may look at: about ten milliseconds of work.
    pub(crate) fn patience(&self) -> usize {
        const MOST_VALUES: usize = 1 << 20;
        MOST_VALUES / self.values.len().max(16)
    }
}

impl Values<'_> {
    /// The values that a freedom allows, or `open` if it allows any.
    pub(crate) fn left(freedom: &Freedom, open: impl FnOnce() -> Self) -> Self {
        match freedom {
            Freedom::Any => open(),
            Freedom::Among(choices) => {
                Self::These(choices.iter().copied().map(ParamValue::Choice).collect())
            }
            Freedom::Fixed(value) => Self::These(vec![*value]),
        }
    }

    /// How many values there are; `None` if they are continuous.
    pub(crate) fn count(&self) -> Option<u64> {
        match self {
            Self::All(distribution) => distribution.size(),
            Self::These(values) => Some(values.len() as u64),
        }
    }

    /// Value number `k`, which must be below the count.
    pub(crate) fn nth(&self, k: u64) -> ParamValue {
        match self {
            Self::All(distribution) => distribution.nth(k),
            Self::These(values) => values[k as usize],
        }
    }
}

/// The nodes in the order of visit, without the end. `None` if there are too many edges.
fn graph(space: &SearchSpace, values: &[Values]) -> Option<Vec<Node>> {
    /// About ten milliseconds of work, so that no space keeps callers waiting.
    const MOST_WAYS: usize = 1 << 15;
    /// The most steps along these edges.
    const MOST_STEPS: usize = 1 << 21;
    let families = Families::new(space);
    let mut nodes: Vec<Node> = Vec::new();
    let (mut ways_left, mut steps_left) = (MOST_WAYS, MOST_STEPS);
    let mut states = vec![RuledOut::new()];
    for place in families.order() {
        let first_next = nodes.len() + states.len();
        let mut next_states = BTreeMap::new();
        let mut next = |state: RuledOut| {
            let count = next_states.len();
            first_next + *next_states.entry(state).or_insert(count)
        };
        let steps = families.steps(place);
        for mut state in states {
            let ways = if state.remove(&place) {
                state.extend(families.children(place));
                Ways::Inactive(next(state))
            } else if families.children(place).next().is_none() {
                Ways::Any(next(state))
            } else {
                let without = |value: ParamValue| {
                    state.iter().copied().chain(families.ruled_out(place, value)).collect()
                };
                let count = values[place].count()?;
                let ways = usize::try_from(count).ok()?;
                ways_left = ways_left.checked_sub(ways)?;
                steps_left = steps_left.checked_sub(ways.checked_mul(state.len() + steps)?)?;
                Ways::Each((0..count).map(|k| next(without(values[place].nth(k)))).collect())
            };
            ways_left = ways_left.checked_sub(1)?;
            steps_left = steps_left.checked_sub(steps)?;
            nodes.push(Node { place, ways });
        }
        let mut numbered: Vec<_> = next_states.into_iter().collect();
        numbered.sort_unstable_by_key(|(_, number)| *number);
        states = numbered.into_iter().map(|(state, _)| state).collect();
    }
    Some(nodes)
}

/// How many paths lead from each node to the end, with 1 for the end itself.
fn counts(nodes: &[Node], values: &[Values]) -> Option<Vec<u128>> {
    let mut counts = vec![1_u128; nodes.len() + 1];
    for (at, Node { place, ways }) in nodes.iter().enumerate().rev() {
        counts[at] = match ways {
            Ways::Inactive(next) => counts[*next],
            Ways::Any(next) => counts[*next].checked_mul(values[*place].count()?.into())?,
            Ways::Each(ways) => {
                ways.iter().try_fold(0_u128, |sum, next| sum.checked_add(counts[*next]))?
            }
        };
    }
    Some(counts)
}

/// Which parameters depend on which.
struct Families<'a> {
    space: &'a SearchSpace,
    /// Per parameter: its children, with the choices that satisfy each of their conditions.
    children: Vec<Vec<(usize, &'a [usize])>>,
}

impl<'a> Families<'a> {
    fn new(space: &'a SearchSpace) -> Self {
        let mut children = vec![Vec::new(); space.params().len()];
        for place in 0..children.len() {
            for (parent, choices) in space.conditions(place) {
                children[*parent].push((place, choices.as_slice()));
            }
        }
        Self { space, children }
    }

    fn children(&self, place: usize) -> impl Iterator<Item = usize> {
        self.children[place].iter().map(|(child, _)| *child)
    }

    /// How many steps it takes to list what a value rules out.
    fn steps(&self, place: usize) -> usize {
        self.children[place].iter().map(|(_, choices)| 1 + choices.len()).sum()
    }

    /// The children that this value of the parameter at `place` makes inactive.
    fn ruled_out(&self, place: usize, value: ParamValue) -> impl Iterator<Item = usize> {
        let allows =
            move |choices: &[usize]| choices.iter().any(|c| value == ParamValue::Choice(*c));
        self.children[place].iter().filter(move |(_, c)| !allows(c)).map(|(child, _)| *child)
    }

    /// All places, each parameter as soon after the last of its parents as its siblings allow.
    fn order(&self) -> Vec<usize> {
        let count = self.children.len();
        let mut missing: Vec<_> = (0..count).map(|p| self.space.conditions(p).len()).collect();
        let mut next: Vec<_> = (0..count).rev().filter(|place| missing[*place] == 0).collect();
        let mut order = Vec::with_capacity(count);
        while let Some(place) = next.pop() {
            order.push(place);
            for (child, _) in self.children[place].iter().rev() {
                missing[*child] -= 1;
                if missing[*child] == 0 {
                    next.push(*child);
                }
            }
        }
        order
    }
}

#[cfg(test)]
mod tests;
