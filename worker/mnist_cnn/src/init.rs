//! Initialisation methods: the distributions that a layer's weights are drawn from.

use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;

use kindling_worker::{Trial, TrialError};

/// An initialisation method. Biases always start at exactly 0.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Init {
    /// Every weight 0: no layer learns.
    Zero,
    /// Every weight 0.5: the neurons of a layer stay identical.
    Half,
    /// N(0, std²).
    Gaussian {
        /// The standard deviation, itself a parameter.
        std: f64,
    },
    /// U(−a, a) with a = √(6 / (`fan_in` + `fan_out`)): Glorot and Bengio 2010, equation 16.
    XavierUniform,
    /// N(0, 2 / (`fan_in` + `fan_out`)): Glorot and Bengio 2010, equation 12.
    XavierNormal,
    /// U(−a, a) with a = √(6 / `fan_in`). Its variance, (2a)²/12, is 2 / `fan_in`, as for `HeNormal`.
    HeUniform,
    /// N(0, 2 / `fan_in`): He et al. 2015, equation 10.
    HeNormal,
}

impl Init {
    /// The methods' names in a study.
    pub const NAMES: [&str; 7] = [
        "const_zero",
        "const_0.5",
        "gaussian",
        "xavier_uniform",
        "xavier_normal",
        "he_uniform",
        "he_normal",
    ];

    /// The method that the trial's parameters name for a kind of layer, `conv` or `fc`.
    ///
    /// It reads `winit_<kind>` and, for `gaussian`, `gaussian_std_<kind>`.
    pub fn of(trial: &Trial<'_>, kind: &str) -> Result<Self, TrialError> {
        let parameter = format!("winit_{kind}");
        Ok(match trial.choice(&parameter)? {
            "const_zero" => Self::Zero,
            "const_0.5" => Self::Half,
            "gaussian" => Self::Gaussian { std: positive(trial, &format!("gaussian_std_{kind}"))? },
            "xavier_uniform" => Self::XavierUniform,
            "xavier_normal" => Self::XavierNormal,
            "he_uniform" => Self::HeUniform,
            "he_normal" => Self::HeNormal,
            other => {
                return Err(TrialError::Failed(format!(
                    "parameter `{parameter}` is {other}, expected one of {}",
                    Self::NAMES.join(", ")
                )));
            }
        })
    }

    /// Draws `count` weights for a layer with `fan_in` inputs and `fan_out` outputs per neuron.
    ///
    /// It draws on the host and with a portable generator, so that every backend starts from the same
    /// weights.
    pub fn draw(
        self,
        fan_in: usize,
        fan_out: usize,
        count: usize,
        rng: &mut ChaCha8Rng,
    ) -> Vec<f32> {
        let (fan_in, fan_out) = (fan_in as f64, fan_out as f64);
        match self {
            Self::Zero => vec![0.0; count],
            Self::Half => vec![0.5; count],
            Self::Gaussian { std } => normal(std, count, rng),
            Self::XavierUniform => uniform((6.0 / (fan_in + fan_out)).sqrt(), count, rng),
            Self::XavierNormal => normal((2.0 / (fan_in + fan_out)).sqrt(), count, rng),
            Self::HeUniform => uniform((6.0 / fan_in).sqrt(), count, rng),
            Self::HeNormal => normal((2.0 / fan_in).sqrt(), count, rng),
        }
    }
}

/// The value of a float parameter that must be positive and finite.
pub(super) fn positive(trial: &Trial<'_>, parameter: &str) -> Result<f64, TrialError> {
    let value = trial.float(parameter)?;
    if value > 0.0 && value.is_finite() {
        return Ok(value);
    }
    Err(TrialError::Failed(format!(
        "parameter `{parameter}` is {value}, expected a positive number"
    )))
}

/// `count` draws from U(−a, a).
fn uniform(a: f64, count: usize, rng: &mut ChaCha8Rng) -> Vec<f32> {
    (0..count).map(|_| (a * (2.0 * rng.random::<f64>() - 1.0)) as f32).collect()
}

/// `count` draws from N(0, std²).
fn normal(std: f64, count: usize, rng: &mut ChaCha8Rng) -> Vec<f32> {
    (0..count).map(|_| (std * rng.sample::<f64, _>(StandardNormal)) as f32).collect()
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;
    use serde_json::{Value, json};

    use super::super::network::{COMMON, DEEP};
    use super::super::testing;
    use super::*;

    const METHODS: [Init; 7] = [
        Init::Zero,
        Init::Half,
        Init::Gaussian { std: 0.7 },
        Init::XavierUniform,
        Init::XavierNormal,
        Init::HeUniform,
        Init::HeNormal,
    ];

    /// The distribution that a method should follow: its cumulative distribution function, its standard
    /// deviation and the largest value it can take. Written independently of the code above, from the fans
    /// alone.
    struct Law {
        cdf: Box<dyn Fn(f64) -> f64>,
        std: f64,
        bound: f64,
    }

    fn law(method: Init, fan_in: usize, fan_out: usize) -> Law {
        let (n_in, n_out) = (fan_in as f64, fan_out as f64);
        let normal = |std: f64| Law {
            cdf: Box::new(move |x| 0.5 * erfc(-x / (std * std::f64::consts::SQRT_2))),
            std,
            bound: f64::INFINITY,
        };
        let uniform = |a: f64| Law {
            cdf: Box::new(move |x| ((x + a) / (2.0 * a)).clamp(0.0, 1.0)),
            std: a / 3.0_f64.sqrt(),
            bound: a,
        };
        match method {
            Init::Gaussian { std } => normal(std),
            Init::XavierUniform => uniform(6.0_f64.sqrt() / (n_in + n_out).sqrt()),
            Init::XavierNormal => normal(2.0_f64.sqrt() / (n_in + n_out).sqrt()),
            Init::HeUniform => uniform(6.0_f64.sqrt() / n_in.sqrt()),
            Init::HeNormal => normal(2.0_f64.sqrt() / n_in.sqrt()),
            Init::Zero | Init::Half => unreachable!("a constant has no density"),
        }
    }

    /// The complementary error function, accurate to 1.2e-7: Numerical Recipes, `erfcc`.
    fn erfc(x: f64) -> f64 {
        const C: [f64; 10] = [
            -1.265_512_23,
            1.000_023_68,
            0.374_091_96,
            0.096_784_18,
            -0.186_288_06,
            0.278_868_07,
            -1.135_203_98,
            1.488_515_87,
            -0.822_152_23,
            0.170_872_77,
        ];
        let t = 1.0 / (1.0 + 0.5 * x.abs());
        let series = C.iter().rev().fold(0.0, |sum, c| sum * t + c);
        let y = t * (series - x * x).exp();
        if x >= 0.0 { y } else { 2.0 - y }
    }

    /// The Kolmogorov–Smirnov statistic: the largest gap between the sample and the distribution.
    fn gap(sample: &[f32], cdf: impl Fn(f64) -> f64) -> f64 {
        let mut sorted = sample.to_vec();
        sorted.sort_unstable_by(f32::total_cmp);
        let n = sorted.len() as f64;
        let gaps = sorted.iter().enumerate().map(|(i, &x)| {
            let p = cdf(f64::from(x));
            (p - i as f64 / n).max((i + 1) as f64 / n - p)
        });
        gaps.fold(0.0, f64::max)
    }

    /// The gap that a sample of the true distribution exceeds with probability 1e-4: √(−ln(α/2) / 2n).
    fn critical_gap(n: usize) -> f64 {
        ((2.0 / 1e-4_f64).ln() / (2.0 * n as f64)).sqrt()
    }

    #[test]
    fn every_method_draws_from_its_law_in_every_layer_of_both_networks() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        for layer in [COMMON, DEEP]
            .iter()
            .flat_map(|network| [network.conv_layers(), network.fc_layers()].concat())
        {
            let (fan_in, fan_out) = (layer.fan_in, layer.fan_out);
            // Fewer than 10,000 weights say little; more than 40,000 only take longer.
            let count = (fan_in * layer.neurons).clamp(10_000, 40_000);
            for method in METHODS {
                let drawn = method.draw(fan_in, fan_out, count, &mut rng);
                let what = format!("{method:?} with fans {fan_in} and {fan_out}");
                assert_eq!(drawn.len(), count);
                match method {
                    Init::Zero => assert!(drawn.iter().all(|w| w.to_bits() == 0), "{what}"),
                    Init::Half => assert!(drawn.iter().all(|&w| w.to_bits() == 0.5_f32.to_bits())),
                    _ => follows(&drawn, &law(method, fan_in, fan_out), &what),
                }
            }
        }
    }

    fn follows(sample: &[f32], law: &Law, what: &str) {
        let n = sample.len() as f64;
        let mean = sample.iter().map(|&w| f64::from(w)).sum::<f64>() / n;
        let variance = sample.iter().map(|&w| f64::from(w).powi(2)).sum::<f64>() / n - mean * mean;
        // Four standard errors of the mean, and of the standard deviation of a normal distribution (a uniform
        // one's is smaller).
        assert!(mean.abs() < 4.0 * law.std / n.sqrt(), "{what}: mean {mean}");
        let ratio = variance.sqrt() / law.std;
        assert!(
            (ratio - 1.0).abs() < 4.0 / (2.0 * n).sqrt(),
            "{what}: std {ratio} times the law's"
        );

        let largest = sample.iter().fold(0.0, |max, &w| f64::from(w.abs()).max(max));
        assert!(largest <= law.bound * (1.0 + 1e-6), "{what}: {largest} is out of range");

        let gap = gap(sample, &law.cdf);
        let critical = critical_gap(sample.len());
        assert!(gap < critical, "{what}: gap {gap}, critical {critical}");
    }

    #[test]
    fn the_gap_tells_a_wrong_law_from_the_right_one() {
        let mut rng = ChaCha8Rng::seed_from_u64(2);
        let drawn = Init::HeNormal.draw(288, 576, 10_000, &mut rng);
        for (wrong, fan_in, fan_out) in [
            (Init::HeUniform, 288, 576),
            (Init::HeNormal, 576, 288),
            (Init::HeNormal, 32, 64),
            (Init::XavierNormal, 288, 576),
        ] {
            let gap = gap(&drawn, law(wrong, fan_in, fan_out).cdf);
            assert!(gap > critical_gap(drawn.len()), "{wrong:?}: gap {gap}");
        }
    }

    #[test]
    fn the_seed_decides() {
        let draw = |seed| Init::HeNormal.draw(9, 288, 100, &mut ChaCha8Rng::seed_from_u64(seed));
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
    }

    #[test]
    fn the_trial_names_the_method_of_each_kind_of_layer() {
        let read = |params: Value, kind| {
            let facts = testing::facts(&params, &json!({}));
            testing::with_trial(&facts, |trial| Init::of(trial, kind))
        };
        for (name, method) in Init::NAMES.into_iter().zip(METHODS) {
            let params =
                json!({"winit_conv": name, "gaussian_std_conv": 0.7, "winit_fc": "he_normal"});
            assert_eq!(read(params.clone(), "conv"), Ok(method));
            assert_eq!(read(params, "fc"), Ok(Init::HeNormal));
        }
        let failed = |reason: &str| Err(TrialError::Failed(reason.to_owned()));
        assert_eq!(
            read(json!({"winit_fc": "he"}), "fc"),
            failed(&format!(
                "parameter `winit_fc` is he, expected one of {}",
                Init::NAMES.join(", ")
            ))
        );
        assert_eq!(
            read(json!({"winit_fc": "gaussian", "gaussian_std_fc": -0.5}), "fc"),
            failed("parameter `gaussian_std_fc` is -0.5, expected a positive number")
        );
        assert!(matches!(
            read(json!({"winit_fc": "gaussian"}), "fc"),
            Err(TrialError::Failed(reason)) if reason.starts_with("parameter `gaussian_std_fc` is not active")
        ));
    }
}
