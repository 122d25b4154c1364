//! The parameters that an objective takes, so that a study with other parameters is refused before it starts.

use crate::trial::{ParamValue, Params, TrialError};

/// A parameter that an objective takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Takes {
    /// Its name.
    pub name: String,
    /// The values that it accepts.
    pub values: Accepts,
    /// Required only in trials in which this parameter has this value; if `None`, in all trials.
    pub when: Option<(String, String)>,
}

/// The values that an objective accepts for a parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Accepts {
    /// Numbers above 0.
    Positive,
    /// One of these strings.
    Words(Vec<String>),
}

impl Takes {
    /// A parameter with numbers above 0.
    pub fn positive(name: impl Into<String>) -> Self {
        Self { name: name.into(), values: Accepts::Positive, when: None }
    }

    /// A parameter with one of these strings.
    pub fn words(name: impl Into<String>, words: &[&str]) -> Self {
        let words = words.iter().map(|word| (*word).to_owned()).collect();
        Self { name: name.into(), values: Accepts::Words(words), when: None }
    }

    /// The names of all, as text for a message.
    pub fn names(all: &[Self]) -> String {
        all.iter().map(|takes| format!("`{}`", takes.name)).collect::<Vec<_>>().join(", ")
    }

    /// Makes it required only where another parameter has this value.
    #[must_use]
    pub fn when(mut self, parent: impl Into<String>, value: impl Into<String>) -> Self {
        self.when = Some((parent.into(), value.into()));
        self
    }
}

/// Checks that a trial has all parameters that the objective needs, and no unknown ones.
///
/// Training would ignore an unknown parameter, and the study would search where nothing changes.
pub(crate) fn check(takes: &[Takes], params: &Params) -> Result<(), TrialError> {
    if let Some(unknown) = params.keys().find(|name| takes.iter().all(|t| t.name != **name)) {
        return Err(TrialError::Failed(format!(
            "the objective has no parameter `{unknown}`; it takes {}",
            Takes::names(takes)
        )));
    }
    let is_needed = |t: &&Takes| match &t.when {
        Some((parent, value)) => {
            matches!(params.get(parent), Some(ParamValue::Text(chosen)) if chosen == value)
        }
        None => true,
    };
    match takes.iter().filter(is_needed).find(|t| !params.contains_key(&t.name)) {
        Some(missing) => Err(TrialError::Failed(format!(
            "the objective needs parameter `{}`, which this trial has not",
            missing.name
        ))),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trial_with_other_parameters_fails_and_says_which() {
        let takes = [
            Takes::words("method", &["a", "b"]),
            Takes::positive("std").when("method", "a"),
            Takes::positive("rate"),
        ];
        let failure = |params: &[(&str, ParamValue)]| {
            let params = params.iter().map(|(name, value)| ((*name).to_owned(), value.clone()));
            match check(&takes, &params.collect()) {
                Err(TrialError::Failed(reason)) => reason,
                other => format!("{other:?}"),
            }
        };
        let (a, b) = (ParamValue::Text("a".to_owned()), ParamValue::Text("b".to_owned()));
        let number = ParamValue::Float(0.5);
        assert_eq!(failure(&[("method", b.clone()), ("rate", number.clone())]), "Ok(())");
        assert_eq!(
            failure(&[("method", b), ("lr", number.clone())]),
            "the objective has no parameter `lr`; it takes `method`, `std`, `rate`"
        );
        assert_eq!(
            failure(&[("method", a), ("rate", number)]),
            "the objective needs parameter `std`, which this trial has not"
        );
    }
}
