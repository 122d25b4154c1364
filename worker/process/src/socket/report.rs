//! A report: the value of a step, or several metrics by their names, of which one is the study's.

use std::collections::BTreeMap;

use serde_json::Value;

use super::call::{Complaint, not_a_number, number, short, show};
use kindling_worker::nearest;

/// So many metrics in one report.
const MOST_METRICS: usize = 64;

/// What a trial reports of a step.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Report {
    pub(crate) step: u64,
    value: Option<f64>,
    metrics: BTreeMap<String, f64>,
}

impl Report {
    /// The value of a step, and nothing else.
    pub(crate) fn of(step: u64, value: f64) -> Self {
        Self { step, value: Some(value), metrics: BTreeMap::new() }
    }

    /// Reads what a request gives: `value`, `metrics`, or both.
    pub(super) fn read(
        step: u64,
        value: Option<&Value>,
        metrics: Option<&Value>,
    ) -> Result<Self, Complaint> {
        let metrics = metrics.map_or(Ok(BTreeMap::new()), read_metrics)?;
        let value = match value {
            None if !metrics.is_empty() => None,
            found => Some(found.and_then(number).ok_or_else(|| not_a_number("`value` is", found))?),
        };
        Ok(Self { step, value, metrics })
    }

    /// The value for the study: `value` if it was given, else that of the study's metric.
    pub(crate) fn value(&self, metric: Option<&str>) -> Result<f64, Complaint> {
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

    /// The metrics beside the one that is the study's value.
    pub(super) fn others(&self, metric: Option<&str>) -> impl Iterator<Item = (&str, Value)> {
        let is_value = move |name: &str| self.value.is_none() && Some(name) == metric;
        let others = self.metrics.iter().filter(move |(name, _)| !is_value(name));
        others.map(|(name, value)| (name.as_str(), json(*value)))
    }
}

fn read_metrics(metrics: &Value) -> Result<BTreeMap<String, f64>, Complaint> {
    const EXAMPLE: &str = r#"such as {"loss": 0.2, "accuracy": 0.91}"#;
    let Value::Object(metrics) = metrics else {
        return Err(Complaint::new(format!("`metrics` is {}", show(Some(metrics))))
            .hint(format!("it is an object of names and numbers, {EXAMPLE}")));
    };
    if metrics.len() > MOST_METRICS {
        let names = metrics.len();
        return Err(Complaint::new(format!("`metrics` has {names} names"))
            .hint(format!("expected at most {MOST_METRICS}")));
    }
    let read = |(name, value): (&String, &Value)| {
        let what = || format!("`{}` of the `metrics` is", short(name));
        let number = number(value).ok_or_else(|| not_a_number(&what(), Some(value)))?;
        Ok((name.clone(), number))
    };
    metrics.iter().map(read).collect()
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
    use serde_json::json;

    use super::*;

    fn report(value: Option<&Value>, metrics: &Value) -> Result<Report, Complaint> {
        Report::read(3, value, Some(metrics))
    }

    fn others(report: &Report, metric: Option<&str>) -> Vec<(String, Value)> {
        report.others(metric).map(|(name, value)| (name.to_owned(), value)).collect()
    }

    #[test]
    fn the_value_is_that_of_the_studys_metric_unless_it_is_given() {
        let metrics = json!({"loss": 0.2, "accuracy": 0.91, "norm": "nan"});
        let by_name = report(None, &metrics).expect("a report");
        assert_eq!(by_name.value(Some("accuracy")), Ok(0.91));
        let expected = [("loss".to_owned(), json!(0.2)), ("norm".to_owned(), json!("nan"))];
        assert_eq!(others(&by_name, Some("accuracy")), expected);
        let given = report(Some(&json!(0.5)), &metrics).expect("a report");
        assert_eq!(given.value(Some("accuracy")), Ok(0.5));
        assert_eq!(given.value(None), Ok(0.5));
        assert_eq!(others(&given, None).len(), 3);
    }

    #[test]
    fn without_a_value_it_is_said_what_was_looked_for() {
        let said = |complaint: Complaint| {
            format!("{}; {}", complaint.error, complaint.hint.unwrap_or_default())
        };
        let found = report(None, &json!({"loss": 0.2, "Accuracy": 0.91})).expect("a report");
        let error = said(found.value(Some("accuracy")).expect_err("no value"));
        let expected = "`value` is missing, and `metrics` has no `accuracy`, the study's `metric`; did you mean \
                        `Accuracy`?";
        assert_eq!(error, expected);
        assert!(said(found.value(Some("f1")).expect_err("f1")).ends_with("it has Accuracy, loss"));
        let error = said(found.value(None).expect_err("no metric"));
        assert!(error.contains("the study names no `metric`"), "{error}");
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
