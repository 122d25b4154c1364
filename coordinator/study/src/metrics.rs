//! The names of what a trial's result says: its objectives, and the constraints that must hold.

use std::collections::HashSet;

use crate::spec::SpecError;

/// The most objectives of a study. With more, nearly every trial is on the front, and the volume that a front covers
/// takes too long.
pub const MAX_OBJECTIVES: usize = 8;
/// The most constraints of a study.
pub const MAX_CONSTRAINTS: usize = 64;
/// The longest name, in bytes.
pub(crate) const MAX_NAME: usize = 128;

/// What a study's values are called, and which of them its pruner compares.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Metrics {
    /// The objectives' names, in the order of the directions. Empty for a single objective without a name.
    pub names: Box<[Box<str>]>,
    /// The names of values that are not optimised but must hold: feasible at or below 0.
    pub constraints: Box<[Box<str>]>,
    /// The index of the objective whose intermediate values are compared.
    pub pruner_objective: usize,
}

impl Metrics {
    /// Whether they suit a study of so many objectives.
    pub(crate) fn check(&self, objectives: usize) -> Result<(), SpecError> {
        if !(1..=MAX_OBJECTIVES).contains(&objectives) {
            let message = format!("expected 1 to {MAX_OBJECTIVES}, found {objectives}");
            return Err(SpecError::at(["directions"], message));
        }
        if self.names.is_empty() && objectives > 1 {
            let message = "with several objectives, each needs a name";
            return Err(SpecError::at(["directions"], message));
        }
        if !self.names.is_empty() && self.names.len() != objectives {
            let message =
                format!("expected a name for each of {objectives}, found {}", self.names.len());
            return Err(SpecError::at(["directions"], message));
        }
        if self.constraints.len() > MAX_CONSTRAINTS {
            let message =
                format!("expected at most {MAX_CONSTRAINTS}, found {}", self.constraints.len());
            return Err(SpecError::at(["constraints"], message));
        }
        if self.pruner_objective >= objectives {
            let message = format!("there is no objective {}", self.pruner_objective);
            return Err(SpecError::at(["pruner", "metric"], message));
        }
        let mut seen = HashSet::new();
        let named = self.names.iter().map(|name| ("directions", name));
        for (key, name) in named.chain(self.constraints.iter().map(|name| ("constraints", name))) {
            if let Some(expected) = unfit(name) {
                let message = format!("expected {expected} as a name, found {name:?}");
                return Err(SpecError::at([key], message));
            }
            if !seen.insert(name) {
                return Err(SpecError::at([key], format!("`{name}` is there twice")));
            }
        }
        Ok(())
    }

    /// The index of the objective of this name.
    pub fn objective(&self, name: &str) -> Option<usize> {
        self.names.iter().position(|known| **known == *name)
    }
}

/// What is expected of a name that does not fit. A command prints `name=value`, so a name holds neither `=` nor a line.
fn unfit(name: &str) -> Option<String> {
    let is_plain = name.trim() == name && !name.contains(|c: char| c.is_control() || c == '=');
    let fits = (1..=MAX_NAME).contains(&name.len()) && is_plain;
    (!fits).then(|| {
        format!("1 to {MAX_NAME} bytes without `=`, line breaks, and spaces at either end")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(of: &[&str]) -> Box<[Box<str>]> {
        of.iter().map(|name| (*name).into()).collect()
    }

    fn refused(metrics: &Metrics, objectives: usize) -> String {
        metrics.check(objectives).expect_err("refused").to_string()
    }

    #[test]
    fn several_objectives_have_names() {
        let two = Metrics { names: names(&["a", "b"]), ..Metrics::default() };
        assert_eq!(two.check(2), Ok(()));
        assert_eq!((two.objective("b"), two.objective("c")), (Some(1), None));
        assert_eq!(Metrics::default().check(1), Ok(()));
        assert!(refused(&Metrics::default(), 2).contains("each needs a name"));
        assert!(refused(&two, 3).contains("expected a name for each of 3, found 2"));
        assert!(refused(&two, 0).contains("expected 1 to 8, found 0"));
    }

    #[test]
    fn a_name_fits_a_line_and_is_there_once() {
        let with = |constraint: &str| Metrics {
            names: names(&["a"]),
            constraints: names(&[constraint]),
            ..Metrics::default()
        };
        assert_eq!(with("memory_gb").check(1), Ok(()));
        for odd in ["", " a", "a=b", "a\nb", &"x".repeat(129)] {
            assert!(refused(&with(odd), 1).contains("constraints: expected 1 to 128"), "{odd:?}");
        }
        assert_eq!(refused(&with("a"), 1), "constraints: `a` is there twice");
    }

    #[test]
    fn the_pruner_compares_one_that_exists() {
        let metrics = Metrics { pruner_objective: 1, ..Metrics::default() };
        assert!(refused(&metrics, 1).starts_with("pruner.metric"));
    }
}
