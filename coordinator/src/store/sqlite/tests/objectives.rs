//! Several objectives, and constraints: where Optuna looks for them, and what a store with them may not say.

use std::process::Command;

use kindling_study::{ConfirmSpec, Directions, TrialResult, Values};

use super::damage::changed;
use super::*;

fn two() -> StudySpec {
    let metrics = Metrics {
        names: ["accuracy".into(), "latency".into()].into(),
        constraints: ["gb".into(), "watts".into()].into(),
        pruner_objective: 1,
    };
    let directions = Directions::new([Direction::Maximize, Direction::Minimize]).expect("two");
    let confirm = Some(ConfirmSpec { by: vec![], best: 2, seeds: 1, each: true });
    StudySpec { directions, metrics, confirm, ..spec("two") }
}

fn both(accuracy: f64, latency: f64) -> TrialResult {
    TrialResult::Complete(Values::new([accuracy, latency]).expect("two"))
}

/// Trials: 1 and 3 on the front, 2 infeasible, 4 pruned, 5 failed, 6 running, with reports.
fn ledger() -> Ledger {
    let (mut ledger, id) = Ledger::with_study(two());
    for (result, told) in [
        (both(0.5, 0.25), &[-1.0, 0.0][..]),
        (both(0.99, 1.0), &[0.5, -1.0]),
        (both(0.9, 1.0 / 3.0), &[-0.1, -1e-300]),
        (TrialResult::Pruned, &[]),
        (TrialResult::Fail("x".into()), &[]),
    ] {
        let claim = ledger.lease(id, "w").expect("a trial");
        let report = ledger.study(id).report(&claim, 3, 2.0, &[(0, 0.1)]).expect("taken");
        ledger.take(id, report.0);
        ledger.report(id, &claim, 4, 1.0);
        let (events, ()) =
            ledger.study(id).finish(&claim, result, told, Attributes::new()).expect("taken");
        ledger.take(id, events);
    }
    let claim = ledger.lease(id, "w").expect("a trial");
    let report = ledger.study(id).report(&claim, 1, 2.0, &[(0, 0.1)]).expect("taken");
    ledger.take(id, report.0);
    ledger.commit();
    ledger
}

#[test]
fn all_of_it_survives_and_a_new_lease_drops_the_curves() {
    let mut ledger = ledger().reopen();
    let id = StudyId(1);
    ledger.expire(id);
    ledger.lease(id, "v").expect("the same trial");
    ledger.commit();
    let left = "SELECT group_concat(trial_id || ':' || step || ':' || objective, ' ')
        FROM kindling_other_values";
    assert_eq!(ledger.text(left), "1:3:0 2:3:0 3:3:0 4:3:0 5:3:0");
    ledger.reopen();
}

#[test]
fn optuna_finds_them_where_it_looks() {
    let ledger = ledger();
    let names = "SELECT value_json FROM study_system_attributes WHERE key = 'study:metric_names'";
    assert_eq!(ledger.text(names), r#"["accuracy","latency"]"#);
    let told = "SELECT group_concat(key || '=' || value_json, ' ') FROM trial_system_attributes
        WHERE trial_id = 3";
    assert_eq!(ledger.text(told), "constraints:gb=-0.1 constraints:watts=-1e-300");
    let values = "SELECT group_concat(objective || ':' || value, ' ') FROM trial_values
        WHERE trial_id IN (1, 4)";
    assert_eq!(ledger.text(values), "0:0.5 1:0.25", "a pruned one has none");
}

/// Optuna itself, if `KINDLING_PEERS_PYTHON` names a Python that has it.
#[test]
fn optunas_best_trials_are_the_front() {
    let Some(python) = std::env::var_os("KINDLING_PEERS_PYTHON") else { return };
    let ledger = ledger();
    let script = "import sys, optuna
study = optuna.load_study(study_name='two', storage='sqlite:///' + sys.argv[1])
print(study.metric_names, sorted(trial.number for trial in study.best_trials), study.trials[2].constraints)
figure = optuna.visualization.plot_pareto_front(study)
print(sorted(x for data in figure.data for x in (data.x or ())))";
    let output =
        Command::new(python).args(["-c", script]).arg(ledger.path()).output().expect("run");
    let said = String::from_utf8_lossy(&output.stdout);
    let expected =
        "['accuracy', 'latency'] [0, 2] {'gb': -0.1, 'watts': -1e-300}\n[0.5, 0.9, 0.99]\n";
    assert_eq!(said, expected, "{}", String::from_utf8_lossy(&output.stderr));
    let front: Vec<_> = ledger.study(StudyId(1)).front().map(|number| number.0).collect();
    assert_eq!(front, [2, 0]);
}

#[test]
fn what_makes_no_sense_is_named() {
    let ledger = ledger();
    let path = ledger.path();
    let Ledger { store, dir: _dir, .. } = ledger;
    drop(store);
    let bytes = std::fs::read(path).expect("readable");
    let row = "UPDATE kindling_trials SET constraints";
    let others = "UPDATE kindling_other_values SET";
    for (sql, what) in [
        (format!("{row} = '[1]' WHERE trial_id = 1"), "one finite number for each"),
        (format!("{row} = NULL WHERE trial_id = 1"), "one finite number for each"),
        (format!("{row} = '[1, 2, 3]' WHERE trial_id = 1"), "one finite number for each"),
        (format!("{row} = '[1, 2]' WHERE trial_id = 6"), "one finite number for each"),
        (format!("{row} = '[1, 2]' WHERE trial_id = 5"), "one finite number for each"),
        (format!("{row} = '[1, 1e999]' WHERE trial_id = 1"), "constraints: "),
        (format!("{row} = '{{}}' WHERE trial_id = 1"), "constraints: "),
        (format!("{others} objective = 1 WHERE trial_id = 1"), "for objective 1"),
        (format!("{others} objective = 7 WHERE trial_id = 1"), "for objective 7"),
        (format!("{others} step = 9 WHERE trial_id = 1"), "without an intermediate value"),
        (format!("{others} step = -1 WHERE trial_id = 1"), "step -1"),
        (format!("{others} value = 9e999 WHERE trial_id = 1"), "no finite number"),
        (format!("{others} trial_id = 99 WHERE trial_id = 1"), "there is no trial 99"),
    ] {
        let (_file, mut conn) = changed(&bytes, &sql);
        let refused = load::registry(&mut conn, UNTIL).expect_err(&sql);
        assert!(format!("{refused:?}").contains(what), "{sql}: {refused:?}");
    }
}

/// From version 8 to 7, and so on. All have guards, which an upgrade replaces.
const BACK_TO_7: &str = "DROP TABLE kindling_notify;
    DROP TABLE kindling_activity;
    UPDATE kindling_meta SET value = 7 WHERE key = 'schema_version'";
const BACK_TO_6: &str = "ALTER TABLE kindling_trials DROP COLUMN warm_start;
    ALTER TABLE kindling_leases DROP COLUMN resumed;
    DROP TABLE kindling_attempts;
    DROP TABLE kindling_checkpoints;
    DROP TABLE kindling_artifacts;
    DROP TABLE kindling_study_artifacts;
    UPDATE kindling_meta SET value = 6 WHERE key = 'schema_version'";
const BACK_TO_5: &str = "ALTER TABLE kindling_trials DROP COLUMN constraints;
    DROP TABLE kindling_other_values;
    UPDATE kindling_meta SET value = 5 WHERE key = 'schema_version'";
const BACK_TO_4: &str = "DROP TABLE kindling_external_studies;
    UPDATE kindling_meta SET value = 4 WHERE key = 'schema_version'";

#[test]
fn a_store_of_the_versions_before_is_opened_and_goes_on() {
    let store = damage::store();
    for versions in 1..=4 {
        let back = [BACK_TO_7, BACK_TO_6, BACK_TO_5, BACK_TO_4][..versions].join(";");
        let (file, conn) = changed(&store, &back);
        let put_down = "UPDATE kindling_meta SET value = 0 WHERE key = 'pen'";
        conn.execute_batch(put_down).expect("put down");
        drop(conn);
        let mut store = SqliteStore::open_with(file.path(), SHORT).expect("upgraded");
        let loaded = store.load(UNTIL).expect("loaded");
        let trials: usize = loaded.iter().map(|(_, study)| study.trials().len()).sum();
        assert_eq!(trials, 7);
        assert_eq!(open::version(&store.conn).expect("a version"), open::VERSION);
        let guards = "SELECT count(*) FROM sqlite_schema WHERE type = 'trigger'";
        let guards: u32 = store.conn.query_row(guards, [], |row| row.get(0)).expect("a count");
        assert_eq!(
            guards as usize,
            include_str!("../guards.sql").matches("CREATE TRIGGER").count()
        );
    }
}
