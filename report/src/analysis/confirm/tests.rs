//! A search over two methods, and its confirmation runs.

use kindling_proto::v1;

use super::*;
use crate::analysis::table::Rows;
use crate::shown::Choice;
use crate::testing;

const BY: [&str; 2] = ["conv", "fc"];

fn study(best: u32, each: bool) -> v1::Study {
    let by = BY.map(str::to_owned).to_vec();
    let confirm = v1::Confirm { by, best, seeds: 3, each };
    let space = BY.map(|name| testing::words(name, &["he", "xavier", "zero"]));
    testing::study(space.to_vec(), Some(confirm))
}

fn trial(number: u32, value: f64, conv: &str, fc: &str) -> v1::Trial {
    testing::trial(number, value, &[("conv", testing::text(conv)), ("fc", testing::text(fc))])
}

/// The best of he/he is trial 2, of xavier/he trial 3, and of zero/zero trial 4.
fn search() -> Vec<v1::Trial> {
    vec![
        trial(0, 0.90, "he", "he"),
        trial(1, 0.80, "xavier", "he"),
        trial(2, 0.97, "he", "he"),
        trial(3, 0.95, "xavier", "he"),
        trial(4, 0.10, "zero", "zero"),
        trial(5, 0.97, "he", "he"),
    ]
}

fn again(number: u32, of: &v1::Trial, seed: u32, value: f64) -> v1::Trial {
    let confirms = Some(v1::Confirmation { of: of.number, seed });
    v1::Trial { number, values: vec![value], confirms, ..of.clone() }
}

fn failed(trial: v1::Trial) -> v1::Trial {
    v1::Trial { state: v1::TrialState::Fail.into(), values: vec![], ..trial }
}

fn confirm(study: &v1::Study, trials: &[v1::Trial]) -> Option<Confirm> {
    Confirm::new(study, trials, &Table::new(study, &Rows::of(study, trials), 0))
}

fn choice(param: &str, word: &str) -> Role {
    Role::Choice { param: param.to_owned(), choice: Choice::Text(word.to_owned()) }
}

fn combination(conv: &str, fc: &str) -> Role {
    let word = |word: &str| Choice::Text(word.to_owned());
    let params = [("conv".to_owned(), word(conv)), ("fc".to_owned(), word(fc))];
    Role::Combination { params: params.into() }
}

#[test]
fn roles_are_the_best_of_each_combination_and_choice() {
    let mut trials = search();
    for (number, of) in (6..).zip([2, 3, 4, 0]) {
        trials.push(again(number, &trials[of].clone(), 0, 0.5));
    }
    let roles = |best, each| -> Vec<_> {
        let confirm = confirm(&study(best, each), &trials).expect("something finished");
        confirm.arms.into_iter().map(|arm| (arm.of, arm.roles)).collect()
    };
    // Trial 5 is as good as 2 but came later; 0 was the best before.
    let (he, xavier) = (combination("he", "he"), combination("xavier", "he"));
    let both = [
        (0, vec![]),
        (2, vec![he.clone(), choice("conv", "he"), choice("fc", "he")]),
        (3, vec![xavier, choice("conv", "xavier")]),
        (4, vec![choice("conv", "zero"), choice("fc", "zero")]),
    ];
    assert_eq!(roles(2, true), both);
    assert_eq!(roles(1, false), [(0, vec![]), (2, vec![he]), (3, vec![]), (4, vec![])]);
}

#[test]
fn a_combination_needs_all_its_parameters() {
    let mut trials = search();
    trials[2].params.pop();
    trials.push(again(6, &trials[2].clone(), 0, 0.5));
    trials.push(again(7, &trials[5].clone(), 0, 0.5));
    let confirm = confirm(&study(9, true), &trials).expect("something finished");
    assert_eq!(confirm.arms[0].roles, [choice("conv", "he")]);
    assert_eq!(confirm.arms[1].roles, [combination("he", "he"), choice("fc", "he")]);
}

#[test]
fn a_seed_has_one_value_and_fails_only_if_nothing_is_left_of_it() {
    let mut trials = search();
    let of = trials[2].clone();
    let mut run = again(6, &of, 0, 0.96);
    run.attributes_json.insert("test_accuracy".to_owned(), "0.9".to_owned());
    let running = v1::Trial { state: v1::TrialState::Running.into(), ..again(9, &of, 2, 0.0) };
    let retried = [failed(again(7, &of, 1, 0.0)), again(10, &of, 1, 0.98), again(11, &of, 1, 0.1)];
    trials.extend([run, failed(again(8, &of, 2, 0.0))]);
    trials.extend(retried);

    let arm =
        |trials: &[v1::Trial]| confirm(&study(1, false), trials).expect("finished").arms[0].clone();
    let found = arm(&trials);
    let values = [Value { seed: 0, value: 0.96 }, Value { seed: 1, value: 0.98 }];
    assert_eq!((found.values.as_slice(), found.failed, found.planned), (&values[..], 1, 3));
    assert_eq!((found.mean, found.test_mean, found.few), (Some(0.97), Some(0.9), true));
    trials.push(running);
    assert_eq!(arm(&trials).failed, 0);
}

#[test]
fn pairs_are_those_of_the_same_seed() {
    let mut trials = search();
    let runs = [(2, [0.97, 0.96, 0.98]), (3, [0.95, 0.94, 0.955]), (4, [0.1, 0.1, 0.1])];
    for (of, values) in runs {
        for (seed, value) in (0..).zip(values) {
            let number = trials.len() as u32;
            trials.push(again(number, &trials[of].clone(), seed, value));
        }
    }
    // The run with the last seed of trial 3 failed.
    trials[11] = failed(trials[11].clone());
    let confirm = confirm(&study(2, true), &trials).expect("finished");
    assert_eq!(confirm.arms.iter().map(|arm| arm.of).collect::<Vec<_>>(), [2, 3, 4]);
    let [only] = confirm.comparisons.as_slice() else { panic!("two combinations") };
    assert_eq!((only.a, only.b, only.pairs), (2, 3, 2));
    assert!((only.difference - 0.02).abs() < 1e-12);
    // Both differences are 0.02.
    assert_eq!((only.p_t, only.p_holm, only.differs), (None, None, false));

    let [conv, fc] = confirm.effects.as_slice() else { panic!("two parameters") };
    assert_eq!((conv.arms.as_slice(), conv.comparisons.len()), (&[2, 3, 4][..], 3));
    assert_eq!((fc.arms.as_slice(), fc.comparisons.len()), (&[2, 4][..], 1));
    let fc = &fc.comparisons[0];
    assert!(fc.differs && fc.p_holm == fc.p_t && fc.pairs == 3);
    // Two of the three comparisons have a p-value, so the smaller one is doubled.
    let p: Vec<_> = conv.comparisons.iter().map(|c| (c.p_t, c.p_holm)).collect();
    assert_eq!(p[0], (None, None));
    assert!(p[1..].iter().any(|(t, holm)| *holm == t.map(|p| 2.0 * p)), "{p:?}");
}

#[test]
fn the_best_is_named_once_all_have_been_run_under_all_seeds() {
    let mut trials = search();
    let (lucky, sound) = (trials[2].clone(), trials[3].clone());
    let best = |trials: &[v1::Trial]| confirm(&study(2, false), trials).and_then(|c| c.best);
    for seed in 0..3 {
        assert_eq!(best(&trials), None, "seed {seed}");
        trials.push(again(6 + 2 * seed, &lucky, seed, 0.8));
        assert_eq!(best(&trials), None, "seed {seed}");
        let run = again(7 + 2 * seed, &sound, seed, 0.9);
        trials.push(if seed == 1 { failed(run) } else { run });
    }
    assert_eq!(best(&trials), Some(3), "although trial 2 was the search's best");
    // With another plan, more runs are to come.
    assert_eq!(confirm(&study(3, false), &trials).expect("some").best, None);
}

#[test]
fn nothing_is_confirmed_before_something_finished() {
    let mut trials = search();
    assert!(confirm(&study(2, true), &trials).is_none());
    let waiting = v1::TrialState::Waiting.into();
    trials.push(v1::Trial { state: waiting, ..again(6, &trials[2].clone(), 0, 0.0) });
    assert!(confirm(&study(2, true), &trials).is_none());
    trials.push(failed(again(7, &trials[2].clone(), 1, 0.0)));
    let confirm = confirm(&study(2, true), &trials).expect("one failed");
    assert_eq!((confirm.arms[0].failed, confirm.arms[0].mean), (1, None));
    assert!(confirm.comparisons.is_empty());
}
