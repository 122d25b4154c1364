//! Pruning in a study whose trials are lost, fail, and report twice.

use kindling_study::{Claim, StudySpec, TrialResult, Verdict};

use crate::world::{World, spec};

/// A study whose first rung, at step 1, lets the better half go on.
fn halving() -> World {
    by(r#"{"kind": "asha", "reduction_factor": 2}"#)
}

fn by(pruner: &str) -> World {
    World::of(StudySpec { pruner: serde_json::from_str(pruner).expect("valid"), ..spec(10) })
}

/// Leases a trial and reports at the rung.
fn reported(world: &mut World, value: f64) -> (Claim, Verdict) {
    let claim = world.lease("w");
    let verdict = world.report(&claim, 1, value).expect("taken");
    (claim, verdict)
}

#[test]
fn larger_is_better_where_the_study_maximizes() {
    let mut world = halving();
    reported(&mut world, 0.5);
    assert_eq!(reported(&mut world, 0.6).1, Verdict::Continue);
    assert_eq!(reported(&mut world, 0.4).1, Verdict::Prune);
}

#[test]
fn a_verdict_stands_whatever_happens_after_it() {
    let mut world = halving();
    let (first, verdict) = reported(&mut world, 0.5);
    assert_eq!(verdict, Verdict::Continue);
    let (worse, verdict) = reported(&mut world, 0.4);
    assert_eq!(verdict, Verdict::Prune);
    for _ in 0..3 {
        reported(&mut world, 0.9);
    }
    for _ in 0..3 {
        reported(&mut world, 0.1);
    }
    assert_eq!(world.report(&first, 1, 0.5), Ok(Verdict::Continue));
    assert_eq!(world.report(&worse, 1, 0.4), Ok(Verdict::Prune));
    assert_eq!(world.report(&worse, 2, 1.0), Ok(Verdict::Prune), "it was over at step 1");
}

#[test]
fn a_lost_attempt_leaves_nothing_behind() {
    let mut world = halving();
    let (lost, _) = reported(&mut world, 0.9);
    world.release(&lost).expect("held");
    let again = world.lease("w");
    assert_eq!(again.number, lost.number);
    assert_eq!(reported(&mut world, 0.5).1, Verdict::Continue, "nobody else is at the rung");
    assert_eq!(world.report(&again, 0, 0.2), Ok(Verdict::Continue));
    assert_eq!(world.report(&again, 1, 0.4), Ok(Verdict::Prune), "its 0.9 is gone");
    world.release(&again).expect("held");
    let third = world.lease("w");
    assert_eq!(world.report(&third, 1, 0.6), Ok(Verdict::Continue), "and so is that verdict");
}

#[test]
fn failed_trials_do_not_count() {
    let mut world = halving();
    let (failed, _) = reported(&mut world, 0.9);
    world.finish(&failed, TrialResult::Fail("broken".into())).expect("taken");
    assert_eq!(reported(&mut world, 0.5).1, Verdict::Continue);
    let (pruned, verdict) = reported(&mut world, 0.4);
    assert_eq!(verdict, Verdict::Prune);
    world.finish(&pruned, TrialResult::Pruned).expect("taken");
    reported(&mut world, 0.6);
    assert_eq!(
        reported(&mut world, 0.5).1,
        Verdict::Continue,
        "second of four, of which one pruned"
    );
}

#[test]
fn a_trial_that_gave_itself_up_stays_in_the_comparison() {
    let mut world = by(r#"{"kind": "median", "startup_trials": 0, "warmup_steps": 2}"#);
    for (at_one, at_two) in [(0.3, 0.4), (0.3, 0.6)] {
        let (claim, _) = reported(&mut world, at_one);
        world.report(&claim, 2, at_two).expect("taken");
    }
    let quitters = [(); 2].map(|()| reported(&mut world, 0.1).0);
    let (judged, _) = reported(&mut world, 0.2);
    let mut without = World { study: world.study.clone(), at: 0 };
    assert_eq!(without.report(&judged, 2, 0.3), Ok(Verdict::Prune), "below 0.5");
    for quitter in quitters {
        world.finish(&quitter, TrialResult::Pruned).expect("taken");
    }
    assert_eq!(world.report(&judged, 2, 0.3), Ok(Verdict::Continue), "above 0.25");
}
