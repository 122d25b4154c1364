//! JSON as a `google.protobuf.Struct`.

use prost_types::value::Kind;
use prost_types::{ListValue, Struct, Value};
use serde_json::{Map, Value as Json};

use super::invalid::Invalid;
use crate::options;

pub(crate) fn to_struct(map: Map<String, Json>) -> Struct {
    Struct { fields: map.into_iter().map(|(key, value)| (key, to_value(value))).collect() }
}

fn to_value(json: Json) -> Value {
    let kind = match json {
        Json::Null => Kind::NullValue(0),
        Json::Bool(b) => Kind::BoolValue(b),
        Json::Number(n) => Kind::NumberValue(n.as_f64().unwrap_or(f64::NAN)),
        Json::String(s) => Kind::StringValue(s),
        Json::Array(items) => {
            Kind::ListValue(ListValue { values: items.into_iter().map(to_value).collect() })
        }
        Json::Object(map) => Kind::StructValue(to_struct(map)),
    };
    Value { kind: Some(kind) }
}

/// The options at this key. Numbers that JSON does not have are refused: they would be read as nothing at all.
pub(super) fn from_struct(at: &str, table: &Struct) -> Result<Map<String, Json>, Invalid> {
    are_finite(at, table)?;
    Ok(kindling_report::from_struct(table))
}

fn are_finite(at: &str, table: &Struct) -> Result<(), Invalid> {
    table.fields.iter().try_for_each(|(key, value)| match &value.kind {
        Some(Kind::NumberValue(x)) if !x.is_finite() => {
            let x = x.to_string().to_lowercase();
            Err(Invalid::new(format!("{at}.{key}"), format!("{x} {}", options::NONSENSE)))
        }
        Some(Kind::StructValue(below)) => are_finite(&format!("{at}.{key}"), below),
        _ => Ok(()),
    })
}
