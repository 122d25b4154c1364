//! `kindling trial …`.

use clap::{Subcommand, ValueEnum};
use kindling_proto::v1;

use crate::artifacts::{self, ArtifactArgs};
use crate::client::{Client, empty, refused};
use crate::filter::FilterArgs;
use crate::fix::FixArgs;
use crate::hint::hinted;
use crate::logs::LogsArgs;
use crate::out::outln;
use crate::remarks::{self, NoteArgs, TagArgs, Whose};
use crate::source::{Access, SourceArgs};
use crate::{format, json, logs, metrics, table};

#[derive(clap::Args)]
pub(crate) struct TrialArgs {
    #[command(flatten)]
    source: SourceArgs,
    #[command(subcommand)]
    command: TrialCommand,
}

#[derive(Subcommand)]
enum TrialCommand {
    /// List a study's trials
    List {
        /// The study's name
        study: String,
        /// Only trials in these states
        #[arg(long, value_delimiter = ',')]
        state: Vec<State>,
        #[command(flatten)]
        filter: FilterArgs,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Show one trial with its curve
    Show {
        #[command(flatten)]
        numbered: Numbered,
    },
    /// Show what a trial wrote: its output, and what its worker logs about it
    Logs(LogsArgs),
    /// List what a trial has kept, or copy one of the files
    Artifacts {
        /// The study's name
        study: String,
        /// The trial's number
        number: u32,
        #[command(flatten)]
        artifacts: ArtifactArgs,
    },
    /// Print a trial's note, or write it; a finished trial can have one, too
    Note {
        /// The study's name
        study: String,
        /// The trial's number
        number: u32,
        #[command(flatten)]
        note: NoteArgs,
    },
    /// List a trial's tags, or change them
    Tag {
        /// The study's name
        study: String,
        /// The trial's number
        number: u32,
        #[command(flatten)]
        tags: TagArgs,
    },
    /// Add a trial with some parameters fixed; the sampler chooses the rest
    Enqueue {
        /// The study's name
        study: String,
        #[command(flatten)]
        fix: FixArgs,
        /// Go on from the newest checkpoint of this trial of the study
        #[arg(long, value_name = "NUMBER")]
        warm_start: Option<u32>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Add a trial with the parameters of a failed one, or one for each of several
    Retry {
        /// The study's name
        study: String,
        /// The failed trials' numbers
        #[arg(required = true, value_name = "NUMBER")]
        numbers: Vec<u32>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

#[derive(clap::Args)]
struct Numbered {
    /// The study's name
    study: String,
    /// The trial's number
    number: u32,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum State {
    Waiting,
    Running,
    Complete,
    Pruned,
    Fail,
}

pub(crate) async fn trial(args: TrialArgs) -> anyhow::Result<()> {
    let TrialArgs { source, command } = args;
    let (study, access) = match &command {
        TrialCommand::List { study, .. } | TrialCommand::Artifacts { study, .. } => {
            (study, Access::Look)
        }
        TrialCommand::Show { numbered } => (&numbered.study, Access::Look),
        TrialCommand::Logs(logs) if logs.follow && source.is_store() => {
            return Err(hinted(
                "--follow asks the coordinator that serves the trial, not its store",
                "leave out --follow, or name the coordinator with --coordinator URL",
            ));
        }
        TrialCommand::Logs(logs) => (&logs.study, Access::Look),
        TrialCommand::Note { study, note, .. } if note.changes() => (study, Access::Change),
        TrialCommand::Tag { study, tags, .. } if tags.changes() => (study, Access::Change),
        TrialCommand::Note { study, .. } | TrialCommand::Tag { study, .. } => (study, Access::Look),
        TrialCommand::Enqueue { study, .. } | TrialCommand::Retry { study, .. } => {
            (study, Access::Change)
        }
    };
    let study = study.clone();
    let source = match &command {
        TrialCommand::Artifacts { artifacts, .. } => {
            source.with_artifacts(artifacts.artifacts.as_ref())
        }
        _ => source,
    };
    let questions = async |client: &mut Client| answer(client, command).await;
    source.ask(Some(&study), access, questions).await
}

async fn answer(client: &mut Client, command: TrialCommand) -> anyhow::Result<()> {
    match command {
        TrialCommand::List { study, state, filter, json } => {
            let states: Vec<_> = state.into_iter().map(State::to_wire).collect();
            // A filter knows the attributes of all trials, whatever their state.
            let asked = if filter.is_there() { &[][..] } else { states.as_slice() };
            let trials = client.all_trials(&study, asked).await?;
            let study = client.study(&study).await?;
            let mut trials = filter.of(&study, trials)?;
            trials.retain(|trial| states.is_empty() || states.contains(&trial.state()));
            if json {
                json::print(&trials.iter().map(json::trial).collect());
            } else {
                let trials: Vec<_> = trials.iter().collect();
                outln!("{}", table::trials_and_reasons(&study, &trials));
            }
        }
        TrialCommand::Show { numbered: Numbered { study, number, json } } => {
            let of = client.study(&study).await?;
            let request = v1::GetTrialRequest { study, number };
            let response = client.trials.get_trial(request).await.map_err(refused)?;
            print(&of, &response.into_inner().trial.ok_or_else(empty)?, json);
        }
        TrialCommand::Logs(args) => logs::show(client, args).await?,
        TrialCommand::Artifacts { study, number, artifacts } => {
            artifacts::show(client, study, Some(number), artifacts).await?;
        }
        TrialCommand::Note { study, number, note } => {
            remarks::note(client, &Whose { study, trial: Some(number) }, note).await?;
        }
        TrialCommand::Tag { study, number, tags } => {
            remarks::tags(client, &Whose { study, trial: Some(number) }, tags).await?;
        }
        TrialCommand::Enqueue { study, fix, warm_start, json } => {
            let of = client.study(&study).await?;
            let params = fix.named_values(of.spec.as_ref().map_or(&[], |spec| &spec.space))?;
            let request =
                v1::EnqueueTrialRequest { study, params, request_id: request_id(), warm_start };
            let response = client.trials.enqueue_trial(request).await.map_err(refused)?;
            print(&of, &response.into_inner().trial.ok_or_else(empty)?, json);
        }
        TrialCommand::Retry { study, numbers, json } => {
            let &[number] = &numbers[..] else {
                return retry_all(client, study, numbers, json).await;
            };
            let of = client.study(&study).await?;
            let request = v1::RetryTrialRequest { study, number, request_id: request_id() };
            let response = client.trials.retry_trial(request).await.map_err(refused)?;
            print(&of, &response.into_inner().trial.ok_or_else(empty)?, json);
        }
    }
    Ok(())
}

/// Repeats what can be repeated, and fails if something cannot.
async fn retry_all(
    client: &mut Client,
    study: String,
    numbers: Vec<u32>,
    json: bool,
) -> anyhow::Result<()> {
    let request = v1::RetryTrialsRequest { study, numbers, request_id: request_id() };
    let v1::RetryTrialsResponse { retried, refused: left } =
        client.trials.retry_trials(request).await.map_err(refused)?.into_inner();
    if json {
        json::print(&serde_json::json!({
            "retried": retried.iter().map(|one| (one.failed, one.number)).collect::<Vec<_>>(),
            "refused": left.iter().map(|one| (one.failed, &one.reason)).collect::<Vec<_>>(),
        }));
    } else {
        for v1::Retried { failed, number } in &retried {
            outln!("trial {failed}: again, as trial {number}");
        }
    }
    match &left[..] {
        [] => Ok(()),
        [first, ..] => Err(hinted(
            format!("{} of them not repeated, the first: {}", left.len(), first.reason),
            "only failed trials can be; `kindling trial list STUDY --state fail` has them",
        )),
    }
}

impl State {
    fn to_wire(self) -> v1::TrialState {
        match self {
            Self::Waiting => v1::TrialState::Waiting,
            Self::Running => v1::TrialState::Running,
            Self::Complete => v1::TrialState::Complete,
            Self::Pruned => v1::TrialState::Pruned,
            Self::Fail => v1::TrialState::Fail,
        }
    }
}

fn print(study: &v1::Study, trial: &v1::Trial, json: bool) {
    if json {
        json::print(&json::trial(trial));
        return;
    }
    outln!("{}", table::trials(study, &[trial]));
    for line in format::remarks(&trial.note, &trial.tags) {
        outln!("{line}");
    }
    for (name, value) in metrics::constraints(study).iter().zip(&trial.constraints) {
        outln!("constraint {name}: {}", format::number(*value));
    }
    if !trial.worker.is_empty() {
        outln!("worker: {}", trial.worker);
    }
    if let Some(number) = trial.retry_of {
        outln!("retry of: trial {number}");
    }
    if let Some(v1::Confirmation { of, seed }) = trial.confirms {
        outln!("confirms: trial {of}, under fresh seed {seed}");
    }
    if let Some(number) = trial.warm_start {
        outln!("starts from: the checkpoint of trial {number}");
    }
    if trial.attempts.len() > 1 {
        outln!("{}", table::attempts(&trial.attempts));
    }
    if let Some(checkpoint) = trial.checkpoints.last() {
        outln!("checkpoint: step {}, of attempt {}", checkpoint.step, checkpoint.attempt);
    }
    if !trial.artifacts.is_empty() {
        outln!("artifacts: {}; see `kindling trial artifacts`", trial.artifacts.len());
    }
    if !trial.fail_reason.is_empty() {
        outln!("failed: {}", trial.fail_reason);
    }
    let attributes: std::collections::BTreeMap<_, _> = trial.attributes_json.iter().collect();
    for (key, text) in attributes {
        let shown = if json::is_nested(text) { "see --json" } else { text };
        outln!("{key}: {shown}");
    }
    if !trial.intermediate_values.is_empty() {
        outln!("{}", table::curve(study, trial));
    }
}

/// A unique ID, so that a repeated request adds nothing.
fn request_id() -> String {
    format!("{:032x}", rand::random::<u128>())
}
