//! Which metrics the output gives, for the reason of a trial whose own metric is not among them.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{ansi, of_json, pairs};

/// So many names are kept, and so many lines are looked at: this serves a message only.
const MOST_NAMES: usize = 32;
const MOST_LINES: usize = 10_000;
/// A longer name is none that a person wrote.
const LONGEST: usize = 64;

/// The names of the metrics that some lines gave.
#[derive(Debug, Default)]
pub(crate) struct Names {
    names: BTreeSet<String>,
    lines: usize,
}

impl Names {
    /// Looks at a line that does not give the study's metric.
    pub(crate) fn read(&mut self, line: &str) {
        if self.lines >= MOST_LINES || self.names.len() >= MOST_NAMES {
            return;
        }
        self.lines += 1;
        let text = ansi::without(line);
        let line = text.trim();
        if line.starts_with('{')
            && let Ok(Value::Object(object)) = serde_json::from_str(line)
        {
            let numbers = object.into_iter().filter(|(_, value)| of_json(value).is_some());
            numbers.for_each(|(name, _)| self.note(&name));
            return;
        }
        pairs::names(line).for_each(|name| self.note(name));
    }

    /// The names, in order.
    pub(crate) fn found(&self) -> Vec<String> {
        self.names.iter().cloned().collect()
    }

    fn note(&mut self, name: &str) {
        let is_step = ["step", "epoch"].iter().any(|step| name.eq_ignore_ascii_case(step));
        if !is_step && name.len() <= LONGEST && self.names.len() < MOST_NAMES {
            self.names.insert(name.to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(lines: &[&str]) -> Vec<String> {
        let mut names = Names::default();
        for line in lines {
            names.read(line);
        }
        names.found()
    }

    #[test]
    fn names_are_found_as_metrics_are_written() {
        for (line, expected) in [
            ("Accuracy=0.91", &["Accuracy"][..]),
            ("Epoch 3/10 loss: 0.2, val_accuracy: 0.9", &["loss", "val_accuracy"]),
            ("epoch=3 val/loss = 0.5", &["val/loss"]),
            ("Best accuracy: 0.91", &["Best accuracy"]),
            (r#"{"step": 3, "acc": 0.9, "name": "x", "sub": {"a": 1}}"#, &["acc"]),
            ("{'acc': 0.9}", &["acc"]),
            ("12:30 it began, url http://x:80/a, 3 = 4", &[]),
            ("accuracy=high", &[]),
            ("", &[]),
        ] {
            assert_eq!(of(&[line]), expected, "{line}");
        }
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let lines: Vec<_> = (0..1000).map(|n| format!("a{n}=1")).collect();
        let lines: Vec<_> = lines.iter().map(String::as_str).collect();
        assert_eq!(of(&lines).len(), MOST_NAMES);
        assert_eq!(of(&[&format!("{}=1", "a".repeat(100))]), Vec::<String>::new());
    }
}
