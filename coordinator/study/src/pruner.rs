//! Pruners: a trial's curve and the study's history, and whether to give the trial up.

use serde::{Deserialize, Serialize};

use crate::direction::Direction;

/// Which pruner a study uses, with its options.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub enum PrunerSpec {
    /// Every trial runs to its end.
    #[default]
    None,
    /// Give a trial up when its best intermediate value so far is worse than the median, over the
    /// completed trials, of their values at the same step (Golovin et al., Google Vizier, 2017).
    Median {
        /// Completed trials before the first verdict.
        #[serde(default = "five")]
        startup_trials: u32,
        /// Steps of each trial before the first verdict.
        #[serde(default)]
        warmup_steps: u64,
    },
}

fn five() -> u32 {
    5
}

impl PrunerSpec {
    /// Whether to give up the trial whose curve, by ascending step, ends in the newest report.
    /// `completed` yields the curves of the completed trials; it is asked only when needed.
    pub(crate) fn prunes<'a>(
        &self,
        direction: Direction,
        curve: &[(u64, f64)],
        completed: impl Iterator<Item = &'a [(u64, f64)]>,
    ) -> bool {
        match self {
            Self::None => false,
            Self::Median { startup_trials, warmup_steps } => {
                let Some((step, _)) = curve.last() else { return false };
                if step < warmup_steps {
                    return false;
                }
                let mut completed_trials = 0;
                let mut losses: Vec<f64> = completed
                    .inspect(|_| completed_trials += 1)
                    .filter_map(|c| at_step(c, *step))
                    .map(|value| direction.loss(value))
                    .collect();
                if completed_trials < *startup_trials || losses.is_empty() {
                    return false;
                }
                let best = curve.iter().map(|(_, v)| direction.loss(*v)).fold(f64::MAX, f64::min);
                best > median(&mut losses)
            }
        }
    }
}

fn at_step(curve: &[(u64, f64)], step: u64) -> Option<f64> {
    let place = curve.binary_search_by_key(&step, |(s, _)| *s).ok()?;
    Some(curve[place].1)
}

/// The median, the mean of the middle two for an even count. The slice is not empty.
fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len().is_multiple_of(2) {
        f64::midpoint(values[middle - 1], values[middle])
    } else {
        values[middle]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MEDIAN: PrunerSpec = PrunerSpec::Median { startup_trials: 3, warmup_steps: 1 };

    fn prunes(pruner: &PrunerSpec, curve: &[(u64, f64)]) -> bool {
        let done = [0.5, 0.7, 0.9].map(|v| [(0, 0.1), (1, v)]);
        pruner.prunes(Direction::Maximize, curve, done.iter().map(<[_; 2]>::as_slice))
    }

    #[test]
    fn median_gives_up_what_is_below_the_median() {
        assert!(prunes(&MEDIAN, &[(0, 0.1), (1, 0.6)]));
        assert!(!prunes(&MEDIAN, &[(0, 0.1), (1, 0.8)]));
        assert!(!prunes(&MEDIAN, &[(0, 0.8), (1, 0.6)]), "its best so far counts");
        assert!(!prunes(&MEDIAN, &[(0, 0.0)]), "warm-up");
        assert!(!prunes(&PrunerSpec::None, &[(1, 0.0)]));
    }

    #[test]
    fn median_waits_for_enough_completed_trials() {
        let pruner = PrunerSpec::Median { startup_trials: 4, warmup_steps: 0 };
        assert!(!prunes(&pruner, &[(0, 0.0), (1, 0.0)]));
    }
}
