//! What a trial comes to, from all that was seen of it. Pure; `docs/trial-socket.md` is the contract.

use kindling_proto::limits;
use kindling_worker::{Completion, TrialError, Values, nearest};

use super::headline::headline;
use crate::ground::Exit;
use crate::metric::Found;
use crate::socket::Given;

/// Hand the trial back: `EX_TEMPFAIL`.
const HAND_BACK: Exit = Exit::Status(75);
/// This worker cannot run it: `EX_CONFIG`.
const UNFIT: Exit = Exit::Status(78);

/// So many other metrics are named where the study's own is missing.
const NAMES_SHOWN: usize = 3;

/// What was seen of a trial.
#[derive(Debug, Clone, Default)]
pub(crate) struct Evidence {
    /// The result that it gave.
    pub(crate) given: Option<Given>,
    /// The last values of the objectives that it reported, over the socket or in its output.
    pub(crate) reported: Found,
    /// The last values that its output gave, of objectives and constraints.
    pub(crate) printed: Found,
    /// How its main process ended, if it did.
    pub(crate) exit: Option<Exit>,
    /// Why it was stopped, if it was.
    pub(crate) cause: Option<Cause>,
    /// Whether it was ended by a signal of ours.
    pub(crate) was_ended: bool,
}

/// Why a trial was stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Cause {
    /// The session told it so.
    Told,
    /// It goes on elsewhere from what it has saved, for this reason.
    HandBack(String),
    /// This worker decided it, and the trial fails for this reason.
    Ours(String),
}

/// Whose trial it was, for the words of a reason.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Whose<'a> {
    /// "the command", or "the function's process".
    pub(crate) name: &'static str,
    /// Whether its process stays after the trial.
    pub(crate) stays: bool,
    /// What its objectives are called, if they have names.
    pub(crate) metrics: &'a [String],
    /// Other metrics that its output gave.
    pub(crate) others: &'a [String],
    /// The last lines of its standard error.
    pub(crate) errors: &'a str,
}

/// How the trial ended.
pub(crate) fn outcome(evidence: Evidence, whose: Whose<'_>) -> Result<Completion, TrialError> {
    let Evidence { given, reported, printed, exit, cause, was_ended } = evidence;
    let ended_well = exit.is_none_or(Exit::is_success) && !was_ended;
    match cause {
        Some(Cause::Ours(reason)) => Err(TrialError::Failed(whose.reason(&reason, None))),
        Some(Cause::HandBack(reason)) => match given {
            // It was complete already.
            Some(given @ Given::Complete(_)) if ended_well => came_to(given),
            // However it ended then: what it did is safe.
            _ => Err(TrialError::HandBack(reason)),
        },
        Some(Cause::Told) => match given {
            // It was complete already, or it says so.
            Some(given @ (Given::Complete(_) | Given::HandBack(_))) if ended_well => came_to(given),
            Some(given @ Given::Fail(_)) => came_to(given),
            _ => Err(TrialError::Stopped),
        },
        None => match (exit, given) {
            (None, None) => Err(TrialError::Failed(format!(
                "{} asked for the next trial without a result of this one",
                whose.name
            ))),
            (None | Some(Exit::Status(0)), Some(given))
            | (Some(HAND_BACK), Some(given @ Given::HandBack(_)))
            | (Some(UNFIT), Some(given @ Given::Unfit(_))) => came_to(given),
            (Some(Exit::Status(0)), None) if whose.stays => {
                Err(TrialError::Failed(whose.left_early()))
            }
            (Some(Exit::Status(0)), None) => whose.last(&reported, &printed),
            (Some(HAND_BACK), None) => Err(TrialError::HandBack(whose.asked(HAND_BACK))),
            (Some(UNFIT), None) => Err(TrialError::Unfit(whose.asked(UNFIT))),
            (Some(exit), given) => Err(TrialError::Failed(whose.ended(exit, given.as_ref()))),
        },
    }
}

fn came_to(given: Given) -> Result<Completion, TrialError> {
    match given {
        Given::Complete(values) => match Values::try_from(values) {
            Ok(values) => Ok(Completion::new(values)),
            Err(none) => Err(TrialError::Failed(none.to_string())),
        },
        Given::Pruned => Err(TrialError::Pruned),
        Given::Fail(reason) => Err(TrialError::Failed(reason)),
        Given::HandBack(reason) => Err(TrialError::HandBack(reason)),
        Given::Unfit(reason) => Err(TrialError::Unfit(reason)),
    }
}

impl Whose<'_> {
    /// A reason with what standard error said: the line that says most at once, all of them below.
    pub(crate) fn reason(&self, what: &str, hint: Option<&str>) -> String {
        let errors = self.errors.trim_end();
        let headline = headline(errors);
        let mut reason = what.to_owned();
        if !headline.is_empty() {
            reason = format!("{reason}: {}", limits::cut(headline, 1024));
        }
        if let Some(hint) = hint {
            reason = format!("{reason}\nhint: {hint}");
        }
        if errors.lines().nth(1).is_some() {
            reason = format!("{reason}\nthe last lines of standard error:\n{errors}");
        }
        limits::cut(reason, limits::REASON)
    }

    /// The result of a trial that gave none: the last value of each objective.
    fn last(&self, reported: &Found, printed: &Found) -> Result<Completion, TrialError> {
        let last = |place| reported.get(place).or(printed.get(place));
        let objectives = self.metrics.len().max(1);
        let values: Option<Vec<_>> = (0..objectives).map(last).collect();
        if let Some(values) = values.and_then(|values| Values::try_from(values).ok()) {
            return Ok(Completion::new(values));
        }
        let missing = self.metrics.iter().enumerate().filter(|(place, _)| last(*place).is_none());
        let missing: Vec<_> = missing.map(|(_, name)| name.as_str()).collect();
        Err(TrialError::Failed(self.without(&missing)))
    }

    fn left_early(&self) -> String {
        let what = format!("{} ended (exit status 0) before the function returned", self.name);
        let hint = "`sys.exit` ends the process that serves all trials; return the value instead";
        self.reason(&what, Some(hint))
    }

    /// No line gave these metrics: which others there were is how a misspelt name shows.
    fn without(&self, missing: &[&str]) -> String {
        let Some(first) = missing.first() else {
            return self.reason(
                &format!("{} ended well, but gave no result", self.name),
                Some(
                    "report it over the trial's socket (`kindling.current_trial()` in Python), or name a \
                     `metric` that its output has",
                ),
            );
        };
        let listed = missing.join("` or `");
        let what = format!("{} ended well, but no line of its output gave `{listed}`", self.name);
        let print = format!("print `{first}=0.91`, or give the result over the trial's socket");
        if self.others.is_empty() {
            return self.reason(&what, Some(&print));
        }
        let names: Vec<_> = self.others.iter().map(String::as_str).collect();
        let near = missing.iter().find_map(|metric| nearest(metric, &names));
        // The near one comes first.
        let rest = names.iter().copied().filter(|name| Some(*name) != near);
        let shown: Vec<_> = near.into_iter().chain(rest).take(NAMES_SHOWN).collect();
        let gave = format!("it gave `{}`", shown.join("`, `"));
        let more = if names.len() > shown.len() { " and others" } else { "" };
        let hint = near.map_or(print, |near| format!("did you mean `{near}`?"));
        self.reason(&format!("{what}; {gave}{more}"), Some(&hint))
    }

    fn asked(&self, exit: Exit) -> String {
        self.reason(&format!("{} ended with {exit}", self.name), None)
    }

    fn ended(&self, exit: Exit, given: Option<&Given>) -> String {
        let what = match given {
            Some(Given::Fail(reason)) => {
                format!("{reason}\nafter that, {} ended with {exit}", self.name)
            }
            Some(given) => {
                format!("{} gave the result `{}`, but ended with {exit}", self.name, given.state())
            }
            None => format!("{} ended with {exit}", self.name),
        };
        self.reason(&what, exit.hint())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIGSEGV: Exit = Exit::Signal { number: 11, core_dumped: false };

    fn of(evidence: Evidence) -> Result<Completion, TrialError> {
        let errors = "Traceback (most recent call last):\n  File \"x.py\"\nValueError: too high";
        outcome(
            evidence,
            Whose {
                name: "the command",
                stays: false,
                metrics: &["accuracy".to_owned()],
                others: &[],
                errors,
            },
        )
    }

    fn exited(exit: Exit, given: Option<Given>) -> Evidence {
        Evidence { exit: Some(exit), given, ..Evidence::default() }
    }

    fn failed(evidence: Evidence) -> String {
        match of(evidence) {
            Err(TrialError::Failed(reason)) => reason,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn status_0_completes_with_the_result_or_else_the_last_metric() {
        let given = Some(Given::Complete(vec![0.5, 2.0]));
        let both = Evidence { reported: Found::of(0, 0.25), ..exited(Exit::Status(0), given) };
        assert_eq!(of(both).expect("complete").values.as_slice(), [0.5, 2.0]);
        let last = Evidence { reported: Found::of(0, 0.25), ..exited(Exit::Status(0), None) };
        assert_eq!(of(last).expect("complete").values.as_slice(), [0.25]);
        let reason = failed(exited(Exit::Status(0), None));
        assert!(reason.contains("no line of its output gave `accuracy`"), "{reason}");
        assert!(reason.contains("hint: print `accuracy=0.91`"), "{reason}");
    }

    #[test]
    fn the_metrics_that_the_output_gave_are_named_where_the_studys_own_is_missing() {
        let reason = |others: &[&str]| {
            let others: Vec<_> = others.iter().map(|name| (*name).to_owned()).collect();
            let whose = Whose {
                name: "the command",
                stays: false,
                metrics: &["accuracy".to_owned()],
                others: &others,
                errors: "",
            };
            match outcome(exited(Exit::Status(0), None), whose) {
                Err(TrialError::Failed(reason)) => reason,
                other => panic!("{other:?}"),
            }
        };
        let missing = "the command ended well, but no line of its output gave `accuracy`";
        let expected = "; it gave `Accuracy`, `a`, `b` and others\nhint: did you mean `Accuracy`?";
        assert_eq!(reason(&["a", "b", "c", "Accuracy"]), format!("{missing}{expected}"));
        let hint = "hint: print `accuracy=0.91`, or give the result over the trial's socket";
        assert_eq!(reason(&["lr"]), format!("{missing}; it gave `lr`\n{hint}"));
        assert_eq!(reason(&[]), format!("{missing}\n{hint}"));
    }

    #[test]
    fn another_status_fails_with_the_exception_in_the_first_line() {
        let reason = failed(exited(Exit::Status(3), None));
        let first = reason.lines().next().expect("a line");
        assert_eq!(first, "the command ended with exit status 3: ValueError: too high");
        assert!(reason.contains("\nTraceback (most"), "{reason}");
        let reason = failed(exited(SIGSEGV, None));
        assert!(reason.starts_with("the command ended with SIGSEGV"), "{reason}");
    }

    #[test]
    fn a_result_does_not_count_if_the_process_ends_badly_after_it() {
        let reason = failed(exited(SIGSEGV, Some(Given::Complete(vec![1.0]))));
        assert!(reason.contains("gave the result `complete`, but ended with SIGSEGV"), "{reason}");
        let reason = failed(exited(Exit::Status(1), Some(Given::Fail("no data".to_owned()))));
        assert!(reason.starts_with("no data\nafter that, the command ended with exit status 1"));
    }

    #[test]
    fn statuses_75_and_78_hand_the_trial_back() {
        assert!(matches!(of(exited(HAND_BACK, None)), Err(TrialError::HandBack(_))));
        assert!(matches!(of(exited(UNFIT, None)), Err(TrialError::Unfit(_))));
        let busy = || Given::HandBack("busy".to_owned());
        for exit in [HAND_BACK, Exit::Status(0)] {
            let found = of(exited(exit, Some(busy())));
            assert_eq!(found, Err(TrialError::HandBack("busy".to_owned())));
        }
        assert!(matches!(of(exited(UNFIT, Some(busy()))), Err(TrialError::Failed(_))));
    }

    #[test]
    fn who_was_told_to_stop_has_stopped_unless_it_was_complete() {
        let told = |evidence| of(Evidence { cause: Some(Cause::Told), ..evidence });
        let left = |evidence| {
            of(Evidence { cause: Some(Cause::HandBack("it is safe".to_owned())), ..evidence })
        };
        let handed_back = Err(TrialError::HandBack("it is safe".to_owned()));
        // It was complete before it heard that.
        let given = Some(Given::Complete(vec![0.5]));
        assert!(left(exited(Exit::Status(0), given.clone())).is_ok());
        assert_eq!(left(exited(SIGSEGV, given)), handed_back);
        // A script may take it for an error.
        assert_eq!(left(exited(Exit::Status(1), Some(Given::Fail("x".into())))), handed_back);
        assert_eq!(left(exited(Exit::Status(75), None)), handed_back);
        let stopped = Err(TrialError::Stopped);
        assert_eq!(told(exited(Exit::Status(0), Some(Given::Pruned))), stopped);
        assert_eq!(told(exited(Exit::Status(1), None)), stopped);
        assert_eq!(
            told(Evidence { reported: Found::of(0, 1.0), ..exited(Exit::Status(0), None) }),
            stopped
        );
        let complete = || Some(Given::Complete(vec![1.0]));
        assert!(told(exited(Exit::Status(0), complete())).is_ok());
        let ended = Evidence { was_ended: true, ..exited(Exit::Status(0), complete()) };
        assert_eq!(told(ended), stopped);
    }

    #[test]
    fn a_decision_of_the_workers_own_is_the_reason() {
        let cause = Some(Cause::Ours("the trial took longer than its timeout of 2h".to_owned()));
        let given = Some(Given::Complete(vec![1.0]));
        let reason = failed(Evidence { cause, ..exited(Exit::Status(0), given) });
        assert!(reason.starts_with("the trial took longer than its timeout of 2h"), "{reason}");
    }

    #[test]
    fn a_process_that_stays_ends_its_trial_by_the_result() {
        let given = |given| Evidence { given: Some(given), ..Evidence::default() };
        assert!(of(given(Given::Complete(vec![1.0]))).is_ok());
        assert_eq!(of(given(Given::Pruned)), Err(TrialError::Pruned));
        assert!(failed(Evidence::default()).contains("without a result"));
    }

    #[test]
    fn a_reason_is_bounded() {
        let errors = "é".repeat(100_000);
        let whose =
            Whose { name: "the command", stays: false, metrics: &[], others: &[], errors: &errors };
        assert!(whose.reason("it failed", None).len() <= limits::REASON);
    }
}
