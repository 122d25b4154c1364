//! The value of a parameter.

use kindling_proto::v1;
use kindling_proto::v1::value::Kind;
use serde::Serialize;

/// The value of a parameter, in the type that its author wrote.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Choice {
    /// A Boolean.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A real number.
    Float(f64),
    /// A string.
    Text(String),
    /// No value: `null`.
    None,
    /// A list or a table, as the text of its JSON.
    Nested(String),
}

impl Choice {
    /// `None` if the message holds no value.
    pub fn new(value: &v1::Value) -> Option<Self> {
        Some(match value.kind.as_ref()? {
            Kind::Bool(b) => Self::Bool(*b),
            Kind::Int(i) => Self::Int(*i),
            Kind::Float(x) => Self::Float(*x),
            Kind::Text(s) => Self::Text(s.clone()),
            Kind::None(_) => Self::None,
            Kind::Json(json) => Self::Nested(json.clone()),
        })
    }

    /// The value as a number, if it is one.
    pub(crate) fn number(&self) -> Option<f64> {
        match self {
            Self::Int(i) => Some(*i as f64),
            Self::Float(x) => Some(*x),
            Self::Bool(_) | Self::Text(_) | Self::None | Self::Nested(_) => None,
        }
    }
}
