//! A line of the trial's socket, read: which call it is. Pure; `docs/trial-socket.md` is the contract.

use std::collections::BTreeMap;

use kindling_proto::limits;
use kindling_worker::{MetricError, nearest};
use serde_json::Value;

use super::report::{Report, read_named};

/// The version of the protocol that this worker speaks.
pub(crate) const VERSION: u64 = 1;

/// The names of all calls.
const CALLS: [&str; 7] =
    ["hello", "report", "verdict", "set_user_attr", "set_constraint", "result", "next"];
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
mod tests {
    use super::*;

    fn call(line: &str) -> Call {
        read(line.as_bytes()).unwrap_or_else(|complaint| panic!("{line}: {complaint:?}"))
    }

    fn complaint(line: &str) -> String {
        let Complaint { error, hint } = read(line.as_bytes()).expect_err(line);
        format!("{error}; {}", hint.unwrap_or_default())
    }

    #[test]
    fn every_call_is_read() {
        assert_eq!(call(r#"{"call": "hello", "version": 1}"#), Call::Hello);
        assert_eq!(call(r#"{"call":"verdict","unknown":[1]}"#), Call::Verdict);
        assert_eq!(call("{\"call\": \"next\"}\r\n"), Call::Next);
        let report = |step, value| Call::Report(Report::of(step, value));
        assert_eq!(call(r#"{"call":"report","step":3,"value":0.91}"#), report(3, 0.91));
        assert_eq!(call(r#"{"call":"report","step":3.0,"value":-1}"#), report(3, -1.0));
        let last = r#"{"call":"report","step":9223372036854775807,"value":"-inf"}"#;
        assert_eq!(call(last), report(i64::MAX as u64, f64::NEG_INFINITY));
        let named = call(r#"{"call":"report","step":3,"metrics":{"loss":0.2,"accuracy":0.91}}"#);
        assert!(matches!(named, Call::Report(Report { step: 3, .. })), "{named:?}");
        let constraint = call(r#"{"call":"set_constraint","name":"memory_gb","value":-3.5}"#);
        let name = "memory_gb".to_owned();
        assert_eq!(constraint, Call::SetConstraint { name, value: -3.5 });
        let named = r#"{"call":"result","state":"complete","values":{"b":"inf","a":1}}"#;
        let values = [("a".to_owned(), 1.0), ("b".to_owned(), f64::INFINITY)];
        assert_eq!(call(named), Call::Complete(values.into()));
        let attr = call(r#"{"call":"set_user_attr","name":"ü","value":{"a":[null]}}"#);
        let value = serde_json::json!({"a": [null]});
        assert_eq!(attr, Call::SetUserAttr { name: "ü".to_owned(), value });
        let result = |given| Call::Result(given);
        for (line, given) in [
            (r#""complete","values":[0.1,"nan",2]"#, Given::Complete(vec![0.1, f64::NAN, 2.0])),
            (r#""pruned""#, Given::Pruned),
            (r#""fail","reason":"why""#, Given::Fail("why".to_owned())),
            (r#""fail""#, Given::Fail("it gave no reason".to_owned())),
            (r#""hand_back","reason":"busy""#, Given::HandBack("busy".to_owned())),
            (r#""unfit","reason":"no data""#, Given::Unfit("no data".to_owned())),
        ] {
            let line = format!(r#"{{"call":"result","state":{line}}}"#);
            assert_eq!(call(&line), result(given));
        }
    }

    #[test]
    fn what_is_wrong_is_said_with_a_hint() {
        for (line, said) in [
            (r#"{"call":"reprot"}"#, "there is no call `reprot`; did you mean `report`?"),
            (r#"{"call":"set-user-attr"}"#, "did you mean `set_user_attr`?"),
            (r#"{"call":"x"}"#, "there are hello, report"),
            ("{}", "names no `call`; it is a text: one of hello"),
            ("", "the line is not JSON"),
            ("[1]", "expected a JSON object"),
            ("\u{0}\u{1}", "each line is one JSON object"),
            (
                r#"{"call":"hello","version":2}"#,
                "speaks version 1 of the trial's socket, not version 2",
            ),
            (r#"{"call":"hello"}"#, "names no `version`"),
            (r#"{"call":"report","value":1}"#, "`step` is missing; steps are whole numbers"),
            (r#"{"call":"report","step":-1,"value":1}"#, "`step` is -1"),
            (r#"{"call":"report","step":0.5,"value":1}"#, "`step` is 0.5"),
            (
                r#"{"call":"report","step":1,"value":"high"}"#,
                "`value` is \"high\"; expected a number",
            ),
            (r#"{"call":"report","step":1,"value":NaN}"#, "JSON has no such numbers"),
            (r#"{"call":"result"}"#, "`state` is missing; it is one of complete"),
            (r#"{"call":"result","state":"completed"}"#, "did you mean `complete`?"),
            (
                r#"{"call":"result","state":"complete"}"#,
                "`values` is missing; it has a number for each objective",
            ),
            (r#"{"call":"result","state":"complete","values":[]}"#, "`values` is []"),
            (r#"{"call":"result","state":"complete","values":[null]}"#, "`values` contains null"),
            (r#"{"call":"result","state":"fail","reason":1}"#, "`reason` is 1"),
            (
                r#"{"call":"result","state":"complete","values":{"a":true}}"#,
                "`a` of the `values` is true; expected a number",
            ),
            (r#"{"call":"set_constraint","value":1}"#, "`name` is missing"),
            (r#"{"call":"set_constraint","name":"a"}"#, "`value` is missing; expected a number"),
            (r#"{"call":"set_user_attr","value":1}"#, "`name` is missing"),
            (r#"{"call":"set_user_attr","name":"a"}"#, "`value` is missing"),
        ] {
            let found = complaint(line);
            assert!(found.contains(said), "{line}: {found}");
        }
        assert!(read(&[0xff, 0xfe]).is_err());
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        assert!(read(deep.as_bytes()).is_err());
    }

    #[test]
    fn what_was_found_is_repeated_shortly() {
        let long = "é".repeat(100_000);
        let said = complaint(&format!(r#"{{"call":"{long}"}}"#));
        assert!(said.len() < 300, "{said}");
    }
}
