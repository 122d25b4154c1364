//! The values of a parent that satisfy a condition.

use super::distribution::{Distribution, FloatScale, ParamValue};

/// The values of a parent that satisfy a condition. However many there are, it takes no more room than the condition.
#[derive(Debug, Clone, PartialEq)]
pub enum Allowed {
    /// Some of its choices, by index.
    Choices(Vec<usize>),
    /// Some of its numbers.
    Numbers(Numbers),
}

/// Some of the numbers of a distribution: at least one.
#[derive(Debug, Clone, PartialEq)]
pub enum Numbers {
    /// Whole numbers, each from a first to a last one that the distribution has. In ascending order, and apart.
    Ints(Vec<(i64, i64)>),
    /// Real numbers.
    Floats {
        /// The smallest one that the distribution has.
        low: f64,
        /// The largest one that the distribution has.
        high: f64,
        /// How far outside a number may be that means an end, since a number on a grid is exact up to rounding only.
        slack: f64,
    },
}

impl Allowed {
    /// Whether this value of the parent satisfies.
    pub fn has(&self, value: ParamValue) -> bool {
        match (self, value) {
            (Self::Choices(choices), ParamValue::Choice(choice)) => choices.contains(&choice),
            (Self::Numbers(numbers), value) => numbers.has(value),
            _ => false,
        }
    }

    /// What satisfies both. `None` if nothing does.
    pub(crate) fn both(&self, other: &Self) -> Option<Self> {
        match (self, other) {
            (Self::Choices(a), Self::Choices(b)) => {
                let both: Vec<_> = a.iter().copied().filter(|choice| b.contains(choice)).collect();
                (!both.is_empty()).then_some(Self::Choices(both))
            }
            (Self::Numbers(a), Self::Numbers(b)) => a.both(b).map(Self::Numbers),
            _ => None,
        }
    }

    /// How many parts it is written in.
    pub(super) fn parts(&self) -> usize {
        match self {
            Self::Choices(choices) => choices.len(),
            Self::Numbers(Numbers::Ints(spans)) => spans.len(),
            Self::Numbers(Numbers::Floats { .. }) => 1,
        }
    }
}

impl Numbers {
    /// The numbers of a distribution in a range. `None` if it has none there, or only choices.
    pub(super) fn between(distribution: &Distribution, low: f64, high: f64) -> Option<Self> {
        match *distribution {
            Distribution::Float { low: least, high: most, scale } => {
                let (low, high, slack) = match scale {
                    FloatScale::Linear | FloatScale::Log => (low.max(least), high.min(most), 0.0),
                    FloatScale::Step(step) => {
                        /// The same tolerance as in `contains`.
                        const SLACK: f64 = 1e-6;
                        let count = distribution.size().unwrap_or(1);
                        let index = |x: f64| (x.clamp(least - step, most + step) - least) / step;
                        let first = (index(low) - SLACK).ceil().max(0.0) as u64;
                        let end = (index(high) + SLACK).floor();
                        if end < 0.0 || first >= count || first > end as u64 {
                            return None;
                        }
                        let at = |k: u64| match distribution.nth(k) {
                            ParamValue::Float(x) => x,
                            other => other.as_number(),
                        };
                        (at(first), at((end as u64).min(count - 1)), step / 4.0)
                    }
                };
                (low <= high).then_some(Self::Floats { low, high, slack })
            }
            Distribution::Int { low: least, high: most, step, .. } => {
                // Casts saturate. Beyond 2^53 every float is a whole number.
                let (low, high) = (low.ceil(), high.floor());
                if low > most as f64 || high < least as f64 {
                    return None;
                }
                let (low, high) = ((low as i64).max(least), (high as i64).min(most));
                let past = low.abs_diff(least) % step.unsigned_abs();
                let low = match past {
                    0 => low,
                    past => low.checked_add(step - past.cast_signed())?,
                };
                let high = high.checked_sub(high.checked_sub(least)?.checked_rem(step)?)?;
                (low <= high).then(|| Self::Ints(vec![(low, high)]))
            }
            Distribution::Categorical { .. } => None,
        }
    }

    /// These whole numbers of a distribution, of which there is at least one. `step` is how far its numbers are apart.
    pub(super) fn these(mut numbers: Vec<i64>, step: i64) -> Self {
        numbers.sort_unstable();
        numbers.dedup();
        let mut spans: Vec<(i64, i64)> = Vec::new();
        for number in numbers {
            match spans.last_mut() {
                Some((_, end)) if end.checked_add(step) == Some(number) => *end = number,
                _ => spans.push((number, number)),
            }
        }
        Self::Ints(spans)
    }

    /// Whether this is one of them.
    pub(crate) fn has(&self, value: ParamValue) -> bool {
        match (self, value) {
            (Self::Ints(spans), ParamValue::Int(x)) => {
                let after = spans.partition_point(|(low, _)| *low <= x);
                after > 0 && x <= spans[after - 1].1
            }
            (Self::Floats { low, high, slack }, ParamValue::Float(x)) => {
                x >= low - slack && x <= high + slack
            }
            _ => false,
        }
    }

    /// The numbers that are among both.
    pub(crate) fn both(&self, other: &Self) -> Option<Self> {
        match (self, other) {
            (Self::Ints(a), Self::Ints(b)) => {
                let mut spans = Vec::new();
                let (mut i, mut k) = (0, 0);
                while let (Some(a), Some(b)) = (a.get(i), b.get(k)) {
                    let (low, high) = (a.0.max(b.0), a.1.min(b.1));
                    if low <= high {
                        spans.push((low, high));
                    }
                    if a.1 < b.1 { i += 1 } else { k += 1 }
                }
                (!spans.is_empty()).then_some(Self::Ints(spans))
            }
            (Self::Floats { low: a, high: b, slack }, Self::Floats { low: c, high: d, .. }) => {
                let (low, high, slack) = (a.max(*c), b.min(*d), *slack);
                (low <= high).then_some(Self::Floats { low, high, slack })
            }
            _ => None,
        }
    }

    /// The parts, each from a first to a last number.
    pub(crate) fn spans(&self) -> Vec<(ParamValue, ParamValue)> {
        match self {
            Self::Ints(spans) => {
                let ints =
                    |(low, high): &(i64, i64)| (ParamValue::Int(*low), ParamValue::Int(*high));
                spans.iter().map(ints).collect()
            }
            Self::Floats { low, high, .. } => {
                vec![(ParamValue::Float(*low), ParamValue::Float(*high))]
            }
        }
    }

    /// The same number if it is one of them, or else the nearest one.
    pub(crate) fn nearest(&self, value: ParamValue) -> ParamValue {
        if self.has(value) {
            return value;
        }
        let far = |at: &(ParamValue, ParamValue)| {
            let x = value.as_number();
            (at.0.as_number() - x).max(x - at.1.as_number()).max(0.0)
        };
        let spans = self.spans();
        let near = spans.iter().min_by(|a, b| far(a).total_cmp(&far(b)));
        near.map_or(value, |span| within(value, *span))
    }
}

/// The value, or the end of the span that it is beyond.
pub(crate) fn within(value: ParamValue, (low, high): (ParamValue, ParamValue)) -> ParamValue {
    match (value, low, high) {
        (ParamValue::Int(x), ParamValue::Int(low), ParamValue::Int(high)) => {
            ParamValue::Int(x.clamp(low, high))
        }
        (ParamValue::Float(x), ParamValue::Float(low), ParamValue::Float(high)) => {
            ParamValue::Float(x.clamp(low, high))
        }
        _ => low,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::space::arbitrary::distributions;

    fn int(low: i64, high: i64, step: i64) -> Distribution {
        Distribution::Int { low, high, step, log: false }
    }

    #[test]
    fn a_range_ends_on_values_of_the_distribution() {
        let between = |low, high| Numbers::between(&int(1, 10, 3), low, high);
        let ints = |low, high| Some(Numbers::Ints(vec![(low, high)]));
        assert_eq!(between(f64::NEG_INFINITY, 9.9), ints(1, 7));
        assert_eq!(between(1.5, f64::INFINITY), ints(4, 10));
        assert_eq!(between(4.0, 4.0), ints(4, 4));
        assert_eq!(
            [between(5.0, 6.0), between(11.0, 12.0), between(-3.0, 0.9)],
            [None, None, None]
        );
        let tenths = Distribution::Float { low: 0.0, high: 1.0, scale: FloatScale::Step(0.1) };
        let numbers = Numbers::between(&tenths, 0.25, 0.3).expect("0.3");
        // 3 × 0.1 is above 0.3.
        assert!(numbers.has(ParamValue::Float(0.1 * 3.0)) && numbers.has(ParamValue::Float(0.3)));
        assert!(!numbers.has(ParamValue::Float(0.2)) && !numbers.has(ParamValue::Float(0.4)));
        assert_eq!(Numbers::between(&tenths, 0.31, 0.39), None);
    }

    #[test]
    fn listed_numbers_are_joined_and_met() {
        let some = Numbers::these(vec![7, 1, 2, 3, 2, 9], 1);
        assert_eq!(some, Numbers::Ints(vec![(1, 3), (7, 7), (9, 9)]));
        let range = Numbers::Ints(vec![(3, 8)]);
        assert_eq!(some.both(&range), Some(Numbers::Ints(vec![(3, 3), (7, 7)])));
        assert_eq!(Numbers::Ints(vec![(4, 6)]).both(&some), None);
        assert_eq!(some.nearest(ParamValue::Int(5)), ParamValue::Int(3));
        assert_eq!(some.nearest(ParamValue::Int(100)), ParamValue::Int(9));
    }

    proptest! {
        #[test]
        fn a_range_has_what_lies_in_it_and_nothing_else(
            distribution in distributions(), a in 0.0..=1.0, b in 0.0..=1.0, at in 0.0..=1.0,
        ) {
            let (low, high) = match distribution {
                Distribution::Float { low, high, .. } => (low, high),
                Distribution::Int { low, high, .. } => (low as f64, high as f64),
                Distribution::Categorical { .. } => return Ok(()),
            };
            let checked = crate::space::distribution::checked("x", distribution).expect("valid");
            let place = |share: f64| low * (1.0 - share) + high * share;
            let (from, to) = (place(f64::min(a, b)), place(f64::max(a, b)));
            let value = match checked.size() {
                Some(size) => checked.nth(((at * size as f64) as u64).min(size - 1)),
                None => ParamValue::Float(place(at).clamp(low, high)),
            };
            let x = value.as_number();
            let found = Numbers::between(&checked, from, to);
            // On the edge, rounding decides.
            let room = 1e-5 * (1.0 + (high - low).abs() + x.abs());
            let inside = x >= from && x <= to;
            let clear = (x - from).abs() > room && (x - to).abs() > room;
            if clear || from <= low && to >= high {
                prop_assert_eq!(found.as_ref().is_some_and(|numbers| numbers.has(value)), inside);
            }
            if let Some(numbers) = found {
                for (low, high) in numbers.spans() {
                    prop_assert!(checked.contains(low) && checked.contains(high), "{:?}", numbers);
                    prop_assert!(numbers.has(low) && numbers.has(high));
                }
                prop_assert!(numbers.has(numbers.nearest(value)));
                prop_assert!(checked.contains(numbers.nearest(value)));
            }
        }
    }
}
