//! Holm's correction for multiple tests.

/// Corrects the p-values of a family of tests.
///
/// All claims at a level α taken together then err with a probability of at most α, however the tests depend
/// on each other. Missing tests stay `None` and do not count.
///
/// S. Holm, "A simple sequentially rejective multiple test procedure", 1979: the k-th smallest of m p-values
/// is multiplied by m − k + 1, and made no smaller than the ones before it.
pub fn holm(p: &[Option<f64>]) -> Vec<Option<f64>> {
    let mut order: Vec<_> =
        p.iter().enumerate().filter_map(|(place, p)| Some((place, (*p)?))).collect();
    order.sort_by(|(_, a), (_, b)| a.total_cmp(b));
    let mut adjusted = vec![None; p.len()];
    let mut highest = 0.0_f64;
    for (rank, (place, p)) in order.iter().enumerate() {
        highest = highest.max(p * (order.len() - rank) as f64).min(1.0);
        adjusted[*place] = Some(highest);
    }
    adjusted
}
