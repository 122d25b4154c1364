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

use super::allowed::Allowed;
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
    /// Parts of the distribution's values: of each, the number of the first, and how many. At least one.
    Parts(&'a Distribution, Vec<(u64, u64)>),
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
    /// One node for each run of values, with the run's length.
    Each(Vec<(u64, usize)>),
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
                    let (mut value, mut run) = (0, 0);
                    let of = |run: usize| u128::from(ways[run].0) * self.counts[ways[run].1];
                    while k >= of(run) {
                        k -= of(run);
                        value += ways[run].0;
                        run += 1;
                    }
                    let next = ways[run].1;
                    value += (k / self.counts[next]) as u64;
                    params[*place] = Some(values.nth(value));
                    (at, k) = (next, k % self.counts[next]);
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
    /// The values that a freedom allows, or `open` if it allows any; of numbers, those of `open` that it allows.
    pub(crate) fn left(freedom: &Freedom, open: impl FnOnce() -> Self) -> Self {
        match freedom {
            Freedom::Any => open(),
            Freedom::Among(choices) => {
                Self::These(choices.iter().copied().map(ParamValue::Choice).collect())
            }
            Freedom::Within(numbers) => match open() {
                Self::All(distribution) if distribution.size().is_some() => {
                    let part = |(low, high)| {
                        let first = distribution.number(low);
                        (first, distribution.number(high) - first + 1)
                    };
                    Self::Parts(distribution, numbers.spans().into_iter().map(part).collect())
                }
                // A continuous range that is a point.
                Self::All(distribution) => match numbers.spans()[0] {
                    (low, high) if low == high => Self::These(vec![low]),
                    _ => Self::All(distribution),
                },
                Self::These(mut values) => {
                    for value in &mut values {
                        *value = numbers.nearest(*value);
                    }
                    values.dedup();
                    Self::These(values)
                }
                parts @ Self::Parts(..) => parts,
            },
            Freedom::Fixed(value) => Self::These(vec![*value]),
        }
    }

    /// How many values there are; `None` if they are continuous.
    pub(crate) fn count(&self) -> Option<u64> {
        match self {
            Self::All(distribution) => distribution.size(),
            Self::These(values) => Some(values.len() as u64),
            Self::Parts(_, parts) => Some(parts.iter().map(|(_, count)| count).sum()),
        }
    }

    /// Value number `k`, which must be below the count.
    pub(crate) fn nth(&self, k: u64) -> ParamValue {
        match self {
            Self::All(distribution) => distribution.nth(k),
            Self::These(values) => values[k as usize],
            Self::Parts(distribution, parts) => {
                let mut left = k;
                let (mut first, _) = parts[0];
                for (start, count) in parts {
                    first = *start;
                    if left < *count {
                        break;
                    }
                    left -= count;
                }
                distribution.nth(first + left)
            }
        }
    }

    /// The lengths of runs of values that satisfy the same conditions, in order. A choice is a run of its own. `None` if
    /// the values are continuous, or too many.
    fn runs(&self, conditions: &[(usize, &Allowed)]) -> Option<Vec<u64>> {
        let whole = |distribution: &Distribution| Some(vec![(0, distribution.size()?)]);
        let (distribution, parts) = match self {
            Self::All(distribution)
                if !matches!(distribution, Distribution::Categorical { .. }) =>
            {
                (*distribution, whole(distribution)?)
            }
            Self::Parts(distribution, parts) => (*distribution, parts.clone()),
            Self::All(_) | Self::These(_) => {
                return Some(vec![1; usize::try_from(self.count()?).ok()?]);
            }
        };
        let mut cuts = BTreeSet::new();
        for (_, allowed) in conditions {
            if let Allowed::Numbers(numbers) = allowed {
                for (low, high) in numbers.spans() {
                    cuts.extend([distribution.number(low), distribution.number(high) + 1]);
                }
            }
        }
        let mut runs = Vec::new();
        for (first, count) in parts {
            let mut start = first;
            for cut in cuts.range(first + 1..first + count) {
                runs.push(cut - start);
                start = *cut;
            }
            runs.push(first + count - start);
        }
        Some(runs)
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
                let runs = values[place].runs(&families.children[place])?;
                let ways = runs.len();
                ways_left = ways_left.checked_sub(ways)?;
                steps_left = steps_left.checked_sub(ways.checked_mul(state.len() + steps)?)?;
                let mut first = 0;
                let way = |length: u64| {
                    let value = values[place].nth(first);
                    first += length;
                    (length, next(without(value)))
                };
                Ways::Each(runs.into_iter().map(way).collect())
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
            Ways::Each(ways) => ways.iter().try_fold(0_u128, |sum, (length, next)| {
                sum.checked_add(counts[*next].checked_mul((*length).into())?)
            })?,
        };
    }
    Some(counts)
}

/// Which parameters depend on which.
struct Families<'a> {
    space: &'a SearchSpace,
    /// Per parameter: its children, with the values that satisfy each of their conditions.
    children: Vec<Vec<(usize, &'a Allowed)>>,
}

impl<'a> Families<'a> {
    fn new(space: &'a SearchSpace) -> Self {
        let mut children = vec![Vec::new(); space.params().len()];
        for place in 0..children.len() {
            for (parent, allowed) in space.conditions(place) {
                children[*parent].push((place, allowed));
            }
        }
        Self { space, children }
    }

    fn children(&self, place: usize) -> impl Iterator<Item = usize> {
        self.children[place].iter().map(|(child, _)| *child)
    }

    /// How many steps it takes to list what a value rules out.
    fn steps(&self, place: usize) -> usize {
        self.children[place].iter().map(|(_, allowed)| 1 + allowed.parts()).sum()
    }

    /// The children that this value of the parameter at `place` makes inactive.
    fn ruled_out(&self, place: usize, value: ParamValue) -> impl Iterator<Item = usize> {
        let ruled_out = move |(_, allowed): &&(usize, &Allowed)| !allowed.has(value);
        self.children[place].iter().filter(ruled_out).map(|(child, _)| *child)
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
