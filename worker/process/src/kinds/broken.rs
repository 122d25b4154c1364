//! Tells when a script is broken, so that it does not burn a study's trials one after another.

use std::collections::VecDeque;
use std::time::Duration;

/// So many failures in a row are enough,
const ENOUGH: u32 = 3;
/// and so many once a trial of the study has ended well here: then it may be parameters that fail, and of a thousand quick
/// trials three in a row fail by chance.
const ENOUGH_ONCE_IT_WORKED: u32 = 20;

/// What fails later than this after its start has begun its work: that may be the parameters' fault.
const AT_ONCE: Duration = Duration::from_secs(2);

/// So much of an error is compared, and so much of it is told.
const COMPARED: usize = 4096;
const LINES_TOLD: usize = 5;
const CHARS_TOLD: usize = 500;

/// So many studies are remembered. The one that was quiet for the longest time is forgotten.
const STUDIES: usize = 32;

/// How the last trials of a worker ended.
#[derive(Debug, Default)]
pub(crate) struct Broken {
    /// One of each study. The one whose trial ended last comes last.
    rows: VecDeque<Row>,
}

/// The last trials of a study.
#[derive(Debug)]
struct Row {
    study: String,
    /// Whether any has ended well.
    has_worked: bool,
    /// How many have failed in a row,
    failed: u32,
    /// and their error, without its numbers.
    error: String,
}

impl Broken {
    /// Notes how a trial of a study ended, and how long after its start. `Err` is why it failed.
    ///
    /// The answer is why the worker should take no more trials, once that is so.
    pub(crate) fn ended(
        &mut self,
        study: &str,
        took: Duration,
        ended: Result<(), &str>,
    ) -> Option<String> {
        let row = self.newest(study);
        row.has_worked |= ended.is_ok();
        let Some(reason) = ended.err().filter(|_| took <= AT_ONCE) else {
            row.failed = 0;
            return None;
        };
        let error = without_numbers(reason);
        row.failed = if row.error == error { row.failed.saturating_add(1) } else { 1 };
        row.error = error;
        let enough = if row.has_worked { ENOUGH_ONCE_IT_WORKED } else { ENOUGH };
        (row.failed >= enough).then(|| {
            format!(
                "{} trials failed one after another, each within {} s of its start and with the same error, so this \
                 worker takes no more: {}",
                row.failed,
                AT_ONCE.as_secs(),
                told(reason)
            )
        })
    }

    /// The study's row, which comes last now.
    fn newest(&mut self, study: &str) -> &mut Row {
        let known = self.rows.iter().position(|row| row.study == study);
        let row = known.and_then(|at| self.rows.remove(at)).unwrap_or_else(|| Row {
            study: study.to_owned(),
            has_worked: false,
            failed: 0,
            error: String::new(),
        });
        if self.rows.len() >= STUDIES {
            self.rows.pop_front();
        }
        self.rows.push_back(row);
        let last = self.rows.len() - 1;
        &mut self.rows[last]
    }
}

/// The error with a `#` for each word that has a digit in it: numbers such as `1e-05`, addresses, names of
/// temporary files.
fn without_numbers(reason: &str) -> String {
    let end = reason.floor_char_boundary(COMPARED);
    let mut error = String::with_capacity(end);
    let in_word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '+' | '-');
    let mut rest = &reason[..end];
    while !rest.is_empty() {
        let word = rest.find(|c| !in_word(c)).unwrap_or(rest.len());
        let has_digit = rest[..word].contains(|c: char| c.is_ascii_digit());
        error.push_str(if has_digit { "#" } else { &rest[..word] });
        let between = rest[word..].find(in_word).map_or(rest.len(), |at| word + at);
        error.push_str(&rest[word..between]);
        rest = &rest[between..];
    }
    error
}

/// The first lines of the error.
fn told(reason: &str) -> String {
    let lines: Vec<_> =
        reason.lines().filter(|line| !line.trim().is_empty()).take(LINES_TOLD).collect();
    lines.join("\n").chars().take(CHARS_TOLD).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_millis(40);

    /// Whether the script is called broken after each of these ends.
    fn after(ends: &[(Duration, Result<(), &str>)]) -> Vec<bool> {
        let mut broken = Broken::default();
        ends.iter().map(|(took, ended)| broken.ended("mine", *took, *ended).is_some()).collect()
    }

    #[test]
    fn three_failures_at_once_with_the_same_error_are_a_broken_script() {
        let failed = (SOON, Err("status 1: no module `torch`"));
        assert_eq!(after(&[failed; 4]), [false, false, true, true]);
    }

    #[test]
    fn it_is_said_with_the_first_lines_of_the_error() {
        let mut broken = Broken::default();
        let reason = "status 1:\n\nTraceback\n  line 3\nNameError: x\n4\n5\n6\n7";
        _ = broken.ended("mine", SOON, Err(reason));
        _ = broken.ended("mine", SOON, Err(reason));
        let told = broken.ended("mine", SOON, Err(reason)).expect("broken");
        assert_eq!(
            told,
            "3 trials failed one after another, each within 2 s of its start and with the same error, so this worker \
             takes no more: status 1:\nTraceback\n  line 3\nNameError: x\n4"
        );
    }

    #[test]
    fn numbers_addresses_and_names_of_temporary_files_do_not_make_another_error() {
        let ends = [
            "status 1: <obj at 0x7f3c> in /tmp/tmpa1b2/x.py, line 12: lr 1e-05",
            "status 2: <obj at 0x55aa> in /tmp/tmpzz9/x.py, line 7: lr 0.1",
            "status 13: <obj at 0xdead0> in /tmp/tmp_3x/x.py, line 910: lr -3.25",
        ];
        assert_eq!(after(&ends.map(|reason| (SOON, Err(reason)))), [false, false, true]);
    }

    #[test]
    fn a_success_or_a_failure_later_on_starts_anew() {
        let (failed, passed) = ((SOON, Err("x")), (SOON, Ok(())));
        assert_eq!(after(&[failed, failed, passed, failed, failed]), [false; 5]);
        let late = (AT_ONCE + SOON, Err("x"));
        assert_eq!(after(&[failed, failed, late, failed, failed]), [false; 5]);
    }

    #[test]
    fn a_script_that_has_worked_may_fail_more_often() {
        let (failed, passed) = ((SOON, Err("the loss is NaN")), (SOON, Ok(())));
        let mut ends = vec![passed];
        ends.extend([failed; 19]);
        assert_eq!(after(&ends), [false; 20]);
        ends.push(failed);
        assert_eq!(after(&ends).last(), Some(&true));
        ends.insert(5, passed);
        assert_eq!(after(&ends), [false; 22]);
    }

    #[test]
    fn other_errors_are_the_parameters_fault() {
        let ends = ["a", "a", "b", "a", "a"].map(|reason| (SOON, Err(reason)));
        assert_eq!(after(&ends), [false; 5]);
    }

    #[test]
    fn each_study_has_a_row_of_its_own() {
        let mut broken = Broken::default();
        let mut fails = |study: &str| broken.ended(study, SOON, Err("x")).is_some();
        let told = ["a", "b", "a", "b", "b", "a"].map(&mut fails);
        assert_eq!(told, [false, false, false, false, true, true]);
        assert_eq!(broken.ended("a", AT_ONCE + SOON, Err("x")), None);
        assert_eq!(broken.ended("a", SOON, Err("x")), None);
        assert!(broken.ended("b", SOON, Err("x")).is_some());
    }

    #[test]
    fn the_study_that_was_quiet_the_longest_is_forgotten() {
        let mut broken = Broken::default();
        let mut fails = |study: &str| broken.ended(study, SOON, Err("x")).is_some();
        assert!(!fails("loud") && !fails("quiet"));
        for n in 0..STUDIES - 2 {
            fails(&n.to_string());
        }
        assert!(!fails("loud"));
        // One more than there is place for.
        fails("new");
        assert!(fails("loud"));
        assert!(!fails("quiet") && !fails("quiet") && fails("quiet"));
        assert_eq!(broken.rows.len(), STUDIES);
    }

    #[test]
    fn a_long_error_is_cut() {
        let mut broken = Broken::default();
        let long = "ä".repeat(1 << 20);
        for _ in 0..2 {
            _ = broken.ended("mine", SOON, Err(&long));
        }
        assert!(broken.ended("mine", SOON, Err(&long)).expect("broken").len() < 2000);
    }
}
