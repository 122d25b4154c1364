//! The constants of CMA-ES for a number of dimensions and of points in a generation, as Hansen gives them (arXiv
//! 1604.00772, table 1).

/// How much a generation teaches.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Strategy {
    /// Of the points of a generation, best first. The better half sums to 1, the others are negative.
    pub(super) weights: Vec<f64>,
    /// The variance-effective number of the points that count.
    pub(super) effective: f64,
    /// What the paths of the step size and of the covariance forget in a generation.
    pub(super) path_rates: [f64; 2],
    /// How strongly the step size is damped.
    pub(super) damping: f64,
    /// What the covariance learns from its path, and from the points.
    pub(super) rates: [f64; 2],
    /// The expected length of a standard normal vector.
    pub(super) length: f64,
}

impl Strategy {
    /// At least one dimension and two points.
    pub(super) fn new(dimensions: usize, points: usize) -> Self {
        let n = dimensions as f64;
        let middle = libm::log(f64::midpoint(points as f64, 1.0));
        let raw: Vec<_> = (1..=points).map(|rank| middle - libm::log(rank as f64)).collect();
        let (good, bad) = raw.split_at(points / 2);
        let (effective, bad_effective) = (spread(good), spread(bad));
        let path_rates = [
            (effective + 2.0) / (n + effective + 5.0),
            (4.0 + effective / n) / (n + 4.0 + 2.0 * effective / n),
        ];
        let from_path = 2.0 / ((n + 1.3) * (n + 1.3) + effective);
        let from_points =
            2.0 * (effective - 2.0 + 1.0 / effective) / ((n + 2.0) * (n + 2.0) + effective);
        let rates = [from_path, from_points.min(1.0 - from_path - 1e-8)];
        let too_wide = ((effective - 1.0) / (n + 1.0)).sqrt() - 1.0;
        let negative = (1.0 + rates[0] / rates[1])
            .min(1.0 + 2.0 * bad_effective / (effective + 2.0))
            .min((1.0 - rates[0] - rates[1]) / (n * rates[1]));
        let total = |positive: bool| {
            raw.iter().filter(|w| (**w > 0.0) == positive).map(|w| w.abs()).sum::<f64>()
        };
        let (positive_total, negative_total) = (total(true), total(false));
        let scaled = |raw: &f64| {
            if *raw > 0.0 { raw / positive_total } else { negative * raw / negative_total }
        };
        Self {
            weights: raw.iter().map(scaled).collect(),
            effective,
            path_rates,
            damping: 1.0 + 2.0 * too_wide.max(0.0) + path_rates[0],
            rates,
            length: n.sqrt() * (1.0 - 1.0 / (4.0 * n) + 1.0 / (21.0 * n * n)),
        }
    }
}

/// How many equal weights would average as well.
fn spread(weights: &[f64]) -> f64 {
    let sum: f64 = weights.iter().sum();
    sum * sum / weights.iter().map(|weight| weight * weight).sum::<f64>()
}
