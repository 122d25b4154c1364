//! Compares the densities with Optuna's.

pub(in crate::sampler) mod described;

use rand::SeedableRng as _;
use serde::{Deserialize, Serialize};

use super::super::random::uniform;
use super::*;
use crate::peer;
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

const OPTUNAS: Shape = Shape { prior: 1.0, narrowest: 1.0, least: 0.01, cell: 0.0, smoothing: 1.0 };

/// One estimator, and points with known densities; see `ask_optuna.py`.
#[derive(Debug, Serialize, Deserialize)]
struct Case {
    #[serde(default)]
    name: String,
    #[serde(with = "described")]
    space: Vec<Distribution>,
    observations: Vec<Vec<f64>>,
    weights: Vec<f64>,
    points: Vec<Vec<f64>>,
    #[serde(default)]
    log_density: Vec<f64>,
}

impl Case {
    fn log_densities(&self) -> Vec<f64> {
        let axes: Vec<_> = self.space.iter().map(Axis::new).collect();
        let values = |d: &Distribution, column: &[f64]| -> Vec<ParamValue> {
            column.iter().map(|x| value(d, *x)).collect()
        };
        let columns: Vec<_> =
            self.space.iter().zip(&self.observations).map(|(d, c)| values(d, c)).collect();
        let estimator = weighted(&axes, &columns, self.weights.clone());
        let point = |point: &Vec<f64>| -> Vec<_> {
            self.space.iter().zip(point).map(|(d, x)| value(d, *x)).collect()
        };
        self.points.iter().map(|p| estimator.log_density(&point(p))).collect()
    }
}

fn value(distribution: &Distribution, x: f64) -> ParamValue {
    match distribution {
        Distribution::Float { .. } => F(x),
        Distribution::Int { .. } => I(x as i64),
        Distribution::Categorical { .. } => C(x as usize),
    }
}

fn weighted(axes: &[Axis], columns: &[Vec<ParamValue>], weights: Vec<f64>) -> ParzenEstimator {
    let coordinates = |(axis, column): (&Axis, &Vec<ParamValue>)| -> Vec<f64> {
        column.iter().map(|value| axis.coordinate(*value)).collect()
    };
    let columns = axes.iter().zip(columns).map(coordinates).collect();
    ParzenEstimator::new(axes, &Sample { columns, weights, pending: 0 }, OPTUNAS)
}

fn estimator(space: &[Distribution], columns: &[Vec<ParamValue>]) -> ParzenEstimator {
    let axes: Vec<_> = space.iter().map(Axis::new).collect();
    weighted(&axes, columns, vec![1.0; columns[0].len()])
}

#[test]
fn densities_are_those_that_optuna_gave() {
    let cases: Vec<Case> = serde_json::from_str(include_str!("cases.json")).expect("cases");
    for case in cases {
        for (found, known) in case.log_densities().iter().zip(&case.log_density) {
            assert!((found - known).abs() < 1e-10, "{}: {found}, not {known}", case.name);
        }
    }
}

/// Asks the real package, if `KINDLING_PEERS_PYTHON` names a Python that has it.
#[test]
fn log_l_minus_log_g_is_what_optuna_says() {
    let mut rng = ChaCha8Rng::seed_from_u64(11);
    // Pairs: the good and the bad observations of one history.
    let cases: Vec<Case> = (0..100).flat_map(|_| random_pair(&mut rng)).collect();
    let Some(answers) = peer::ask("sampler/parzen/ask_optuna.py", &cases) else { return };
    let answers: Vec<Case> = serde_json::from_slice(&answers).expect("answers");
    for (case, answer) in cases.chunks(2).zip(answers.chunks(2)) {
        let [good, bad] = [&case[0], &case[1]].map(Case::log_densities);
        for place in 0..good.len() {
            let found = good[place] - bad[place];
            let known = answer[0].log_density[place] - answer[1].log_density[place];
            assert!((found - known).abs() < 1e-9, "{found}, not {known}: {case:?}");
        }
    }
}

/// Kernels that are skipped on the way must not change a bit of the sum.
#[test]
fn a_wide_spaces_density_is_that_of_all_kernels_to_the_bit() {
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    let space = vec![float(0.0, 1.0, FloatScale::Linear); 3 * BLOCK];
    let point = |rng: &mut ChaCha8Rng| -> Vec<f64> { space.iter().map(|_| uniform(rng)).collect() };
    let seen: Vec<_> = (0..12).map(|_| point(&mut rng)).collect();
    let columns: Vec<Vec<_>> =
        (0..space.len()).map(|axis| seen.iter().map(|point| F(point[axis])).collect()).collect();
    let estimator = estimator(&space, &columns);
    // With so many kernels of their width, many lie a little below the prior once the first dimensions are added up.
    for _ in 0..300 {
        let point: Vec<_> = point(&mut rng).into_iter().map(F).collect();
        let mut kernels = estimator.log_peaks.clone();
        for (dimension, value) in estimator.dimensions.iter().zip(&point) {
            dimension.fall_off(*value, &mut kernels);
        }
        let all = log_sum_exp(&kernels);
        assert_eq!(estimator.log_density(&point).to_bits(), all.to_bits());
    }
}

/// The density at 0, 0.001, …, 1 for observations at 0.2, 0.3 and 0.8, and perhaps one pending trial.
fn with_pending(pending: Option<f64>) -> Vec<f64> {
    let axes = [Axis::new(&float(0.0, 1.0, FloatScale::Linear))];
    let column: Vec<_> = [0.2, 0.3, 0.8].into_iter().chain(pending).collect();
    let weights = vec![1.0; column.len()];
    let sample = Sample { columns: vec![column], weights, pending: pending.iter().count() };
    let estimator = ParzenEstimator::new(&axes, &sample, OPTUNAS);
    (0..=1000).map(|i| libm::exp(estimator.log_density(&[F(f64::from(i) / 1000.0)]))).collect()
}

#[test]
fn a_pending_trial_adds_a_narrow_kernel_and_leaves_the_others_as_they_are() {
    let (without, with) = (with_pending(None), with_pending(Some(0.5)));
    // A fifth of the least width of three kernels.
    let deviation = 0.2 / 5.0;
    let reach = (4.0 * deviation * 1000.0) as usize;
    assert!((0..=1000_usize).all(|i| i.abs_diff(500) < reach || with[i] < without[i]));
    let added = |i: usize| with[i] * 5.0 / 4.0 - without[i];
    let share: f64 = (0..=1000).map(added).sum::<f64>() / 1000.0;
    assert!((share - 0.25).abs() < 1e-3, "{share}");
    assert!((added(540) / added(500) - libm::exp(-0.5)).abs() < 1e-9);
}

#[test]
fn many_kernels_are_not_too_narrow_and_a_grids_may_be_narrower() {
    let shape = Shape { least: 0.02, ..OPTUNAS };
    let least = |distribution: &Distribution, means: usize| match Axis::new(distribution) {
        Axis::Line(line) => shape.least_width(&line, means, 0.5),
        other => panic!("not a line: {other:?}"),
    };
    let continuous = float(0.0, 1.0, FloatScale::Linear);
    let grid = int(0, 1000, 1, false);
    for (means, on_line, on_grid) in
        [(18, 0.05, 0.05), (48, 0.02, 0.02), (78, 0.02, 0.0125), (500, 0.02, 0.01)]
    {
        assert!((least(&continuous, means) - on_line).abs() < 1e-12, "{means} on a line");
        assert!((least(&grid, means) - on_grid).abs() < 1e-12, "{means} on a grid");
    }
}

/// The masses of the values from 1 on, when ten trials were at `seen`.
fn masses_around(seen: i64, distribution: &Distribution, cell: f64) -> Vec<f64> {
    let axes = [Axis::new(distribution)];
    let columns = vec![vec![axes[0].coordinate(I(seen)); 10]];
    let sample = Sample { columns, weights: vec![1.0; 10], pending: 0 };
    let shape = Shape { narrowest: 0.3, cell, ..OPTUNAS };
    let estimator = ParzenEstimator::new(&axes, &sample, shape);
    let values = (1..).map(I).take_while(|value| distribution.contains(*value));
    values.map(|value| libm::exp(estimator.log_density(&[value]))).collect()
}

#[test]
fn a_kernel_as_wide_as_its_cell_leaves_something_to_the_next_value() {
    let deviation = (1.0_f64 / 12.0).sqrt();
    for (last, log, seen) in
        [(2, false, 1), (6, false, 1), (6, false, 6), (2, true, 1), (8, true, 1)]
    {
        let distribution = int(1, last, 1, log);
        let next = if seen == 1 { 1 } else { seen as usize - 2 };
        let [locked, wide] =
            [0.0, deviation].map(|cell| masses_around(seen, &distribution, cell)[next]);
        // The narrow kernels leave nothing. The prior's share is what is left.
        assert!(locked < 0.06 && wide > locked + 0.03, "{distribution}: {locked}, {wide}");
    }
}

#[test]
fn a_cells_width_matters_only_where_it_is_the_widest() {
    let shape = Shape { least: 0.02, cell: 0.5, ..OPTUNAS };
    let least = |distribution: &Distribution, x: ParamValue| match Axis::new(distribution) {
        Axis::Line(line) => shape.least_width(&line, 48, line.place(x)),
        other => panic!("not a line: {other:?}"),
    };
    assert!((least(&int(1, 4, 1, false), I(2)) - 0.125).abs() < 1e-12);
    assert!((least(&float(0.0, 0.75, FloatScale::Step(0.25)), F(0.5)) - 0.125).abs() < 1e-12);
    assert!((least(&int(1, 1000, 1, false), I(2)) - 0.02).abs() < 1e-12);
    assert!((least(&float(0.0, 1.0, FloatScale::Linear), F(0.5)) - 0.02).abs() < 1e-12);
    // On a logarithmic grid the first cell is the widest.
    let log = int(1, 16, 1, true);
    let span = libm::log(16.5 / 0.5);
    assert!((least(&log, I(1)) - 0.5 * libm::log(1.5 / 0.5) / span).abs() < 1e-12);
    assert!((least(&log, I(2)) - 0.5 * libm::log(2.5 / 1.5) / span).abs() < 1e-12);
    assert!((least(&log, I(16)) - 0.02).abs() < 1e-12);
}

/// Two estimators with up to 40 good and 200 bad observations, without ties, at the same points.
fn random_pair(rng: &mut ChaCha8Rng) -> [Case; 2] {
    let kinds = [
        float(-3.0, 5.0, FloatScale::Linear),
        float(1e-5, 1e-1, FloatScale::Log),
        float(0.0, 1e4, FloatScale::Step(0.5)),
        int(-9, 100_000, 1, false),
        int(10, 100_000, 1, true),
        categorical(5),
    ];
    let space: Vec<_> = kinds.into_iter().filter(|_| uniform(rng) < 0.6).collect();
    let space = if space.is_empty() { vec![categorical(2)] } else { space };
    let points: Vec<_> = (0..10).map(|_| space.iter().map(|d| draw(d, rng)).collect()).collect();
    [40.0, 200.0].map(|most| {
        let count = 1 + (uniform(rng) * most) as usize;
        Case {
            name: String::new(),
            observations: space.iter().map(|d| column(d, count, rng)).collect(),
            weights: (0..count).map(|_| 0.1 + uniform(rng)).collect(),
            space: space.clone(),
            points: points.clone(),
            log_density: vec![],
        }
    })
}

/// This many values. Numbers all differ.
fn column(distribution: &Distribution, count: usize, rng: &mut ChaCha8Rng) -> Vec<f64> {
    let mut column = Vec::new();
    while column.len() < count {
        let x = draw(distribution, rng);
        if matches!(distribution, Distribution::Categorical { .. }) || !column.contains(&x) {
            column.push(x);
        }
    }
    column
}

fn draw(distribution: &Distribution, rng: &mut ChaCha8Rng) -> f64 {
    match (Axis::new(distribution), distribution) {
        (Axis::Line(line), _) => match line.value(uniform(rng)) {
            F(x) => x,
            I(x) => x as f64,
            C(c) => c as f64,
        },
        (_, Distribution::Categorical { choices }) => (uniform(rng) * choices.len() as f64).floor(),
        _ => unreachable!("no single values here"),
    }
}

#[test]
fn a_cell_too_narrow_for_its_mass_gets_density_times_width() {
    let columns = |n: i64| [vec![I(n / 4), I(n / 3)]];
    let density = |n: i64| {
        let estimator = estimator(&[int(0, n - 1, 1, false)], &columns(n));
        estimator.log_density(&[I(n / 5)]) + libm::log(n as f64)
    };
    // On both sides of the threshold, and far beyond it.
    assert!((density(900_000) - density(1_100_000)).abs() < 1e-5);
    assert!((density(1 << 60) - density(1_100_000)).abs() < 1e-5);
}

/// Draws often and compares how often each bin is hit with the mass that the density gives it.
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
