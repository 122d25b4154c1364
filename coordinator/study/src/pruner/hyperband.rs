//! Hyperband (Li et al., JMLR 2018, arXiv 1603.06560). Each bracket runs asynchronous successive halving, as
//! in Li et al. 2020.
//!
//! Successive halving is only as good as its first rung. Hyperband hedges against a bad one. With `s_max` =
//! `⌊log_η(R / r)⌋`, there are brackets s from `s_max` down to 0. Bracket s halves s times, first at the step
//! r · η^(`s_max` − s). Its share of the trials follows the paper: ⌈(`s_max` + 1) η^s / (s + 1)⌉. At step R a
//! trial is done, so nothing is pruned there, and bracket 0 prunes nothing at all.
//!
//! A trial's bracket depends only on its number, so every restart agrees and the sampler need not know it.
//! The paper fills one bracket after another, and Optuna draws by a hash. Here trial numbers step round by
//! the golden ratio, which keeps the shares as even as possible in any run of trials. So even a short study
//! has all brackets.

use serde::{Deserialize, Serialize};

use super::asha::{Ladder, falls};
use super::options::at_least;
use super::progress::{Progress, Report};
use crate::ids::TrialNumber;
use crate::spec::SpecError;

/// Successive halving in several brackets, which start halving at different rungs.
///
/// `max_resource` has no default. Optuna takes the last step of the first trial to complete, and in a cluster
/// the first to complete is the shortest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hyperband {
    /// The lowest step of a rung, r in the paper.
    #[serde(default = "one")]
    pub min_resource: u64,
    /// The last step that a trial reports, R in the paper.
    pub max_resource: u64,
    /// One in this many trials goes on, η in the paper.
    #[serde(default = "three")]
    pub reduction_factor: u64,
}

fn one() -> u64 {
    1
}

fn three() -> u64 {
    3
}

impl Hyperband {
    pub(super) fn check(&self) -> Result<(), SpecError> {
        let Self { min_resource, max_resource, reduction_factor } = *self;
        at_least("min_resource", 1, min_resource)?;
        at_least("max_resource", 1, max_resource)?;
        at_least("reduction_factor", 2, reduction_factor)?;
        if max_resource < min_resource {
            let message = format!("{max_resource} is below min_resource = {min_resource}");
            return Err(SpecError::at(["max_resource"], message));
        }
        Ok(())
    }

    pub(super) fn prunes(&self, progress: &Progress, report: &Report<'_>) -> bool {
        let bracket = self.bracket(report.number);
        let rungs = self.ladder().rungs().skip(self.s_max() - bracket).take(bracket);
        let competes = |number| self.bracket(number) == bracket;
        falls(rungs, self.reduction_factor, progress, report, competes)
    }

    /// The trial's bracket, the paper's s.
    fn bracket(&self, number: TrialNumber) -> usize {
        let s_max = self.s_max();
        let share = |s: usize| {
            let trials = u128::from(self.reduction_factor).pow(s as u32) * (s_max + 1) as u128;
            trials.div_ceil((s + 1) as u128)
        };
        let total: u128 = (0..=s_max).map(share).sum();
        // Multiples of 2^32 / φ, modulo 2^32: Knuth, vol. 3, section 6.4.
        let turn = number.0.wrapping_mul(0x9E37_79B9);
        let mut place = (u128::from(turn) * total) >> 32;
        for s in (1..=s_max).rev() {
            match place.checked_sub(share(s)) {
                Some(rest) => place = rest,
                None => return s,
            }
        }
        0
    }

    /// The index of the highest rung up to `max_resource`. Counted: a logarithm would round.
    fn s_max(&self) -> usize {
        self.ladder().rungs().skip(1).take_while(|rung| *rung <= self.max_resource).count()
    }

    fn ladder(&self) -> Ladder {
        Ladder { min_resource: self.min_resource, factor: self.reduction_factor }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Trials, pruner};
    use super::*;

    /// Bracket 2 has rungs at 1 and 3, bracket 1 at 3, bracket 0 none.
    const NINE: &str = r#"{"kind": "hyperband", "max_resource": 9}"#;

    fn hyperband(max_resource: u64) -> Hyperband {
        Hyperband { min_resource: 1, max_resource, reduction_factor: 3 }
    }

    /// How many of the first trials are in each bracket, highest bracket first.
    fn shares(max_resource: u64, trials: u32) -> Vec<usize> {
        let rule = hyperband(max_resource);
        let brackets: Vec<_> = (0..trials).map(|n| rule.bracket(TrialNumber(n))).collect();
        (0..=rule.s_max()).rev().map(|s| brackets.iter().filter(|b| **b == s).count()).collect()
    }

    #[test]
    fn brackets_have_their_shares_of_the_trials() {
        // [HyperbandPruner(1, 81, 3)._calculate_trial_allocation_budget(b) for b in range(5)], with
        // _n_brackets = 5, in Optuna 5.0.0, gives 81, 34, 15, 8, 5: 143 in all. Here there are 143 · 7
        // trials.
        let due = [81, 34, 15, 8, 5].map(|n| n * 7);
        for (actual, due) in shares(81, 143 * 7).iter().zip(due) {
            assert!(actual.abs_diff(due) <= 2, "{actual}, not {due}");
        }
        assert_eq!(shares(9, 24), [13, 7, 4], "9, 5 and 3 of 17");
    }

    #[test]
    fn a_short_study_has_all_brackets() {
        assert!(shares(27, 12).iter().all(|n| *n > 0), "{:?}", shares(27, 12));
    }

    #[test]
    fn powers_are_counted_exactly() {
        // math.log(243, 3) is 4.999…
        assert_eq!(hyperband(242).s_max(), 4);
        assert_eq!(hyperband(243).s_max(), 5);
        assert_eq!(hyperband(1).s_max(), 0);
        assert_eq!(hyperband(u64::MAX).s_max(), 40);
        assert!(hyperband(u64::MAX).bracket(TrialNumber(u32::MAX)) <= 40);
    }

    /// For each bracket: two good trials that ran to the end, and the number of a bad one to judge.
    fn trials_of_each_bracket() -> Vec<(Trials, u32)> {
        let numbers = |s| (0..).filter(move |n| hyperband(9).bracket(TrialNumber(*n)) == s);
        let curve = [(1, 1.0), (3, 1.0), (9, 1.0)];
        (0..=2)
            .map(|s| {
                let [a, b, bad] = [0, 1, 2].map(|place| numbers(s).nth(place).expect("endless"));
                let trials = Trials::default().number(a).running(&curve);
                (trials.number(b).running(&curve).number(bad), bad)
            })
            .collect()
    }

    #[test]
    fn bracket_s_halves_s_times() {
        let rule = pruner(NINE);
        let curve = [(1, 5.0), (3, 5.0), (9, 5.0)];
        for (s, (trials, _)) in trials_of_each_bracket().into_iter().enumerate() {
            let verdicts = [1, 2, 3].map(|reports| trials.prunes(&rule, &curve[..reports]));
            let expected = [s >= 2, s >= 1, false];
            assert_eq!(verdicts, expected, "bracket {s}; nobody is given up at the end");
        }
    }

    #[test]
    fn brackets_do_not_compete() {
        let rule = pruner(NINE);
        let all = trials_of_each_bracket();
        let (others, bad) = (&all[1].0, all[2].1);
        assert!(!others.clone().number(bad).prunes(&rule, &[(1, 5.0)]));
        assert!(all[2].0.prunes(&rule, &[(1, 5.0)]));
    }
}
