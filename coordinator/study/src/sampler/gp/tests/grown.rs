//! What grew trial by trial has the same bits as what was made at once.

use std::sync::Arc;

use proptest::prelude::*;

use super::acquisition::Acquisition;
use super::cholesky::Cholesky;
use super::kernel::Kernel;
use super::lanes::{Lanes, WIDTH, ZERO};
use super::posterior::Posterior;
use super::*;
use crate::sampler::random::uniform;

/// A covariance matrix.
fn matrix(size: usize, rng: &mut ChaCha8Rng) -> Vec<Vec<f64>> {
    let a: Vec<Vec<_>> =
        (0..size).map(|_| (0..size).map(|_| uniform(rng) - 0.5).collect()).collect();
    let product = |i: usize, j: usize| -> f64 { a[i].iter().zip(&a[j]).map(|(x, y)| x * y).sum() };
    let element = |i: usize, j: usize| product(i, j) + if i == j { 0.1 } else { 0.0 };
    (0..size).map(|i| (0..size).map(|j| element(i, j)).collect()).collect()
}

/// Appends the next rows of a matrix.
fn append(factor: &mut Cholesky, matrix: &[Vec<f64>], count: usize) {
    let old = factor.len();
    let lanes = |row: usize| -> Lanes {
        std::array::from_fn(|lane| matrix[row][(old + lane).min(old + count - 1)])
    };
    let above = (0..old).map(lanes).collect();
    let corner: Vec<_> = (old..old + count).map(lanes).collect();
    factor.append(above, &corner);
}

fn at_once(matrix: &[Vec<f64>]) -> Cholesky {
    let mut factor = Cholesky::default();
    while factor.len() < matrix.len() {
        let count = WIDTH.min(matrix.len() - factor.len());
        append(&mut factor, matrix, count);
    }
    factor
}

/// Its element.
fn element(factor: &Cholesky, row: usize, column: usize) -> f64 {
    let mut unit = vec![0.0; factor.len()];
    unit[column] = 1.0;
    factor.colour(row, &unit)
}

#[test]
fn a_factor_is_one() {
    let mut rng = seeded(5);
    for size in [1, 2, 7, 8, 9, 30] {
        let matrix = matrix(size, &mut rng);
        let factor = at_once(&matrix);
        let close = |a: f64, b: f64| (a - b).abs() < 1e-12;
        let mut determinant = 0.0;
        for (i, row) in matrix.iter().enumerate() {
            determinant += 2.0 * libm::log(element(&factor, i, i));
            for (j, known) in row.iter().enumerate() {
                let product = |k| element(&factor, i, k) * element(&factor, j, k);
                assert!(close((0..=i.min(j)).map(product).sum(), *known), "{size}: {i}, {j}");
            }
        }
        assert!(close(determinant, factor.log_determinant()));

        let y: Vec<_> = (0..size).map(|_| uniform(&mut rng)).collect();
        let z = factor.whitened(&y);
        assert!((0..size).all(|row| close(factor.colour(row, &z), y[row])), "{size}");
        assert_eq!(factor.whitened(&y[..size / 2]), z[..size / 2]);

        // Of each right-hand side, K x = b. Some of them begin with zeros.
        for first in 0..size {
            let mut inverse = factor.inverse(first);
            let mut columns = vec![ZERO; size];
            for lane in 0..WIDTH.min(size - first) {
                columns[first + lane][lane] = 1.0;
            }
            let given = columns.clone();
            factor.solve(&mut columns);
            for (row, known) in matrix.iter().zip(&given) {
                for lane in 0..WIDTH {
                    let product = row.iter().zip(&columns).map(|(k, x)| k * x[lane]).sum::<f64>();
                    assert!((product - known[lane]).abs() < 1e-10, "{size}, {first}");
                }
            }
            for (found, known) in inverse.split_off(first).iter().zip(&columns[first..]) {
                assert!(found.iter().zip(known).all(|(a, b)| close(*a, *b)), "{size}, {first}");
            }
        }
    }
}

#[test]
fn a_matrix_that_is_not_sound_does_no_harm() {
    let factor = at_once(&vec![vec![1.0; 20]; 20]);
    assert!(factor.log_determinant().is_finite());
    assert!(factor.whitened(&[1.0; 20]).iter().all(|z| z.is_finite()));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_factor_that_grew_has_the_same_bits(
        counts in prop::collection::vec(1..=WIDTH, 1..12), seed: u64,
    ) {
        let matrix = matrix(counts.iter().sum(), &mut seeded(seed));
        let mut grown = Cholesky::default();
        for count in counts {
            append(&mut grown, &matrix, count);
        }
        prop_assert_eq!(grown, at_once(&matrix));
    }

    #[test]
    fn a_posterior_that_grew_has_the_same_bits(
        counts in prop::collection::vec(0..20_usize, 1..6), seed: u64,
    ) {
        let (space, mut rng) = (mixed(), seeded(seed));
        let total = counts.iter().sum::<usize>() + 1;
        let trials = trials(&space, total, &mut rng);
        let archive = archive(&space, &trials);
        let layout = &Model::of(&super::archive(&space, &trials_with_a_value(&space))).layout;
        let points: Vec<_> =
            archive.history().since(0).map(|trial| layout.point(&trial.at)).collect();
        let kernel = Kernel::from_logarithms(layout, &fit::expected(layout));
        let [mut grown, mut whole] = [(); 2].map(|()| Posterior::new(kernel.clone()));
        whole.extend(layout, &points);
        let mut from = 0;
        for count in counts.into_iter().chain([1]) {
            grown.extend(layout, &points[from..from + count]);
            from += count;
            grown.observe(&[vec![0.5; from]]);
        }
        whole.observe(&[vec![0.5; from]]);
        prop_assert_eq!(grown, whole);
    }
}

fn trials_with_a_value(space: &SearchSpace) -> Vec<(Params, TrialResult)> {
    vec![(anywhere(space, &mut seeded(0)), complete(0.0))]
}

/// Random trials: most complete, some are pruned, some fail.
fn trials(space: &SearchSpace, count: usize, rng: &mut ChaCha8Rng) -> Vec<(Params, TrialResult)> {
    let trial = |_| {
        let params = anywhere(space, rng);
        let numbers = numbers(&params);
        let loss = numbers.iter().map(|x| x.map_or(0.3, |x| libm::sin(5.0 * x))).sum::<f64>();
        let result = match uniform(rng) {
            x if x < 0.1 => TrialResult::Fail("lost".into()),
            x if x < 0.2 => TrialResult::Pruned,
            x => complete(loss + 0.1 * x),
        };
        (params, result)
    };
    (0..count).map(trial).collect()
}

/// Grows an archive in steps of these lengths, asks it after each, and compares with one that was never asked.
fn grow(space: &SearchSpace, trials: &[(Params, TrialResult)], steps: &[usize]) {
    let mut grown = archive(space, &[]);
    let mut seen = 0;
    for step in steps {
        for (params, result) in &trials[seen..seen + step] {
            grown.add(space, &finished(params, result));
        }
        seen += step;
        let whole = archive(space, &trials[..seen]);
        let [found, known] = [&grown, &whole].map(Model::of);
        assert!(found == known, "after {seen} trials");
        assert!(Arc::ptr_eq(&found, &Model::of(&grown)), "it is kept");
        // Equality would not tell 0 from −0.
        let bits = |model: &Model| -> Vec<_> {
            model.posterior.alphas[0].iter().map(|alpha| alpha.to_bits()).collect()
        };
        assert_eq!(bits(&found), bits(&known));
    }
}

#[test]
fn a_model_that_grew_has_the_same_bits() {
    let (space, mut rng) = (mixed(), seeded(11));
    let trials = trials(&space, 400, &mut rng);
    // Through eras of one trial, of several, and epochs of those, with no step, short and long ones.
    let steps: Vec<_> = [10].into_iter().chain([1; 7]).chain([5, 0, 11]).collect();
    grow(&space, &trials, &steps);
    let steps: Vec<_> = [39].into_iter().chain([1; 5]).chain([3; 3]).collect();
    grow(&space, &trials, &steps);
    grow(&space, &trials, &[150, 9, 1, 3, 7, 150, 1]);
}

#[test]
fn a_model_of_many_trials_that_grew_has_the_same_bits() {
    // More than it is made of.
    let space = space(&[(unit(), vec![]), (choices(3), vec![])]);
    let trials = trials(&space, 760, &mut seeded(12));
    grow(&space, &trials, &[640, 9, 20, 64]);
}

/// A proposal for trial `number`.
fn proposal(space: &SearchSpace, archive: &Archive, number: u32) -> Params {
    let fixed = space.nothing();
    let ask = Ask { space, archive, pending: vec![], fixed: &fixed, seed: 3, number };
    propose(&GpOptions::default(), &ask, &mut seeded(number.into()))
}

#[test]
fn what_was_kept_changes_no_proposal() {
    let space = mixed();
    let mut history = trials(&space, 10, &mut seeded(1));
    let mut archive = super::archive(&space, &history);
    for number in 10..22 {
        let params = proposal(&space, &archive, number);
        assert_eq!(params, proposal(&space, &super::archive(&space, &history), number));
        assert_eq!(params, proposal(&space, &archive, number));
        let result = complete(f64::from(number).sin());
        archive.add(&space, &finished(&params, &result));
        history.push((params, result));
    }
    // Copies share what is kept, and go on in different ways.
    let mut other = archive.clone();
    let mut others = history.clone();
    for number in 22..28 {
        let params = anywhere(&space, &mut seeded(number));
        for (archive, history, sign) in
            [(&mut archive, &mut history, 1.0), (&mut other, &mut others, -1.0)]
        {
            let result = complete(sign * number as f64);
            archive.add(&space, &finished(&params, &result));
            history.push((params.clone(), result));
            let found = proposal(&space, archive, number as u32);
            assert_eq!(found, proposal(&space, &super::archive(&space, history), number as u32));
        }
    }
}

/// What was observed stays; what runs has several futures, and the model is sure of itself there but for the noise.
#[test]
fn running_trials_have_futures() {
    let (space, mut rng) = (mixed(), seeded(21));
    let history = trials(&space, 30, &mut rng);
    let archive = super::archive(&space, &history);
    let running: Vec<_> = (0..3).map(|_| anywhere(&space, &mut rng)).collect();
    let (fixed, model) = (space.nothing(), Model::of(&archive));
    let mut lower = Vec::new();
    for number in 0..4 {
        let pending = running.iter().collect();
        let ask = Ask { space: &space, archive: &archive, pending, fixed: &fixed, seed: 3, number };
        let acquisition = Acquisition::new(&model, &ask, &mut seeded(4));
        let posterior = &acquisition.posterior;
        let (known, all) = (model.values.len(), model.values.len() + running.len());
        assert_eq!(posterior.len(), all);
        assert_eq!(posterior.alphas.len(), acquisition.least.len());
        assert!(acquisition.least.len() > 1);

        // With (K + σ²) α = y, the means at the trials tell what was observed.
        let rows = model.rows.iter().cloned();
        let rows = rows.chain(running.iter().map(|params| acquisition.coordinates(params)));
        let points: Vec<_> = rows.map(|at| model.layout.point(&at)).collect();
        let noise = posterior.kernel.noise;
        let mut futures = vec![Vec::new(); acquisition.least.len()];
        let mut least = vec![f64::INFINITY; futures.len()];
        for (block, points) in points.chunks(WIDTH).enumerate() {
            let prediction = posterior.predict(&model.layout, points, &model.layout.block(points));
            for lane in 0..points.len() {
                let row = WIDTH * block + lane;
                for (future, means) in prediction.means.iter().enumerate() {
                    let observed = means[lane] + noise * posterior.alphas[future][row];
                    futures[future].push(observed);
                    least[future] = least[future].min(means[lane]);
                }
                if row >= known {
                    assert!(prediction.deviations[lane] <= 1.01 * noise.sqrt());
                }
            }
        }
        for future in &futures {
            for (found, known) in future.iter().zip(&model.values) {
                assert!((found - known).abs() < 1e-6, "{found}, not {known}");
            }
        }
        for (one, other) in futures.iter().zip(&futures[1..]) {
            assert!((known..all).all(|row| (one[row] - other[row]).abs() > 1e-12));
        }
        // Some proposals want more than a little improvement.
        let below: Vec<_> = least.iter().zip(&acquisition.least).map(|(l, a)| l - a).collect();
        assert!(below.iter().all(|lower| (lower - below[0]).abs() < 1e-6), "{below:?}");
        assert!(below[0] > -1e-6, "{below:?}");
        lower.push(below[0] > 1e-3);
    }
    assert!(lower.contains(&false), "{lower:?}");
}
