//! `kindling tell`: what a trial's script says to its worker, and what it asks.

use std::process::ExitCode;

use clap::Subcommand;
use kindling_telemetry::say;
use serde_json::{Map, Value, json};

use crate::hint::hinted;
use crate::out::outln;
use crate::shell;

mod socket;

/// The exit status that tells a script to stop.
const STOP: u8 = 10;

/// The text below the commands in `--help`.
pub(crate) const HELP: &str = "\
For a script that Kindling runs, as `kindling tune` does. By itself, without KINDLING_SOCKET, it prints what it would
tell and ends with 0, so that the script runs alone, too.

  lr=$(kindling tell param lr --default 0.01)
  for epoch in 0 1 2 3 4; do
      accuracy=$(train \"$lr\" \"$epoch\")
      kindling tell report --step \"$epoch\" \"$accuracy\" || exit
  done
  kindling tell result \"$accuracy\"

Exit status: 0 says go on, 10 says stop, 1 is an error. A plain `exit` passes it on, which is right for both: a trial
that was told to stop may end with any status, and one with an error fails.";

#[derive(clap::Args)]
pub(crate) struct TellArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Report the value of a step, for example of an epoch: exit status 0 says go on, 10 says stop
    Report {
        /// The step: 0, 1, 2 and so on; steps ascend
        #[arg(long, value_name = "N")]
        step: u64,
        /// The value
        #[arg(allow_hyphen_values = true)]
        value: f64,
    },
    /// Ask whether to go on: prints continue, prune or stop; exit status 0 or 10
    Verdict,
    /// Give the trial's result
    Result(ResultArgs),
    /// Note something beside the result
    Attr {
        /// What it is
        name: String,
        /// JSON, or else text
        #[arg(allow_hyphen_values = true)]
        value: String,
    },
    /// Print all parameters of the trial: NAME=VALUE, quoted for a shell
    Params {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Print the value of one parameter
    Param {
        /// Its name
        name: String,
        /// What to print if there is no trial, or the parameter is not active in it
        #[arg(long, value_name = "VALUE", allow_hyphen_values = true)]
        default: Option<String>,
    },
}

#[derive(clap::Args)]
#[group(required = true, multiple = false)]
struct ResultArgs {
    /// The value, or one for each objective of the study
    #[arg(allow_hyphen_values = true, num_args = 1..)]
    values: Vec<f64>,
    /// It stopped early
    #[arg(long)]
    pruned: bool,
    /// It failed, for this reason
    #[arg(long, value_name = "REASON")]
    fail: Option<String>,
    /// It cannot go on here now, for this reason; it is leased again, here or elsewhere
    #[arg(long, value_name = "REASON")]
    hand_back: Option<String>,
    /// This machine cannot run such trials at all, for this reason; the worker ends
    #[arg(long, value_name = "REASON")]
    unfit: Option<String>,
}

pub(crate) async fn tell(TellArgs { what }: TellArgs) -> anyhow::Result<ExitCode> {
    match what {
        What::Report { step, value } => {
            let call = json!({ "call": "report", "step": step, "value": number(value) });
            Ok(verdict(ask(call).await?.as_ref())?.status())
        }
        What::Verdict => {
            let verdict = verdict(ask(json!({ "call": "verdict" })).await?.as_ref())?;
            outln!("{}", verdict.word);
            Ok(verdict.status())
        }
        What::Result(result) => {
            ask(result.call()).await?;
            Ok(ExitCode::SUCCESS)
        }
        What::Attr { name, value } => {
            let value = serde_json::from_str(&value).unwrap_or(Value::String(value));
            ask(json!({ "call": "set_user_attr", "name": name, "value": value })).await?;
            Ok(ExitCode::SUCCESS)
        }
        What::Params { json } => {
            let params = params().await?.unwrap_or_default();
            if json {
                crate::json::print(&params.into());
            } else {
                for (name, value) in &params {
                    outln!("{name}={}", shell::word(&plain(value)));
                }
            }
            Ok(ExitCode::SUCCESS)
        }
        What::Param { name, default } => {
            let params = params().await?;
            let value = params.as_ref().and_then(|params| params.get(&name)).map(plain);
            outln!("{}", value.or(default).ok_or_else(|| missing(&name, params.as_ref()))?);
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// The answer to a call. Without a worker the call is printed, and there is none.
async fn ask(call: Value) -> anyhow::Result<Option<Map<String, Value>>> {
    let answer = socket::ask(&call).await?;
    if answer.is_none() {
        outln!("{call}");
    }
    Ok(answer)
}

/// Whether to go on.
struct Verdict {
    word: String,
}

impl Verdict {
    fn status(&self) -> ExitCode {
        if self.word == "continue" { ExitCode::SUCCESS } else { ExitCode::from(STOP) }
    }
}

/// What the answer says. Who runs alone goes on.
fn verdict(answer: Option<&Map<String, Value>>) -> anyhow::Result<Verdict> {
    let Some(answer) = answer else { return Ok(Verdict { word: "continue".to_owned() }) };
    let text = |key| answer.get(key).and_then(Value::as_str);
    let word = text("verdict").ok_or_else(|| socket::odd("there is no `verdict` in it"))?;
    match (word, text("reason")) {
        ("continue", _) => {}
        ("prune", _) => say!("the trial is pruned: end now"),
        (word, reason) => say!("the trial is to end now: {}", reason.unwrap_or(word)),
    }
    Ok(Verdict { word: word.to_owned() })
}

/// The trial's parameters; `None` without a worker.
async fn params() -> anyhow::Result<Option<Map<String, Value>>> {
    let hello = json!({ "call": "hello", "version": socket::VERSION });
    let Some(mut answer) = socket::ask(&hello).await? else { return Ok(None) };
    let params = answer.get_mut("trial").and_then(|trial| trial.get_mut("params"));
    match params.map(Value::take) {
        Some(Value::Object(params)) => Ok(Some(params)),
        _ => Err(socket::odd("there are no `params` in it")),
    }
}

fn missing(name: &str, params: Option<&Map<String, Value>>) -> anyhow::Error {
    let hint = "say with --default VALUE what to take then";
    match params {
        None => hinted(format!("`{name}` has no value: this runs by itself, not in a trial"), hint),
        Some(params) => {
            let active: Vec<_> = params.keys().map(String::as_str).collect();
            let active = active.join(", ");
            hinted(format!("`{name}` is not active in this trial, which has {active}"), hint)
        }
    }
}

/// A value as an argument of the command would have it: text without quotes.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => "None".to_owned(),
        other => other.to_string(),
    }
}

/// A number, or the text for one that JSON cannot write.
fn number(x: f64) -> Value {
    match x {
        x if x.is_finite() => x.into(),
        x if x.is_nan() => "nan".into(),
        x if x > 0.0 => "inf".into(),
        _ => "-inf".into(),
    }
}

impl ResultArgs {
    fn call(self) -> Value {
        let Self { values, pruned, fail, hand_back, unfit } = self;
        if pruned {
            return json!({ "call": "result", "state": "pruned" });
        }
        let reasons = [("fail", fail), ("hand_back", hand_back), ("unfit", unfit)];
        let mut reasons = reasons.into_iter();
        if let Some((state, reason)) = reasons.find_map(|(state, reason)| Some((state, reason?))) {
            return json!({ "call": "result", "state": state, "reason": reason });
        }
        let values: Vec<_> = values.into_iter().map(number).collect();
        json!({ "call": "result", "state": "complete", "values": values })
    }
}
