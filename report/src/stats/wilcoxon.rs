//! Wilcoxon's signed-rank test.

use std::f64::consts::FRAC_1_SQRT_2;

use statrs::function::erf::erfc;

/// Up to this many differences, the exact distribution is computed if there are no ties and no zeros.
const EXACT: usize = 50;
/// The same limit with ties or zeros.
const EXACT_WITH_TIES: usize = 13;

/// The two-sided p-value: the probability of a rank sum at least this far from its mean.
///
/// The null hypothesis is that differences are as often above 0 as below. As in `scipy.stats.wilcoxon` by
/// default, differences of 0 are dropped and ties share their ranks. The rank sum of the positive ones is
/// compared with its exact distribution, or for many differences with a normal one. `None` for fewer than two
/// differences; 1 if all are 0.
pub fn wilcoxon(differences: &[f64]) -> Option<f64> {
    if differences.len() < 2 {
        return None;
    }
    let mut sizes: Vec<_> = differences.iter().copied().filter(|d| *d != 0.0).collect();
    if sizes.is_empty() {
        return Some(1.0);
    }
    sizes.sort_by(|a, b| a.abs().total_cmp(&b.abs()));
    let ranks = ranks(&sizes);
    let positive = sizes.iter().zip(&ranks).filter(|(d, _)| **d > 0.0);
    let sum: usize = positive.map(|(_, rank)| rank.twice).sum();
    let has_ties = sizes.len() < differences.len() || ranks.iter().any(|rank| rank.tied > 1);
    let exact = if has_ties { EXACT_WITH_TIES } else { EXACT };
    Some(if differences.len() <= exact { counted(&ranks, sum) } else { normal(&ranks, sum) })
}

/// The rank of a difference by size.
struct Rank {
    /// Twice the rank: a whole number even for ties.
    twice: usize,
    /// The number of differences that share the rank.
    tied: usize,
}

/// The ranks of differences sorted by size.
fn ranks(sizes: &[f64]) -> Vec<Rank> {
    let mut ranks = Vec::with_capacity(sizes.len());
    for group in sizes.chunk_by(|a, b| a.abs().total_cmp(&b.abs()).is_eq()) {
        let (before, tied) = (ranks.len(), group.len());
        // The mean of before + 1 to before + tied.
        ranks.extend(group.iter().map(|_| Rank { twice: 2 * before + tied + 1, tied }));
    }
    ranks
}

/// The exact p-value: counts the sign combinations that give each sum.
fn counted(ranks: &[Rank], sum: usize) -> f64 {
    let largest: usize = ranks.iter().map(|rank| rank.twice).sum();
    let mut ways = vec![0.0; largest + 1];
    ways[0] = 1.0;
    for Rank { twice, .. } in ranks {
        for total in (*twice..=largest).rev() {
            ways[total] += ways[total - twice];
        }
    }
    let below: f64 = ways[..=sum].iter().sum();
    let above: f64 = ways[sum..].iter().sum();
    let all: f64 = ways.iter().sum();
    (2.0 * below.min(above) / all).min(1.0)
}

/// The approximate p-value, from the sum's mean and variance; ties lower the variance.
fn normal(ranks: &[Rank], sum: usize) -> f64 {
    let n = ranks.len() as f64;
    let mean = n * (n + 1.0) / 4.0;
    // t³ − t for each group of t ties, as t² − 1 for each of its members.
    let ties: f64 = ranks.iter().map(|rank| (rank.tied as f64).powi(2) - 1.0).sum();
    let variance = (n * (n + 1.0) * (2.0 * n + 1.0) - ties / 2.0) / 24.0;
    let z = (sum as f64 / 2.0 - mean) / variance.sqrt();
    erfc(z.abs() * FRAC_1_SQRT_2)
}
