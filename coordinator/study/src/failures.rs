//! Why trials failed, and when to pause the study because too many did.

use crate::ids::TrialNumber;
use crate::notify::FAILING_IN_A_ROW;
use crate::trial::TrialResult;

/// How many reasons are kept. A further one replaces the rarest.
const REASONS: usize = 32;
/// How much of a reason is kept, in characters.
const LONGEST: usize = 300;
/// How Python begins a traceback.
const TRACEBACK: &str = "\nTraceback (most recent call last):";

/// A study's failed trials by reason. Depends only on the order in which trials finished.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Failures {
    reasons: Vec<Reason>,
    /// How many trials have failed since one last completed or was pruned.
    in_a_row: u32,
    /// How often so many of them were news.
    rows: u32,
    /// Whether any trial has completed or been pruned.
    any_result: bool,
}

/// A reason, and how many trials failed for it.
#[derive(Debug, Clone, PartialEq)]
pub struct Reason {
    /// The text from the newest trial, on one line, shortened.
    pub text: String,
    /// How many trials.
    pub trials: u32,
    /// The newest of them.
    pub newest: TrialNumber,
    /// The text without its numbers, which all of them share.
    kind: String,
}

impl Failures {
    /// The reasons, most frequent first.
    pub fn reasons(&self) -> Vec<&Reason> {
        let mut sorted: Vec<_> = self.reasons.iter().collect();
        sorted.sort_by_key(|reason| (std::cmp::Reverse(reason.trials), reason.newest));
        sorted
    }

    /// Whether trials have failed for this reason before. Reasons that differ only in numbers are the same.
    pub fn knows(&self, reason: &str) -> bool {
        let kind = kind_of(&one_line(reason));
        self.reasons.iter().any(|known| known.kind == kind)
    }

    /// How many trials have failed since one last completed or was pruned.
    pub fn in_a_row(&self) -> u32 {
        self.in_a_row
    }

    /// How often [`FAILING_IN_A_ROW`] trials have failed one after another. It only grows.
    pub(crate) fn rows(&self) -> u32 {
        self.rows
    }

    /// Counts how the next trial finished.
    pub(crate) fn note(&mut self, number: TrialNumber, result: &TrialResult) {
        let TrialResult::Fail(reason) = result else {
            self.in_a_row = 0;
            self.any_result = true;
            return;
        };
        self.in_a_row += 1;
        self.rows += u32::from(self.in_a_row == FAILING_IN_A_ROW);
        let text = one_line(reason);
        let kind = kind_of(&text);
        if let Some(known) = self.reasons.iter_mut().find(|known| known.kind == kind) {
            known.trials += 1;
            (known.text, known.newest) = (text, number);
            return;
        }
        if self.reasons.len() == REASONS {
            let rarest = self.reasons.iter().enumerate().min_by_key(|(_, r)| (r.trials, r.newest));
            if let Some((place, _)) = rarest {
                self.reasons.remove(place);
            }
        }
        self.reasons.push(Reason { text, trials: 1, newest: number, kind });
    }

    /// The reason to pause the study if trials now also fail for `reasons`; `most` may fail in a row. It
    /// pauses each time the count reaches another `most`, so a resumed study gets as many again. Until a
    /// trial has completed or been pruned, half of `most` is enough. 0 means no bound.
    pub(crate) fn too_many_with(&self, reasons: &[&str], most: u32) -> Option<String> {
        let most = if self.any_result { most } else { most.div_ceil(2) };
        let in_a_row = self.in_a_row + reasons.len() as u32;
        let newest = one_line(reasons.last().filter(|_| most > 0)?);
        (in_a_row / most > self.in_a_row / most)
            .then(|| format!("{in_a_row} trials failed in a row, the last one: {newest}"))
    }
}

/// The beginning on one line. A Python traceback that follows is for whoever looks at the trial: where it failed tells no more trials apart
/// than what was said first.
fn one_line(reason: &str) -> String {
    let said = reason.find(TRACEBACK).map_or(reason, |at| &reason[..at]);
    let said = if said.trim().is_empty() { reason } else { said };
    let start: String = said.chars().take(LONGEST).collect();
    start.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What reasons have in common that count as the same: the beginning on one line, with each number replaced by `#`.
#[must_use]
pub fn kind_of_failure(reason: &str) -> String {
    kind_of(&one_line(reason))
}

/// The text with each number replaced by `#`.
fn kind_of(text: &str) -> String {
    let mut kind = String::with_capacity(text.len());
    let mut in_number = false;
    for c in text.chars() {
        in_number = c.is_ascii_digit() || in_number && matches!(c, '.' | '-' | '+' | 'e' | 'E');
        if !in_number {
            kind.push(c);
        } else if !kind.ends_with('#') {
            kind.push('#');
        }
    }
    kind
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failures(reasons: &[&str]) -> Failures {
        let mut failures = Failures::default();
        for (number, reason) in (0..).zip(reasons) {
            failures.note(TrialNumber(number), &TrialResult::Fail((*reason).to_owned()));
        }
        failures
    }

    #[test]
    fn reasons_that_differ_in_numbers_count_as_one() {
        let failures = failures(&[
            "the loss is NaN in epoch 3",
            "out of\n memory",
            "the loss is NaN in epoch 12",
            "rate is 1e-7, expected more",
            "rate is 0.25, expected more",
            "the loss is NaN in epoch 1",
        ]);
        let told: Vec<_> =
            failures.reasons().iter().map(|r| (r.text.as_str(), r.trials, r.newest.0)).collect();
        assert_eq!(
            told,
            [
                ("the loss is NaN in epoch 1", 3, 5),
                ("rate is 0.25, expected more", 2, 4),
                ("out of memory", 1, 1),
            ]
        );
        assert!(failures.knows("the loss is NaN in epoch 99") && !failures.knows("the loss is"));
    }

    #[test]
    fn a_traceback_tells_no_reasons_apart_and_is_all_there_is_if_nothing_stands_before_it() {
        let traced = |line: &str| {
            format!(
                "KeyError: 'x'\nTraceback (most recent call last):\n  File {line}\nKeyError: 'x'"
            )
        };
        let failures = failures(&[
            &traced("a.py"),
            &traced("b.py"),
            "\nTraceback (most recent call last):\n  File c.py",
        ]);
        let told: Vec<_> = failures.reasons().iter().map(|r| (r.text.clone(), r.trials)).collect();
        let alone = "Traceback (most recent call last): File c.py".to_owned();
        assert_eq!(told, [("KeyError: 'x'".to_owned(), 2), (alone, 1)]);
    }

    #[test]
    fn a_thousand_reasons_take_no_room_and_the_common_ones_stay() {
        let mut failures = failures(&["common", "common"]);
        for number in 0..1000 {
            let word: String = format!("{number}").bytes().map(|b| char::from(b + 20)).collect();
            let reason = format!("{word} {}", "x".repeat(10_000));
            failures.note(TrialNumber(number + 2), &TrialResult::Fail(reason));
        }
        let reasons = failures.reasons();
        assert_eq!((reasons.len(), reasons[0].text.as_str(), reasons[0].trials), (32, "common", 2));
        assert!(reasons.iter().all(|reason| reason.text.len() <= LONGEST));
        assert_eq!(reasons[31].newest, TrialNumber(1001), "the newest is known");
    }

    #[test]
    fn the_first_ten_are_too_many_and_later_twenty_in_a_row() {
        let fail = TrialResult::Fail("no".to_owned());
        let mut failures = Failures::default();
        let mut pauses = Vec::new();
        for number in 1..=100 {
            if failures.too_many_with(&["no"], 20).is_some() {
                pauses.push(number);
            }
            let result = if number == 41 { &TrialResult::Pruned } else { &fail };
            failures.note(TrialNumber(number), result);
        }
        assert_eq!(pauses, [10, 20, 30, 40, 61, 81], "after 41, as many again each time");
        assert_eq!(failures.too_many_with(&["no"; 1000], 0), None);
        let reason = failures.too_many_with(&["no", "not\neither"], 20);
        let expected = "61 trials failed in a row, the last one: not either";
        assert_eq!(reason.as_deref(), Some(expected), "although 60 were passed in one step");
    }
}
