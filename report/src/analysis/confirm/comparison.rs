//! Which configurations differ.

use std::collections::HashMap;

use serde::Serialize;

use super::arm::Arm;
use crate::stats::{holm, interval, mean, paired_t, wilcoxon};

/// The probability that a family of comparisons claims a difference where there is none.
const LEVEL: f64 = 0.05;

/// Two configurations, compared over the seeds for which both have a value.
#[derive(Debug, Clone, Serialize)]
pub struct Comparison {
    /// One configuration, as the number of its trial.
    pub a: u32,
    /// The other.
    pub b: u32,
    /// The number of shared seeds, at least 2.
    pub pairs: usize,
    /// The mean of a's value − b's value.
    pub difference: f64,
    /// The lower end of its 95 % interval, not corrected for multiple comparisons.
    pub low: f64,
    /// The upper end.
    pub high: f64,
    /// The p-value of a paired t-test; null if all differences are equal and not 0.
    pub p_t: Option<f64>,
    /// The p-value of Wilcoxon's signed-rank test.
    pub p_wilcoxon: Option<f64>,
    /// `p_t` after Holm's correction for all comparisons in the list.
    pub p_holm: Option<f64>,
    /// Whether `p_holm` is below 0.05.
    pub differs: bool,
}

/// The effect of one parameter on its own: a comparison of the best configuration of each choice.
#[derive(Debug, Clone, Serialize)]
pub struct Effect {
    /// The parameter.
    pub param: String,
    /// The configurations, best first, as the numbers of their trials.
    pub arms: Vec<u32>,
    /// All pairs of them, as a family of their own.
    pub comparisons: Vec<Comparison>,
}

impl Effect {
    pub(super) fn new(param: &str, arms: &[&Arm]) -> Self {
        Self {
            param: param.to_owned(),
            arms: arms.iter().map(|arm| arm.of).collect(),
            comparisons: all(arms),
        }
    }
}

/// All pairs that share at least two seeds, in the arms' order, as one family.
pub(super) fn all(arms: &[&Arm]) -> Vec<Comparison> {
    let pairs = arms
        .iter()
        .enumerate()
        .flat_map(|(rank, a)| arms[rank + 1..].iter().filter_map(|b| Comparison::new(a, b)));
    let mut comparisons: Vec<_> = pairs.collect();
    let p: Vec<_> = comparisons.iter().map(|comparison| comparison.p_t).collect();
    for (comparison, p) in comparisons.iter_mut().zip(holm(&p)) {
        comparison.p_holm = p;
        comparison.differs = p.is_some_and(|p| p < LEVEL);
    }
    comparisons
}

impl Comparison {
    /// A comparison without correction.
    fn new(a: &Arm, b: &Arm) -> Option<Self> {
        let others: HashMap<_, _> = b.values.iter().map(|v| (v.seed, v.value)).collect();
        let difference = |v: &super::arm::Value| Some(v.value - others.get(&v.seed)?);
        let differences: Vec<_> = a.values.iter().filter_map(difference).collect();
        let (low, high) = interval(&differences)?;
        Some(Self {
            a: a.of,
            b: b.of,
            pairs: differences.len(),
            difference: mean(&differences)?,
            low,
            high,
            p_t: paired_t(&differences),
            p_wilcoxon: wilcoxon(&differences),
            p_holm: None,
            differs: false,
        })
    }
}
