//! Optuna's own files, made by Optuna itself if `KINDLING_PEERS_PYTHON` names a Python that has it.

use std::process::Command;

use kindling_study::external::{Scope, TrialState};

use super::*;
use crate::store::read_foreign;

/// Makes a study with everything in it, in the storage that the argument names.
const MAKE: &str = r#"
import sys, warnings, optuna
warnings.simplefilter("ignore")
optuna.logging.set_verbosity(optuna.logging.ERROR)
kind, path = sys.argv[1:]
if kind == "journal":
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend
    storage = JournalStorage(JournalFileBackend(path))
else:
    storage = f"sqlite:///{path}"
study = optuna.create_study(storage=storage, study_name="s", directions=["minimize", "maximize"])
optuna.delete_study(storage=storage, study_name=optuna.create_study(storage=storage, study_name="gone").study_name)
study.set_user_attr("note", {"a": [1, None, float("nan")]})

def objective(trial):
    x = trial.suggest_float("x", -1, 1)
    n = trial.suggest_int("n", 1, 64, log=True)
    kind = trial.suggest_categorical("kind", [None, "a", 2.5, True])
    trial.set_user_attr("ä", str(kind))
    return x, float("inf") if n > 32 else n

study.sampler = optuna.samplers.RandomSampler(seed=3)
study.optimize(objective, n_trials=20)
study.enqueue_trial({"x": 0.5})
study.add_trial(optuna.trial.create_trial(values=[1, 2], params={"x": 0.25}, distributions={"x": optuna.distributions.FloatDistribution(-1, 1)}))
other = optuna.create_study(storage=storage, study_name="other")
def pruned(trial):
    for step in range(3):
        trial.report(step if step else float("nan"), step)
    raise optuna.TrialPruned
other.optimize(pruned, n_trials=2)
other.ask().suggest_float("y", 0, 1)
"#;

fn made(kind: &str) -> Option<(TempDir, PathBuf)> {
    let python = std::env::var_os("KINDLING_PEERS_PYTHON")?;
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("optuna");
    let made = Command::new(python).args(["-c", MAKE, kind]).arg(&path).output().expect("it runs");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    Some((folder, path))
}

fn check(kind: &str) {
    let Some((folder, path)) = made(kind) else { return };
    let before = std::fs::read(&path).expect("readable");
    let registry = read_foreign(&path).expect("sound").expect("Optuna's");
    let names: Vec<_> = registry.externals().map(|(_, study)| study.name().to_string()).collect();
    assert_eq!(names, ["s", "other"]);
    let (_, study) = registry.find_external("s").expect("there");
    assert_eq!(study.attributes(Scope::User)["note"].as_str(), r#"{"a": [1, null, NaN]}"#);
    assert_eq!(study.trials().len(), 22);
    assert_eq!(study.counts().of(TrialState::Complete), 21);
    let waiting = &study.trials()[20];
    assert_eq!(waiting.state, TrialState::Waiting);
    assert_eq!(waiting.system_attributes["fixed_params"].as_str(), r#"{"x": 0.5}"#);
    assert_eq!(study.trials()[21].values.as_deref(), Some(&[1.0, 2.0][..]));
    assert!(study.trials().iter().any(|t| t.values.as_ref().is_some_and(|v| v[1].is_infinite())));
    assert!(study.trials()[..20].iter().all(|t| t.params.len() == 3 && t.started < t.completed));
    let space = study.space().search_space().expect("a space");
    assert_eq!(space.params().len(), 3);
    let (_, other) = registry.find_external("other").expect("there");
    assert_eq!(other.counts().of(TrialState::Pruned), 2);
    assert_eq!(other.counts().of(TrialState::Running), 1);
    assert!(other.trials()[0].intermediate[&0].is_nan());
    assert_eq!(std::fs::read(&path).expect("readable"), before, "not a byte is changed");
    let beside: Vec<_> = std::fs::read_dir(folder.path()).expect("a folder").flatten().collect();
    assert!(beside.len() <= 2, "a journal has its lock file beside it: {beside:?}");
}

#[test]
fn an_sqlite_file_of_optunas_is_read_as_it_is() {
    check("sqlite");
}

#[test]
fn a_journal_of_optunas_is_read_as_it_is() {
    check("journal");
}

#[test]
fn a_journal_is_read_as_far_as_it_was_written_and_what_is_damaged_is_named() {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("journal");
    let create = r#"{"op_code": 0, "worker_id": "w", "study_name": "s", "directions": [1]}"#;
    let trial = r#"{"op_code": 4, "worker_id": "w", "study_id": 0, "datetime_start": "2026-11-30T08:00:00.000000"}"#;
    let end = r#"{"op_code": 6, "worker_id": "w", "trial_id": 0, "state": 1, "values": [0.5], "datetime_complete": "2026-11-30T09:00:00+00:00"}"#;
    let again = end.replace("0.5", "0.75");
    let text = format!("{create}\n{create}\n{trial}\n{end}\n{again}\n{}", &trial[..40]);
    std::fs::write(&path, text).expect("written");
    let registry = read_foreign(&path).expect("sound").expect("a journal");
    let (_, study) = registry.find_external("s").expect("there");
    assert_eq!(registry.len(), 1, "a name is given once");
    assert_eq!(study.trials().len(), 1, "the last line is not whole");
    assert_eq!(study.trials()[0].values.as_deref(), Some(&[0.5][..]), "what is over stays");
    std::fs::write(&path, format!("{create}\n{{\"op_code\": 4}}\n")).expect("written");
    let damaged = read_foreign(&path).expect_err("refused").to_string();
    assert!(damaged.contains("line 2 of Optuna's journal: `study_id`"), "{damaged}");
    for no_journal in ["", "hello\n", "{}\n", "[1, 2]\n"] {
        std::fs::write(&path, no_journal).expect("written");
        assert!(read_foreign(&path).expect("no error").is_none(), "{no_journal:?}");
    }
}

#[test]
fn a_store_of_ours_is_none_of_optunas() {
    let (ledger, _) = Ledger::with_study(spec("a"));
    let path = ledger.path();
    drop(ledger.store);
    assert!(read_foreign(&path).expect("no error").is_none());
}

#[test]
fn what_is_written_for_optuna_is_read_again() {
    use kindling_proto::optuna::{Study, Trial, TrialState as State};
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("optuna.db");
    let study = Study { study_name: "s".to_owned(), directions: vec![1], ..Study::default() };
    let distribution = r#"{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.0, "high": 1.0, "log": false}}"#;
    let trial = Trial {
        trial_id: 77,
        state: State::Complete.into(),
        values: vec![f64::NEG_INFINITY],
        datetime_start: "2026-11-30 08:00:00.000000".to_owned(),
        params: [("x".to_owned(), 0.5)].into(),
        distributions: [("x".to_owned(), distribution.to_owned())].into(),
        user_attributes: [("a".to_owned(), "NaN".to_owned())].into(),
        intermediate_values: [(3, f64::NAN)].into(),
        ..Trial::default()
    };
    write_for_optuna(&path, &study, std::slice::from_ref(&trial)).expect("written");
    let registry = read_foreign(&path).expect("sound").expect("Optuna's");
    let (_, study) = registry.find_external("s").expect("there");
    let read = &study.trials()[0];
    assert_eq!(read.values.as_deref(), Some(&[f64::NEG_INFINITY][..]));
    assert_eq!(read.params["x"].0.to_bits(), 0.5_f64.to_bits());
    assert!(read.intermediate[&3].is_nan() && read.user_attributes["a"].as_str() == "NaN");
    let again = write_for_optuna(&path, &kindling_proto::optuna::Study::default(), &[]);
    assert!(matches!(again, Err(ExportError::Exists)), "{again:?}");
}
