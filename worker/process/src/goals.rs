//! What a trial's values are called where its processes give them: by the study, or by `metric` in its settings.

use kindling_worker::{Metrics, SettingsError, nearest};

/// The names of a trial's values.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Goals {
    /// The study's; or `metric`, if its objective has no name there.
    metrics: Metrics,
    /// Whether the study itself names its objectives. Then a report has no others.
    is_closed: bool,
    /// Whether lines of output count beside what comes over the socket: `metric` asks for it.
    reads_always: bool,
}

impl Goals {
    /// Those of a study, whose settings may name its `metric`. One that contradicts the study's names is an error.
    pub(crate) fn new(study: &Metrics, metric: Option<&str>) -> Result<Self, SettingsError> {
        let mut metrics = study.clone();
        if let Some(metric) = metric {
            check(study, metric)
                .map_err(|message| SettingsError { key: "metric".to_owned(), message })?;
            if study.names.is_empty() {
                metrics.names = vec![metric.to_owned()];
            }
        }
        let (is_closed, reads_always) = (!study.names.is_empty(), metric.is_some());
        Ok(Self { metrics, is_closed, reads_always })
    }

    pub(crate) fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Whether a report may have no other metrics than the study's.
    pub(crate) fn is_closed(&self) -> bool {
        self.is_closed
    }

    /// Whether lines of output count although the trial's processes use the socket.
    pub(crate) fn reads_always(&self) -> bool {
        self.reads_always
    }

    /// How many objectives there are, as far as they are known here.
    pub(crate) fn objectives(&self) -> usize {
        self.metrics.names.len().max(1)
    }

    /// The index of the objective that the pruner compares.
    pub(crate) fn compared(&self) -> usize {
        self.metrics.pruner_objective
    }

    /// All names with the places of their values: the objectives first, then the constraints.
    pub(crate) fn named(&self) -> impl Iterator<Item = (usize, &str)> {
        let objectives = self.metrics.names.iter().map(String::as_str).enumerate();
        objectives.chain(self.constraints())
    }

    /// The names of the constraints, with the places of their values.
    pub(crate) fn constraints(&self) -> impl Iterator<Item = (usize, &str)> {
        (self.objectives()..).zip(self.metrics.constraints.iter().map(String::as_str))
    }
}

fn check(study: &Metrics, metric: &str) -> Result<(), String> {
    if study.constraints.iter().any(|name| name == metric) {
        return Err(format!(
            "`{metric}` is a constraint of the study, and `metric` is an objective"
        ));
    }
    let known: Vec<_> = study.names.iter().map(String::as_str).collect();
    match study.pruned_by() {
        None => Ok(()),
        Some(compared) if compared == metric => Ok(()),
        Some(compared) if known.contains(&metric) => Err(format!(
            "the study's pruner compares `{compared}`, and this is `{metric}`; leave it out, the study names its \
             objectives, or write [pruner] metric = \"{metric}\""
        )),
        Some(_) => {
            let hint = match nearest(metric, &known) {
                Some(near) => format!("did you mean `{near}`?"),
                None => "leave it out, or give the study this name".to_owned(),
            };
            let known = known.join("`, `");
            Err(format!("the study's objectives are `{known}`, and none is `{metric}`; {hint}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn study(names: &[&str]) -> Metrics {
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        Metrics { names, constraints: vec!["memory_gb".to_owned()], pruner_objective: 0 }
    }

    fn said(names: &[&str], metric: &str) -> String {
        Goals::new(&study(names), Some(metric)).expect_err("an error").to_string()
    }

    #[test]
    fn names_are_the_studys_or_else_the_metric() {
        let two = Goals::new(&study(&["accuracy", "latency_ms"]), None).expect("goals");
        let names: Vec<_> = two.named().collect();
        assert_eq!(names, [(0, "accuracy"), (1, "latency_ms"), (2, "memory_gb")]);
        assert!(two.is_closed() && !two.reads_always());
        let one = Goals::new(&study(&[]), Some("loss")).expect("goals");
        assert_eq!(one.named().collect::<Vec<_>>(), [(0, "loss"), (1, "memory_gb")]);
        assert!(!one.is_closed() && one.reads_always());
        let none = Goals::new(&study(&[]), None).expect("goals");
        assert_eq!(none.named().collect::<Vec<_>>(), [(1, "memory_gb")]);
    }

    #[test]
    fn a_metric_that_contradicts_the_study_is_refused() {
        assert!(Goals::new(&study(&["accuracy", "latency_ms"]), Some("accuracy")).is_ok());
        let error = said(&["accuracy", "latency_ms"], "latency_ms");
        assert!(error.starts_with("objective.metric: the study's pruner compares `acc"), "{error}");
        let error = said(&["accuracy", "latency_ms"], "acuracy");
        assert!(error.contains("none is `acuracy`; did you mean `accuracy`?"), "{error}");
        assert!(said(&["accuracy"], "f1").contains("leave it out"));
        assert!(said(&[], "memory_gb").contains("is a constraint of the study"));
    }
}
