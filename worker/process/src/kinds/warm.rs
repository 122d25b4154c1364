//! A Python process that stays, and calls its function for one trial after another.

use std::ffi::OsString;
use std::time::{Duration, Instant};

use kindling_worker::{Output, Progress, Stop, TrialError, Unfit};

use super::common::no_socket;
use crate::ground::{Exit, Ground, Launch};
use crate::settings::Python;
use crate::trial::{Event, Place, Process, Whose};

/// How often it is said that an import still runs.
const TO_NOTE: Duration = Duration::from_secs(10);
/// How long an idle process may take to end by itself.
const TO_END: Duration = Duration::from_secs(1);

/// A process that stays.
pub(crate) struct Warm {
    process: Process,
    grace: Duration,
}

/// Why a process does not wait for a trial.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotReady {
    Ended(Exit),
    /// It took too long.
    Late,
    /// The trial that it was started for should stop.
    Stopped,
}

impl Warm {
    /// Starts a process. It then imports its function; what it says meanwhile is kept as this output.
    pub(crate) fn start(
        settings: &Python,
        mut env: Vec<(OsString, OsString)>,
        ground: &Ground,
        output: Output,
    ) -> Result<Self, TrialError> {
        let common = &settings.common;
        let place = Place::of_python(ground).map_err(|error| no_socket(&error))?;
        env.push(("KINDLING_SOCKET".into(), place.socket.path().into()));
        let function = settings.function.to_string();
        let launch = Launch {
            program: common.interpreter.clone().into(),
            args: vec!["-m".into(), "kindling.serve".into(), function.into()],
            directory: common.directory.clone(),
            env,
            memory: common.memory,
        };
        let process = place
            .start(launch, None, output)
            .map_err(|error| TrialError::Unfit(error.to_string()))?;
        Ok(Self { process, grace: common.grace })
    }

    pub(crate) fn process(&self) -> &Process {
        &self.process
    }

    /// Waits until it asks for a trial.
    pub(crate) fn until_ready(
        &self,
        limit: Duration,
        stop: &Stop,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<(), NotReady> {
        let sender = self.process.sender();
        // No trial has the number 0.
        stop.watch(move || _ = sender.send(Event::Stop { seat: 0 }));
        let began = Instant::now();
        let mut noted = began;
        loop {
            let until = (began + limit).min(noted + TO_NOTE);
            match self.next(until) {
                Some(Event::Exited(exit)) => return Err(NotReady::Ended(exit)),
                Some(_) if stop.is_wanted() => return Err(NotReady::Stopped),
                Some(_) => {}
                None if self.process.host().is_awaited() => return Ok(()),
                None if began.elapsed() >= limit => return Err(NotReady::Late),
                None => {
                    noted = until;
                    let seconds = began.elapsed().as_secs();
                    progress(Progress::Note(format!(
                        "importing the function, for {seconds} s now"
                    )));
                }
            }
        }
    }

    /// The next event. While the process waits for a trial: one that is there already.
    fn next(&self, until: Instant) -> Option<Event> {
        let now = if self.process.host().is_awaited() { Instant::now() } else { until };
        self.process.wait(Some(now)).ok()
    }

    /// Why this machine cannot call the function.
    pub(crate) fn unfit(&self, why: NotReady, settings: &Python) -> Unfit {
        let function = &settings.function;
        let interpreter = &settings.common.interpreter;
        let what = match why {
            NotReady::Ended(exit) => {
                format!("`{function}` cannot be imported by `{interpreter}` ({exit})")
            }
            NotReady::Late => format!("`{function}` took more than 10 minutes to import"),
            NotReady::Stopped => "it was stopped".to_owned(),
        };
        let errors = self.process.ear().last_errors();
        let no_package = ["No module named kindling", "No module named 'kindling'"];
        let hint = no_package.iter().any(|said| errors.contains(said)).then(|| {
            format!("the package is missing there: `{interpreter} -m pip install kindling-hpo`")
        });
        let whose =
            Whose { name: "the process", stays: true, metrics: &[], others: &[], errors: &errors };
        Unfit(whose.reason(&what, hint.as_deref()))
    }

    /// Ends it: no more trials come, and what does not hear that is terminated.
    pub(crate) fn leave(self) {
        self.process.host().close();
        let until = Instant::now() + TO_END.min(self.grace);
        while let Ok(event) = self.process.wait(Some(until)) {
            if matches!(event, Event::Exited(_)) {
                break;
            }
        }
        let grace = self.grace;
        self.end(grace);
    }

    /// Ends it with SIGTERM.
    pub(crate) fn end(self, grace: Duration) {
        if let Err(left) = self.process.group().end(grace) {
            tracing::error!("{left}");
        }
    }
}
