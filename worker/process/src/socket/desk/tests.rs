use kindling_worker::{DeviceName, Intermediate, Metrics, Reporter, SavedCheckpoint, TrialFacts};
use serde_json::json;

use super::*;

#[derive(Default)]
struct Reports {
    taken: Vec<(u64, f64)>,
    is_over: bool,
}

impl Reporter for Reports {
    fn report(&mut self, step: u64, value: f64) -> Result<(), Stopped> {
        self.taken.push((step, value));
        if self.is_over { Err(Stopped) } else { Ok(()) }
    }
}

fn of(went: Result<(), Ends>) -> Verdict {
    match went {
        Ok(()) => Verdict::Continue { should_checkpoint: false },
        Err(Ends::Stopped) => Verdict::Prune,
        Err(Ends::HandBack(reason) | Ends::Failed(reason)) => Verdict::Stop(reason),
    }
}

/// The answers to some requests of one trial.
fn answers(reports: &mut Reports, requests: Vec<Request>) -> Vec<Value> {
    let facts = TrialFacts::default();
    let mut trial = Trial::new(&facts, DeviceName::Cpu, None, reports);
    let goals = Goals::default();
    let mut desk = Desk::new(&goals);
    let answer = |request| {
        let line = desk.answer(request, &mut trial, of);
        assert!(line.ends_with('\n'));
        serde_json::from_str(&line).expect("JSON")
    };
    requests.into_iter().map(answer).collect()
}

fn report(step: u64, value: f64) -> Request {
    Request::Report(Report::of(step, value))
}

#[test]
fn a_report_is_answered_with_the_verdict() {
    let mut reports = Reports::default();
    let found = answers(&mut reports, vec![report(0, 0.5), report(7, f64::INFINITY)]);
    let goes_on = json!({"ok": true, "verdict": "continue", "should_checkpoint": false});
    assert_eq!(found, [goes_on.clone(), goes_on]);
    assert_eq!(reports.taken, [(0, 0.5), (7, f64::INFINITY)]);
    let mut reports = Reports { is_over: true, ..Reports::default() };
    let found = answers(&mut reports, vec![report(0, 0.5)]);
    let pruned = json!({"ok": true, "verdict": "prune", "should_checkpoint": false});
    assert_eq!(found, [pruned]);
}

#[test]
fn the_first_result_counts_and_may_be_repeated() {
    let complete = || Request::Result(Given::Complete(vec![f64::NAN]));
    let found = answers(
        &mut Reports::default(),
        vec![complete(), complete(), Request::Result(Given::Pruned), complete()],
    );
    let ok: Vec<_> = found.iter().map(|answer| answer["ok"] == true).collect();
    assert_eq!(ok, [true, true, false, true]);
    let error = found[2]["error"].as_str().expect("a text");
    assert!(error.contains("another result already: `complete`"), "{error}");
}

#[test]
fn nothing_is_reported_after_the_result() {
    let mut reports = Reports::default();
    let given = Request::Result(Given::Pruned);
    let noted = Request::SetUserAttr { name: "late".to_owned(), value: json!(1) };
    let found = answers(&mut reports, vec![given, report(1, 0.5), noted]);
    assert_eq!((&found[1]["ok"], &found[2]["ok"]), (&json!(false), &json!(true)));
    assert_eq!(reports.taken, []);
}

#[test]
fn an_attribute_that_does_not_fit_is_said() {
    let noted = |value| Request::SetUserAttr { name: "a".to_owned(), value };
    let requests = vec![noted(json!("x".repeat(70_000))), noted(json!([1]))];
    let found = answers(&mut Reports::default(), requests);
    let error = found[0]["error"].as_str().expect("a text");
    assert!(error.contains("attribute `a` is left out: it has 70002 bytes"), "{error}");
    assert_eq!(found[1], json!({"ok": true}));
}

/// Reports what a line gives, in a study whose metric is `accuracy`. Returns the answer, and the attributes.
fn named(reports: &mut Reports, metrics: &Value, value: Option<&Value>) -> (Value, Value) {
    let facts = TrialFacts::default();
    let mut trial = Trial::new(&facts, DeviceName::Cpu, None, reports);
    let report = Report::read(3, value, Some(metrics)).expect("a report");
    let goals = Goals::new(&facts.metrics, Some("accuracy")).expect("goals");
    let answer = Desk::new(&goals).answer(Request::Report(report), &mut trial, of);
    (serde_json::from_str(&answer).expect("JSON"), trial.user_attrs().into())
}

#[test]
fn of_named_metrics_the_studys_own_is_reported_and_the_others_are_attributes() {
    let mut reports = Reports::default();
    let (answer, noted) = named(&mut reports, &json!({"loss": 0.2, "accuracy": 0.91}), None);
    assert_eq!(answer["verdict"], "continue");
    assert_eq!(noted, json!({"loss": 0.2}));
    assert_eq!(reports.taken, [(3, 0.91)]);
    let (_, noted) = named(&mut reports, &json!({"loss": "inf"}), Some(&json!(0.5)));
    assert_eq!((noted, reports.taken[1]), (json!({"loss": "inf"}), (3, 0.5)));
    let (answer, noted) = named(&mut reports, &json!({"loss": 0.2}), None);
    let error = answer["error"].as_str().expect("a text");
    assert!(error.contains("has no `accuracy`, the study's `metric`"), "{error}");
    assert_eq!((noted, reports.taken.len()), (json!({}), 2));
}

/// Answers what is loaded and saved as it was told, call by call.
#[derive(Default)]
struct Keeps {
    loads: Vec<Result<Option<SavedCheckpoint>, TrialError>>,
    saves: Vec<Result<(), TrialError>>,
    saved: Vec<(String, Content)>,
}

impl Reporter for Keeps {
    fn report(&mut self, _: u64, _: f64) -> Result<(), Stopped> {
        unreachable!("nothing is reported")
    }

    fn load_checkpoint(&mut self) -> Result<Option<SavedCheckpoint>, TrialError> {
        self.loads.remove(0)
    }

    fn save_checkpoint(&mut self, step: u64, content: Content) -> Result<(), TrialError> {
        self.saved.push((step.to_string(), content));
        self.saves.remove(0)
    }

    fn save_artifact(
        &mut self,
        name: &str,
        media_type: &str,
        content: Content,
    ) -> Result<(), TrialError> {
        self.saved.push((format!("{name} {media_type}"), content));
        self.saves.remove(0)
    }
}

/// The answers to some requests of one trial, and how they ended it.
fn kept(keeps: &mut Keeps, requests: Vec<Request>) -> (Vec<Value>, Option<Ends>) {
    let facts = TrialFacts::default();
    let mut trial = Trial::new(&facts, DeviceName::Cpu, None, keeps);
    let goals = Goals::default();
    let mut desk = Desk::new(&goals);
    let answer =
        |request| serde_json::from_str(&desk.answer(request, &mut trial, of)).expect("JSON");
    let answers = requests.into_iter().map(answer).collect();
    (answers, desk.ends().cloned())
}

fn checkpoint(step: u64) -> Request {
    Request::SaveCheckpoint { step, content: Content::File("/a".into()) }
}

#[test]
fn what_is_saved_and_loaded_is_answered_with_the_verdict() {
    let path = std::path::PathBuf::from("/spool/0");
    let mut keeps = Keeps {
        loads: vec![Ok(None), Ok(Some(SavedCheckpoint { step: 7, path }))],
        saves: vec![Ok(()), Ok(())],
        ..Keeps::default()
    };
    let (name, media_type) = ("a.png".to_owned(), "image/png".to_owned());
    let content = || Content::Given("/b".into());
    let artifact = Request::SaveArtifact { name, media_type, content: content() };
    let requests = vec![Request::LoadCheckpoint, Request::LoadCheckpoint, checkpoint(8), artifact];
    let (answers, ends) = kept(&mut keeps, requests);
    let goes_on = json!({"ok": true, "verdict": "continue", "should_checkpoint": false});
    assert_eq!(
        (&answers[0]["checkpoint"], &answers[0]["verdict"]),
        (&json!(null), &json!("continue"))
    );
    assert_eq!(answers[1]["checkpoint"], json!({"step": 7, "path": "/spool/0"}));
    assert_eq!((&answers[2..], ends), (&[goes_on.clone(), goes_on][..], None));
    let file = Content::File("/a".into());
    assert_eq!(keeps.saved, [("8".to_owned(), file), ("a.png image/png".to_owned(), content())]);
}

#[test]
fn what_is_wrong_with_a_file_ends_nothing_and_a_checkpoint_that_is_gone_does() {
    let failed = || TrialError::Failed("/a is a folder\nhint: pack it".to_owned());
    let hand_back = || TrialError::HandBack("the worker ends".to_owned());
    let mut keeps = Keeps {
        loads: vec![Err(failed())],
        saves: vec![Err(failed()), Err(hand_back()), Err(TrialError::Stopped)],
        ..Keeps::default()
    };
    let (answers, ends) = kept(&mut keeps, vec![checkpoint(1)]);
    let complaint = json!({"ok": false, "error": "/a is a folder", "hint": "pack it"});
    assert_eq!((&answers[0], ends), (&complaint, None));
    let (answers, ends) = kept(&mut keeps, vec![checkpoint(1)]);
    let reason = &answers[0]["reason"];
    assert_eq!((&answers[0]["verdict"], reason), (&json!("stop"), &json!("the worker ends")));
    assert_eq!(ends, Some(Ends::HandBack("the worker ends".to_owned())));
    let (answers, ends) = kept(&mut keeps, vec![checkpoint(1)]);
    assert_eq!((&answers[0]["verdict"], ends), (&json!("prune"), Some(Ends::Stopped)));
    let (answers, ends) = kept(&mut keeps, vec![Request::LoadCheckpoint]);
    assert_eq!((&answers[0]["checkpoint"], &answers[0]["verdict"]), (&json!(null), &json!("stop")));
    assert!(matches!(ends, Some(Ends::Failed(_))), "{ends:?}");
}

/// Takes what is reported of all objectives.
#[derive(Default)]
struct All(Vec<(u64, Intermediate)>);

impl Reporter for All {
    fn report(&mut self, _: u64, _: f64) -> Result<(), Stopped> {
        unreachable!("all values come at once")
    }

    fn report_all(&mut self, step: u64, values: Intermediate) -> Result<(), Stopped> {
        self.0.push((step, values));
        Ok(())
    }
}

#[test]
fn a_trial_of_two_objectives_and_a_constraint_is_told_by_name() {
    let names = ["accuracy", "latency_ms"].map(str::to_owned).into();
    let metrics = Metrics { names, constraints: vec!["memory_gb".into()], pruner_objective: 1 };
    let facts = TrialFacts { metrics, ..TrialFacts::default() };
    let goals = Goals::new(&facts.metrics, None).expect("goals");
    let mut reports = All::default();
    let mut trial = Trial::new(&facts, DeviceName::Cpu, None, &mut reports);
    let mut desk = Desk::new(&goals);
    let mut answer = |request| -> Value {
        let line = desk.answer(request, &mut trial, of);
        serde_json::from_str(&line).expect("JSON")
    };
    let metrics = json!({"accuracy": 0.9, "latency_ms": 12.5});
    let report = Report::read(3, None, Some(&metrics)).expect("a report");
    assert_eq!(answer(Request::Report(report))["ok"], true);
    let constraint = |name: &str| {
        let (name, value) = (name.to_owned(), -3.5);
        Request::SetConstraint { name, value }
    };
    assert_eq!(answer(constraint("memory_gb"))["ok"], true);
    assert_eq!(answer(constraint("memory"))["hint"], "did you mean `memory_gb`?");
    let complete = |named: &[(&str, f64)]| {
        Request::Complete(named.iter().map(|(name, x)| ((*name).to_owned(), *x)).collect())
    };
    assert_eq!(answer(complete(&[("accuracy", 0.9)]))["error"], "the result has no `latency_ms`");
    let error = answer(Request::Result(Given::Complete(vec![0.9])))["error"].clone();
    assert_eq!(error, "the result has 1 value, and the study 2 objectives");
    let both = || complete(&[("latency_ms", 12.5), ("accuracy", 0.9)]);
    assert_eq!((&answer(both())["ok"], &answer(both())["ok"]), (&json!(true), &json!(true)));
    assert_eq!(answer(Request::Result(Given::Complete(vec![0.9, 12.5])))["ok"], true);
    assert_eq!(desk.given(), Some(&Given::Complete(vec![0.9, 12.5])));
    assert_eq!(trial.constraint("memory_gb"), Some(-3.5));
    let values = Intermediate { value: 12.5, others: vec![(0, 0.9)] };
    assert_eq!(reports.0, [(3, values)]);
}
