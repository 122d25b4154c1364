//! Values as text for a command line, and as JSON.

use kindling_worker::ParamValue;

/// A value as Python prints it, which is also what W&B passes: `1e-05`, `2.0`, `True`, `None`. A list or a table is JSON.
pub(super) fn text(value: &ParamValue) -> String {
    match value {
        ParamValue::Float(x) => float(*x),
        ParamValue::Int(i) => i.to_string(),
        ParamValue::Bool(true) => "True".to_owned(),
        ParamValue::Bool(false) => "False".to_owned(),
        ParamValue::Text(text) => text.clone(),
        ParamValue::None => "None".to_owned(),
        ParamValue::Json(json) => json.to_string(),
    }
}

/// A value as JSON. A number that JSON cannot write is a text, as in the trial's socket.
pub(super) fn json(value: &ParamValue) -> serde_json::Value {
    match value {
        ParamValue::Float(x) if x.is_finite() => (*x).into(),
        ParamValue::Float(x) => float(*x).into(),
        ParamValue::Int(i) => (*i).into(),
        ParamValue::Bool(b) => (*b).into(),
        ParamValue::Text(text) => text.clone().into(),
        ParamValue::None => serde_json::Value::Null,
        ParamValue::Json(json) => json.clone(),
    }
}

/// The shortest text that reads back as the same number, in the form of Python's `repr`.
///
/// Without an exponent from 1e-4 to below 1e16. What reads a number reads this form, in any language.
fn float(x: f64) -> String {
    if !x.is_finite() {
        return format!("{x}").to_lowercase();
    }
    let text = format!("{x:e}");
    let Some((digits, exponent)) = text.split_once('e') else { return text };
    match exponent.parse::<i32>() {
        Ok(-4..16) => format!("{x:?}"),
        Ok(exponent) => {
            let sign = if exponent < 0 { '-' } else { '+' };
            format!("{digits}e{sign}{:02}", exponent.abs())
        }
        Err(_) => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_float_is_written_as_python_writes_it() {
        for (x, text) in [
            (0.0, "0.0"),
            (-0.0, "-0.0"),
            (2.0, "2.0"),
            (0.1, "0.1"),
            (0.0001, "0.0001"),
            (0.000_012_3, "1.23e-05"),
            (1e-5, "1e-05"),
            (1e-300, "1e-300"),
            (5e-324, "5e-324"),
            (1e15, "1000000000000000.0"),
            (123_456_789_012_345_680.0, "1.2345678901234568e+17"),
            (1e16, "1e+16"),
            (f64::MAX, "1.7976931348623157e+308"),
            (f64::NAN, "nan"),
            (f64::NEG_INFINITY, "-inf"),
        ] {
            assert_eq!(float(x), text);
        }
    }

    #[test]
    fn other_values_are_written_as_python_writes_them() {
        assert_eq!(text(&ParamValue::Bool(true)), "True");
        assert_eq!(text(&ParamValue::None), "None");
        let list = ParamValue::Json(serde_json::json!([64, null, {"a": 1.0}]));
        assert_eq!(text(&list), r#"[64,null,{"a":1.0}]"#);
        assert_eq!(json(&list).to_string(), text(&list));
        assert_eq!(json(&ParamValue::None), serde_json::Value::Null);
        assert_eq!(text(&ParamValue::Int(i64::MIN)), "-9223372036854775808");
        assert_eq!(text(&ParamValue::Text("a \"b\"\n$(c)".to_owned())), "a \"b\"\n$(c)");
    }
}
