//! Converts `google.protobuf.Struct` to JSON.

use prost_types::value::Kind;
use prost_types::{Struct, Value};
use serde_json::{Map, Number, Value as Json};

/// Every whole number below this is exact as a double.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// The same fields as JSON. Whole numbers become integers; numbers that JSON cannot represent become null.
pub fn from_struct(fields: &Struct) -> Map<String, Json> {
    fields.fields.iter().map(|(key, value)| (key.clone(), from_value(value))).collect()
}

fn from_value(value: &Value) -> Json {
    match &value.kind {
        None | Some(Kind::NullValue(_)) => Json::Null,
        // A Struct stores only doubles; a whole one was an integer.
        Some(Kind::NumberValue(x)) if x.fract() == 0.0 && x.abs() < EXACT => (*x as i64).into(),
        Some(Kind::NumberValue(x)) => Number::from_f64(*x).map_or(Json::Null, Json::Number),
        Some(Kind::StringValue(s)) => s.clone().into(),
        Some(Kind::BoolValue(b)) => (*b).into(),
        Some(Kind::StructValue(fields)) => from_struct(fields).into(),
        Some(Kind::ListValue(list)) => list.values.iter().map(from_value).collect(),
    }
}
