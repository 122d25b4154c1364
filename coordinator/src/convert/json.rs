//! `google.protobuf.Struct` and JSON.

use prost_types::value::Kind;
use prost_types::{ListValue, Struct, Value};
use serde_json::{Map, Number, Value as Json};

/// Every whole number below this is exact as a double.
const EXACT: f64 = 9_007_199_254_740_992.0;

pub(super) fn from_struct(fields: Struct) -> Map<String, Json> {
    fields.fields.into_iter().map(|(key, value)| (key, from_value(value))).collect()
}

pub(super) fn to_struct(map: Map<String, Json>) -> Struct {
    Struct { fields: map.into_iter().map(|(key, value)| (key, to_value(value))).collect() }
}

fn from_value(value: Value) -> Json {
    match value.kind {
        None | Some(Kind::NullValue(_)) => Json::Null,
        // A Struct knows only doubles; what is whole was meant as a whole number.
        Some(Kind::NumberValue(x)) if x.fract() == 0.0 && x.abs() < EXACT => (x as i64).into(),
        Some(Kind::NumberValue(x)) => Number::from_f64(x).map_or(Json::Null, Json::Number),
        Some(Kind::StringValue(s)) => s.into(),
        Some(Kind::BoolValue(b)) => b.into(),
        Some(Kind::StructValue(fields)) => from_struct(fields).into(),
        Some(Kind::ListValue(list)) => list.values.into_iter().map(from_value).collect(),
    }
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
