//! The objective `python`: a function in a process that stays.

use std::path::Path;
use std::time::{Duration, Instant};

use kindling_worker::{
    Completion, JsonMap, Objective, Output, Progress, SettingsError, Stop, Trial, TrialError, Unfit,
};

use super::common::{Shared, environment};
use super::fleet::AtWork;
use super::idle::{Idle, Key};
use super::prepare;
use super::warm::{NotReady, Warm};
use crate::goals::Goals;
use crate::gpus::{GpuPool, GpuShare};
use crate::ground::Footing;
use crate::settings::Python;
use crate::socket::card;
use crate::trial::{Rules, Whose, attend, outcome};

/// How long a process may take to import its function.
const TO_IMPORT: Duration = Duration::from_mins(10);

/// How long what a function printed may take to be heard.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Calls a Python function for each trial.
///
/// Each slot has a process that stays, so imports, data and CUDA contexts are paid for once.
pub(crate) struct PythonObjective {
    shared: Shared,
    idle: Idle,
}

impl PythonObjective {
    /// Runs its processes on the ground of this footing, and gives each its share of the GPUs.
    pub(crate) fn new(footing: Footing, gpus: GpuPool) -> Self {
        Self { shared: Shared::new(footing, gpus), idle: Idle::default() }
    }

    fn function(
        &self,
        settings: &Python,
        trial: &mut Trial<'_>,
        began: &mut Instant,
    ) -> Result<Completion, TrialError> {
        let goals = Goals::new(&trial.facts().metrics, settings.metric.as_deref())?;
        let at_work = self.shared.fleet.enter()?;
        let common = &settings.common;
        let share = self.shared.gpus.take(trial.device(), common.gpus, &trial.stop())?;
        let key = Key::new(&trial.facts().settings, &share.env());
        let (warm, evidence) = loop {
            let (warm, is_kept) = self.warm(settings, &key, &share, trial, &at_work)?;
            *began = Instant::now();
            let process = warm.process();
            process.ear().begin(trial.output());
            let card = card(trial.facts(), share.device(), trial.data_dir(), &common.user);
            let seat = process.host().begin(card, trial.stop());
            let rules = Rules { goals: &goals, timeout: common.timeout, grace: common.grace };
            let evidence = attend(process, trial, &seat, rules);
            // What it printed came another way than its result.
            process.group().hear_all(LAST_WORDS);
            let was_taken = process.host().was_taken();
            process.host().end();
            if was_taken || !is_kept || evidence.cause.is_some() {
                break (warm, evidence);
            }
            // It was killed before it took the trial, which is not the trial's fault.
        };
        let process = warm.process();
        if self.shared.fleet.is_leaving() && evidence.cause.is_none() && evidence.given.is_none() {
            return Err(TrialError::HandBack("the worker ends".to_owned()));
        }
        let errors = process.ear().last_errors();
        if evidence.exit.is_none() && !evidence.was_ended {
            self.idle.put(key, warm);
        }
        let name = "the function's process";
        outcome(evidence, Whose { name, stays: true, metrics: &[], others: &[], errors: &errors })
    }

    /// A process that waits for a trial, and whether it stayed from an earlier one.
    fn warm(
        &self,
        settings: &Python,
        key: &Key,
        share: &GpuShare,
        trial: &Trial<'_>,
        at_work: &AtWork<'_>,
    ) -> Result<(Warm, bool), TrialError> {
        let common = &settings.common;
        loop {
            let kept = self.idle.take(key);
            let is_kept = kept.is_some();
            let warm = if let Some(warm) = kept {
                warm
            } else {
                self.idle.make_room(key, self.shared.fleet.most());
                let env = environment(common, Some(share));
                Warm::start(settings, env, &self.shared.ground()?, trial.output())?
            };
            at_work.runs_in(warm.process().group(), common.grace);
            // One that stayed has nothing to do but to ask for a trial.
            let limit = if is_kept { common.grace } else { TO_IMPORT };
            match warm.until_ready(limit, &trial.stop(), &mut |_| {}) {
                Ok(()) => return Ok((warm, is_kept)),
                Err(NotReady::Stopped) => {
                    warm.end(common.grace);
                    return Err(TrialError::Stopped);
                }
                Err(_) if self.shared.fleet.is_leaving() => {
                    return Err(TrialError::HandBack("the worker ends".to_owned()));
                }
                Err(NotReady::Ended(_) | NotReady::Late) if is_kept => warm.end(common.grace),
                Err(why) => return Err(TrialError::Unfit(warm.unfit(why, settings).to_string())),
            }
        }
    }
}

impl Objective for PythonObjective {
    fn kind(&self) -> &'static str {
        "python"
    }

    fn check(&self, settings: &JsonMap) -> Result<(), SettingsError> {
        Python::read(settings).map(drop)
    }

    fn prepare(
        &self,
        settings: &JsonMap,
        _data_dir: Option<&Path>,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<(), Unfit> {
        let read = Python::read(settings).map_err(|error| Unfit(error.to_string()))?;
        let common = &read.common;
        self.shared.gpus.suits(common.gpus)?;
        prepare::directory(common)?;
        prepare::find(&common.interpreter, common)?;
        let leaving = |_| Unfit("the worker ends".to_owned());
        let at_work = self.shared.fleet.enter().map_err(leaving)?;
        // Which GPU it would get is known only with a trial. On a worker without any it is kept for the first.
        let env = environment(common, None);
        let unfit = |error| match error {
            TrialError::Failed(why) | TrialError::HandBack(why) | TrialError::Unfit(why) => {
                Unfit(why)
            }
            TrialError::Stopped | TrialError::Pruned => Unfit("it was stopped".to_owned()),
        };
        let ground = self.shared.ground().map_err(unfit)?;
        let warm = Warm::start(&read, env, &ground, Output::default()).map_err(unfit)?;
        at_work.runs_in(warm.process().group(), common.grace);
        match warm.until_ready(TO_IMPORT, &Stop::default(), progress) {
            Ok(()) => {
                self.idle.put(Key::new(settings, &[]), warm);
                Ok(())
            }
            Err(why) => Err(warm.unfit(why, &read)),
        }
    }

    fn run(&self, trial: &mut Trial<'_>) -> Result<Completion, TrialError> {
        let settings = Python::read(&trial.facts().settings)?;
        let mut began = Instant::now();
        let ended = self.function(&settings, trial, &mut began);
        self.shared.unless_broken(&trial.facts().study, began, ended)
    }

    fn leave(&self) {
        std::thread::scope(|scope| {
            scope.spawn(|| self.shared.fleet.leave());
            self.idle.leave();
        });
        // Whoever ended its trial meanwhile.
        self.idle.leave();
    }
}

impl Drop for PythonObjective {
    fn drop(&mut self) {
        self.idle.leave();
    }
}
