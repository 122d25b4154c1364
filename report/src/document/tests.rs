//! Every possible message must become a document.

use kindling_proto::v1;
use kindling_proto::v1::value::Kind;
use proptest::prelude::*;
use prost_types::value::Kind as Field;
use serde_json::json;

use super::*;
use crate::testing;

fn json(study: &v1::Study, trials: &[v1::Trial]) -> serde_json::Value {
    serde_json::to_value(Document::new(study, trials, &[], 7)).expect("JSON")
}

#[test]
fn parameters_say_their_type_and_when_they_are_active() {
    let mut child = testing::float("std", 0.25, 4.0, true);
    let condition = |words: &[&str]| v1::Condition {
        at_least: None,
        at_most: None,
        parent: "x".to_owned(),
        any_of: words.iter().map(|word| testing::text(word)).collect(),
    };
    child.when = vec![condition(&["he", "gaussian"]), condition(&["gaussian", "zero"])];
    let int = v1::IntDistribution { low: 1, high: 8, log: true, step: 0 };
    let int = testing::param("n", v1::parameter::Distribution::Int(int));
    let space = vec![testing::words("x", &["he", "gaussian"]), child, int];
    assert_eq!(
        json(&testing::study(space, None), &[])["study"]["space"],
        json!([
            {"name": "x", "type": "categorical", "choices": ["he", "gaussian"], "when": {}},
            {"name": "std", "type": "float", "low": 0.25, "high": 4.0, "log": true, "step": null,
             "when": {"x": ["gaussian"]}},
            {"name": "n", "type": "int", "low": 1, "high": 8, "log": true, "step": 1, "when": {}},
        ])
    );
}

#[test]
fn a_study_says_its_directions_and_a_trial_its_values() {
    let mut study = testing::study(vec![], None);
    let best = testing::trial(1, 0.5, &[]);
    let waiting = v1::Trial { number: 2, ..Default::default() };
    study.best = Some(best.clone());
    let shown = json(&study, &[waiting, best]);
    assert_eq!(shown["study"]["directions"], json!(["maximize"]));
    assert_eq!(shown["study"]["best"], 1);
    assert_eq!(shown["trials"][0]["values"], json!([0.5]));
    assert_eq!(shown["trials"][1]["values"], json!([]));
}

#[test]
fn several_objectives_have_names_values_constraints_and_a_front() {
    let mut study = testing::study(vec![testing::words("x", &["he", "zero"])], None);
    let spec = study.spec.as_mut().unwrap();
    spec.directions = vec![v1::Direction::Maximize.into(), v1::Direction::Minimize.into()];
    spec.metric_names = vec!["accuracy".to_owned(), "latency".to_owned()];
    spec.constraints = vec!["memory".to_owned()];
    let metric = prost_types::Value { kind: Some(Field::StringValue("latency".to_owned())) };
    spec.pruner = Some(prost_types::Struct { fields: [("metric".to_owned(), metric)].into() });
    let step = v1::IntermediateValue {
        step: 3,
        value: 9.0,
        others: vec![
            v1::ObjectiveValue { objective: 0, value: 0.25 },
            v1::ObjectiveValue { objective: 1, value: f64::NAN },
        ],
    };
    let trial = v1::Trial {
        values: vec![0.5, 9.0],
        constraints: vec![f64::NEG_INFINITY],
        intermediate_values: vec![step],
        ..testing::trial(0, 0.0, &[("x", testing::text("he"))])
    };
    study.front = vec![trial.clone()];
    study.front_size = 1;
    let shown = json(&study, &[trial]);
    assert_eq!(shown["study"]["metrics"], json!(["accuracy", "latency"]));
    assert_eq!(shown["study"]["curve_objective"], 1);
    assert_eq!(shown["study"]["constraints"], json!(["memory"]));
    assert_eq!((&shown["study"]["front"], &shown["study"]["front_size"]), (&json!([0]), &json!(1)));
    assert_eq!(shown["trials"][0]["values"], json!([0.5, 9.0]));
    assert_eq!(shown["trials"][0]["constraints"], json!([f64::MIN]));
    assert_eq!(shown["trials"][0]["curve"], json!([[3, 9.0]]));
    assert_eq!(shown["trials"][0]["other_curves"], json!({"0": [[3, 0.25]]}));
    assert_eq!(shown["analysis"]["front"]["trials"], json!([0]));
    assert_eq!(shown["analysis"]["front"]["hypervolume"]["exact"], true);
    assert_eq!(shown["analysis"]["others"].as_array().map(Vec::len), Some(1));
    assert_eq!(shown["analysis"]["confirm"], json!(null));
}

#[test]
fn one_objective_says_nothing_of_a_front() {
    let shown = json(&testing::study(vec![], None), &[testing::trial(0, 0.5, &[])]);
    assert_eq!(shown["study"]["metrics"], json!(["value"]));
    for several in ["others", "front", "confirmed_front"] {
        assert!(shown["analysis"].get(several).is_none(), "{several}");
    }
    assert!(shown["trials"][0].get("other_curves").is_none());
}

#[test]
fn a_trial_says_what_it_left_behind() {
    let time = |seconds| Some(prost_types::Timestamp { seconds, nanos: 5_000_000 });
    let attempt = |attempt, end: v1::AttemptEnd, end_time, resumed_from| v1::TrialAttempt {
        attempt,
        worker: "w".to_owned(),
        start_time: time(1),
        end_time,
        end: end.into(),
        resumed_from,
    };
    let blob = v1::Blob { key: "secret".to_owned(), size: u64::MAX, sha256: vec![0, 0xAB] };
    let file = v1::Artifact {
        name: "a/<b>.png".to_owned(),
        media_type: "image/png".to_owned(),
        blob: Some(blob.clone()),
        saved: time(3),
    };
    let trial = v1::Trial {
        attempts: vec![
            attempt(1, v1::AttemptEnd::Lost, time(2), None),
            attempt(2, v1::AttemptEnd::Unspecified, None, Some(7)),
        ],
        checkpoints: vec![v1::Checkpoint { attempt: 1, step: 7, blob: Some(blob) }],
        artifacts: vec![file.clone(), v1::Artifact::default()],
        warm_start: Some(0),
        ..testing::trial(3, 0.5, &[])
    };
    let study = testing::study(vec![], None);
    let document = Document::new(&study, &[trial], &[], 7).with_artifacts(&[file]);
    let shown = serde_json::to_value(&document).expect("JSON");
    let trial = &shown["trials"][0];
    assert_eq!(
        trial["attempts"],
        json!([
            {"attempt": 1, "worker": "w", "start": 1005, "end": 2005, "ended": "LOST", "resumed_from": null},
            {"attempt": 2, "worker": "w", "start": 1005, "end": null, "ended": null, "resumed_from": 7},
        ])
    );
    assert_eq!(trial["checkpoints"], json!([{"attempt": 1, "step": 7, "size": u64::MAX}]));
    assert_eq!(trial["warm_start"], 0);
    let file = json!({"name": "a/<b>.png", "path": "a%2F%3Cb%3E.png", "media_type": "image/png", "size": u64::MAX, "sha256": "00ab", "saved": 3005});
    let unknown =
        json!({"name": "", "path": "", "media_type": "", "size": 0, "sha256": "", "saved": null});
    assert_eq!(trial["artifacts"], json!([file, unknown]));
    assert_eq!(shown["artifacts"], json!([file]));
    assert!(!shown.to_string().contains("secret"), "where the bytes lie is nobody's business");
}

#[test]
fn notes_and_tags_are_told_as_they_were_written() {
    let note = "**a** <script>\n".to_owned();
    let tags = vec!["t".to_owned()];
    let study = v1::Study {
        note: note.clone(),
        note_version: 3,
        tags: tags.clone(),
        archived: true,
        ..testing::study(vec![], None)
    };
    let trial =
        v1::Trial { note: note.clone(), note_version: 1, tags, ..testing::trial(0, 0.5, &[]) };
    let shown = json(&study, &[trial]);
    let (study, trial) = (&shown["study"], &shown["trials"][0]);
    assert_eq!((&study["note"], &study["note_version"]), (&json!(note), &json!(3)));
    assert_eq!((&study["tags"], &study["archived"]), (&json!(["t"]), &json!(true)));
    assert_eq!((&trial["note"], &trial["note_version"]), (&json!(note), &json!(1)));
    assert_eq!(trial["tags"], json!(["t"]));
}

#[test]
fn what_left_nothing_behind_says_nothing_of_it() {
    let shown = json(&testing::study(vec![], None), &[testing::trial(0, 0.5, &[])]);
    assert!(shown.get("artifacts").is_none());
    let left =
        ["attempts", "checkpoints", "artifacts", "warm_start", "note", "note_version", "tags"];
    for left in left {
        assert!(shown["trials"][0].get(left).is_none(), "{left}");
    }
    let change = Change::new(&testing::study(vec![], None), &[], &[]);
    assert!(serde_json::to_value(&change).expect("JSON").get("artifacts").is_none());
    let none = serde_json::to_value(change.with_artifacts(&[])).expect("JSON");
    assert_eq!(none["artifacts"], json!([]), "those of before are gone");
}

#[test]
fn whole_numbers_of_a_sampler_stay_whole() {
    let number = |x| prost_types::Value { kind: Some(Field::NumberValue(x)) };
    let fields = [("candidates", number(24.0)), ("gamma", number(0.1))];
    let mut study = testing::study(vec![], None);
    study.spec.as_mut().unwrap().sampler = Some(prost_types::Struct {
        fields: fields.map(|(key, value)| (key.to_owned(), value)).into(),
    });
    assert_eq!(json(&study, &[])["study"]["sampler"], json!({"candidates": 24, "gamma": 0.1}));
}

#[test]
fn a_worker_shows_only_what_it_does_for_the_study() {
    let running = |study: &str, number| v1::RunningTrial {
        study: study.to_owned(),
        number,
        attempt: 1,
        newest: Some(v1::IntermediateValue { step: 3, value: 0.5, ..Default::default() }),
    };
    let trials = vec![running("other", 1), running("a study", 2)];
    let worker = v1::Worker { id: "w".to_owned(), trials, ..Default::default() };
    let document = Document::new(&testing::study(vec![], None), &[], &[worker], 7);
    let shown = serde_json::to_value(&document.workers[0].running).expect("JSON");
    assert_eq!(shown, json!([{"number": 2, "attempt": 1, "step": 3, "value": 0.5}]));
}

/// Numbers of all kinds, including impossible ones.
fn number() -> impl Strategy<Value = f64> {
    prop_oneof![-1.0..1.0, any::<f64>(), Just(f64::NAN), Just(f64::INFINITY), Just(0.5)]
}

fn trials() -> impl Strategy<Value = Vec<v1::Trial>> {
    let kind = prop_oneof![
        1 => number().prop_map(Kind::Float),
        1 => any::<i64>().prop_map(Kind::Int),
        1 => any::<bool>().prop_map(Kind::Bool),
        9 => prop::sample::select(vec!["he", "zero", "?"]).prop_map(|w| Kind::Text(w.to_owned())),
    ];
    let name = prop::sample::select(vec!["x", "x", "y", "y", "z", "?"]);
    let params = prop::collection::vec((name, prop::option::weighted(0.9, kind)), 2..6);
    let confirms = prop::option::of((0..9_u32, 0..3_u32));
    let state = prop_oneof![0..9, Just(v1::TrialState::Complete.into())];
    let values = || prop::collection::vec(number(), 0..3);
    let trial = (state, params, values(), values(), confirms, ".*");
    prop::collection::vec(trial, 0..40).prop_map(|trials| {
        let numbered = (0..).zip(trials);
        let wire =
            numbered.map(|(number, (state, params, values, constraints, confirms, text))| {
                v1::Trial {
                    number,
                    state,
                    params: params
                        .into_iter()
                        .map(|(name, kind)| v1::NamedValue {
                            name: name.to_owned(),
                            value: Some(v1::Value { kind }),
                        })
                        .collect(),
                    intermediate_values: (0..)
                        .zip(&values)
                        .map(|(step, value)| v1::IntermediateValue {
                            step,
                            value: *value,
                            ..Default::default()
                        })
                        .collect(),
                    values,
                    constraints,
                    attributes_json: [("a".to_owned(), text)].into(),
                    confirms: confirms.map(|(of, seed)| v1::Confirmation { of, seed }),
                    ..Default::default()
                }
            });
        wire.collect()
    })
}

proptest! {
    #[test]
    fn any_trials_make_a_document(trials in trials(), several in any::<bool>()) {
        let by = vec!["x".to_owned(), "y".to_owned()];
        let confirm = v1::Confirm { by, best: 2, seeds: 3, each: true };
        let words = |name| testing::words(name, &["he", "zero"]);
        let space = vec![words("x"), words("y"), testing::float("z", 0.1, 9.0, true)];
        let mut study = testing::study(space, Some(confirm));
        if several {
            let spec = study.spec.as_mut().unwrap();
            spec.directions = vec![v1::Direction::Minimize.into(); 2];
            spec.constraints = vec!["c".to_owned()];
        }
        let shown = json(&study, &trials);
        let volume = &shown["analysis"]["front"]["hypervolume"];
        for key in ["best", "reference"] {
            for number in volume[key].as_array().into_iter().flatten() {
                prop_assert!(number.is_number(), "{volume}");
            }
        }
        prop_assert_eq!(shown["trials"].as_array().map(Vec::len), Some(trials.len()));
        for trial in shown["trials"].as_array().into_iter().flatten() {
            let values = trial["values"].as_array().cloned().unwrap_or_default();
            prop_assert!(values.is_empty() || trial["state"] == "COMPLETE", "{trial}");
            prop_assert!(values.iter().all(serde_json::Value::is_number), "{trial}");
        }
        // The page expects a number here.
        for pair in shown["analysis"]["combinations"].as_array().into_iter().flatten() {
            for cell in pair["cells"].as_array().into_iter().flatten() {
                prop_assert!(cell["best"].is_number(), "{cell}");
            }
        }
    }
}
