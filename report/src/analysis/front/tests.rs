//! Compares with definitions, written down as they are read.

use kindling_proto::v1;
use kindling_proto::v1::Direction::{Maximize, Minimize};
use proptest::prelude::*;

use super::*;
use crate::testing;

fn study(directions: &[v1::Direction], constraints: &[&str]) -> v1::Study {
    let mut study = testing::study(vec![], None);
    let spec = study.spec.as_mut().unwrap();
    spec.directions = directions.iter().map(|direction| (*direction).into()).collect();
    spec.constraints = constraints.iter().map(|name| (*name).to_owned()).collect();
    study
}

fn trial(number: u32, values: &[f64], constraints: &[f64]) -> v1::Trial {
    v1::Trial {
        values: values.to_vec(),
        constraints: constraints.to_vec(),
        ..testing::trial(number, 0.0, &[])
    }
}

fn front_of(study: &v1::Study, trials: &[v1::Trial]) -> Front {
    Front::new(study, &Rows::of(study, trials))
}

fn trials(values: &[&[f64]]) -> Vec<v1::Trial> {
    (0..).zip(values).map(|(number, values)| trial(number, values, &[])).collect()
}

fn curve(front: &Front) -> Vec<(u32, f64)> {
    front.hypervolume.as_ref().map(|volume| volume.curve.clone()).unwrap_or_default()
}

#[test]
fn the_front_respects_directions_and_keeps_equals() {
    let both = study(&[Maximize, Minimize], &[]);
    let values: [&[f64]; 6] =
        [&[0.5, 9.0], &[0.9, 5.0], &[0.9, 5.0], &[0.7, 2.0], &[0.7, 3.0], &[0.4, 2.0]];
    let front = front_of(&both, &trials(&values));
    assert_eq!((front.trials, front.feasible, front.infeasible), (vec![1, 2, 3], 6, 0));
    let other_way = front_of(&study(&[Minimize, Minimize], &[]), &trials(&values));
    assert_eq!(other_way.trials, [5]);
}

#[test]
fn only_completed_and_feasible_trials_of_the_search_are_on_the_front() {
    let study = study(&[Maximize, Minimize], &["memory"]);
    let mut trials = vec![
        trial(0, &[0.5, 5.0], &[-1.0]),
        trial(1, &[0.9, 1.0], &[0.5]),
        trial(2, &[0.9, 1.0], &[]),
        trial(3, &[0.9, 1.0], &[-1.0]),
        trial(4, &[0.9, 1.0], &[-1.0]),
        trial(5, &[0.9, f64::NAN], &[-1.0]),
        trial(6, &[0.9], &[-1.0]),
    ];
    trials[3].state = v1::TrialState::Pruned.into();
    trials[4].confirms = Some(v1::Confirmation { of: 0, seed: 0 });
    let front = front_of(&study, &trials);
    assert_eq!((front.trials, front.feasible, front.infeasible), (vec![0], 1, 2));
    let nothing = front_of(&study, &trials[1..3]);
    assert_eq!((nothing.trials.len(), nothing.feasible, nothing.infeasible), (0, 0, 2));
    assert!(nothing.hypervolume.is_none());
}

#[test]
fn the_reference_point_lies_a_tenth_beyond_the_fronts_worst() {
    let values: [&[f64]; 4] = [&[0.5, 4.0], &[1.0, 2.0], &[0.9, 1.0], &[0.0, 100.0]];
    let front = front_of(&study(&[Maximize, Minimize], &[]), &trials(&values));
    let volume = front.hypervolume.expect("a volume");
    let close = |a: &[f64], b: &[f64]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-12);
    assert_eq!(volume.best, [1.0, 1.0]);
    assert!(close(&volume.reference, &[0.89, 2.1]), "{:?}", volume.reference);
    // Trials 0 and 3 are outside the box. Trial 1 covers 1 × 0.1 of 1.1 × 1.1 parts, trial 2 then 0.1 × 1 more.
    let numbers: Vec<_> = volume.curve.iter().map(|(number, _)| *number).collect();
    let shares: Vec<_> = volume.curve.iter().map(|(_, share)| *share).collect();
    assert_eq!(numbers, [1, 2]);
    assert!(close(&shares, &[1.1 * 0.1 / 1.21, (1.1 * 0.1 + 1.0 * 0.1) / 1.21]), "{shares:?}");
}

#[test]
fn any_two_numbers_span_a_box() {
    for values in [[f64::MAX, f64::MIN], [0.0, f64::MIN_POSITIVE / 4.0], [1.0, 1.0], [0.0, -0.0]] {
        let [a, b] = values;
        let best = [f64::max(a, b), f64::min(a, b)];
        let front =
            front_of(&study(&[Maximize, Minimize], &[]), &trials(&[&[a, a], &[b, b], &best]));
        let volume = front.hypervolume.expect("a volume");
        assert!(volume.best.iter().chain(&volume.reference).all(|x| x.is_finite()), "{volume:?}");
        let last = volume.curve.last().expect("a step").1;
        assert!((last - 1.0).abs() < 1e-12, "{volume:?}");
    }
}

#[test]
fn a_curve_has_no_more_steps_than_can_be_seen() {
    let steep = |objectives: usize| {
        let values: Vec<_> = (0..3000)
            .map(|at| (0..objectives).map(|o| f64::from(if o == 0 { at } else { -at })).collect())
            .collect::<Vec<Vec<f64>>>();
        let all: Vec<_> = values.iter().map(Vec::as_slice).collect();
        front_of(&study(&vec![Minimize; objectives], &[]), &trials(&all))
    };
    for objectives in [2, 3] {
        let front = steep(objectives);
        let curve = curve(&front);
        assert_eq!(front.trials.len(), 3000);
        assert_eq!((curve.len(), curve[0].0, curve[399].0), (400, 0, 2999));
    }
}

/// Values on a coarse grid, so that ties are frequent.
fn points(objectives: usize) -> impl Strategy<Value = Vec<Vec<f64>>> {
    let value = (0..6_i32).prop_map(f64::from);
    prop::collection::vec(prop::collection::vec(value, objectives), 1..25)
}

/// Trials in pairs: does `a` dominate `b`?
fn dominates(directions: &[v1::Direction], a: &[f64], b: &[f64]) -> bool {
    let better = |x: f64, y: f64, d: v1::Direction| if d == Maximize { x > y } else { x < y };
    let pairs = || a.iter().zip(b).zip(directions);
    pairs().all(|((x, y), d)| !better(*y, *x, *d)) && pairs().any(|((x, y), d)| better(*x, *y, *d))
}

/// The share of cells of a fine grid over the box that a trial covers.
fn counted(volume: &Hypervolume, points: &[Vec<f64>], cells: usize) -> f64 {
    let objectives = volume.best.len();
    let all = cells.pow(objectives as u32);
    let is_covered = |cell: usize| {
        let corner = |objective: usize| {
            let share = ((cell / cells.pow(objective as u32) % cells) as f64 + 0.5) / cells as f64;
            volume.best[objective] + share * (volume.reference[objective] - volume.best[objective])
        };
        points.iter().any(|point| {
            (0..objectives).all(|o| {
                let toward = volume.reference[o] - volume.best[o];
                (corner(o) - point[o]) * toward >= 0.0
            })
        })
    };
    (0..all).filter(|cell| is_covered(*cell)).count() as f64 / all as f64
}

proptest! {
    #[test]
    fn the_front_is_what_nothing_dominates(values in points(3)) {
        let directions = [Maximize, Minimize, Maximize];
        let all: Vec<_> = values.iter().map(Vec::as_slice).collect();
        let mut front = front_of(&study(&directions, &[]), &trials(&all)).trials;
        front.sort_unstable();
        let free = |at: &usize| !values.iter().any(|o| dominates(&directions, o, &values[*at]));
        let wanted: Vec<_> = (0..values.len()).filter(free).map(|at| at as u32).collect();
        prop_assert_eq!(front, wanted);
    }

    #[test]
    fn the_volume_is_what_is_covered(values in prop_oneof![points(2), points(3), points(4)]) {
        let directions = [Maximize, Minimize, Maximize, Minimize];
        let directions = &directions[..values[0].len()];
        let all: Vec<_> = values.iter().map(Vec::as_slice).collect();
        let volume = front_of(&study(directions, &[]), &trials(&all)).hypervolume.unwrap();
        let cells = [0, 0, 220, 55, 14][directions.len()];
        // A side without an extent is covered.
        let flat = volume.best.iter().zip(&volume.reference).any(|(a, b)| (a - b).abs() < 1e-9);
        prop_assume!(!flat);
        for (number, share) in &volume.curve {
            let counted = counted(&volume, &values[..=*number as usize], cells);
            // Edges of boxes lie between the centres of cells.
            let allowed = if volume.exact { 3.0 / cells as f64 } else { 0.12 };
            prop_assert!((share - counted).abs() < allowed, "{} {}", share, counted);
        }
        prop_assert!(volume.curve.is_sorted_by(|a, b| a.0 < b.0 && a.1 < b.1));
        prop_assert!(volume.curve.iter().all(|(_, share)| (0.0..=1.0 + 1e-9).contains(share)));
    }
}

fn again(number: u32, of: u32, seed: u32, values: &[f64], constraints: &[f64]) -> v1::Trial {
    let confirms = Some(v1::Confirmation { of, seed });
    v1::Trial { confirms, ..trial(number, values, constraints) }
}

#[test]
fn confirmed_trials_are_compared_by_their_means() {
    let mut study = study(&[Maximize, Minimize], &["memory"]);
    study.confirm = Some(v1::Confirm { seeds: 2, ..Default::default() });
    let mut all = vec![
        trial(0, &[0.9, 5.0], &[-1.0]),
        trial(1, &[0.8, 2.0], &[-1.0]),
        trial(2, &[0.7, 1.0], &[-1.0]),
        again(3, 0, 0, &[0.70, 5.0], &[-1.0]),
        again(4, 0, 1, &[0.76, 6.0], &[-1.0]),
        again(5, 1, 0, &[0.80, 2.0], &[-1.0]),
        again(6, 1, 1, &[0.82, 3.0], &[-3.0]),
        again(7, 2, 0, &[0.95, 1.0], &[2.0]),
    ];
    let confirmed = |all: &[v1::Trial]| AgainFront::new(&study, all, &front_of(&study, all));
    assert!(confirmed(&all[..3]).is_none());
    let arms = confirmed(&all).expect("some").arms;
    let told: Vec<_> = arms
        .iter()
        .map(|arm| (arm.of, arm.runs.len(), arm.planned, arm.feasible, arm.on_front))
        .collect();
    // Trial 2's constraint did not hold again, so that it keeps nobody from the front.
    assert_eq!(
        told,
        [
            (2, 1, 2, Some(false), Some(false)),
            (1, 2, 2, Some(true), Some(true)),
            (0, 2, 2, Some(true), Some(false)),
        ]
    );
    assert!((arms[1].objectives[0].mean - 0.81).abs() < 1e-12);
    assert_eq!(arms[1].constraints, [Some(-2.0)]);
    assert!(arms[1].objectives[1].low.is_some_and(|low| low < 2.5));
    assert!(arms[0].objectives[0].low.is_none());
    // A run that failed for good says nothing.
    all[7].state = v1::TrialState::Fail.into();
    all[7].values.clear();
    let last = confirmed(&all).expect("some").arms.pop().expect("three");
    assert_eq!((last.of, last.failed, last.feasible, last.on_front), (2, 1, None, None));
}
