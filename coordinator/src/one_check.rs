//! A study comes in by three doors: a study file, the wire and a store. Here the same mistakes knock at each,
//! and are turned away by the same words.

use kindling_proto::{limits, v1};
use prost_types::value::Kind;

use crate::store::stored_spec::{self, Unreadable};
use crate::{config, convert};

const FILE: &str = r#"
name = "s"
direction = "maximize"
trials = 10
seed = 1
max_attempts = 3
sampler = { kind = "grid", points = 5 }
pruner = { kind = "asha", min_resource = 1, reduction_factor = 4 }
confirm = { by = ["m"], seeds = 10 }
notify = { url = "https://a.b/c" }
[objective]
kind = "own"
[space.m]
type = "categorical"
choices = ["a", "b"]
[space.x]
type = "float"
low = 1.0
high = 4.0
[space.n]
type = "int"
low = 1
high = 9
when = { m = "a" }
"#;

/// A mistake, as each door is shown it, and what they say. What a door cannot be shown is `None`: TOML has no
/// two keys of one name, and JSON has no infinity.
struct Mistake {
    /// A part of [`FILE`], and what stands there instead.
    file: Option<(&'static str, &'static str)>,
    wire: Option<fn(&mut v1::StudySpec)>,
    /// A part of the store's text, and what stands there instead.
    stored: Option<(&'static str, &'static str)>,
    said: &'static str,
}

const NAME: Mistake = Mistake {
    file: Some((r#"name = "s""#, r#"name = """#)),
    wire: Some(|spec| spec.name.clear()),
    stored: Some((r#""name":"s""#, r#""name":"""#)),
    said: "name: a study's name must not be empty",
};

#[rustfmt::skip]
fn mistakes() -> Vec<Mistake> {
    const ASHA: &str = r#"{ kind = "asha", min_resource = 1, reduction_factor = 4 }"#;
    const STORED_ASHA: &str = r#"{"kind":"asha","min_resource":1,"reduction_factor":4,"min_early_stopping_rate":0}"#;
    let all = |file, wire, stored, said| Mistake { file: Some(file), wire: Some(wire), stored: Some(stored), said };
    let new = |file, wire, said| Mistake { file: Some(file), wire: Some(wire), stored: None, said };
    let no_file = |wire, stored, said| Mistake { file: None, wire: Some(wire), stored: Some(stored), said };
    vec![
        NAME,
        all(("trials = 10", "trials = 0"), |s| s.trials = 0, (r#""trials":10"#, r#""trials":0"#), "trials: expected 1 to 4294967295, found 0"),
        all(("max_attempts = 3", "max_attempts = 0"), |s| s.max_attempts = 0, (r#""max_attempts":3"#, r#""max_attempts":0"#), "max_attempts: expected 1 to 4294967295, found 0"),
        no_file(|s| s.seed = 1 << 63, (r#""seed":1"#, r#""seed":9223372036854775808"#), "seed: expected 0 to 9223372036854775807, found 9223372036854775808"),
        no_file(|s| s.directions.clear(), (r#""maximize""#, "[]"), "direction: expected one at least, found none"),
        no_file(|s| s.directions = vec![1, 2], (r#""maximize""#, r#"["maximize","minimize"]"#), "directions: with several objectives, each needs a name"),
        no_file(|s| s.metric_names = vec!["a".into(), "b".into()], (r#""confirm""#, r#""metric_names":["a","b"],"confirm""#), "directions: expected a name for each of 1, found 2"),
        all((r#"direction = "maximize""#, r#"directions = { "a=b" = "maximize" }"#), |s| s.metric_names = vec!["a=b".into()], (r#""confirm""#, r#""metric_names":["a=b"],"confirm""#), "directions: expected 1 to 128 bytes without `=`, line breaks, and spaces at either end as a name, found \"a=b\""),
        all(("trials = 10", "trials = 10\nconstraints = [\"c\", \"c\"]"), |s| s.constraints = vec!["c".into(), "c".into()], (r#""confirm""#, r#""constraints":["c","c"],"confirm""#), "constraints: `c` is there twice"),
        all(("trials = 10", "trials = 10\ncheckpoints = { keep = 101 }"), |s| s.keep_checkpoints = 101, (r#""sampler""#, r#""keep_checkpoints":101,"sampler""#), "checkpoints.keep: expected 1 to 100, found 101"),
        // On the wire 0 says nothing.
        Mistake { file: Some(("trials = 10", "trials = 10\ncheckpoints = { keep = 0 }")), wire: None, stored: Some((r#""sampler""#, r#""keep_checkpoints":0,"sampler""#)), said: "checkpoints.keep: expected 1 to 100, found 0" },
        all(("https://a.b/c", "ftp://a.b/c"), |s| notify(s).url = "ftp://a.b/c".into(), ("https://a.b/c", "ftp://a.b/c"), "notify.url: expected an address such as https://ntfy.sh/my-topic; it begins with http:// or https://"),
        all(("https://a.b/c", "https://"), |s| notify(s).url = "https://".into(), ("https://a.b/c", "https://"), "notify.url: expected an address such as https://ntfy.sh/my-topic; empty host"),
        // What workers run.
        all((r#"kind = "own""#, r#"kind = """#), |s| objective(s).kind.clear(), (r#""kind":"own""#, r#""kind":"""#), "objective.kind: expected the name of an objective, found nothing"),
        // The space.
        all(("low = 1.0", "low = 5.0"), |s| float(s).low = 5.0, (r#""low":1.0"#, r#""low":5.0"#), "space.x.low: low = 5 is above high = 4"),
        new(("high = 4.0", "high = inf"), |s| float(s).high = f64::INFINITY, "space.x.high: inf is not a finite number"),
        new(("high = 4.0", "high = nan"), |s| float(s).high = f64::NAN, "space.x.high: NaN is not a finite number"),
        all(("low = 1.0", "low = 0\nlog = true"), |s| { float(s).low = 0.0; float(s).log = true; }, (r#""low":1.0,"high":4.0,"scale":"linear""#, r#""low":0,"high":4,"scale":"log""#), "space.x.low: a log scale needs low > 0, not 0"),
        all(("high = 4.0", "high = 4.0\nstep = 1e-9"), |s| float(s).step = Some(1e-9), (r#""scale":"linear""#, r#""scale":{"step":1e-9}"#), "space.x.step: 0.000000001 is too fine for values of this size"),
        new(("high = 4.0", "high = 4.0\nlog = true\nstep = 1"), |s| { float(s).log = true; float(s).step = Some(1.0); }, "space.x.step: a log scale takes no step"),
        all(("high = 9", "high = 9\nlog = true\nstep = 2"), |s| { int(s).log = true; int(s).step = 2; }, (r#""step":1,"log":false"#, r#""step":2,"log":true"#), "space.n.step: a log scale takes no step"),
        all(("high = 9", "high = 9\nstep = -1"), |s| int(s).step = -1, (r#""step":1"#, r#""step":-1"#), "space.n.step: a step is at least 1, not -1"),
        all((r#"["a", "b"]"#, "[]"), |s| choices(s).clear(), (r#"["a","b"]"#, "[]"), "space.m.choices: at least one choice is needed"),
        all((r#"["a", "b"]"#, r#"["a", "a"]"#), |s| choices(s)[1] = text("a"), (r#"["a","b"]"#, r#"["a","a"]"#), "space.m.choices: a stands there twice"),
        new((r#"["a", "b"]"#, "[nan]"), |s| *choices(s) = vec![v1::Value { kind: Some(v1::value::Kind::Float(f64::NAN)) }], "space.m.choices: NaN is no number to choose"),
        all((r#"m = "a""#, r#"m = "c""#), |s| s.space[2].when[0].any_of[0] = text("c"), (r#""any_of":["a"]"#, r#""any_of":["c"]"#), "space.n.when: `m` is never c; it is one of a, b"),
        all((r#"m = "a""#, "m = []"), |s| s.space[2].when[0].any_of.clear(), (r#""any_of":["a"]"#, r#""any_of":[]"#), "space.n.when: at least one value is needed"),
        all((r#"m = "a""#, r#"x = "a""#), |s| s.space[2].when[0].parent = "x".into(), (r#""parent":"m""#, r#""parent":"x""#), "space.n.when: `x` has real numbers, of which a range is needed, such as at_least = 0.5"),
        all((r#"m = "a""#, "x = { at_least = 5 }"), |s| s.space[2].when[0] = range("x", Some(5.0), None), (r#"{"parent":"m","any_of":["a"]}"#, r#"{"parent":"x","at_least":5.0}"#), "space.n.when: `x` is never 5 or more; it is one of 1 to 4"),
        all((r#"m = "a""#, "m = { at_most = 5 }"), |s| s.space[2].when[0] = range("m", None, Some(5.0)), (r#"{"parent":"m","any_of":["a"]}"#, r#"{"parent":"m","at_most":5.0}"#), "space.n.when: `m` has no range, it is one of a, b"),
        new((r#"m = "a""#, "x = { at_most = nan }"), |s| s.space[2].when[0] = range("x", None, Some(f64::NAN)), "space.n.when: at_most = NaN is not a finite number"),
        all((r#""b"]"#, r#""b", [1], [1]]"#), |s| choices(s).extend([list("[1]"), list("[ 1 ]")]), (r#""b"]"#, r#""b",[1],[1]]"#), "space.m.choices: [1] stands there twice"),
        no_file(|s| s.space[2].name = "x".into(), (r#""name":"n""#, r#""name":"x""#), "space.x: there are two parameters of this name"),
        // Options. Where the store says "unknown variant", people are told what they may write.
        all(("points = 5", "points = 0"), |s| set(&mut s.sampler, "points", 0.0), (r#""points":5"#, r#""points":0"#), "sampler.points: expected a whole number from 1 to 65535, found 0"),
        new(("points = 5", "points = 65536"), |s| set(&mut s.sampler, "points", 65536.0), "sampler.points: expected a whole number from 1 to 65535, found 65536"),
        new(("points = 5", "points = 1.5"), |s| set(&mut s.sampler, "points", 1.5), "sampler.points: expected a whole number from 1 to 65535, found 1.5"),
        new(("points = 5", "pionts = 5"), |s| set(&mut s.sampler, "pionts", 5.0), "sampler.pionts: unknown key; did you mean `points`?"),
        new((r#"kind = "grid""#, r#"kind = "gird""#), |s| set_kind(&mut s.sampler, "gird"), "sampler.kind: expected one of `auto`, `gp`, `tpe`, `cmaes`, `nsga2`, `nsga3`, `random`, `sobol`, `grid`, found \"gird\"; did you mean `grid`?"),
        new((r#"kind = "asha","#, r#"kind = "hyperband","#), |s| pruner(s, r#"{"kind": "hyperband", "min_resource": 1, "reduction_factor": 4}"#), "pruner: missing key `max_resource`"),
        all(("min_resource = 1", "min_resource = 0"), |s| set(&mut s.pruner, "min_resource", 0.0), (r#""min_resource":1"#, r#""min_resource":0"#), "pruner.min_resource: expected a whole number of at least 1, found 0"),
        all(("reduction_factor = 4", "reduction_factor = 1"), |s| set(&mut s.pruner, "reduction_factor", 1.0), (r#""reduction_factor":4"#, r#""reduction_factor":1"#), "pruner.reduction_factor: expected a whole number of at least 2, found 1"),
        all((ASHA, r#"{ kind = "hyperband", min_resource = 4, max_resource = 3 }"#), |s| pruner(s, r#"{"kind": "hyperband", "min_resource": 4, "max_resource": 3}"#), (STORED_ASHA, r#"{"kind":"hyperband","min_resource":4,"max_resource":3}"#), "pruner.max_resource: 3 is below min_resource = 4"),
        all((ASHA, r#"{ kind = "percentile", percentile = 100.5 }"#), |s| pruner(s, r#"{"kind": "percentile", "percentile": 100.5}"#), (STORED_ASHA, r#"{"kind":"percentile","percentile":100.5}"#), "pruner.percentile: expected a number above 0, up to 100, found 100.5"),
        all((ASHA, r#"{ kind = "patience", min_delta = -1.0 }"#), |s| pruner(s, r#"{"kind": "patience", "min_delta": -1.0}"#), (STORED_ASHA, r#"{"kind":"patience","min_delta":-1.0}"#), "pruner.min_delta: expected a finite number of at least 0, found -1.0"),
        all((ASHA, r#"{ kind = "patience", wrapped = { kind = "median", min_trials = 0 } }"#), |s| pruner(s, r#"{"kind": "patience", "wrapped": {"kind": "median", "min_trials": 0}}"#), (STORED_ASHA, r#"{"kind":"patience","wrapped":{"kind":"median","min_trials":0}}"#), "pruner.wrapped.min_trials: expected a whole number of at least 1, found 0"),
        new((ASHA, r#"{ kind = "patience", min_delta = inf }"#), |s| { pruner(s, r#"{"kind": "patience"}"#); set(&mut s.pruner, "min_delta", f64::INFINITY); }, "pruner.min_delta: inf makes no sense here"),
        new((ASHA, r#"{ kind = "patience", min_delta = nan }"#), |s| { pruner(s, r#"{"kind": "patience"}"#); set(&mut s.pruner, "min_delta", f64::NAN); }, "pruner.min_delta: nan makes no sense here"),
        // What is confirmed.
        all((r#"by = ["m"]"#, "by = []"), |s| confirm(s).by.clear(), (r#""by":["m"]"#, r#""by":[]"#), "confirm.by: expected at least one categorical parameter"),
        all((r#"by = ["m"]"#, r#"by = ["m", "m"]"#), |s| confirm(s).by.push("m".into()), (r#""by":["m"]"#, r#""by":["m","m"]"#), "confirm.by: `m` is there twice"),
        all((r#"by = ["m"]"#, r#"by = ["x"]"#), |s| confirm(s).by[0] = "x".into(), (r#""by":["m"]"#, r#""by":["x"]"#), "confirm.by: `x` is not categorical"),
        all((r#"by = ["m"]"#, r#"by = ["other"]"#), |s| confirm(s).by[0] = "other".into(), (r#""by":["m"]"#, r#""by":["other"]"#), "confirm.by: the space has no parameter `other`"),
        all(("seeds = 10", "seeds = 10_001"), |s| confirm(s).seeds = 10_001, (r#""seeds":10"#, r#""seeds":10001"#), "confirm.seeds: expected 1 to 10000, found 10001"),
        // What is too much for a new study. One that a store already holds is accepted.
        new(("points = 5", "points = 30_000"), |s| set(&mut s.sampler, "points", 30_000.0), "sampler.points: 30000, of at most 21845 in a space of 3 parameters and 3 choices"),
    ]
}

#[test]
fn the_same_mistake_gets_the_same_answer_at_every_door() {
    for Mistake { file, wire, stored, said } in mistakes() {
        if let Some((part, instead)) = file {
            assert!(FILE.contains(part), "the test's own text: {part}");
            assert_eq!(
                by_file(&FILE.replacen(part, instead, 1)),
                Err(said.to_owned()),
                "{instead}"
            );
        }
        if let Some(spoil) = wire {
            let mut spec = sent();
            spoil(&mut spec);
            assert_eq!(by_wire(spec), Err(said.to_owned()), "on the wire");
        }
        if let Some((part, instead)) = stored {
            let text = kept();
            assert!(text.contains(part), "the test's own text: {part}");
            assert_eq!(by_store(&text.replacen(part, instead, 1)), Err(said.to_owned()));
        }
    }
}

#[test]
fn without_a_mistake_every_door_opens() {
    assert_eq!(by_file(FILE), Ok(()));
    assert_eq!(by_wire(sent()), Ok(()));
    assert_eq!(by_store(&kept()), Ok(()));
}

#[test]
fn a_new_study_may_be_neither_too_deep_nor_too_large() {
    let with =
        |setting: &str| FILE.replacen(r#"kind = "own""#, &format!("kind = \"own\"\n{setting}"), 1);
    let (open, close) = ("[".repeat(limits::DEPTH), "]".repeat(limits::DEPTH));
    let deep = Err("objective: its settings are nested deeper than 64".to_owned());
    assert_eq!(by_file(&with(&format!("a = {open}{close}"))), deep);
    let mut spec = sent();
    objective(&mut spec).settings_json = format!(r#"{{"a":{open}{close}}}"#);
    assert_eq!(by_wire(spec), deep);

    let long = "x".repeat(limits::SPEC);
    let Err(said) = by_file(&with(&format!("a = \"{long}\""))) else { panic!("it is too large") };
    assert!(said.starts_with("the study has ") && said.ends_with(" bytes, of at most 262144"));
    let mut spec = sent();
    objective(&mut spec).settings_json = format!(r#"{{"a":"{long}"}}"#);
    assert_eq!(by_wire(spec), Err(format!("spec: {said}")), "the whole has no key in a file");
}

fn by_file(text: &str) -> Result<(), String> {
    let said = |config::StudyFileError { key, message, .. }| match key.as_str() {
        "" => message,
        key => format!("{key}: {message}"),
    };
    config::parse(text).map(drop).map_err(said)
}

fn by_wire(spec: v1::StudySpec) -> Result<(), String> {
    convert::spec(spec).map(drop).map_err(|error| error.to_string())
}

fn by_store(text: &str) -> Result<(), String> {
    stored_spec::from_text(text).map(drop).map_err(|error| match error {
        Unreadable::Sense(error) => error.to_string(),
        Unreadable::Form(error) => format!("not the form: {error}"),
    })
}

/// The study of [`FILE`] on the wire.
fn sent() -> v1::StudySpec {
    convert::spec_to_wire(&config::parse(FILE).expect("valid"))
}

/// The study of [`FILE`] in a store.
fn kept() -> String {
    stored_spec::to_text(&config::parse(FILE).expect("valid")).expect("it can be stored")
}

fn objective(spec: &mut v1::StudySpec) -> &mut v1::Objective {
    spec.objective.as_mut().expect("it has one")
}

fn notify(spec: &mut v1::StudySpec) -> &mut v1::Notify {
    spec.notify.as_mut().expect("it has one")
}

fn confirm(spec: &mut v1::StudySpec) -> &mut v1::Confirm {
    spec.confirm.as_mut().expect("it has one")
}

fn choices(spec: &mut v1::StudySpec) -> &mut Vec<v1::Value> {
    match &mut spec.space[0].distribution {
        Some(v1::parameter::Distribution::Categorical(categorical)) => &mut categorical.choices,
        other => panic!("{other:?}"),
    }
}

fn float(spec: &mut v1::StudySpec) -> &mut v1::FloatDistribution {
    match &mut spec.space[1].distribution {
        Some(v1::parameter::Distribution::Float(float)) => float,
        other => panic!("{other:?}"),
    }
}

fn int(spec: &mut v1::StudySpec) -> &mut v1::IntDistribution {
    match &mut spec.space[2].distribution {
        Some(v1::parameter::Distribution::Int(int)) => int,
        other => panic!("{other:?}"),
    }
}

fn text(text: &str) -> v1::Value {
    v1::Value { kind: Some(v1::value::Kind::Text(text.to_owned())) }
}

fn list(json: &str) -> v1::Value {
    v1::Value { kind: Some(v1::value::Kind::Json(json.to_owned())) }
}

fn range(parent: &str, at_least: Option<f64>, at_most: Option<f64>) -> v1::Condition {
    v1::Condition { parent: parent.to_owned(), any_of: vec![], at_least, at_most }
}

fn set(options: &mut Option<prost_types::Struct>, key: &str, number: f64) {
    insert(options, key, Kind::NumberValue(number));
}

fn set_kind(options: &mut Option<prost_types::Struct>, kind: &str) {
    insert(options, "kind", Kind::StringValue(kind.to_owned()));
}

fn insert(options: &mut Option<prost_types::Struct>, key: &str, kind: Kind) {
    let value = prost_types::Value { kind: Some(kind) };
    options.as_mut().expect("they are there").fields.insert(key.to_owned(), value);
}

/// Another pruner, from its options as JSON.
fn pruner(spec: &mut v1::StudySpec, options: &str) {
    spec.pruner = Some(convert::to_struct(serde_json::from_str(options).expect("options")));
}
