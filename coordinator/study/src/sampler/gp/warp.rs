//! Losses as the model sees them: near a normal distribution, mean 0 and deviation 1.

/// The losses of trials, warped by a Box–Cox transformation (Box and Cox 1964) and standardised. So a long tail of very
/// bad trials does not hide the differences between good ones. As in HEBO (Cowen-Rivers et al. 2022), but the losses
/// are shifted and scaled first, so it makes no difference in which unit they are. Which power suits best is for the
/// model to say: it depends on where the noise is, too.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Warp {
    least: f64,
    scale: f64,
    power: f64,
    mean: f64,
    deviation: f64,
}

/// What is added to each scaled loss, so that the logarithm of the least is not far below the others.
const SHIFT: f64 = 0.05;
/// Powers to choose from. 1 keeps the losses as they are, 0 takes their logarithms.
pub(super) const POWERS: [f64; 3] = [1.0, 0.5, 0.0];

impl Warp {
    /// For these losses, at least one.
    pub(super) fn new(losses: &[f64], power: f64) -> Self {
        let mut sorted = losses.to_vec();
        sorted.sort_unstable_by(f64::total_cmp);
        let (least, most) = (sorted[0], sorted[sorted.len() - 1]);
        let median = sorted[sorted.len() / 2];
        let spread =
            |to: f64| Some(to - least).filter(|spread| spread.is_finite() && *spread > 0.0);
        let scale = spread(median).or_else(|| spread(most)).unwrap_or(1.0);
        let mut warp = Self { least, scale, power, mean: 0.0, deviation: 1.0 };
        let count = losses.len() as f64;
        let warped: Vec<_> = losses.iter().map(|loss| warp.power_of(*loss)).collect();
        warp.mean = warped.iter().sum::<f64>() / count;
        let squares = warped.iter().map(|w| (w - warp.mean) * (w - warp.mean));
        let variance = squares.sum::<f64>() / count;
        if variance > 1e-24 {
            warp.deviation = variance.sqrt();
        }
        warp
    }

    /// The loss as the model sees it.
    pub(super) fn apply(&self, loss: f64) -> f64 {
        (self.power_of(loss) - self.mean) / self.deviation
    }

    /// The logarithm of how much it stretches the losses around this one, up to a constant. With it likelihoods under
    /// different powers can be compared.
    pub(super) fn log_stretch(&self, loss: f64) -> f64 {
        (self.power - 1.0) * libm::log(self.scaled(loss)) - libm::log(self.deviation)
    }

    fn power_of(&self, loss: f64) -> f64 {
        let scaled = self.scaled(loss);
        let power = if self.power > 0.0 {
            (libm::pow(scaled, self.power) - 1.0) / self.power
        } else {
            libm::log(scaled)
        };
        // A loss that is less than all that it was made for lies on the tangent.
        let below = ((loss - self.least) / self.scale).clamp(-1.0, 0.0);
        power + below * libm::pow(SHIFT, self.power - 1.0)
    }

    /// Above 0, and the median near 1.
    fn scaled(&self, loss: f64) -> f64 {
        ((loss - self.least) / self.scale).clamp(0.0, 1e12) + SHIFT
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_unit_makes_no_difference() {
        let losses = [3.0, 1.0, 4.0, 1.5, 9.0, 2.6];
        let scaled = losses.map(|loss| 1e6 * loss - 7e5);
        for power in POWERS {
            let (one, other) = (Warp::new(&losses, power), Warp::new(&scaled, power));
            for (a, b) in losses.iter().zip(&scaled) {
                assert!((one.apply(*a) - other.apply(*b)).abs() < 1e-9);
            }
        }
    }

    #[test]
    fn extreme_losses_stay_finite() {
        for losses in [
            vec![5.0],
            vec![2.0; 9],
            vec![-f64::MAX, f64::MAX],
            vec![0.0, 5e-324],
            vec![1e300, 0.0, 1.0, 2.0],
        ] {
            for power in POWERS {
                let warp = Warp::new(&losses, power);
                assert!(losses.iter().all(|loss| warp.apply(*loss).is_finite()), "{losses:?}");
            }
        }
    }
}
