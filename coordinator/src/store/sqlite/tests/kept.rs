//! What trials leave behind: its rows, and what Optuna and its dashboard see of it.

use kindling_study::{KNOWN_ATTEMPTS, TrialResult};

use super::*;

#[test]
fn a_new_attempt_keeps_the_rows_that_its_checkpoint_contains() {
    let (mut ledger, id) = Ledger::with_study(spec("a"));
    let first = ledger.lease(id, "w").expect("a trial");
    for step in 0..4 {
        ledger.report(id, &first, step, 0.5);
    }
    ledger.save(id, &first, 1, blob(1, 1));
    ledger.save(id, &first, 2, blob(2, 2));
    ledger.expire(id);
    let second = ledger.lease(id, "v").expect("the same");
    ledger.commit();
    let curve = "SELECT group_concat(step) FROM trial_intermediate_values";
    assert_eq!(ledger.text(curve), "0,1,2");
    let mut ledger = ledger.reopen();
    // It goes over step 1, and has one more checkpoint than the study keeps.
    ledger.report(id, &second, 1, 0.25);
    ledger.save(id, &second, 1, blob(3, 3));
    ledger.commit();
    assert_eq!(ledger.text(curve), "0,1");
    let resumed = "SELECT attempt || ' ' || resumed FROM kindling_leases";
    assert_eq!(ledger.text(resumed), "2 0");
    let kept = "SELECT group_concat(attempt || ':' || step || hex(substr(sha256, 1, 1)), ' ')
        FROM kindling_checkpoints";
    assert_eq!(ledger.text(kept), "1:202 2:103");
    let mut ledger = ledger.reopen();
    ledger.finish(id, &second, TrialResult::Complete(0.5.into()), Attributes::new());
    ledger.commit();
    assert_eq!(ledger.text(kept), "2:103");
    let attempts = "SELECT group_concat(attempt || worker || ended || coalesce(resumed, '-'), ' ')
        FROM kindling_attempts";
    assert_eq!(ledger.text(attempts), "1wEXPIRED-");
    ledger.reopen();
}

#[test]
fn the_newest_attempts_are_known() {
    let (mut ledger, id) = Ledger::with_study(spec("a"));
    for _ in 0..40 {
        let claim = ledger.lease(id, "w").expect("a trial");
        ledger.release(id, &claim);
    }
    ledger.commit();
    let mut ledger = ledger.reopen();
    assert_eq!(ledger.study(id).trials()[0].attempts.len(), KNOWN_ATTEMPTS as usize);
    ledger.lease(id, "w").expect("a trial");
    ledger.commit();
    let known = "SELECT count(*) || ' from ' || min(attempt) FROM kindling_attempts";
    assert_eq!(ledger.text(known), "31 from 10");
    ledger.reopen();
}

#[test]
fn optuna_has_the_artifacts_that_there_are() {
    let (mut ledger, id) = Ledger::with_study(spec("a"));
    let claim = ledger.lease(id, "w").expect("a trial");
    ledger.keep(id, Some(&claim), "plots/\"loss\".png", blob(1, 1));
    ledger.keep(id, None, "report", blob(2, 2));
    ledger.commit();
    let of_trial = "SELECT group_concat(key || '=' || value_json) FROM trial_system_attributes";
    let told = |place: u64, name: &str, kind: &str| {
        let id = format!("{place:032x}");
        let meta = serde_json::json!({
            "artifact_id": id, "filename": name, "mimetype": kind, "encoding": null,
        });
        // Optuna keeps the JSON as a text.
        format!("artifacts:{id}={}", serde_json::json!(meta.to_string()))
    };
    assert_eq!(ledger.text(of_trial), told(1, "plots/\"loss\".png", "image/png"));
    let of_study = "SELECT group_concat(key || '=' || value_json) FROM study_system_attributes";
    assert_eq!(ledger.text(of_study), told(2, "report", "application/octet-stream"));
    // Another program may have removed or changed what it was told.
    let theirs = "UPDATE trial_system_attributes SET value_json = 'null'; DELETE FROM study_system_attributes";
    ledger.store.conn.execute_batch(theirs).expect("changed");
    ledger.keep(id, Some(&claim), "plots/\"loss\".png", blob(3, 3));
    ledger.keep(id, None, "report", blob(4, 4));
    ledger.commit();
    assert_eq!(ledger.text(of_trial), told(3, "plots/\"loss\".png", "image/png"));
    assert_eq!(ledger.text(of_study), told(4, "report", "application/octet-stream"));
    ledger.reopen();
}
