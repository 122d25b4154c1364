//! What a study's values are called, and what an objective's values come to by that.

use crate::nearest::nearest;
use crate::values::{Intermediate, Reported, Values};

/// The names of a study's objectives and constraints, in its order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Metrics {
    /// The objectives' names. Empty: there is one, without a name.
    pub names: Vec<String>,
    /// The names of values that must hold: feasible at or below 0.
    pub constraints: Vec<String>,
    /// The index of the objective that the pruner compares.
    pub pruner_objective: usize,
}

/// Values that do not suit a study's names.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}\nhint: {hint}")]
pub struct MetricError {
    /// What was found.
    pub message: String,
    /// What may help.
    pub hint: String,
}

impl Metrics {
    /// The name of the objective that the pruner compares, if it has one.
    pub fn pruned_by(&self) -> Option<&str> {
        self.names.get(self.pruner_objective).map(String::as_str)
    }

    /// What a report comes to. A number alone is of the objective that the pruner compares. By name that one must be
    /// there, and others may.
    pub fn intermediate(&self, reported: Reported) -> Result<Intermediate, MetricError> {
        let named = match reported {
            Reported::Value(value) => return Ok(value.into()),
            Reported::InOrder(values) => return Ok(values),
            Reported::Named(named) => self.by_index(&named, "report")?,
        };
        let is_compared = |(objective, _): &&(usize, f64)| *objective == self.pruner_objective;
        let Some((_, value)) = named.iter().find(is_compared) else {
            let compared = self.pruned_by().unwrap_or_default();
            let message = format!("the report has no `{compared}`, which the pruner compares");
            let hint = format!("report `{compared}` with each step, and the others as you like");
            return Err(MetricError { message, hint });
        };
        let others = named.iter().filter(|each| !is_compared(each));
        let others = others.map(|(objective, value)| (*objective as u32, *value)).collect();
        Ok(Intermediate { value: *value, others })
    }

    /// The values of a result, one for each objective, of values by name.
    pub fn values<'a>(
        &self,
        named: impl IntoIterator<Item = (&'a str, f64)>,
    ) -> Result<Values, MetricError> {
        let named: Vec<_> = named.into_iter().map(|(name, x)| (name.to_owned(), x)).collect();
        let found = self.by_index(&named, "result")?;
        if let Some(missing) =
            (0..self.names.len()).find(|index| found.iter().all(|(found, _)| found != index))
        {
            let message = format!("the result has no `{}`", self.names[missing]);
            let hint = format!("the study's objectives are {}", listed(&self.names));
            return Err(MetricError { message, hint });
        }
        let values: Vec<_> = found.into_iter().map(|(_, value)| value).collect();
        Values::try_from(values).map_err(|none| MetricError {
            message: none.to_string(),
            hint: "give one for each objective of the study".to_owned(),
        })
    }

    /// Checks that there is a value for each objective.
    pub fn check(&self, values: &[f64]) -> Result<(), MetricError> {
        let (found, expected) = (values.len(), self.names.len());
        if self.names.is_empty() || found == expected {
            return Ok(());
        }
        let s = if found == 1 { "" } else { "s" };
        let message =
            format!("the result has {found} value{s}, and the study {expected} objectives");
        let hint = format!("give them by name, or in this order: {}", listed(&self.names));
        Err(MetricError { message, hint })
    }

    /// The index of the constraint of this name.
    pub fn constraint(&self, name: &str) -> Result<usize, MetricError> {
        if let Some(index) = self.constraints.iter().position(|known| known == name) {
            return Ok(index);
        }
        let hint = if self.constraints.is_empty() {
            format!("name it in the study: constraints = [\"{}\"]", short(name))
        } else {
            meant(name, &self.constraints).unwrap_or_else(|| {
                format!("the study's constraints are {}", listed(&self.constraints))
            })
        };
        let message = format!("the study has no constraint `{}`", short(name));
        Err(MetricError { message, hint })
    }

    /// What a trial found for the constraints: all of them, or else the error says which is missing.
    pub(crate) fn constraints(&self, told: &[Option<f64>]) -> Result<Vec<f64>, MetricError> {
        let missing = |name: &String| {
            let message = format!("the trial ended without a value for the constraint `{name}`");
            let hint = format!(
                "`set_constraint(\"{name}\", …)` or print `{name}=…`: it holds at or below 0"
            );
            MetricError { message, hint }
        };
        let value = |(index, name)| told.get(index).copied().flatten().ok_or_else(|| missing(name));
        self.constraints.iter().enumerate().map(value).collect()
    }

    /// The values by the objectives' indices, ascending.
    fn by_index(
        &self,
        named: &[(String, f64)],
        what: &str,
    ) -> Result<Vec<(usize, f64)>, MetricError> {
        let mut found = Vec::with_capacity(named.len());
        for (name, value) in named {
            found.push((self.objective(name)?, *value));
        }
        found.sort_by_key(|(index, _)| *index);
        if let Some(twice) = found.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            let message = format!("the {what} has `{}` twice", self.names[twice[0].0]);
            return Err(MetricError { message, hint: "give each metric once".to_owned() });
        }
        Ok(found)
    }

    fn objective(&self, name: &str) -> Result<usize, MetricError> {
        if let Some(index) = self.names.iter().position(|known| known == name) {
            return Ok(index);
        }
        let message = format!("the study has no objective `{}`", short(name));
        let hint = if self.constraints.iter().any(|known| known == name) {
            format!("`{name}` is a constraint: `set_constraint` tells it")
        } else if self.names.is_empty() {
            format!("its objective has no name; write directions = {{ {} = … }}", short(name))
        } else {
            meant(name, &self.names).unwrap_or_else(|| {
                let known = listed(&self.names);
                format!("its objectives are {known}; note others by `set_user_attr`")
            })
        };
        Err(MetricError { message, hint })
    }
}

/// The hint for a word that is near a known one.
fn meant(name: &str, known: &[String]) -> Option<String> {
    let known: Vec<_> = known.iter().map(String::as_str).collect();
    nearest(name, &known).map(|near| format!("did you mean `{near}`?"))
}

fn listed(names: &[String]) -> String {
    format!("`{}`", names.join("`, `"))
}

/// What somebody wrote, in a message.
fn short(name: &str) -> String {
    kindling_proto::limits::cut(name.to_owned(), 80)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn two() -> Metrics {
        let names = ["accuracy", "latency_ms"].map(str::to_owned).into();
        Metrics { names, constraints: vec!["memory_gb".to_owned()], pruner_objective: 1 }
    }

    fn said<T: std::fmt::Debug>(found: Result<T, MetricError>) -> String {
        found.expect_err("an error").to_string()
    }

    #[test]
    fn a_report_is_of_what_the_pruner_compares_and_of_others() {
        let one = two().intermediate(0.5.into());
        assert_eq!(one, Ok(Intermediate { value: 0.5, others: vec![] }));
        let both = two().intermediate([("latency_ms", 12.5), ("accuracy", 0.9)].into());
        assert_eq!(both, Ok(Intermediate { value: 12.5, others: vec![(0, 0.9)] }));
        let error = said(two().intermediate([("accuracy", 0.9)].into()));
        assert!(error.starts_with("the report has no `latency_ms`, which the pruner"), "{error}");
    }

    #[test]
    fn a_name_that_is_none_of_the_studys_is_an_error_with_a_hint() {
        for (name, hint) in [
            ("acuracy", "did you mean `accuracy`?"),
            ("loss", "its objectives are `accuracy`, `latency_ms`; note others by"),
            ("memory_gb", "`memory_gb` is a constraint"),
        ] {
            let error = said(two().intermediate([(name, 0.9), ("latency_ms", 1.0)].into()));
            assert!(error.contains(&format!("no objective `{name}`\nhint: {hint}")), "{error}");
        }
        let error = said(Metrics::default().intermediate([("loss", 0.9)].into()));
        assert!(error.contains("hint: its objective has no name"), "{error}");
        let error = said(two().constraint("memory_gp"));
        assert_eq!(
            error,
            "the study has no constraint `memory_gp`\nhint: did you mean `memory_gb`?"
        );
        let error = said(Metrics::default().constraint("memory_gb"));
        assert!(error.contains("constraints = [\"memory_gb\"]"), "{error}");
    }

    #[test]
    fn a_result_has_each_value_once_in_the_studys_order() {
        let values = two().values([("latency_ms", 12.5), ("accuracy", 0.9)]).expect("values");
        assert_eq!(values.as_slice(), [0.9, 12.5]);
        assert!(said(two().values([("accuracy", 0.9)])).contains("no `latency_ms`"));
        let twice = two().values([("accuracy", 0.9), ("accuracy", 0.8), ("latency_ms", 1.0)]);
        assert!(said(twice).contains("has `accuracy` twice"));
        assert!(said(Metrics::default().values([])).contains("expected one value at least"));
        assert_eq!(two().check(&[1.0, 2.0]), Ok(()));
        let error = said(two().check(&[1.0]));
        assert!(error.contains("1 value, and the study 2 objectives\nhint: give them"), "{error}");
        assert_eq!(Metrics::default().check(&[1.0, 2.0]), Ok(()), "the coordinator knows");
    }

    #[test]
    fn constraints_are_all_there_or_the_missing_one_is_named() {
        assert_eq!(two().constraints(&[Some(-1.0)]), Ok(vec![-1.0]));
        assert!(said(two().constraints(&[None])).contains("the constraint `memory_gb`"));
        assert_eq!(Metrics::default().constraints(&[]), Ok(vec![]));
    }
}
