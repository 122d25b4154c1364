//! Tests for all pruners and for reading their options.

use proptest::prelude::*;

use super::PrunerSpec;
use super::testing::{Trials, best, checked, curve, pruner};

/// Every pruner that compares trials, with options that prune as much as possible.
const COMPARING: [&str; 4] = [
    r#"{"kind": "median", "startup_trials": 0}"#,
    r#"{"kind": "percentile", "percentile": 0.01, "startup_trials": 0}"#,
    r#"{"kind": "asha", "reduction_factor": 2}"#,
    r#"{"kind": "hyperband", "max_resource": 64, "reduction_factor": 2}"#,
];

proptest! {
    #[test]
    fn the_best_trial_so_far_is_never_given_up(
        curves in proptest::collection::vec((0..3_u8, curve()), 0..12),
        own in curve(),
    ) {
        let trials = curves.iter().fold(Trials::default(), |t, (end, curve)| match end {
            0 => t.running(curve),
            1 => t.completed(curve),
            _ => t.pruned(curve),
        });
        let others = curves.iter().map(|(_, curve)| best(curve)).fold(f64::INFINITY, f64::min);
        for reports in 1..=own.len() {
            if best(&own[..reports]) <= others {
                for options in COMPARING {
                    prop_assert!(!trials.prunes(&pruner(options), &own[..reports]), "{options}");
                }
            }
        }
    }
}

#[test]
fn none_gives_nobody_up() {
    let trials = Trials::default().completed(&[(0, 1.0)]);
    assert!(!trials.prunes(&PrunerSpec::None, &[(0, 9.0)]));
}

#[test]
fn what_is_written_is_read_again() {
    for written in [
        r#"{"kind":"none"}"#,
        r#"{"kind":"median","startup_trials":5,"warmup_steps":0,"min_trials":1}"#,
        r#"{"kind":"percentile","percentile":25.0,"startup_trials":5,"warmup_steps":0,"min_trials":1}"#,
        r#"{"kind":"asha","min_resource":1,"reduction_factor":4,"min_early_stopping_rate":0}"#,
        r#"{"kind":"hyperband","min_resource":1,"max_resource":81,"reduction_factor":3}"#,
        r#"{"kind":"patience","patience":5,"min_delta":0.0}"#,
        r#"{"kind":"patience","patience":5,"min_delta":0.0,"wrapped":{"kind":"none"}}"#,
    ] {
        assert_eq!(serde_json::to_string(&pruner(written)).expect("JSON"), written);
    }
}

#[test]
fn options_have_defaults_but_for_the_longest_trial() {
    let kinds = ["none", "median", "percentile", "asha", "patience"];
    for kind in kinds {
        pruner(&format!(r#"{{"kind": "{kind}"}}"#));
    }
    assert!(checked(r#"{"kind": "hyperband"}"#).is_err());
}

#[test]
fn bad_options_are_refused_by_name() {
    for (options, expected) in [
        ("{}", "missing field `kind`"),
        (r#"{"kind": "hyper"}"#, "`kind`: unknown variant `hyper`, expected one of `none`"),
        (r#"{"kind": 1}"#, "`kind`: invalid type"),
        (r#"{"kind": "none", "n": 1}"#, "unknown field `n`"),
        (r#"{"kind": "asha", "n": 1}"#, "unknown field `n`, expected one of `min_resource`"),
        (r#"{"kind": "median", "startup_trials": -1}"#, "`startup_trials`: invalid value"),
        (
            r#"{"kind": "median", "min_trials": 0}"#,
            "min_trials: expected a whole number of at least 1, found 0",
        ),
        (r#"{"kind": "percentile", "percentile": 0}"#, "percentile: expected a number above 0"),
        (r#"{"kind": "percentile", "percentile": 100.1}"#, "up to 100, found 100.1"),
        (
            r#"{"kind": "asha", "reduction_factor": 1}"#,
            "reduction_factor: expected a whole number of at least 2",
        ),
        (r#"{"kind": "asha", "reduction_factor": 2.5}"#, "`reduction_factor`: invalid type"),
        (r#"{"kind": "asha", "min_resource": 0}"#, "min_resource: expected"),
        (r#"{"kind": "hyperband"}"#, "missing field `max_resource`"),
        (r#"{"kind": "hyperband", "max_resource": 0}"#, "max_resource: expected"),
        (
            r#"{"kind": "hyperband", "max_resource": 2, "min_resource": 0}"#,
            "min_resource: expected a whole number of at least 1",
        ),
        (
            r#"{"kind": "hyperband", "max_resource": 2, "reduction_factor": 1}"#,
            "reduction_factor: expected a whole number of at least 2",
        ),
        (r#"{"kind": "percentile", "min_trials": 0}"#, "min_trials: expected"),
        (
            r#"{"kind": "hyperband", "max_resource": 2, "min_resource": 3}"#,
            "max_resource: 2 is below min_resource = 3",
        ),
        (r#"{"kind": "patience", "patience": 0}"#, "patience: expected"),
        (r#"{"kind": "patience", "min_delta": -1}"#, "min_delta: expected a finite number"),
        (
            r#"{"kind": "patience", "wrapped": {"kind": "asha", "min_resource": 0}}"#,
            "wrapped.min_resource: expected",
        ),
    ] {
        let error = checked(options).expect_err(options);
        assert!(error.contains(expected), "{options}: {error:?} lacks {expected:?}");
    }
}
