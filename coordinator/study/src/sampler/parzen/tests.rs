//! The densities against Optuna's own numbers.

use rand::SeedableRng as _;

use super::*;
use crate::space::{Choice, Distribution, FloatScale};
use ParamValue::{Choice as C, Float as F, Int as I};

fn float(low: f64, high: f64, scale: FloatScale) -> Distribution {
    Distribution::Float { low, high, scale }
}

fn int(low: i64, high: i64, step: i64, log: bool) -> Distribution {
    Distribution::Int { low, high, step, log }
}

fn categorical(choices: i64) -> Distribution {
    Distribution::Categorical { choices: (0..choices).map(Choice::Int).collect() }
}

fn estimator(space: &[Distribution], columns: &[Vec<ParamValue>]) -> ParzenEstimator {
    let axes: Vec<_> = space.iter().map(Axis::new).collect();
    ParzenEstimator::new(&axes, columns)
}

fn assert_densities(estimator: &ParzenEstimator, known: &[(&[ParamValue], f64)]) {
    for (point, expected) in known {
        let actual = estimator.log_density(point);
        assert!((actual - expected).abs() < 1e-10, "{point:?}: {actual}, not {expected}");
    }
}

// The numbers in the next tests are those of Optuna 5.0.0, with end points considered:
//
// import numpy as np
// from optuna.distributions import (
//     FloatDistribution as F, IntDistribution as I, CategoricalDistribution as C)
// from optuna.samplers._tpe.parzen_estimator import (
//     _ParzenEstimator as P, _ParzenEstimatorParameters as O)
// from optuna.samplers._tpe.sampler import default_weights
// def p(space, seen, points):
//     e = P({k: np.array(v, float) for k, v in seen.items()}, space,
//           O(1.0, True, True, default_weights, True))
//     print(e.log_pdf({k: np.array(v, float) for k, v in points.items()}).tolist())

#[test]
fn floats_agree_with_optuna() {
    // p({"x": F(-1, 3)}, {"x": [0.5, -1, 2.9, 0.5]}, {"x": [-1, 0.5, 1.7, 3]})
    let linear = estimator(
        &[float(-1.0, 3.0, FloatScale::Linear)],
        &[vec![F(0.5), F(-1.0), F(2.9), F(0.5)]],
    );
    assert_densities(
        &linear,
        &[
            (&[F(-1.0)], -1.348_334_149_706_438_7),
            (&[F(0.5)], -1.258_942_013_984_906_1),
            (&[F(1.7)], -1.450_389_671_366_347_3),
            (&[F(3.0)], -1.770_359_757_456_066),
        ],
    );
    // p({"x": F(0, 1)}, {"x": [0.5, 0.4]}, {"x": [0, 0.45, 1]})
    let ends = estimator(&[float(0.0, 1.0, FloatScale::Linear)], &[vec![F(0.5), F(0.4)]]);
    assert_densities(
        &ends,
        &[
            (&[F(0.0)], -0.219_274_993_680_631_75),
            (&[F(0.45)], 0.148_734_237_984_542_1),
            (&[F(1.0)], -0.382_562_436_748_296_4),
        ],
    );
    // p({"x": F(5e-4, 1e-2, log=True)}, {"x": [1e-3, 8e-4, 9e-3]}, {"x": [5e-4, 1e-3, 4e-3]})
    let log = estimator(&[float(5e-4, 1e-2, FloatScale::Log)], &[vec![F(1e-3), F(8e-4), F(9e-3)]]);
    assert_densities(
        &log,
        &[
            (&[F(5e-4)], -0.998_301_578_871_434_7),
            (&[F(1e-3)], -0.816_181_690_448_973_6),
            (&[F(4e-3)], -1.313_278_503_625_23),
        ],
    );
}

#[test]
fn grids_agree_with_optuna() {
    // p({"x": F(0, 1, step=0.25)}, {"x": [0.25, 0.25, 1]}, {"x": [0, 0.25, 0.5, 1]})
    let steps =
        estimator(&[float(0.0, 1.0, FloatScale::Step(0.25))], &[vec![F(0.25), F(0.25), F(1.0)]]);
    assert_densities(
        &steps,
        &[
            (&[F(0.0)], -1.640_793_620_848_099_8),
            (&[F(0.25)], -1.478_676_349_896_756_3),
            (&[F(0.5)], -1.498_273_798_699_783_8),
            (&[F(1.0)], -1.825_783_833_149_045_5),
        ],
    );
    // p({"x": I(2, 20, step=3)}, {"x": [5, 17]}, {"x": [2, 5, 11, 20]})
    let ints = estimator(&[int(2, 20, 3, false)], &[vec![I(5), I(17)]]);
    assert_densities(
        &ints,
        &[
            (&[I(2)], -2.043_272_309_853_503),
            (&[I(5)], -1.948_152_396_789_301_7),
            (&[I(11)], -1.871_796_108_195_196_6),
            (&[I(20)], -2.043_272_309_853_503),
        ],
    );
    // p({"x": I(1, 100, log=True)}, {"x": [1, 7, 64]}, {"x": [1, 2, 50, 100]})
    let log = estimator(&[int(1, 100, 1, true)], &[vec![I(1), I(7), I(64)]]);
    assert_densities(
        &log,
        &[
            (&[I(1)], -1.647_759_368_849_892_2),
            (&[I(2)], -2.298_668_920_314_215_7),
            (&[I(50)], -5.653_796_442_474_798),
            (&[I(100)], -6.471_382_374_136_899),
        ],
    );
}

#[test]
fn choices_agree_with_optuna() {
    // p({"x": C("abc")}, {"x": [0, 2, 2]}, {"x": [0, 1, 2]})
    let choices = estimator(&[categorical(3)], &[vec![C(0), C(2), C(2)]]);
    assert_densities(
        &choices,
        &[
            (&[C(0)], -1.098_612_288_668_109_8),
            (&[C(1)], -1.658_228_076_603_532_4),
            (&[C(2)], -0.741_937_344_729_377_3),
        ],
    );
}

#[test]
fn the_prior_alone_agrees_with_optuna() {
    // p({"x": F(0, 2), "c": C("abcd")}, {"x": [], "c": []}, {"x": [0, 1], "c": [0, 3]})
    let space = [float(0.0, 2.0, FloatScale::Linear), categorical(4)];
    let prior = estimator(&space, &[vec![], vec![]]);
    assert_densities(
        &prior,
        &[(&[F(0.0), C(0)], -2.163_463_741_188_886_4), (&[F(1.0), C(3)], -2.038_463_741_188_886_4)],
    );
}

#[test]
fn products_agree_with_optuna() {
    // p({"x": F(1e-3, 1, log=True), "k": I(0, 9), "c": C("ab")},
    //   {"x": [0.01, 0.5, 0.02, 0.9], "k": [1, 8, 2, 2], "c": [0, 1, 0, 0]},
    //   {"x": [0.015, 0.7, 0.001], "k": [1, 8, 9], "c": [0, 1, 1]})
    let space = [float(1e-3, 1.0, FloatScale::Log), int(0, 9, 1, false), categorical(2)];
    let joint = estimator(
        &space,
        &[
            vec![F(0.01), F(0.5), F(0.02), F(0.9)],
            vec![I(1), I(8), I(2), I(2)],
            vec![C(0), C(1), C(0), C(0)],
        ],
    );
    assert_densities(
        &joint,
        &[
            (&[F(0.015), I(1), C(0)], -3.997_989_286_985_817),
            (&[F(0.7), I(8), C(1)], -4.896_423_524_371_803),
            (&[F(0.001), I(9), C(1)], -6.216_876_801_584_549),
        ],
    );
}

#[test]
fn old_observations_weigh_less_as_in_optuna() {
    // i = np.arange(40)
    // p({"x": F(0, 1), "c": C("ab")}, {"x": i * 7 % 40 / 40, "c": i // 20},
    //   {"x": [0.1, 0.9], "c": [0, 1]})
    let space = [float(0.0, 1.0, FloatScale::Linear), categorical(2)];
    let column = (0..40).map(|i| F(f64::from(i * 7 % 40) / 40.0)).collect();
    let ramp = estimator(&space, &[column, (0..40).map(|i| C(i / 20)).collect()]);
    assert_densities(
        &ramp,
        &[(&[F(0.1), C(0)], -0.658_681_570_378_72), (&[F(0.9), C(1)], -0.483_308_219_982_090_6)],
    );
    // i = np.arange(26); p({"x": F(0, 1)}, {"x": i / 26}, {"x": [0.0]})
    let column = (0..26).map(|i| F(f64::from(i) / 26.0)).collect();
    let one_old = estimator(&space[..1], &[column]);
    assert_densities(&one_old, &[(&[F(0.0)], -0.884_646_524_348_333_1)]);
}

#[test]
fn a_cell_too_narrow_for_its_mass_gets_density_times_width() {
    let columns = |n: i64| [vec![I(n / 4), I(n / 3)]];
    let density = |n: i64| {
        let estimator = estimator(&[int(0, n - 1, 1, false)], &columns(n));
        estimator.log_density(&[I(n / 5)]) + libm::log(n as f64)
    };
    // Either side of the threshold, and far beyond it.
    assert!((density(900_000) - density(1_100_000)).abs() < 1e-5);
    assert!((density(1 << 60) - density(1_100_000)).abs() < 1e-5);
}

/// Draws often and compares how often each bin was hit with the mass that the density gives it.
fn assert_draws_follow(
    estimator: &ParzenEstimator,
    freedoms: &[Freedom],
    bins: &[Vec<ParamValue>],
    bin_of: impl Fn(&[ParamValue]) -> usize,
) {
    const DRAWS: u32 = 20_000;
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    let mut hits = vec![0; bins.len()];
    let draws = estimator.draws(freedoms);
    for _ in 0..DRAWS {
        hits[bin_of(&draws.sample(&mut rng))] += 1;
    }
    let masses: Vec<_> = bins.iter().map(|b| libm::exp(estimator.log_density(b))).collect();
    let sum: f64 = masses.iter().sum();
    for (bin, (hits, mass)) in bins.iter().zip(hits.iter().zip(masses)) {
        let expected = mass / sum;
        let found = f64::from(*hits) / f64::from(DRAWS);
        let deviation = (expected * (1.0 - expected) / f64::from(DRAWS)).sqrt();
        assert!((found - expected).abs() < 4.0 * deviation, "{bin:?}: {found}, not {expected}");
    }
}

#[test]
fn draws_follow_the_density() {
    let space = [int(1, 8, 1, true), categorical(3)];
    let columns = [vec![I(2), I(7), I(7)], vec![C(0), C(2), C(1)]];
    let bins: Vec<_> = (0..24).map(|i| vec![I(1 + i / 3), C(i as usize % 3)]).collect();
    let bin_of =
        |point: &[ParamValue]| bins.iter().position(|bin| bin == point).expect("in the space");
    let joint = estimator(&space, &columns);
    assert_draws_follow(&joint, &[Freedom::Any, Freedom::Any], &bins, bin_of);

    let line = estimator(
        &[float(-2.0, 2.0, FloatScale::Linear)],
        &[vec![F(-1.9), F(0.3), F(0.35), F(0.4), F(0.41)]],
    );
    let middles: Vec<_> = (0..400).map(|i| vec![F(f64::from(i) / 100.0 - 1.995)]).collect();
    let bin_of = |point: &[ParamValue]| match point {
        [F(x)] => ((x + 2.0) * 100.0) as usize,
        _ => panic!("not a float"),
    };
    assert_draws_follow(&line, &[Freedom::Any], &middles, bin_of);
}

#[test]
fn restricted_draws_follow_the_conditional_density() {
    let space = [int(1, 8, 1, false), categorical(4)];
    let columns = [vec![I(2), I(7), I(6), I(1)], vec![C(0), C(2), C(2), C(3)]];
    let joint = estimator(&space, &columns);
    let bin_of = |bins: &[Vec<ParamValue>], point: &[ParamValue]| {
        bins.iter().position(|bin| bin == point).expect("among the bins")
    };

    let bins: Vec<_> = (0..4).map(|c| vec![I(6), C(c)]).collect();
    let fixed = [Freedom::Fixed(I(6)), Freedom::Any];
    assert_draws_follow(&joint, &fixed, &bins, |point| bin_of(&bins, point));

    let bins: Vec<_> = (0..16).map(|i| vec![I(1 + i / 2), C([1, 2][i as usize % 2])]).collect();
    let among = [Freedom::Any, Freedom::Among(vec![1, 2])];
    assert_draws_follow(&joint, &among, &bins, |point| bin_of(&bins, point));
}
