//! What a trial's process asks of its trial, answered on the thread that owns the trial. No input or output.

use kindling_worker::{Stopped, Trial};
use serde_json::Value;

use super::answer;
use super::call::{Complaint, Given};
use super::report::Report;
use super::verdict::Verdict;

/// A call that needs the trial itself. The others are answered where they arrive.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Request {
    Report(Report),
    SetUserAttr { name: String, value: Value },
    Result(Given),
}

/// Answers the requests of one trial, and keeps its result.
#[derive(Debug, Default)]
pub(crate) struct Desk<'a> {
    /// Which of the metrics of a report is the study's.
    metric: Option<&'a str>,
    given: Option<Given>,
}

impl<'a> Desk<'a> {
    /// For a trial of a study with this metric.
    pub(crate) fn new(metric: Option<&'a str>) -> Self {
        Self { metric, given: None }
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
            Request::Result(given) => self.take(given).map(|()| answer::done()),
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
        let value = report.value(self.metric)?;
        for (name, value) in report.others(self.metric) {
            // One that there is no room for is no reason to stop the training.
            if let Err(left_out) = trial.set_user_attr(name, value) {
                tracing::warn!("a metric is not kept: {left_out}");
            }
        }
        Ok(trial.report(step, value))
    }

    fn take(&mut self, given: Given) -> Result<(), Complaint> {
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
    use kindling_worker::{DeviceName, Reporter, TrialFacts};
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
        let mut desk = Desk::default();
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
        let answer = Desk::new(Some("accuracy")).answer(Request::Report(report), &mut trial, of);
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
}
