//! What a trial's process asks of its trial, answered on the thread that owns the trial. No input or output.

use std::collections::BTreeMap;

use kindling_worker::{Content, Stopped, Trial, TrialError};
use serde_json::Value;

use super::answer;
use super::call::{Complaint, Given};
use super::report::Report;
use super::verdict::Verdict;
use crate::goals::Goals;

/// A call that needs the trial itself. The others are answered where they arrive.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Request {
    Report(Report),
    SetUserAttr {
        name: String,
        value: Value,
    },
    SetConstraint {
        name: String,
        value: f64,
    },
    LoadCheckpoint,
    SaveCheckpoint {
        step: u64,
        content: Content,
    },
    SaveArtifact {
        name: String,
        media_type: String,
        content: Content,
    },
    Result(Given),
    /// A result whose values have names.
    Complete(BTreeMap<String, f64>),
}

/// How a call ended its trial.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ends {
    /// It was told to stop.
    Stopped,
    /// It goes on elsewhere, for this reason.
    HandBack(String),
    /// It cannot go on, for this reason.
    Failed(String),
}

impl From<Stopped> for Ends {
    fn from(_: Stopped) -> Self {
        Self::Stopped
    }
}

/// Answers the requests of one trial, and keeps its result.
#[derive(Debug)]
pub(crate) struct Desk<'a> {
    /// What the trial's values are called.
    goals: &'a Goals,
    given: Option<Given>,
    ends: Option<Ends>,
}

impl<'a> Desk<'a> {
    /// For a trial whose values are called so.
    pub(crate) fn new(goals: &'a Goals) -> Self {
        Self { goals, given: None, ends: None }
    }

    /// The answer to a request. `verdict` tells whether the trial goes on.
    pub(crate) fn answer(
        &mut self,
        request: Request,
        trial: &mut Trial<'_>,
        verdict: impl FnOnce(Result<(), Ends>) -> Verdict,
    ) -> String {
        let answer = match request {
            Request::Report(report) => self
                .report(&report, trial)
                .map(|went| answer::verdict(&verdict(went.map_err(Ends::from)))),
            Request::LoadCheckpoint => Ok(self.load(trial, verdict)),
            Request::SaveCheckpoint { step, content } => {
                let saved = trial.save_checkpoint(step, content);
                self.saved(saved).map(|went| answer::verdict(&verdict(went)))
            }
            Request::SaveArtifact { name, media_type, content } => {
                let saved = trial.save_artifact(&name, Some(&media_type), content);
                self.saved(saved).map(|went| answer::verdict(&verdict(went)))
            }
            Request::SetUserAttr { name, value } => trial
                .set_user_attr(&name, value)
                .map(|()| answer::done())
                .map_err(|left_out| Complaint::new(left_out.to_string())),
            Request::SetConstraint { name, value } => {
                trial.set_constraint(&name, value).map(|()| answer::done()).map_err(Into::into)
            }
            Request::Result(given) => self.take(given).map(|()| answer::done()),
            Request::Complete(named) => self.complete(&named).map(|()| answer::done()),
        };
        answer.unwrap_or_else(|complaint| answer::complaint(&complaint))
    }

    /// How a call ended the trial, if one did.
    pub(crate) fn ends(&self) -> Option<&Ends> {
        self.ends.as_ref()
    }

    /// The result, if one was given.
    pub(crate) fn given(&self) -> Option<&Given> {
        self.given.as_ref()
    }

    pub(crate) fn into_given(self) -> Option<Given> {
        self.given
    }

    /// What it goes on from. Without what it was to go on from it does not go on.
    fn load(
        &mut self,
        trial: &mut Trial<'_>,
        verdict: impl FnOnce(Result<(), Ends>) -> Verdict,
    ) -> String {
        let (checkpoint, went) = match trial.load_checkpoint() {
            Ok(checkpoint) => (checkpoint, Ok(())),
            Err(TrialError::Stopped | TrialError::Pruned) => (None, Err(Ends::Stopped)),
            Err(TrialError::HandBack(reason)) => (None, Err(Ends::HandBack(reason))),
            Err(TrialError::Failed(reason) | TrialError::Unfit(reason)) => {
                (None, Err(Ends::Failed(reason)))
            }
        };
        self.ends = self.ends.take().or(went.clone().err());
        answer::checkpoint(checkpoint.as_ref(), &verdict(went))
    }

    /// How it goes on after something was saved. What was wrong with the call ends nothing.
    fn saved(&mut self, saved: Result<(), TrialError>) -> Result<Result<(), Ends>, Complaint> {
        let went = match saved {
            Ok(()) => Ok(()),
            Err(TrialError::Stopped | TrialError::Pruned) => Err(Ends::Stopped),
            Err(TrialError::HandBack(reason)) => Err(Ends::HandBack(reason)),
            Err(TrialError::Failed(reason) | TrialError::Unfit(reason)) => {
                return Err(match reason.split_once("\nhint: ") {
                    Some((error, hint)) => Complaint::new(error).hint(hint),
                    None => Complaint::new(reason),
                });
            }
        };
        self.ends = self.ends.take().or(went.clone().err());
        Ok(went)
    }

    fn report(
        &self,
        report: &Report,
        trial: &mut Trial<'_>,
    ) -> Result<Result<(), Stopped>, Complaint> {
        let step = report.step;
        if let Some(given) = &self.given {
            return Err(Complaint::new(format!(
                "step {step} was reported after the trial's result `{}`",
                given.state()
            ))
            .hint("report first, then give the result"));
        }
        let (values, notes) = report.come_to(self.goals)?;
        for (name, value) in notes {
            // One that there is no room for is no reason to stop the training.
            if let Err(left_out) = trial.set_user_attr(name, value) {
                tracing::warn!("a metric is not kept: {left_out}");
            }
        }
        Ok(trial.report(step, values))
    }

    fn complete(&mut self, named: &BTreeMap<String, f64>) -> Result<(), Complaint> {
        let named = named.iter().map(|(name, value)| (name.as_str(), *value));
        let values = self.goals.metrics().values(named)?;
        self.take(Given::Complete(values.into()))
    }

    fn take(&mut self, given: Given) -> Result<(), Complaint> {
        // How many objectives there are without names, the coordinator knows.
        if let (Given::Complete(values), true) = (&given, self.goals.is_closed()) {
            self.goals.metrics().check(values)?;
        }
        match &self.given {
            Some(first) if *first == given => Ok(()),
            Some(first) => Err(Complaint::new(format!(
                "the trial has another result already: `{}`",
                first.state()
            ))
            .hint("the first result counts; in a group of processes, only one gives it")),
            None => {
                self.given = Some(given);
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests;
