//! A line of the trial's socket, read: which call it is. Pure; `docs/trial-socket.md` is the contract.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use kindling_proto::limits;
use kindling_worker::{Content, MetricError, nearest};
use serde_json::Value;

use super::report::{Report, read_named};

/// The version of the protocol that this worker speaks.
pub(crate) const VERSION: u64 = 1;

/// The names of all calls.
const CALLS: [&str; 10] = [
    "hello",
    "report",
    "verdict",
    "set_user_attr",
    "set_constraint",
    "load_checkpoint",
    "save_checkpoint",
    "save_artifact",
    "result",
    "next",
];
/// The names of all states of a result.
const STATES: [&str; 5] = ["complete", "pruned", "fail", "hand_back", "unfit"];

/// What a trial's process asks for.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Call {
    Hello,
    Report(Report),
    Verdict,
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
        /// Empty: unknown.
        media_type: String,
        content: Content,
    },
    Result(Given),
    /// A result whose values have names.
    Complete(BTreeMap<String, f64>),
    Next,
}

/// How a trial ended, as its process said it.
#[derive(Debug, Clone)]
pub(crate) enum Given {
    /// At least one value.
    Complete(Vec<f64>),
    Pruned,
    Fail(String),
    HandBack(String),
    Unfit(String),
}

/// What is wrong with a line, and what may help. It is the answer to that line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Complaint {
    pub(crate) error: String,
    pub(crate) hint: Option<String>,
}

/// Reads one line, with or without its end.
pub(crate) fn read(line: &[u8]) -> Result<Call, Complaint> {
    let fields = match serde_json::from_slice(line) {
        Ok(Value::Object(fields)) => Fields(fields),
        Ok(_) => {
            return Err(Complaint::new("expected a JSON object, found another value")
                .hint(r#"such as {"call": "verdict"}"#));
        }
        Err(error) => return Err(no_json(line, &error)),
    };
    let Some(Value::String(call)) = fields.0.get("call") else {
        return Err(Complaint::new("the request names no `call`")
            .hint(format!("it is a text: one of {}", CALLS.join(", "))));
    };
    match &**call {
        "hello" => fields.hello(),
        "report" => fields.report().map(Call::Report),
        "verdict" => Ok(Call::Verdict),
        "set_user_attr" => fields.attribute(),
        "set_constraint" => fields.constraint(),
        "load_checkpoint" => Ok(Call::LoadCheckpoint),
        "save_checkpoint" => fields.checkpoint(),
        "save_artifact" => fields.artifact(),
        "result" => fields.result(),
        "next" => Ok(Call::Next),
        unknown => Err(Complaint::unknown("there is no call", unknown, &CALLS)),
    }
}

impl Given {
    /// The word for it in the protocol.
    pub(crate) fn state(&self) -> &'static str {
        match self {
            Self::Complete(_) => "complete",
            Self::Pruned => "pruned",
            Self::Fail(_) => "fail",
            Self::HandBack(_) => "hand_back",
            Self::Unfit(_) => "unfit",
        }
    }
}

/// NaN is the same as NaN here: what was said twice was said twice.
impl PartialEq for Given {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Complete(a), Self::Complete(b)) => {
                a.iter().map(|x| x.to_bits()).eq(b.iter().map(|x| x.to_bits()))
            }
            (Self::Pruned, Self::Pruned) => true,
            (Self::Fail(a), Self::Fail(b))
            | (Self::HandBack(a), Self::HandBack(b))
            | (Self::Unfit(a), Self::Unfit(b)) => a == b,
            _ => false,
        }
    }
}

impl Complaint {
    pub(crate) fn new(error: impl Into<String>) -> Self {
        Self { error: error.into(), hint: None }
    }

    pub(crate) fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// About a word that is none of those known.
    fn unknown(what: &str, word: &str, known: &[&str]) -> Self {
        let hint = match nearest(word, known) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("there are {}", known.join(", ")),
        };
        Self::new(format!("{what} `{}`", short(word))).hint(hint)
    }
}

impl From<MetricError> for Complaint {
    fn from(MetricError { message, hint }: MetricError) -> Self {
        Self { error: message, hint: Some(hint) }
    }
}

/// A request's keys.
struct Fields(serde_json::Map<String, Value>);

impl Fields {
    fn hello(&self) -> Result<Call, Complaint> {
        let expected = format!("this worker speaks version {VERSION} of the trial's socket");
        match self.0.get("version") {
            Some(version) if version.as_u64() == Some(VERSION) => Ok(Call::Hello),
            Some(version) => {
                let found = short(&version.to_string());
                Err(Complaint::new(format!("{expected}, not version {found}")))
            }
            None => Err(Complaint::new("`hello` names no `version`").hint(expected)),
        }
    }

    /// A whole number from 0, also if its language writes it as `3.0`.
    fn step(&self) -> Result<u64, Complaint> {
        let step = self.0.get("step");
        let whole = |x: f64| x.fract() == 0.0 && (0.0..=9_007_199_254_740_992.0).contains(&x);
        match step {
            Some(Value::Number(n)) if n.as_u64().is_some() => Ok(n.as_u64().unwrap_or_default()),
            Some(Value::Number(n)) if n.as_f64().is_some_and(whole) => {
                Ok(n.as_f64().unwrap_or_default() as u64)
            }
            found => Err(Complaint::new(format!("`step` is {}", show(found)))
                .hint("steps are whole numbers from 0 that ascend")),
        }
    }

    fn report(&self) -> Result<Report, Complaint> {
        Report::read(self.step()?, self.0.get("value"), self.0.get("metrics"))
    }

    fn name(&self) -> Result<&String, Complaint> {
        let Some(Value::String(name)) = self.0.get("name") else {
            let found = show(self.0.get("name"));
            return Err(Complaint::new(format!("`name` is {found}")).hint("it is a text"));
        };
        Ok(name)
    }

    fn constraint(&self) -> Result<Call, Complaint> {
        let (name, found) = (self.name()?.clone(), self.0.get("value"));
        let value = found.and_then(number).ok_or_else(|| not_a_number("`value` is", found))?;
        Ok(Call::SetConstraint { name, value })
    }

    fn attribute(&self) -> Result<Call, Complaint> {
        let name = self.name()?;
        let Some(value) = self.0.get("value") else {
            return Err(Complaint::new("`value` is missing").hint("it is any JSON, such as null"));
        };
        Ok(Call::SetUserAttr { name: name.clone(), value: value.clone() })
    }

    fn checkpoint(&self) -> Result<Call, Complaint> {
        let (step, (content, _)) = (self.step()?, self.content()?);
        Ok(Call::SaveCheckpoint { step, content })
    }

    fn artifact(&self) -> Result<Call, Complaint> {
        let (content, file) = self.content()?;
        let name = if self.0.contains_key("name") { self.name()?.clone() } else { file };
        let media_type = match self.0.get("media_type") {
            None | Some(Value::Null) => String::new(),
            Some(Value::String(media_type)) => media_type.clone(),
            found => {
                return Err(Complaint::new(format!("`media_type` is {}", show(found)))
                    .hint("it is a text, such as image/png, or is left out"));
            }
        };
        Ok(Call::SaveArtifact { name, media_type, content })
    }

    /// A file that is saved, and its name without the folder.
    fn content(&self) -> Result<(Content, String), Complaint> {
        let Some(Value::String(path)) = self.0.get("path") else {
            let found = show(self.0.get("path"));
            let hint = "it is the full path of a file";
            return Err(Complaint::new(format!("`path` is {found}")).hint(hint));
        };
        let name = Path::new(path).file_name().unwrap_or_default().to_string_lossy().into_owned();
        let path = PathBuf::from(path);
        if !path.is_absolute() || path.as_os_str().as_encoded_bytes().contains(&0) {
            let shown = short(&path.to_string_lossy());
            return Err(Complaint::new(format!("`path` is {shown:?}"))
                .hint("it is a full path, from / on: the worker runs in another folder"));
        }
        match self.0.get("move") {
            None | Some(Value::Bool(false)) => Ok((Content::File(path), name)),
            Some(Value::Bool(true)) => Ok((Content::Given(path), name)),
            found => Err(Complaint::new(format!("`move` is {}", show(found)))
                .hint("true gives the file away, and false leaves it where it is")),
        }
    }

    fn result(&self) -> Result<Call, Complaint> {
        let values = self.0.get("values");
        if self.0.get("state") == Some(&"complete".into())
            && let Some(named @ Value::Object(_)) = values
        {
            return read_named("values", named).map(Call::Complete);
        }
        self.given().map(Call::Result)
    }

    fn given(&self) -> Result<Given, Complaint> {
        let Some(Value::String(state)) = self.0.get("state") else {
            let found = show(self.0.get("state"));
            return Err(Complaint::new(format!("`state` is {found}"))
                .hint(format!("it is one of {}", STATES.join(", "))));
        };
        match &**state {
            "complete" => self.values().map(Given::Complete),
            "pruned" => Ok(Given::Pruned),
            "fail" => self.reason().map(Given::Fail),
            "hand_back" => self.reason().map(Given::HandBack),
            "unfit" => self.reason().map(Given::Unfit),
            unknown => Err(Complaint::unknown("there is no state", unknown, &STATES)),
        }
    }

    fn values(&self) -> Result<Vec<f64>, Complaint> {
        let found = self.0.get("values");
        let Some(Value::Array(values)) = found.filter(|v| **v != Value::Array(Vec::new())) else {
            return Err(Complaint::new(format!("`values` is {}", show(found))).hint(
                "it has a number for each objective: a list, such as [0.93], or an object by name",
            ));
        };
        let read =
            |value| number(value).ok_or_else(|| not_a_number("`values` contains", Some(value)));
        values.iter().map(read).collect()
    }

    fn reason(&self) -> Result<String, Complaint> {
        match self.0.get("reason") {
            Some(Value::String(reason)) if !reason.trim().is_empty() => {
                Ok(limits::cut(reason.clone(), limits::REASON))
            }
            Some(Value::String(_) | Value::Null) | None => Ok("it gave no reason".to_owned()),
            found => Err(Complaint::new(format!("`reason` is {}", show(found)))
                .hint("it is a text that says why")),
        }
    }
}

/// A number, or the text for one that JSON cannot write.
pub(super) fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(word) => match &*word.to_ascii_lowercase() {
            "nan" => Some(f64::NAN),
            "inf" | "infinity" => Some(f64::INFINITY),
            "-inf" | "-infinity" => Some(f64::NEG_INFINITY),
            _ => None,
        },
        _ => None,
    }
}

/// `what` says where it was found: "`value` is".
pub(super) fn not_a_number(what: &str, found: Option<&Value>) -> Complaint {
    Complaint::new(format!("{what} {}", show(found)))
        .hint(r#"expected a number, or one of the texts "nan", "inf" and "-inf""#)
}

fn no_json(line: &[u8], error: &serde_json::Error) -> Complaint {
    let complaint = Complaint::new(format!("the line is not JSON: {error}"));
    let has = |word: &str| line.windows(word.len()).any(|part| part == word.as_bytes());
    if has("NaN") || has("Infinity") {
        complaint.hint(r#"JSON has no such numbers: write them as "nan", "inf" and "-inf""#)
    } else {
        complaint.hint("each line is one JSON object in UTF-8")
    }
}

pub(super) fn show(found: Option<&Value>) -> String {
    found.map_or("missing".to_owned(), |value| short(&value.to_string()))
}

/// What somebody wrote, in a message: not longer than a line.
pub(super) fn short(text: &str) -> String {
    limits::cut(text.to_owned(), 80)
}

#[cfg(test)]
mod tests;
