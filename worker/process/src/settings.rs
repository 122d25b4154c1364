//! What a study file says under `[objective]` for a command or a Python function: see `docs/own-code.md`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use kindling_worker::{JsonMap, SettingsError};

pub(crate) use self::function::Function;
use self::keys::{Keys, fault, shown};
pub use self::needs::{Needs, check_metric, needs, params_of};
pub use self::units::bytes;
use self::words::{WordError, Words};

mod env;
mod function;
mod keys;
mod needs;
#[cfg(test)]
mod tests;
mod units;
pub(crate) mod words;

/// How long a trial may take to end once it is told to, unless the file says otherwise.
const GRACE: Duration = Duration::from_secs(5);

/// The most GPUs that a trial may ask for.
const MOST_GPUS: usize = 64;

/// The interpreter, unless the file names one.
const INTERPRETER: &str = "python3";

/// The keys of both kinds.
const COMMON: [&str; 8] =
    ["directory", "env", "gpus", "grace", "interpreter", "memory", "settings", "timeout"];

/// The settings of `kind = "command"`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Command {
    /// The program and its arguments.
    pub(crate) words: Words,
    /// What the output calls the objective. Without one, the study's names are looked for, if it has any.
    pub(crate) metric: Option<String>,
    /// What both kinds have.
    pub(crate) common: Common,
}

/// The settings of `kind = "python"`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Python {
    /// The function to call.
    pub(crate) function: Function,
    /// Which of the metrics of a report is the study's.
    pub(crate) metric: Option<String>,
    /// What both kinds have.
    pub(crate) common: Common,
}

/// The settings that both kinds have.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Common {
    /// Where it runs, as written; otherwise the worker's own working directory.
    pub(crate) directory: Option<PathBuf>,
    /// Environment variables to set.
    pub(crate) env: BTreeMap<String, String>,
    /// How long a trial may take.
    pub(crate) timeout: Option<Duration>,
    /// How long it may take to end once it is told to.
    pub(crate) grace: Duration,
    /// How many GPUs each trial gets; otherwise its slot's own.
    pub(crate) gpus: Option<usize>,
    /// The bytes of memory that all processes of a trial may use together.
    pub(crate) memory: Option<u64>,
    /// The Python interpreter: a path, or a name to look for in PATH.
    pub(crate) interpreter: String,
    /// The user's own table, which `hello` tells.
    pub(crate) user: JsonMap,
}

impl Command {
    /// Reads and checks the settings.
    pub(crate) fn read(settings: &JsonMap) -> Result<Self, SettingsError> {
        let keys = Keys::open(settings, "command", &["command", "metric"], &COMMON)?;
        let words = keys.words("command")?;
        let words = Words::parse(&words).map_err(|WordError { word, message }| {
            fault("command", format!("word {}: {message}", word + 1))
        })?;
        Ok(Self { words, metric: metric(&keys)?, common: Common::read(&keys)? })
    }
}

impl Python {
    /// Reads and checks the settings.
    pub(crate) fn read(settings: &JsonMap) -> Result<Self, SettingsError> {
        let keys = Keys::open(settings, "python", &["function", "metric"], &COMMON)?;
        let text = keys.required("function", "\"module:function\"")?;
        let function = Function::parse(text).map_err(|message| fault("function", message))?;
        Ok(Self { function, metric: metric(&keys)?, common: Common::read(&keys)? })
    }
}

impl Common {
    fn read(keys: &Keys<'_>) -> Result<Self, SettingsError> {
        Ok(Self {
            directory: keys.path("directory")?,
            env: env::read(keys)?,
            timeout: keys.duration("timeout", units::SHORTEST..=units::LONGEST)?,
            grace: keys.duration("grace", Duration::ZERO..=units::LONGEST_GRACE)?.unwrap_or(GRACE),
            gpus: keys.count("gpus", MOST_GPUS)?,
            memory: keys.bytes("memory")?,
            interpreter: match keys.path("interpreter")? {
                Some(_) => keys.text("interpreter")?.unwrap_or_default().to_owned(),
                None => INTERPRETER.to_owned(),
            },
            user: keys.user("settings")?,
        })
    }
}

/// The longest name of a metric, in bytes.
const LONGEST_METRIC: usize = 256;

fn metric(keys: &Keys<'_>) -> Result<Option<String>, SettingsError> {
    let Some(name) = keys.text("metric")? else { return Ok(None) };
    let odd = |c: char| c.is_control() || matches!(c, '=' | ':' | '"' | ',');
    let wrong = if name.is_empty() || name.trim() != name {
        "the name of a metric, without space around it".to_owned()
    } else if name.len() > LONGEST_METRIC {
        format!("at most {LONGEST_METRIC} bytes")
    } else if name.contains(odd) {
        "the name alone, as in `accuracy=0.91`, without quotes, `=`, `:` or commas".to_owned()
    } else {
        return Ok(Some(name.to_owned()));
    };
    Err(fault("metric", format!("expected {wrong}, found {}", shown(name))))
}
