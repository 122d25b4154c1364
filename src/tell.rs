//! `kindling tell`: what a trial's script says to its worker, and what it asks.

use std::path::{Path, PathBuf};
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
        /// The value; with several objectives NAME=VALUE for each, of which the pruner's must be there
        #[arg(allow_hyphen_values = true, required = true, num_args = 1..)]
        values: Vec<Said>,
    },
    /// Ask whether to go on: prints continue, prune or stop; exit status 0 or 10
    Verdict,
    /// Give the trial's result
    Result(ResultArgs),
    /// Tell the value of one of the study's constraints: it holds at or below 0; the last one counts
    Constraint {
        /// Its name
        name: String,
        /// The value
        #[arg(allow_hyphen_values = true)]
        value: f64,
    },
    /// Note something beside the result
    Attr {
        /// What it is
        name: String,
        /// JSON, or else text
        #[arg(allow_hyphen_values = true)]
        value: String,
    },
    /// Save a file that a next attempt can go on from: exit status as of report, and returns once it is safe
    Checkpoint {
        /// The last step that it contains; steps ascend
        #[arg(long, value_name = "N")]
        step: u64,
        /// The file; it is copied
        file: PathBuf,
    },
    /// Print what an earlier attempt saved last, for a shell's eval: `checkpoint_step=7 checkpoint_path=FILE`, or nothing
    Resume {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Keep a file with the trial, such as a plot
    Artifact {
        /// The file; it is copied
        file: PathBuf,
        /// What it is called, instead of the file's name; may have slashes
        #[arg(long)]
        name: Option<String>,
        /// Its type, such as image/png
        #[arg(long = "type", value_name = "TYPE")]
        media_type: Option<String>,
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
    /// The value; with several objectives NAME=VALUE for each, or all values in the study's order
    #[arg(allow_hyphen_values = true, num_args = 1..)]
    values: Vec<Said>,
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
        What::Report { step, values } => {
            let call = match &values[..] {
                [Said::Value(value)] => {
                    json!({ "call": "report", "step": step, "value": number(*value) })
                }
                values => {
                    json!({ "call": "report", "step": step, "metrics": named(values)? })
                }
            };
            Ok(verdict(ask(call).await?.as_ref())?.status())
        }
        What::Verdict => {
            let verdict = verdict(ask(json!({ "call": "verdict" })).await?.as_ref())?;
            outln!("{}", verdict.word);
            Ok(verdict.status())
        }
        What::Result(result) => {
            ask(result.call()?).await?;
            Ok(ExitCode::SUCCESS)
        }
        What::Constraint { name, value } => {
            let value = number(value);
            ask(json!({ "call": "set_constraint", "name": name, "value": value })).await?;
            Ok(ExitCode::SUCCESS)
        }
        What::Attr { name, value } => {
            let value = serde_json::from_str(&value).unwrap_or(Value::String(value));
            ask(json!({ "call": "set_user_attr", "name": name, "value": value })).await?;
            Ok(ExitCode::SUCCESS)
        }
        What::Checkpoint { step, file } => {
            let call = json!({ "call": "save_checkpoint", "step": step, "path": full(&file)? });
            Ok(verdict(ask(call).await?.as_ref())?.status())
        }
        What::Resume { json } => resume(json).await,
        What::Artifact { file, name, media_type } => {
            let mut call = json!({ "call": "save_artifact", "path": full(&file)? });
            for (key, value) in [("name", name), ("media_type", media_type)] {
                if let Some(value) = value {
                    call[key] = value.into();
                }
            }
            Ok(verdict(ask(call).await?.as_ref())?.status())
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

/// Prints what there is to go on from. Who runs alone begins.
async fn resume(as_json: bool) -> anyhow::Result<ExitCode> {
    let answer = socket::ask(&json!({ "call": "load_checkpoint" })).await?;
    let status = verdict(answer.as_ref())?.status();
    let found = answer.as_ref().and_then(|answer| answer.get("checkpoint"));
    let found = found.unwrap_or(&Value::Null);
    if as_json {
        crate::json::print(found);
    } else if !found.is_null() {
        let (step, path) = (plain(&found["step"]), plain(&found["path"]));
        outln!("checkpoint_step={} checkpoint_path={}", shell::word(&step), shell::word(&path));
    }
    Ok(status)
}

/// The full path of a file: the worker runs in another folder.
fn full(file: &Path) -> anyhow::Result<String> {
    let path = std::path::absolute(file)?;
    let path = path.into_os_string().into_string();
    path.map_err(|path| {
        let shown = path.to_string_lossy().into_owned();
        hinted(format!("{shown} is no UTF-8"), "rename the file")
    })
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
    fn call(self) -> anyhow::Result<Value> {
        let Self { values, pruned, fail, hand_back, unfit } = self;
        if pruned {
            return Ok(json!({ "call": "result", "state": "pruned" }));
        }
        let reasons = [("fail", fail), ("hand_back", hand_back), ("unfit", unfit)];
        let mut reasons = reasons.into_iter();
        if let Some((state, reason)) = reasons.find_map(|(state, reason)| Some((state, reason?))) {
            return Ok(json!({ "call": "result", "state": state, "reason": reason }));
        }
        let in_order = values.iter().map(|said| match said {
            Said::Value(value) => Some(number(*value)),
            Said::Named(..) => None,
        });
        let values = match in_order.collect::<Option<Vec<_>>>() {
            Some(values) => values.into(),
            None => Value::Object(named(&values)?),
        };
        Ok(json!({ "call": "result", "state": "complete", "values": values }))
    }
}

/// A value on the command line, alone or by the name of its objective.
#[derive(Debug, Clone, PartialEq)]
enum Said {
    Value(f64),
    Named(String, f64),
}

impl std::str::FromStr for Said {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parsed = |value: &str| {
            let expected = "a number, or NAME=VALUE for an objective of several";
            value.parse().map_err(|_| format!("expected {expected}"))
        };
        match text.rsplit_once('=') {
            Some((name, value)) => Ok(Self::Named(name.to_owned(), parsed(value)?)),
            None => Ok(Self::Value(parsed(text)?)),
        }
    }
}

/// Values that all have a name.
fn named(values: &[Said]) -> anyhow::Result<Map<String, Value>> {
    let mut named = Map::new();
    for said in values {
        let Said::Named(name, value) = said else {
            let message = "several values need their names, each of them: accuracy=0.9 size=12.5";
            return Err(hinted(
                message,
                "`kindling tell result` also takes all values in the study's order",
            ));
        };
        if named.insert(name.clone(), number(*value)).is_some() {
            return Err(hinted(format!("`{name}` is there twice"), "give each once"));
        }
    }
    Ok(named)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(texts: &[&str]) -> Vec<Said> {
        texts.iter().map(|text| text.parse().expect("a value")).collect()
    }

    fn result(values: &[&str]) -> anyhow::Result<Value> {
        let (pruned, fail, hand_back, unfit) = (false, None, None, None);
        ResultArgs { values: said(values), pruned, fail, hand_back, unfit }.call()
    }

    #[test]
    fn values_are_told_in_order_or_by_name() {
        assert_eq!(result(&["-0.5", "nan"]).expect("told")["values"], json!([-0.5, "nan"]));
        let both = json!({"accuracy": 0.9, "a=b": -1.0});
        assert_eq!(result(&["accuracy=0.9", "a=b=-1"]).expect("told")["values"], both);
        for (values, error) in
            [(&["a=1", "2"][..], "several values need their names"), (&["a=1", "a=2"], "twice")]
        {
            assert!(result(values).expect_err("refused").to_string().contains(error));
        }
        assert!("high".parse::<Said>().is_err() && "a=high".parse::<Said>().is_err());
    }
}
