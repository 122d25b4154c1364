//! The objective `command`: a process for each trial.

use std::ffi::OsString;
use std::path::Path;
use std::time::Instant;

use kindling_worker::{
    Completion, JsonMap, Objective, Progress, SettingsError, Trial, TrialError, TrialFacts, Unfit,
};

use super::common::{Shared, environment, no_socket};
use super::prepare;
use crate::goals::Goals;
use crate::gpus::GpuPool;
use crate::ground::{Footing, Launch};
use crate::metric::Sought;
use crate::settings::Command;
use crate::settings::words::{Facts, params_json};
use crate::socket::card;
use crate::trial::{Place, Rules, Whose, attend, outcome};

/// Runs a command for each trial.
///
/// See `docs/own-code.md` for what it is given and how it ends.
pub(crate) struct CommandObjective {
    shared: Shared,
}

impl CommandObjective {
    /// Runs commands on the ground of this footing, and gives each its share of the GPUs.
    pub(crate) fn new(footing: Footing, gpus: GpuPool) -> Self {
        Self { shared: Shared::new(footing, gpus) }
    }

    /// Runs the command, from its start until all its processes are gone.
    fn command(
        &self,
        settings: &Command,
        trial: &mut Trial<'_>,
        began: &mut Instant,
    ) -> Result<Completion, TrialError> {
        let goals = Goals::new(&trial.facts().metrics, settings.metric.as_deref())?;
        let at_work = self.shared.fleet.enter()?;
        let common = &settings.common;
        let share = self.shared.gpus.take(trial.device(), common.gpus, &trial.stop())?;
        *began = Instant::now();
        let ground = self.shared.ground()?;
        let place = Place::of_command(&ground).map_err(|error| no_socket(&error))?;
        let facts = trial.facts();
        let params_file = place.socket.folder().join("params.json");
        if settings.words.wants_params_file() {
            let params = params_json(&facts.params).to_string();
            std::fs::write(&params_file, params).map_err(|error| no_socket(&error))?;
        }
        let device = share.device();
        let words = settings.words.expand(&Facts {
            trial: facts,
            device,
            interpreter: &common.interpreter,
            params_file: Some(&params_file),
        });
        let mut words = words.map_err(TrialError::Failed)?.into_iter();
        let mut env = environment(common, Some(&share));
        env.extend(told(facts, place.socket.path()));
        let launch = Launch {
            program: words.next().unwrap_or_default(),
            args: words.collect(),
            directory: common.directory.clone(),
            env,
            memory: common.memory,
        };
        let card = card(facts, device, trial.data_dir(), &common.user);
        let seat = place.host.begin(card, trial.stop());
        let process = place.start(launch, Sought::new(&goals), trial.output())?;
        at_work.runs_in(process.group(), common.grace);
        let rules = Rules { goals: &goals, timeout: common.timeout, grace: common.grace };
        let evidence = attend(&process, trial, &seat, rules);
        if self.shared.fleet.is_leaving() && evidence.cause.is_none() && evidence.given.is_none() {
            return Err(TrialError::HandBack("the worker ends".to_owned()));
        }
        let (errors, others) = (process.ear().last_errors(), process.ear().other_metrics());
        let name = "the command";
        let metrics = &goals.metrics().names;
        outcome(evidence, Whose { name, stays: false, metrics, others: &others, errors: &errors })
    }
}

impl Objective for CommandObjective {
    fn kind(&self) -> &'static str {
        "command"
    }

    fn check(&self, settings: &JsonMap) -> Result<(), SettingsError> {
        Command::read(settings).map(drop)
    }

    fn prepare(
        &self,
        settings: &JsonMap,
        _data_dir: Option<&Path>,
        _progress: &mut dyn FnMut(Progress),
    ) -> Result<(), Unfit> {
        let read = Command::read(settings).map_err(|error| Unfit(error.to_string()))?;
        self.shared.gpus.suits(read.common.gpus)?;
        prepare::command(&read, settings)
    }

    fn run(&self, trial: &mut Trial<'_>) -> Result<Completion, TrialError> {
        let settings = Command::read(&trial.facts().settings)?;
        let mut began = Instant::now();
        let ended = self.command(&settings, trial, &mut began);
        self.shared.unless_broken(&trial.facts().study, began, ended)
    }

    fn leave(&self) {
        self.shared.fleet.leave();
    }
}

/// What the trial's variables tell.
fn told(facts: &TrialFacts, socket: &Path) -> [(OsString, OsString); 6] {
    let told: [(&str, OsString); 6] = [
        ("KINDLING_SOCKET", socket.into()),
        ("KINDLING_STUDY", facts.study.clone().into()),
        ("KINDLING_TRIAL", facts.number.to_string().into()),
        ("KINDLING_ATTEMPT", facts.attempt.to_string().into()),
        ("KINDLING_SEED", facts.seed.to_string().into()),
        ("KINDLING_STUDY_SEED", facts.study_seed.to_string().into()),
    ];
    told.map(|(name, value)| (name.into(), value))
}
