//! What an objective found for a trial.

/// The values of a completed trial: one number per objective of the study, at least one.
///
/// A number becomes the value of a single objective: `Completion::new(0.93)`.
#[derive(Debug, Clone, PartialEq)]
pub struct Values(Box<[f64]>);

/// There were no values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected one value at least, found none")]
pub struct NoValue;

impl Values {
    /// The value of the first objective.
    pub fn first(&self) -> f64 {
        self.0[0]
    }

    /// All values, in the order of the objectives.
    pub fn as_slice(&self) -> &[f64] {
        &self.0
    }
}

impl From<f64> for Values {
    fn from(value: f64) -> Self {
        Self([value].into())
    }
}

impl TryFrom<Vec<f64>> for Values {
    type Error = NoValue;
    fn try_from(values: Vec<f64>) -> Result<Self, NoValue> {
        if values.is_empty() { Err(NoValue) } else { Ok(Self(values.into())) }
    }
}

impl From<Values> for Vec<f64> {
    fn from(values: Values) -> Self {
        values.0.into()
    }
}

/// The intermediate values of a step, by the study's order.
#[derive(Debug, Clone, PartialEq)]
pub struct Intermediate {
    /// Of the objective that the pruner compares.
    pub value: f64,
    /// Of other objectives, by ascending index.
    pub others: Vec<(u32, f64)>,
}

impl Intermediate {
    /// Whether it is the same, bit for bit.
    pub(crate) fn is(&self, other: &Self) -> bool {
        let bits = |of: &Self| {
            let others = of.others.iter().map(|(index, value)| (*index, value.to_bits()));
            (of.value.to_bits(), others.collect::<Vec<_>>())
        };
        bits(self) == bits(other)
    }
}

impl From<f64> for Intermediate {
    fn from(value: f64) -> Self {
        Self { value, others: Vec::new() }
    }
}

/// What an objective reports of a step: a number, or several by the study's names.
#[derive(Debug, Clone, PartialEq)]
pub enum Reported {
    /// Of the objective that the pruner compares.
    Value(f64),
    /// By the names of objectives.
    Named(Vec<(String, f64)>),
    /// By the study's order.
    InOrder(Intermediate),
}

impl From<f64> for Reported {
    fn from(value: f64) -> Self {
        Self::Value(value)
    }
}

impl From<Intermediate> for Reported {
    fn from(values: Intermediate) -> Self {
        Self::InOrder(values)
    }
}

impl<const N: usize> From<[(&str, f64); N]> for Reported {
    fn from(named: [(&str, f64); N]) -> Self {
        Self::Named(named.map(|(name, value)| (name.to_owned(), value)).into())
    }
}

impl From<Vec<(String, f64)>> for Reported {
    fn from(named: Vec<(String, f64)>) -> Self {
        Self::Named(named)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_a_first_value_always() {
        assert_eq!(Values::from(0.5).first().to_bits(), 0.5_f64.to_bits());
        let two = Values::try_from(vec![0.5, 0.25]).expect("two");
        assert_eq!((two.first().to_bits(), two.as_slice().len()), (0.5_f64.to_bits(), 2));
        assert_eq!(Values::try_from(vec![]), Err(NoValue));
    }
}
