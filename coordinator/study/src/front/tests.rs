use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::*;
use crate::peer;

/// Points, and what Optuna says of them.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
struct Case {
    points: Vec<Vec<String>>,
    count: usize,
    ranks: Vec<usize>,
    reference: Vec<String>,
    hypervolume: String,
    best: Vec<usize>,
    violations: Vec<String>,
    constrained_ranks: Vec<usize>,
    crowding: Vec<String>,
}

fn number(text: &str) -> f64 {
    text.parse().expect("a number")
}

fn close(a: f64, b: f64) -> bool {
    a.to_bits() == b.to_bits() || (a - b).abs() <= 1e-9 * a.abs().max(b.abs())
}

fn check(cases: &[Case]) {
    for case in cases {
        let points: Vec<Vec<f64>> = case
            .points
            .iter()
            .map(|point| point.iter().map(|text| number(text)).collect())
            .collect();
        let reference = reference(&points);
        let known: Vec<_> = case.reference.iter().map(|text| number(text)).collect();
        assert_eq!(reference, known, "{case:?}");
        assert_eq!(ranks(&points, usize::MAX), case.ranks, "{case:?}");
        let (ours, theirs) = (hypervolume(&points, &reference), number(&case.hypervolume));
        assert!(close(ours, theirs), "{ours} {theirs} {case:?}");
        assert_eq!(best(&points, case.count), case.best, "{case:?}");
        let violations: Vec<_> = case.violations.iter().map(|text| number(text)).collect();
        assert_eq!(constrained_ranks(&points, &violations), case.constrained_ranks, "{case:?}");
        let known = case.crowding.iter().map(|text| number(text));
        assert!(crowding(&points).into_iter().zip(known).all(|(a, b)| close(a, b)), "{case:?}");
    }
}

/// Random points. Some have ties, some are infinitely far away.
fn points(rng: &mut ChaCha8Rng, odd: bool) -> Vec<Vec<f64>> {
    let objectives = rng.random_range(2..=5);
    let count = rng.random_range(2..=30);
    let few: Vec<f64> = (0..4).map(|_| rng.random_range(-2.0..2.0)).collect();
    let has_ties = odd && rng.random_bool(0.5);
    let draw = |rng: &mut ChaCha8Rng| match rng.random_range(0..30_u8) {
        0 if odd => f64::INFINITY,
        1 if odd => f64::NEG_INFINITY,
        2 if odd => 0.0,
        3 if odd => -0.0,
        _ if has_ties => *few.choose(rng).expect("some"),
        _ => rng.random_range(-2.0..2.0),
    };
    (0..count).map(|_| (0..objectives).map(|_| draw(rng)).collect()).collect()
}

fn case(seed: u64) -> Case {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let points = points(&mut rng, false);
    let count = rng.random_range(1..=points.len());
    let text = |point: &Vec<f64>| point.iter().map(f64::to_string).collect();
    // Some hold, and some are violated as much as others.
    let violation = |_| (0.5 * f64::from(rng.random_range(0..6_u8)) - 1.0).max(0.0).to_string();
    let violations = points.iter().map(violation).collect();
    Case { points: points.iter().map(text).collect(), count, violations, ..Case::default() }
}

#[test]
fn fronts_volumes_and_splits_are_optunas() {
    check(&serde_json::from_str::<Vec<Case>>(include_str!("cases.json")).expect("cases"));
}

/// Asks the real package, if `KINDLING_PEERS_PYTHON` names a Python that has it.
#[test]
fn fronts_volumes_and_splits_are_what_optuna_says_now() {
    let cases: Vec<_> = (100..400).map(case).collect();
    let Some(answers) = peer::ask("front/ask_optuna.py", &cases) else { return };
    check(&serde_json::from_slice::<Vec<Case>>(&answers).expect("answers"));
}

/// Ties and infinities included, by the definition.
#[test]
fn a_rank_is_how_many_fronts_are_taken_away_before() {
    for seed in 0..1_000 {
        let points = points(&mut ChaCha8Rng::seed_from_u64(seed), true);
        let mut expected = vec![usize::MAX; points.len()];
        for rank in 0.. {
            let left: Vec<_> = (0..points.len()).filter(|p| expected[*p] == usize::MAX).collect();
            if left.is_empty() {
                break;
            }
            let is_free =
                |p: &&usize| !left.iter().any(|other| dominates(&points[*other], &points[**p]));
            left.iter().filter(is_free).for_each(|place| expected[*place] = rank);
        }
        assert_eq!(ranks(&points, usize::MAX), expected, "seed {seed}: {points:?}");
        // With fewer, those that matter are the same.
        let enough = points.len() / 2;
        let some = ranks(&points, enough);
        let exact = some.iter().max().copied().unwrap_or(0);
        let cut: Vec<_> = expected.iter().map(|rank| (*rank).min(exact)).collect();
        assert_eq!(some, cut, "seed {seed}");
    }
}

/// By counting cells of a grid whose lines go through the points.
#[test]
fn a_hypervolume_is_the_volume_of_what_is_dominated() {
    for seed in 0..300 {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let objectives = rng.random_range(2..=4);
        let draw = |rng: &mut ChaCha8Rng| f64::from(rng.random_range(0..6_u8));
        let points: Vec<Vec<f64>> = (0..rng.random_range(1..12))
            .map(|_| (0..objectives).map(|_| draw(&mut rng)).collect())
            .collect();
        // A point beyond the reference adds nothing.
        let reference = vec![4.0; objectives];
        let cells = 4_usize.pow(objectives as u32);
        let is_dominated = |cell: usize| {
            let at: Vec<_> =
                (0..objectives).map(|d| (cell / 4_usize.pow(d as u32) % 4) as f64).collect();
            points.iter().any(|point| covers(point, &at))
        };
        let counted = (0..cells).filter(|cell| is_dominated(*cell)).count();
        let volume = hypervolume(&points, &reference);
        assert!(close(volume, counted as f64), "seed {seed}: {volume}, {counted}: {points:?}");
    }
}

#[test]
fn whatever_the_points_are_as_many_as_asked_for_are_best() {
    for seed in 0..1_000 {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let points = points(&mut rng, true);
        let count = rng.random_range(0..=points.len() + 2);
        let best = best(&points, count);
        assert_eq!(best.len(), count.min(points.len()), "seed {seed}");
        assert!(best.is_sorted_by(|a, b| a < b), "each once: seed {seed}: {best:?}");
        let ranks = ranks(&points, usize::MAX);
        let worst = best.iter().map(|place| ranks[*place]).max();
        let left = (0..points.len()).filter(|place| !best.contains(place));
        let least = left.map(|place| ranks[place]).min();
        assert!(least.is_none_or(|least| worst <= Some(least)), "seed {seed}");
        assert!(hypervolume(&points, &reference(&points)) >= 0.0, "seed {seed}");
    }
}

/// Those that are sparse are as many, and of fronts as good.
#[test]
fn the_sparse_ones_are_of_the_first_fronts_and_include_its_ends() {
    for seed in 0..300 {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let points = points(&mut rng, seed % 2 == 0);
        let count = rng.random_range(0..=points.len() + 2);
        let sparse = sparse(&points, count);
        assert_eq!(sparse.len(), count.min(points.len()), "seed {seed}");
        assert!(sparse.is_sorted_by(|a, b| a < b), "each once: seed {seed}");
        let ranks = ranks(&points, usize::MAX);
        let worst = sparse.iter().map(|place| ranks[*place]).max();
        let least =
            (0..points.len()).filter(|p| !sparse.contains(p)).map(|place| ranks[place]).min();
        assert!(least.is_none_or(|least| worst <= Some(least)), "seed {seed}");
    }
    let line = [[0.0, 4.0], [1.0, 3.0], [1.5, 2.5], [2.0, 2.0], [4.0, 0.0]];
    assert_eq!(sparse(&line, 2), [0, 4]);
    assert_eq!(sparse(&line, 3), [0, 3, 4], "the one with most room");
}

/// Counting places finds nearly what volumes do, and never takes long.
#[test]
fn counting_finds_nearly_as_much_as_volumes_do() {
    for seed in 0..20 {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let points: Vec<Vec<f64>> =
            (0..60).map(|_| (0..4).map(|_| rng.random_range(0.0..1.0)).collect()).collect();
        let front: Vec<&[f64]> = {
            let ranks = ranks(&points, usize::MAX);
            (0..60).filter(|p| ranks[*p] == 0).map(|p| points[p].as_slice()).collect()
        };
        let reference = reference(&front);
        let of = |places: &[usize]| {
            let taken: Vec<_> = places.iter().map(|place| front[*place]).collect();
            hypervolume(&taken, &reference)
        };
        let size = front.len() / 3;
        let exact = of(&subset(&front, size, &reference));
        let counted = sampled::by_counting(&front, size, &reference);
        assert_eq!(counted.len(), size);
        assert!(of(&counted) > 0.97 * exact, "seed {seed}: {} {exact}", of(&counted));
        let first = of(&(0..size).collect::<Vec<_>>());
        assert!(of(&counted) > first, "seed {seed}: any would do");
    }
}

/// Records the cases anew, if `KINDLING_PEERS_PYTHON` names a Python that has the package.
#[test]
#[ignore = "writes into the source"]
#[expect(clippy::disallowed_methods, reason = "a test may write")]
fn record_the_cases() {
    let cases: Vec<_> = (0..30).map(case).collect();
    let answers = peer::ask("front/ask_optuna.py", &cases).expect("a Python with Optuna");
    std::fs::write("src/front/cases.json", answers).expect("written");
}
