//! What Optuna and its dashboard see, and what they may do.

use kindling_study::TrialResult;
use serde_json::json;

use super::*;

fn claimed(ledger: &mut Ledger, id: StudyId) -> Claim {
    ledger.lease(id, "w").expect("a trial")
}

#[test]
fn states_values_and_reasons_are_where_optuna_looks() {
    let (mut ledger, id) = Ledger::with_study(spec("a"));
    ledger.enqueue(id, &[("layers".into(), Choice::Int(4))], None);
    let claim = claimed(&mut ledger, id);
    ledger.report(id, &claim, 0, 0.5);
    ledger.finish(id, &claim, TrialResult::Complete(0.75.into()), Attributes::new());
    let claim = claimed(&mut ledger, id);
    ledger.report(id, &claim, 3, 0.25);
    ledger.report(id, &claim, 7, 0.5);
    ledger.finish(id, &claim, TrialResult::Pruned, Attributes::new());
    let claim = claimed(&mut ledger, id);
    ledger.finish(id, &claim, TrialResult::Pruned, Attributes::new());
    let claim = claimed(&mut ledger, id);
    ledger.report_unchecked(id, &claim, (0, 0.5), false);
    ledger.report_unchecked(id, &claim, (1, f64::NAN), false);
    ledger.finish(id, &claim, TrialResult::Pruned, Attributes::new());
    let claim = claimed(&mut ledger, id);
    ledger.finish(id, &claim, TrialResult::Complete(f64::NAN.into()), Attributes::new());
    claimed(&mut ledger, id);
    ledger.commit();

    let trials = "SELECT group_concat(state || coalesce(ifnull(value, '') || value_type, '-'), ' ')
        FROM trials LEFT JOIN trial_values USING (trial_id)";
    assert_eq!(
        ledger.text(trials),
        "COMPLETE0.75FINITE PRUNED0.5FINITE PRUNED- PRUNED- FAIL- RUNNING-"
    );
    let curve = "SELECT typeof(intermediate_value) || intermediate_value_type
        FROM trial_intermediate_values WHERE trial_id = 4 AND step = 1";
    assert_eq!(ledger.text(curve), "nullNAN");
    let attributes = "SELECT group_concat(trial_id || key || '=' || value_json, ' ')
        FROM trial_system_attributes";
    let reason = "\"the objective value is NaN\"";
    assert_eq!(
        ledger.text(attributes),
        format!("1fixed_params={{\"layers\":4}} 5fail_reason={reason}")
    );
    ledger.reopen();
}

#[test]
fn a_new_attempt_starts_a_new_curve_but_not_a_new_clock() {
    let (mut ledger, id) = Ledger::with_study(spec("a"));
    let claim = claimed(&mut ledger, id);
    ledger.report(id, &claim, 0, 0.5);
    ledger.commit();
    let started = ledger.text("SELECT datetime_start FROM trials");
    ledger.expire(id);
    ledger.commit();
    assert_eq!(ledger.text("SELECT state FROM trials"), "WAITING");
    claimed(&mut ledger, id);
    ledger.commit();
    let now = "SELECT state || count(step) || datetime_start
        FROM trials LEFT JOIN trial_intermediate_values USING (trial_id)";
    assert_eq!(ledger.text(now), format!("RUNNING0{started}"));
    let newest =
        "SELECT attempt || worker || coalesce(ended, '-') || lost_before FROM kindling_leases";
    assert_eq!(ledger.text(newest), "2w-1");
    ledger.reopen();
}

#[test]
fn attributes_that_others_set_first_give_way_to_the_result() {
    let (mut ledger, id) = Ledger::with_study(spec("a"));
    let claim = claimed(&mut ledger, id);
    ledger.commit();
    let theirs = "INSERT INTO trial_user_attributes (trial_id, key, value_json)
        VALUES (1, 'accuracy', '\"mine\"'), (1, 'note', '\"mine\"')";
    ledger.store.conn.execute_batch(theirs).expect("attached");
    let said = attributes(&json!({"accuracy": 0.5}));
    ledger.finish(id, &claim, TrialResult::Complete(0.5.into()), said);
    ledger.commit();
    let values = "SELECT group_concat(key || value_json) FROM trial_user_attributes";
    assert_eq!(ledger.text(values), "accuracy0.5,note\"mine\"");
    ledger.reopen();
}

#[test]
fn others_may_attach_but_not_run_anything() {
    let (mut ledger, id) = Ledger::with_study(spec("a"));
    let claim = claimed(&mut ledger, id);
    ledger.report(id, &claim, 0, 0.25);
    let said = attributes(&json!({"epochs": 3}));
    ledger.finish(id, &claim, TrialResult::Complete(0.5.into()), said);
    claimed(&mut ledger, id);
    let waits = claimed(&mut ledger, id);
    ledger.release(id, &waits);
    ledger.commit();

    // The statements behind the dashboard's buttons, and behind `study.optimize`.
    let other = Connection::open(ledger.path()).expect("open");
    for refused in [
        "INSERT INTO studies (study_name) VALUES ('b')",
        "DELETE FROM studies",
        "INSERT INTO trials (study_id, state) VALUES (1, 'RUNNING')",
        "DELETE FROM trials WHERE trial_id = 1",
        "UPDATE trials SET state = 'COMPLETE' WHERE state = 'RUNNING'",
        "UPDATE trials SET state = 'FAIL' WHERE state = 'WAITING'",
        "UPDATE trials SET state = 'RUNNING' WHERE state = 'WAITING'",
        "UPDATE trials SET state = 'WAITING' WHERE state = 'RUNNING'",
        "UPDATE studies SET study_name = 'b'",
        "INSERT INTO study_directions (direction, study_id, objective) VALUES ('MAXIMIZE', 1, 1)",
        "UPDATE study_directions SET direction = 'MAXIMIZE'",
        "INSERT INTO trial_params (trial_id, param_name, param_value) VALUES (2, 'x', 0.5)",
        "UPDATE trial_params SET param_value = 0.5",
        "DELETE FROM trial_params",
        "INSERT INTO trial_values (trial_id, objective, value, value_type) VALUES (2, 0, 0.5, 'FINITE')",
        "UPDATE trial_values SET value = 0.25",
        "DELETE FROM trial_values",
        "INSERT INTO trial_intermediate_values (trial_id, step, intermediate_value, intermediate_value_type)
            VALUES (2, 9, 0.5, 'FINITE')",
        "INSERT OR REPLACE INTO trial_intermediate_values
            (trial_id, step, intermediate_value, intermediate_value_type) VALUES (1, 0, 0.5, 'FINITE')",
        "UPDATE trial_intermediate_values SET intermediate_value = 0.5",
        "DELETE FROM trial_intermediate_values",
        "INSERT OR REPLACE INTO trial_user_attributes (trial_id, key, value_json) VALUES (1, 'epochs', '4')",
        "UPDATE trial_user_attributes SET value_json = '4'",
        "DELETE FROM trial_user_attributes",
        "INSERT INTO trial_system_attributes (trial_id, key, value_json) VALUES (2, 'fail_reason', '7')",
    ] {
        let error = other.execute_batch(&format!("PRAGMA foreign_keys = OFF; {refused}"));
        let error = error.expect_err(refused).to_string();
        assert!(error.contains("Kindling"), "{refused}: {error}");
    }
    for attached in [
        "INSERT INTO study_system_attributes (study_id, key, value_json) VALUES (1, 'n', '1')",
        "INSERT INTO trial_user_attributes (trial_id, key, value_json) VALUES (1, 'n', '1'), (2, 'n', '1')",
        "UPDATE trial_user_attributes SET value_json = '2' WHERE key = 'n'",
        "DELETE FROM trial_user_attributes WHERE key = 'n'",
        "INSERT INTO trial_system_attributes (trial_id, key, value_json) VALUES (2, 'n', '1')",
    ] {
        other.execute_batch(attached).expect(attached);
    }
    drop(other);
    ledger.reopen();
}

/// Prints what Optuna finds in a store: the parameters of each trial, and what each may be.
const READ: &str = r#"
import json, sys, warnings
warnings.simplefilter("ignore")
import optuna
study = optuna.load_study(study_name="a", storage="sqlite:///" + sys.argv[1])
params = [{name: value for name, value in trial.params.items() if name != "huge"} for trial in study.trials]
choices = {name: d.choices for trial in study.trials for name, d in trial.distributions.items() if hasattr(d, "choices")}
best = study.best_trial.params == study.trials[study.best_trial.number].params
print(json.dumps({"params": params, "choices": choices, "best": best}))
"#;

/// None, lists, and choices that only their kinds tell apart. Runs if `KINDLING_PEERS_PYTHON` names a Python that has Optuna.
#[test]
fn optuna_reads_choices_of_all_kinds_as_they_are() {
    let Some(python) = std::env::var_os("KINDLING_PEERS_PYTHON") else { return };
    let mut whole = spec("a");
    whole.trials = 60;
    let (mut ledger, id) = Ledger::with_study(whole);
    while let Some(claim) = ledger.lease(id, "w") {
        ledger.finish(id, &claim, TrialResult::Complete(0.5.into()), Attributes::new());
    }
    ledger.commit();
    let study = ledger.study(id);
    let space = study.spec().space.clone();
    let shown = |trial: &kindling_study::Trial| {
        let params = trial.params().expect("proposed");
        // Optuna's column holds floats, which are exact up to 2^53.
        let named = space.params().iter().zip(params).filter(|(param, _)| param.name != "huge");
        let named = named.filter_map(|(param, value)| {
            Some((param.name.clone(), json!(param.distribution.show((*value)?))))
        });
        serde_json::Value::Object(named.collect())
    };
    let expected: Vec<_> = study.trials().iter().map(shown).collect();
    let kinds: std::collections::BTreeSet<_> =
        expected.iter().flat_map(|p| [p["kind"].to_string(), p["shape"].to_string()]).collect();
    assert!(kinds.len() >= 7, "the test says little: {kinds:?}");
    let output = std::process::Command::new(python)
        .args(["-c", READ])
        .arg(ledger.path())
        .output()
        .expect("it runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let found: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(found["params"], json!(expected));
    assert_eq!(found["choices"]["kind"].to_string(), r#"["ädam \"w\"",true,1,1.0,0.1]"#);
    let shapes = r#"[null,[64,64.0,null,{"ä":"\""}],"None"]"#;
    assert_eq!(found["choices"]["shape"].to_string(), shapes);
    assert_eq!(found["best"], true);
}
