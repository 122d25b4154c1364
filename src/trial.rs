//! `kindling trial …`.

use clap::{Subcommand, ValueEnum};
use kindling_proto::v1;
use kindling_worker::ConnectArgs;

use crate::client::{Client, empty, refused};
use crate::hint::hinted;
use crate::out::outln;
use crate::{format, json, table};

#[derive(clap::Args)]
pub(crate) struct TrialArgs {
    #[command(flatten)]
    connect: ConnectArgs,
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
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Show one trial with its curve
    Show {
        #[command(flatten)]
        numbered: Numbered,
    },
    /// Add a trial with some parameters fixed; the sampler chooses the rest
    Enqueue {
        /// The study's name
        study: String,
        /// Parameters to fix
        #[arg(value_name = "NAME=VALUE", value_parser = assignment)]
        params: Vec<(String, String)>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Add a trial with the parameters of a failed one
    Retry {
        #[command(flatten)]
        numbered: Numbered,
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
    let mut client = Client::connect(&args.connect).await?;
    match args.command {
        TrialCommand::List { study, state, json } => {
            let states: Vec<_> = state.into_iter().map(State::to_wire).collect();
            let trials = client.all_trials(&study, &states).await?;
            if json {
                json::print(&trials.iter().map(json::trial).collect());
            } else {
                outln!("{}", table::trials(&trials.iter().collect::<Vec<_>>()));
            }
        }
        TrialCommand::Show { numbered: Numbered { study, number, json } } => {
            let request = v1::GetTrialRequest { study, number };
            let response = client.trials.get_trial(request).await.map_err(refused)?;
            print(&response.into_inner().trial.ok_or_else(empty)?, json);
        }
        TrialCommand::Enqueue { study, params, json } => {
            let params = fix(&mut client, &study, params).await?;
            let request = v1::EnqueueTrialRequest { study, params, request_id: request_id() };
            let response = client.trials.enqueue_trial(request).await.map_err(refused)?;
            print(&response.into_inner().trial.ok_or_else(empty)?, json);
        }
        TrialCommand::Retry { numbered: Numbered { study, number, json } } => {
            let request = v1::RetryTrialRequest { study, number, request_id: request_id() };
            let response = client.trials.retry_trial(request).await.map_err(refused)?;
            print(&response.into_inner().trial.ok_or_else(empty)?, json);
        }
    }
    Ok(())
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

fn print(trial: &v1::Trial, json: bool) {
    if json {
        json::print(&json::trial(trial));
        return;
    }
    outln!("{}", table::trials(&[trial]));
    if !trial.worker.is_empty() {
        outln!("worker: {}", trial.worker);
    }
    if let Some(number) = trial.retry_of {
        outln!("retry of: trial {number}");
    }
    if let Some(v1::Confirmation { of, seed }) = trial.confirms {
        outln!("confirms: trial {of}, under fresh seed {seed}");
    }
    if !trial.fail_reason.is_empty() {
        outln!("failed: {}", trial.fail_reason);
    }
    let attributes: std::collections::BTreeMap<_, _> = trial.attributes_json.iter().collect();
    for (key, text) in attributes {
        outln!("{key}: {text}");
    }
    if !trial.intermediate_values.is_empty() {
        let mut curve = table::new(&["step", "value"], &[0, 1]);
        for point in &trial.intermediate_values {
            curve.add_row([point.step.to_string(), format::number(point.value)]);
        }
        outln!("{curve}");
    }
}

/// Gives each value the kind that the study's space has for its parameter.
async fn fix(
    client: &mut Client,
    study: &str,
    params: Vec<(String, String)>,
) -> anyhow::Result<Vec<v1::NamedValue>> {
    let spec = client.study(study).await?.spec.unwrap_or_default();
    let named = params.into_iter().map(|(name, text)| {
        let Some(param) = spec.space.iter().find(|p| p.name == name) else {
            let known: Vec<_> = spec.space.iter().map(|p| p.name.as_str()).collect();
            let hint = format!("the study has {}", known.join(", "));
            return Err(hinted(format!("no parameter `{name}`"), hint));
        };
        let value = value(param, &text).ok_or_else(|| {
            hinted(format!("`{text}` is not a value of `{name}`"), describe(param))
        })?;
        Ok(v1::NamedValue { name, value: Some(value) })
    });
    named.collect()
}

fn value(param: &v1::Parameter, text: &str) -> Option<v1::Value> {
    use v1::parameter::Distribution;
    use v1::value::Kind;
    let kind = match param.distribution.as_ref()? {
        Distribution::Float(_) => Kind::Float(text.parse().ok()?),
        Distribution::Int(_) => Kind::Int(text.parse().ok()?),
        Distribution::Categorical(categorical) => {
            let choices = categorical.choices.iter();
            return choices.into_iter().find(|c| format::value(Some(c)) == text).cloned();
        }
    };
    Some(v1::Value { kind: Some(kind) })
}

fn describe(param: &v1::Parameter) -> String {
    use v1::parameter::Distribution;
    match &param.distribution {
        Some(Distribution::Float(d)) => format!("it is a number from {} to {}", d.low, d.high),
        Some(Distribution::Int(d)) => format!("it is a whole number from {} to {}", d.low, d.high),
        Some(Distribution::Categorical(d)) => {
            let choices: Vec<_> = d.choices.iter().map(|c| format::value(Some(c))).collect();
            format!("it is one of {}", choices.join(", "))
        }
        None => "look at `kindling study show`".to_owned(),
    }
}

fn assignment(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("expected NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

/// So that a repeated request adds nothing.
fn request_id() -> String {
    format!("{:032x}", rand::random::<u128>())
}
