//! What a trial's process asks of its trial, answered on the thread that owns the trial. No input or output.

use std::collections::BTreeMap;

use kindling_worker::{Stopped, Trial};
use serde_json::Value;

use super::answer;
use super::call::{Complaint, Given};
use super::report::Report;
use super::verdict::Verdict;
use crate::goals::Goals;

/// A call that needs the trial itself. The others are answered where they arrive.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Request {
    Report(Report),
    SetUserAttr {
        name: String,
        value: Value,
    },
    SetConstraint {
        name: String,
        value: f64,
    },
    Result(Given),
    /// A result whose values have names.
    Complete(BTreeMap<String, f64>),
}

/// Answers the requests of one trial, and keeps its result.
#[derive(Debug)]
pub(crate) struct Desk<'a> {
    /// What the trial's values are called.
    goals: &'a Goals,
    given: Option<Given>,
}

impl<'a> Desk<'a> {
    /// For a trial whose values are called so.
    pub(crate) fn new(goals: &'a Goals) -> Self {
        Self { goals, given: None }
    }

    /// The answer to a request. `verdict` tells whether the trial goes on.
    pub(crate) fn answer(
        &mut self,
        request: Request,
        trial: &mut Trial<'_>,
        verdict: impl FnOnce(Result<(), Stopped>) -> Verdict,
    ) -> String {
        let answer = match request {
            Request::Report(report) => {
                self.report(&report, trial).map(|went| answer::verdict(&verdict(went)))
            }
            Request::SetUserAttr { name, value } => trial
                .set_user_attr(&name, value)
                .map(|()| answer::done())
                .map_err(|left_out| Complaint::new(left_out.to_string())),
            Request::SetConstraint { name, value } => {
                trial.set_constraint(&name, value).map(|()| answer::done()).map_err(Into::into)
            }
            Request::Result(given) => self.take(given).map(|()| answer::done()),
            Request::Complete(named) => self.complete(&named).map(|()| answer::done()),
        };
        answer.unwrap_or_else(|complaint| answer::complaint(&complaint))
    }

    /// The result, if one was given.
    pub(crate) fn given(&self) -> Option<&Given> {
        self.given.as_ref()
    }

    pub(crate) fn into_given(self) -> Option<Given> {
        self.given
    }

    fn report(
        &self,
        report: &Report,
        trial: &mut Trial<'_>,
    ) -> Result<Result<(), Stopped>, Complaint> {
        let step = report.step;
        if let Some(given) = &self.given {
            return Err(Complaint::new(format!(
                "step {step} was reported after the trial's result `{}`",
                given.state()
            ))
            .hint("report first, then give the result"));
        }
        let (values, notes) = report.come_to(self.goals)?;
        for (name, value) in notes {
            // One that there is no room for is no reason to stop the training.
            if let Err(left_out) = trial.set_user_attr(name, value) {
                tracing::warn!("a metric is not kept: {left_out}");
            }
        }
        Ok(trial.report(step, values))
    }

    fn complete(&mut self, named: &BTreeMap<String, f64>) -> Result<(), Complaint> {
        let named = named.iter().map(|(name, value)| (name.as_str(), *value));
        let values = self.goals.metrics().values(named)?;
        self.take(Given::Complete(values.into()))
    }

    fn take(&mut self, given: Given) -> Result<(), Complaint> {
        // How many objectives there are without names, the coordinator knows.
        if let (Given::Complete(values), true) = (&given, self.goals.is_closed()) {
            self.goals.metrics().check(values)?;
        }
        match &self.given {
            Some(first) if *first == given => Ok(()),
            Some(first) => Err(Complaint::new(format!(
                "the trial has another result already: `{}`",
                first.state()
            ))
            .hint("the first result counts; in a group of processes, only one gives it")),
            None => {
                self.given = Some(given);
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use kindling_worker::{DeviceName, Intermediate, Metrics, Reporter, TrialFacts};
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

    fn of(went: Result<(), Stopped>) -> Verdict {
        if went.is_ok() { Verdict::Continue } else { Verdict::Prune }
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
        let goes_on = json!({"ok": true, "verdict": "continue"});
        assert_eq!(found, [goes_on.clone(), goes_on]);
        assert_eq!(reports.taken, [(0, 0.5), (7, f64::INFINITY)]);
        let mut reports = Reports { is_over: true, ..Reports::default() };
        let found = answers(&mut reports, vec![report(0, 0.5)]);
        assert_eq!(found, [json!({"ok": true, "verdict": "prune"})]);
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
        assert_eq!(answer, json!({"ok": true, "verdict": "continue"}));
        assert_eq!(noted, json!({"loss": 0.2}));
        assert_eq!(reports.taken, [(3, 0.91)]);
        let (_, noted) = named(&mut reports, &json!({"loss": "inf"}), Some(&json!(0.5)));
        assert_eq!((noted, reports.taken[1]), (json!({"loss": "inf"}), (3, 0.5)));
        let (answer, noted) = named(&mut reports, &json!({"loss": 0.2}), None);
        let error = answer["error"].as_str().expect("a text");
        assert!(error.contains("has no `accuracy`, the study's `metric`"), "{error}");
        assert_eq!((noted, reports.taken.len()), (json!({}), 2));
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
        assert_eq!(
            answer(complete(&[("accuracy", 0.9)]))["error"],
            "the result has no `latency_ms`"
        );
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
}
