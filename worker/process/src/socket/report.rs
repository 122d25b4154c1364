//! A report: the value of a step, or several metrics by their names.

use std::collections::BTreeMap;

use kindling_worker::{Intermediate, nearest};
use serde_json::Value;

use super::call::{Complaint, not_a_number, number, short, show};
use crate::goals::Goals;

/// So many metrics in one report.
const MOST_METRICS: usize = 64;

/// A metric that is none of the study's, and its value as JSON.
pub(crate) type Note<'a> = (&'a str, Value);

/// What a trial reports of a step.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Report {
    pub(crate) step: u64,
    value: Option<f64>,
    metrics: BTreeMap<String, f64>,
}

impl Report {
    /// The value of a step, and nothing else.
    #[cfg(test)]
    pub(super) fn of(step: u64, value: f64) -> Self {
        Self { step, value: Some(value), metrics: BTreeMap::new() }
    }

    /// Reads what a request gives: `value`, `metrics`, or both.
    pub(super) fn read(
        step: u64,
        value: Option<&Value>,
        metrics: Option<&Value>,
    ) -> Result<Self, Complaint> {
        let metrics = metrics.map_or(Ok(BTreeMap::new()), |found| read_named("metrics", found))?;
        let value = match value {
            None if !metrics.is_empty() => None,
            found => Some(found.and_then(number).ok_or_else(|| not_a_number("`value` is", found))?),
        };
        Ok(Self { step, value, metrics })
    }

    /// What it comes to: the values of the study's objectives, and metrics that are none of those.
    ///
    /// `value` is of the objective that the pruner compares. A study that names its objectives takes no other metrics;
    /// of another one they are notes.
    pub(crate) fn come_to(
        &self,
        goals: &Goals,
    ) -> Result<(Intermediate, Vec<Note<'_>>), Complaint> {
        if goals.is_closed() {
            return Ok((self.by_name(goals)?, Vec::new()));
        }
        let metric = goals.metrics().pruned_by();
        let value = self.value(metric)?;
        let is_value = |name: &str| self.value.is_none() && Some(name) == metric;
        let notes = self.metrics.iter().filter(|(name, _)| !is_value(name));
        let notes = notes.map(|(name, value)| (name.as_str(), json(*value)));
        Ok((value.into(), notes.collect()))
    }

    fn by_name(&self, goals: &Goals) -> Result<Intermediate, Complaint> {
        let metrics = goals.metrics();
        let mut named = self.metrics.clone();
        if let (Some(value), Some(compared)) = (self.value, metrics.pruned_by())
            && named.insert(compared.to_owned(), value).is_some()
        {
            let error = format!("`value` is of `{compared}`, and `metrics` has it, too");
            return Err(Complaint::new(error).hint("give it once"));
        }
        let named: Vec<_> = named.into_iter().collect();
        Ok(metrics.intermediate(named.into())?)
    }

    /// The value for a study that does not name its objective: `value` if it was given, else that of its metric.
    fn value(&self, metric: Option<&str>) -> Result<f64, Complaint> {
        if let Some(value) = self.value {
            return Ok(value);
        }
        let Some(metric) = metric else {
            return Err(Complaint::new("`value` is missing, and the study names no `metric`").hint(
                "say which of the metrics counts: with `metric` in the study file, or as `value`",
            ));
        };
        self.metrics.get(metric).copied().ok_or_else(|| {
            let names: Vec<_> = self.metrics.keys().map(String::as_str).collect();
            let hint = match nearest(metric, &names) {
                Some(near) => format!("did you mean `{}`?", short(near)),
                None => format!("it has {}", short(&names.join(", "))),
            };
            let missing = format!(
                "`value` is missing, and `metrics` has no `{metric}`, the study's `metric`"
            );
            Complaint::new(missing).hint(hint)
        })
    }
}

/// Values by name, such as `{"loss": 0.2, "accuracy": 0.91}`. `what` is the key that they are under.
pub(super) fn read_named(what: &str, named: &Value) -> Result<BTreeMap<String, f64>, Complaint> {
    const EXAMPLE: &str = r#"such as {"loss": 0.2, "accuracy": 0.91}"#;
    let Value::Object(named) = named else {
        return Err(Complaint::new(format!("`{what}` is {}", show(Some(named))))
            .hint(format!("it is an object of names and numbers, {EXAMPLE}")));
    };
    if named.len() > MOST_METRICS {
        let found = named.len();
        return Err(Complaint::new(format!("`{what}` has {found} names"))
            .hint(format!("expected at most {MOST_METRICS}")));
    }
    let read = |(name, value): (&String, &Value)| {
        let which = || format!("`{}` of the `{what}` is", short(name));
        let number = number(value).ok_or_else(|| not_a_number(&which(), Some(value)))?;
        Ok((name.clone(), number))
    };
    named.iter().map(read).collect()
}

/// A number, or the text for one that JSON cannot write.
fn json(x: f64) -> Value {
    match x {
        x if x.is_finite() => x.into(),
        x if x.is_nan() => "nan".into(),
        x if x > 0.0 => "inf".into(),
        _ => "-inf".into(),
    }
}

#[cfg(test)]
mod tests {
    use kindling_worker::Metrics;
    use serde_json::json;

    use super::*;

    fn report(value: Option<&Value>, metrics: &Value) -> Result<Report, Complaint> {
        Report::read(3, value, Some(metrics))
    }

    /// In a study that does not name its objective.
    fn open(metric: Option<&str>) -> Goals {
        Goals::new(&Metrics::default(), metric).expect("goals")
    }

    /// In a study of two objectives.
    fn closed() -> Goals {
        let names = ["accuracy", "latency_ms"].map(str::to_owned).into();
        Goals::new(&Metrics { names, ..Metrics::default() }, None).expect("goals")
    }

    fn said(complaint: Complaint) -> String {
        format!("{}; {}", complaint.error, complaint.hint.unwrap_or_default())
    }

    #[test]
    fn the_value_is_that_of_the_studys_metric_unless_it_is_given() {
        let metrics = json!({"loss": 0.2, "accuracy": 0.91, "norm": "nan"});
        let by_name = report(None, &metrics).expect("a report");
        let (values, notes) = by_name.come_to(&open(Some("accuracy"))).expect("fits");
        assert_eq!(values, 0.91.into());
        assert_eq!(notes, [("loss", json!(0.2)), ("norm", json!("nan"))]);
        let given = report(Some(&json!(0.5)), &metrics).expect("a report");
        for goals in [open(Some("accuracy")), open(None)] {
            let (values, notes) = given.come_to(&goals).expect("fits");
            assert_eq!((values, notes.len()), (0.5.into(), 3));
        }
    }

    #[test]
    fn in_a_study_of_named_objectives_all_metrics_are_its_own() {
        let of = |value: Option<Value>, metrics: Value| {
            let report = report(value.as_ref(), &metrics).expect("a report");
            let found = report.come_to(&closed()).map(|(values, notes)| (values, notes.len()));
            found.map_err(said)
        };
        let both = Intermediate { value: 0.91, others: vec![(1, 12.5)] };
        let found = of(None, json!({"latency_ms": 12.5, "accuracy": 0.91}));
        assert_eq!(found, Ok((both.clone(), 0)));
        assert_eq!(of(Some(json!(0.91)), json!({"latency_ms": 12.5})), Ok((both, 0)));
        assert_eq!(of(Some(json!(0.91)), json!({})), Ok((0.91.into(), 0)));
        for (value, metrics, expected) in [
            (
                None,
                json!({"accuracy": 1, "latency": 2}),
                "no objective `latency`; did you mean `latency_ms`?",
            ),
            (None, json!({"acuracy": 1}), "no objective `acuracy`; did you mean `accuracy`?"),
            (None, json!({"latency_ms": 2}), "no `accuracy`, which the pruner compares"),
            (Some(json!(1)), json!({"accuracy": 2}), "`metrics` has it, too; give it once"),
        ] {
            let error = of(value, metrics).expect_err(expected);
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn without_a_value_it_is_said_what_was_looked_for() {
        let found = report(None, &json!({"loss": 0.2, "Accuracy": 0.91})).expect("a report");
        let error = |metric| said(found.come_to(&open(metric)).expect_err("no value"));
        let expected = "`value` is missing, and `metrics` has no `accuracy`, the study's `metric`; did you mean \
                        `Accuracy`?";
        assert_eq!(error(Some("accuracy")), expected);
        assert!(error(Some("f1")).ends_with("it has Accuracy, loss"));
        assert!(error(None).contains("the study names no `metric`"));
        for (metrics, expected) in [
            (json!({}), "`value` is missing; expected a number"),
            (json!([1]), "`metrics` is [1]; it is an object of names and numbers"),
            (json!({"a": "high"}), "`a` of the `metrics` is \"high\"; expected a number"),
        ] {
            let error = said(report(None, &metrics).expect_err("refused"));
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn a_report_has_at_most_64_metrics() {
        let some = |count: usize| -> Value {
            (0..count)
                .map(|n| (format!("m{n}"), json!(n)))
                .collect::<serde_json::Map<_, _>>()
                .into()
        };
        assert!(report(None, &some(MOST_METRICS)).is_ok());
        let error = report(None, &some(MOST_METRICS + 1)).expect_err("too many").error;
        assert_eq!(error, "`metrics` has 65 names");
    }
}
