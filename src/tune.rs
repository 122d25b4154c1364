//! `kindling tune`: a command with placeholders, and no study file.

use std::process::ExitCode;

use clap::ArgGroup;
use clap::builder::StyledStr;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use kindling_study::StudySpec;
use kindling_telemetry::{TelemetryArgs, say};

use self::words::Command;
use crate::hint::hinted;
use crate::out;
use crate::run::{RunOptions, run_study};
use crate::study_file;

mod file;
mod name;
mod placeholder;
mod pointed;
mod range;
#[cfg(test)]
mod tests;
mod words;

/// The number of trials unless told.
const TRIALS: u32 = 100;

/// The text below the options in `--help`.
pub(crate) const HELP: &str = r#"A placeholder stands for a value that Kindling chooses. Single quotes keep the
shell away from it:

  '{NAME: LOW..HIGH}'         a number between; whole if both bounds are: 0..1 is
                              0 or 1, and 0.0..1.0 all between
  '{NAME: LOW..HIGH log}'     on a logarithmic scale
  '{NAME: LOW..HIGH step S}'  in steps
  '{NAME: A|B|C}'             one of these: text, numbers, true, false, None;
                              "1" is text
  '{NAME}'                    its value once more
  '{trial}' and '{seed}'      the trial's number and seed
  '{{' and '}}'               braces of your own

The command prints its metric: `accuracy=0.91`, or `epoch=3 accuracy=0.91` again
and again. The last one counts. With --pruner median, trials that fall behind are
stopped early. Instead, it may use `kindling tell` or the Python package.

With several metrics the result is the front: the trials that no other beats in
all of them.

Examples:
  kindling tune --maximize accuracy --trials 50 -- \
      python train.py --lr '{lr: 1e-5..1e-1 log}' --opt '{opt: adam|sgd}'
  kindling tune --minimize loss --pruner median -- \
      ./train.sh layers='{layers: 1..8}' out='run-{trial}'
  kindling tune --maximize accuracy --minimize latency_ms --constraint memory -- \
      python train.py --width '{width: 8..256 log}'

The same command again resumes. When you need more, such as conditions, go on with
a file: add --print before the --, > study.toml, then `kindling run study.toml`.

Exit status: as of `kindling run`"#;

#[derive(clap::Args)]
#[command(group = ArgGroup::new("goal").required(true).multiple(true).args(["maximize", "minimize"]))]
pub(crate) struct TuneArgs {
    /// The metric to maximize, as the command's output names it; several may be given
    #[arg(long, value_name = "METRIC")]
    maximize: Vec<String>,
    /// The metric to minimize; of several metrics, the pruner compares the first to maximize, or else the first of these
    #[arg(long, value_name = "METRIC")]
    minimize: Vec<String>,
    /// A metric that must be at or below 0; several may be given
    #[arg(long, value_name = "METRIC")]
    constraint: Vec<String>,
    /// How many trials to finish [default: 100]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    trials: Option<u32>,
    /// The study's name [default: the script's]
    #[arg(long)]
    name: Option<String>,
    /// How long a trial may take: 90s, 30m, 2h [default: as long as it takes]
    #[arg(long, value_name = "TIME")]
    timeout: Option<String>,
    /// Decides what is proposed, and each trial's own seed
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// How to choose values: auto, gp, tpe, cmaes, nsga2, nsga3, random, sobol or grid [default: auto]
    #[arg(long, value_name = "KIND")]
    sampler: Option<String>,
    /// What stops a trial early: none, median, asha or patience [default: none]
    #[arg(long, value_name = "KIND")]
    pruner: Option<String>,
    /// Print the study file that this stands for, and stop
    #[arg(long)]
    print: bool,
    #[command(flatten)]
    options: RunOptions,
    /// The command, with a placeholder wherever a value belongs
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<String>,
}

pub(crate) async fn tune(args: TuneArgs, telemetry: TelemetryArgs) -> anyhow::Result<ExitCode> {
    if args.print {
        let (text, _) = told(&args)?;
        out::write(text.as_bytes());
        return Ok(ExitCode::SUCCESS);
    }
    let read = || Ok(told(&args)?.1);
    let trials = args.trials;
    run_study(read, trials, args.options.clone(), telemetry).await
}

/// Adds to the error for a command that came without the `--` before it.
pub(crate) fn hint_at_dashes(error: &mut clap::Error) {
    let is_word = matches!(
        error.get(ContextKind::InvalidArg),
        Some(ContextValue::String(word)) if !word.starts_with('-')
    );
    if error.kind() == ErrorKind::UnknownArgument && is_word {
        let hint =
            "put `--` before the command: kindling tune --maximize accuracy -- python train.py";
        let hint = ContextValue::StyledStrs(vec![StyledStr::from(hint)]);
        error.insert(ContextKind::Suggested, hint);
    }
}

/// The study, and on standard error what its placeholders mean that may surprise.
fn told(args: &TuneArgs) -> anyhow::Result<(String, StudySpec)> {
    let read = study(args)?;
    for note in Command::read(&args.command)?.notes() {
        say!("note: {note}");
    }
    Ok(read)
}

/// The study file that the command line stands for, and the study in it.
fn study(args: &TuneArgs) -> anyhow::Result<(String, StudySpec)> {
    let command = Command::read(&args.command)?;
    if let Some(twice) = args.twice() {
        return Err(hinted(format!("the metric `{twice}` is there twice"), "name each once"));
    }
    let name = args.name.clone().unwrap_or_else(|| name::of_command(&args.command));
    let text = file::text(args, &name, &command);
    let spec = study_file::check(&text).map_err(|error| {
        let (key, message) = (&error.key, &error.message);
        let pointed = command.pointed(&args.command, key, message);
        pointed.unwrap_or_else(|| {
            let option = option(key).unwrap_or(key);
            hinted(format!("{option}: {message}"), "`kindling tune --help` shows how to write it")
        })
    })?;
    Ok((text, spec))
}

/// The option that a key of the study file was made of.
fn option(key: &str) -> Option<&'static str> {
    Some(match key {
        "name" => "--name",
        "seed" => "--seed",
        "objective.metric" | "directions" => "the metric",
        "constraints" => "--constraint",
        "objective.timeout" => "--timeout",
        "objective.command" => "the command",
        _ if key.starts_with("sampler") => "--sampler",
        _ if key.starts_with("pruner") => "--pruner",
        _ => return None,
    })
}

impl TuneArgs {
    /// The metrics with their directions. The pruner compares the first.
    fn goals(&self) -> Vec<(&'static str, &str)> {
        let maximize = self.maximize.iter().map(|metric| ("maximize", metric.as_str()));
        maximize.chain(self.minimize.iter().map(|metric| ("minimize", metric.as_str()))).collect()
    }

    /// A name that is there twice, which no file could say.
    fn twice(&self) -> Option<&str> {
        let metrics = self.goals().into_iter().map(|(_, metric)| metric);
        let names: Vec<_> = metrics.chain(self.constraint.iter().map(String::as_str)).collect();
        names
            .iter()
            .enumerate()
            .find(|(at, name)| names[..*at].contains(name))
            .map(|(_, name)| *name)
    }

    fn trials(&self) -> u32 {
        self.trials.unwrap_or(TRIALS)
    }
}
