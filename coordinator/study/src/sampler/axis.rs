//! A parameter as samplers see it: a single value, a few choices, or numbers on a line.

use crate::space::{Distribution, FloatScale, ParamValue};

/// The shape of a distribution.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Axis {
    /// Only this value, so there is nothing to learn.
    Single(ParamValue),
    /// This many choices; at least two.
    Choices(usize),
    /// More than one number.
    Line(Line),
}

/// Numbers on a line scaled to `[0, 1]`. The coordinate is the one in which distances count: the number
/// itself, its logarithm, or its index on a grid. A grid value stands for the cell around it, half a step to
/// either side.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Line {
    values: Values,
    /// The coordinate at 0.
    low: f64,
    /// The coordinate at 1, minus `low`.
    span: f64,
}

/// Where a number is on its line.
pub(super) enum Site {
    /// Use the density. `log_width` is the logarithm of the length, on the line, of one unit of the number,
    /// or of a whole cell that is too narrow to tell its edges apart.
    Point { at: f64, log_width: f64 },
    /// Use the mass between the edges.
    Cell { low: f64, high: f64 },
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Values {
    Linear {
        low: f64,
        high: f64,
    },
    Log {
        low: f64,
        high: f64,
    },
    /// `low + k · step` for k up to `last`.
    Steps {
        low: f64,
        high: f64,
        step: f64,
        last: f64,
    },
    /// `low + k · step` for k up to `last`.
    Ints {
        low: i64,
        step: i64,
        last: i64,
    },
    LogInts {
        low: i64,
        high: i64,
    },
}

impl Axis {
    pub(super) fn new(distribution: &Distribution) -> Self {
        match distribution {
            Distribution::Categorical { choices } if choices.len() > 1 => {
                Self::Choices(choices.len())
            }
            Distribution::Categorical { .. } => Self::Single(ParamValue::Choice(0)),
            Distribution::Float { low, high, scale } => {
                Self::line(Values::floats(*low, *high, *scale))
            }
            Distribution::Int { low, high, step, log } => {
                Self::line(Values::ints(*low, *high, *step, *log))
            }
        }
    }

    /// The value as a number: its place on the line, or the index of the choice.
    pub(super) fn coordinate(&self, value: ParamValue) -> f64 {
        match self {
            Self::Single(_) => 0.0,
            Self::Choices(_) => number(value),
            Self::Line(line) => line.place(value),
        }
    }

    /// The value at a coordinate, or the one nearest to it.
    pub(super) fn value(&self, coordinate: f64) -> ParamValue {
        match self {
            Self::Single(value) => *value,
            Self::Choices(count) => ParamValue::Choice((coordinate as usize).min(count - 1)),
            Self::Line(line) => line.value(coordinate),
        }
    }

    /// How many choices there are; 0 for a line or a single value.
    pub(super) fn choices(&self) -> usize {
        match self {
            Self::Choices(count) => *count,
            Self::Single(_) | Self::Line(_) => 0,
        }
    }

    fn line(values: Values) -> Self {
        let (low, high) = values.bounds();
        let single = match values {
            Values::Steps { last, .. } => last < 1.0,
            Values::Ints { last, .. } => last < 1,
            Values::LogInts { low, high } => low == high,
            Values::Linear { .. } | Values::Log { .. } => false,
        };
        // Different numbers can have the same logarithm.
        if single || low >= high {
            Self::Single(values.first())
        } else {
            Self::Line(Line { values, low, span: high - low })
        }
    }
}

impl Line {
    /// Whether it has densities, not cells.
    pub(super) fn is_continuous(&self) -> bool {
        matches!(self.values, Values::Linear { .. } | Values::Log { .. })
    }

    /// How many values a grid of even steps has. `None` if the line is continuous, or a logarithmic grid.
    pub(super) fn cells(&self) -> Option<f64> {
        match self.values {
            Values::Steps { last, .. } => Some(last + 1.0),
            Values::Ints { last, .. } => Some(last as f64 + 1.0),
            Values::Linear { .. } | Values::Log { .. } | Values::LogInts { .. } => None,
        }
    }

    /// The logarithm of the line's length, in units of the number or of its logarithm.
    pub(super) fn log_span(&self) -> f64 {
        libm::log(self.span)
    }

    /// The value whose cell contains `z`, or the value at `z` if there are no cells.
    pub(super) fn value(&self, z: f64) -> ParamValue {
        let x = self.low + z * self.span;
        match self.values {
            Values::Linear { low, high } => ParamValue::Float(x.clamp(low, high)),
            Values::Log { low, high } => ParamValue::Float(libm::exp(x).clamp(low, high)),
            Values::Steps { low, high, step, last } => {
                ParamValue::Float((low + x.round().clamp(0.0, last) * step).min(high))
            }
            Values::Ints { low, step, last } => {
                ParamValue::Int(low + (x.round() as i64).clamp(0, last) * step)
            }
            Values::LogInts { low, high } => {
                ParamValue::Int((libm::exp(x).round() as i64).clamp(low, high))
            }
        }
    }

    /// The value's place, in `[0, 1]`.
    pub(super) fn place(&self, value: ParamValue) -> f64 {
        let x = number(value);
        let x = match self.values {
            Values::Linear { .. } => x,
            Values::Log { .. } | Values::LogInts { .. } => libm::log(x),
            Values::Steps { .. } | Values::Ints { .. } => self.index(value),
        };
        ((x - self.low) / self.span).clamp(0.0, 1.0)
    }

    pub(super) fn site(&self, value: ParamValue) -> Site {
        /// Below this width, density times width gives a cell's mass more accurately than the difference of
        /// two distribution functions.
        const NARROW: f64 = 1e-6;
        let (low, high) = match self.values {
            Values::Linear { .. } | Values::Log { .. } => {
                return Site::Point { at: self.place(value), log_width: -libm::log(self.span) };
            }
            Values::Steps { .. } | Values::Ints { .. } => {
                let k = self.index(value).round();
                (k / self.span, (k + 1.0) / self.span)
            }
            Values::LogInts { .. } => {
                let (x, edge) = (number(value), |x| (libm::log(x) - self.low) / self.span);
                (edge(x - 0.5), edge(x + 0.5))
            }
        };
        let width = self.cell(value);
        if width < NARROW {
            Site::Point { at: self.place(value), log_width: libm::log(width) }
        } else {
            Site::Cell { low, high }
        }
    }

    /// The part of the line from one value to another, with the cells of both.
    pub(super) fn stretch(&self, low: ParamValue, high: ParamValue) -> (f64, f64) {
        let edge = |x: f64| ((libm::log(x) - self.low) / self.span).clamp(0.0, 1.0);
        match self.values {
            Values::Linear { .. } | Values::Log { .. } => (self.place(low), self.place(high)),
            Values::Steps { .. } | Values::Ints { .. } => {
                (self.index(low).round() / self.span, (self.index(high).round() + 1.0) / self.span)
            }
            Values::LogInts { .. } => (edge(number(low) - 0.5), edge(number(high) + 0.5)),
        }
    }

    /// The width of the value's cell; 0 on a continuous line.
    pub(super) fn cell(&self, value: ParamValue) -> f64 {
        match self.values {
            Values::Linear { .. } | Values::Log { .. } => 0.0,
            Values::Steps { .. } | Values::Ints { .. } => 1.0 / self.span,
            Values::LogInts { .. } => libm::log1p(1.0 / (number(value) - 0.5)) / self.span,
        }
    }

    /// The value's index on the grid, from 0.
    fn index(&self, value: ParamValue) -> f64 {
        match (self.values, value) {
            (Values::Steps { low, step, .. }, value) => (number(value) - low) / step,
            (Values::Ints { low, step, .. }, ParamValue::Int(x)) => {
                x.saturating_sub(low) as f64 / step as f64
            }
            (_, value) => number(value),
        }
    }
}

impl Values {
    fn floats(low: f64, high: f64, scale: FloatScale) -> Self {
        match scale {
            FloatScale::Linear => Self::Linear { low, high },
            FloatScale::Log => Self::Log { low, high },
            FloatScale::Step(step) => {
                /// The same tolerance as in [`Distribution::contains`].
                const SLACK: f64 = 1e-6;
                /// Above this, floats skip whole numbers.
                const MOST: f64 = (1_u64 << 53) as f64;
                let last = ((high - low) / step + SLACK).floor().min(MOST);
                Self::Steps { low, high, step, last }
            }
        }
    }

    fn ints(low: i64, high: i64, step: i64, log: bool) -> Self {
        if log {
            Self::LogInts { low, high }
        } else {
            Self::Ints { low, step, last: (high - low) / step }
        }
    }

    fn first(self) -> ParamValue {
        match self {
            Self::Linear { low, .. } | Self::Log { low, .. } | Self::Steps { low, .. } => {
                ParamValue::Float(low)
            }
            Self::Ints { low, .. } | Self::LogInts { low, .. } => ParamValue::Int(low),
        }
    }

    /// The ends of the coordinate's range.
    fn bounds(self) -> (f64, f64) {
        match self {
            Self::Linear { low, high } => (low, high),
            Self::Log { low, high } => (libm::log(low), libm::log(high)),
            Self::Steps { last, .. } => (-0.5, last + 0.5),
            Self::Ints { last, .. } => (-0.5, last as f64 + 0.5),
            Self::LogInts { low, high } => {
                (libm::log(low as f64 - 0.5), libm::log(high as f64 + 0.5))
            }
        }
    }
}

fn number(value: ParamValue) -> f64 {
    match value {
        ParamValue::Float(x) => x,
        ParamValue::Int(x) => x as f64,
        ParamValue::Choice(c) => c as f64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(distribution: &Distribution) -> Line {
        match Axis::new(distribution) {
            Axis::Line(line) => line,
            _ => panic!("{distribution} is no line"),
        }
    }

    fn float(low: f64, high: f64, scale: FloatScale) -> Distribution {
        Distribution::Float { low, high, scale }
    }

    fn int(low: i64, high: i64, step: i64, log: bool) -> Distribution {
        Distribution::Int { low, high, step, log }
    }

    fn is_single(distribution: &Distribution) -> bool {
        matches!(Axis::new(distribution), Axis::Single(value) if distribution.contains(value))
    }

    #[test]
    fn one_value_is_no_line() {
        assert!(is_single(&float(2.0, 2.0, FloatScale::Linear)));
        assert!(is_single(&float(1e300, 1e300_f64.next_up(), FloatScale::Log)));
        assert!(is_single(&float(0.0, 0.9, FloatScale::Step(1.0))));
        assert!(is_single(&int(i64::MAX, i64::MAX, 1, true)));
        assert!(is_single(&int(5, 5, 3, false)));
    }

    #[test]
    fn a_grid_ends_where_the_range_does() {
        let tenths = line(&float(0.0, 0.3, FloatScale::Step(0.1)));
        assert_eq!(tenths.value(1.0), ParamValue::Float(0.3));
        let uneven = line(&float(1.0, 2.4, FloatScale::Step(0.5)));
        assert_eq!(uneven.value(1.0), ParamValue::Float(2.0));
        assert_eq!(uneven.value(0.5), ParamValue::Float(1.5));
    }

    #[test]
    fn every_place_is_a_value_even_on_extreme_lines() {
        let extreme = [
            float(-8e307, 8e307, FloatScale::Linear),
            float(0.0, 5e-324, FloatScale::Linear),
            float(5e-324, f64::MAX, FloatScale::Log),
            float(1e10, f64::next_up(1e10), FloatScale::Linear),
            float(-1.0, 1.0, FloatScale::Step(1e-8)),
            int(i64::MIN, -1, 1, false),
            int(0, i64::MAX, 1, false),
            int(-9, 9, 4, false),
            int(1, i64::MAX, 1, true),
        ];
        for distribution in extreme {
            let line = line(&distribution);
            for z in [0.0, 1e-300, 0.1, 0.5, 1.0 - f64::EPSILON, 1.0] {
                let value = line.value(z);
                assert!(distribution.contains(value), "{value:?} in {distribution}");
                assert!((0.0..=1.0).contains(&line.place(value)));
                match line.site(value) {
                    Site::Point { log_width, .. } => assert!(log_width.is_finite()),
                    Site::Cell { low, high } => assert!(low < high),
                }
            }
        }
    }

    #[test]
    fn cells_lie_side_by_side() {
        for distribution in [int(3, 12, 3, false), int(1, 4, 1, true)] {
            let line = line(&distribution);
            let values = if matches!(line.values, Values::Ints { .. }) {
                [3, 6, 9, 12]
            } else {
                [1, 2, 3, 4]
            };
            let mut end = 0.0;
            for value in values.map(ParamValue::Int) {
                let Site::Cell { low, high } = line.site(value) else { panic!("no cell") };
                assert!((low - end).abs() < 1e-15 && low < high);
                assert_eq!(line.value(f64::midpoint(low, high)), value);
                end = high;
            }
            assert!((end - 1.0).abs() < 1e-15);
        }
    }
}
