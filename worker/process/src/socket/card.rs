//! A trial as `hello` and `next` tell it.

use std::path::Path;

use kindling_worker::{JsonMap, ParamValue, TrialFacts};
use serde_json::{Value, json};

/// The trial as JSON. `device` is what its processes see, `user` the study file's `[objective.settings]`.
pub(crate) fn card(
    facts: &TrialFacts,
    device: &str,
    data_dir: Option<&Path>,
    user: &JsonMap,
) -> Value {
    let params: JsonMap =
        facts.params.iter().map(|(name, value)| (name.clone(), param(value))).collect();
    json!({
        "study": facts.study,
        "number": facts.number,
        "attempt": facts.attempt,
        "params": params,
        "seed": facts.seed,
        "study_seed": facts.study_seed,
        "metrics": facts.metrics.names,
        "pruner_metric": facts.metrics.pruned_by(),
        "constraints": facts.metrics.constraints,
        "device": device,
        "data_dir": data_dir.map(Path::to_string_lossy),
        "settings": user,
    })
}

fn param(value: &ParamValue) -> Value {
    match value {
        ParamValue::Float(x) if x.is_nan() => "nan".into(),
        ParamValue::Float(x) if x.is_infinite() => if *x > 0.0 { "inf" } else { "-inf" }.into(),
        ParamValue::Float(x) => (*x).into(),
        ParamValue::Int(i) => (*i).into(),
        ParamValue::Bool(b) => (*b).into(),
        ParamValue::Text(text) => text.clone().into(),
        ParamValue::None => Value::Null,
        ParamValue::Json(json) => json.clone(),
    }
}

#[cfg(test)]
mod tests {
    use kindling_worker::Metrics;

    use super::*;

    #[test]
    fn numbers_at_their_limits_arrive_as_they_are() {
        let floats = [0.1, 1.0, f64::MAX, f64::MIN_POSITIVE, 5e-324, -0.0, 1e-5, 0.1 + 0.2];
        let ints = [i64::MIN, -1, 0, i64::MAX];
        let text = "\"'\n\r\t\u{0}$(x) `y` --z é 𝄞 \u{2028}";
        let mut params: kindling_worker::Params = [
            ("t".to_owned(), ParamValue::Text(text.to_owned())),
            ("b".to_owned(), ParamValue::Bool(true)),
            ("none".to_owned(), ParamValue::None),
            ("list".to_owned(), ParamValue::Json(json!([64, null, {"a": 1.0}]))),
        ]
        .into();
        params.extend(
            floats.iter().enumerate().map(|(i, x)| (format!("f{i}"), ParamValue::Float(*x))),
        );
        params.extend(ints.iter().enumerate().map(|(i, x)| (format!("i{i}"), ParamValue::Int(*x))));
        let facts = TrialFacts { params, seed: u64::MAX, study_seed: 7, ..TrialFacts::default() };
        let line = card(&facts, "cuda:0", Some(Path::new("/data")), &JsonMap::new());
        let line = line.to_string();
        assert!(!line.contains('\n'));
        let read: Value = serde_json::from_str(&line).expect("JSON");
        for (i, x) in floats.iter().enumerate() {
            let found = read["params"][format!("f{i}")].as_f64().expect("a number");
            assert_eq!(found.to_bits(), x.to_bits(), "{x}");
        }
        for (i, x) in ints.iter().enumerate() {
            assert_eq!(read["params"][format!("i{i}")].as_i64(), Some(*x));
        }
        assert_eq!(read["params"]["t"], text);
        assert_eq!(read["params"]["b"], true);
        assert_eq!(read["params"].get("none"), Some(&Value::Null));
        assert_eq!(read["params"]["list"].to_string(), r#"[64,null,{"a":1.0}]"#);
        assert_eq!(read["seed"].as_u64(), Some(u64::MAX));
        assert_eq!((&read["device"], &read["data_dir"]), (&"cuda:0".into(), &"/data".into()));
    }

    #[test]
    fn a_float_stays_a_float() {
        let params = [("x".to_owned(), ParamValue::Float(1.0))].into();
        let facts = TrialFacts { params, ..TrialFacts::default() };
        let card = card(&facts, "cpu", None, &JsonMap::new());
        assert_eq!(card["params"].to_string(), r#"{"x":1.0}"#);
        assert_eq!((&card["device"], &card["data_dir"]), (&"cpu".into(), &Value::Null));
        assert_eq!((&card["metrics"], &card["pruner_metric"]), (&json!([]), &Value::Null));
    }

    #[test]
    fn the_names_of_the_studys_values_are_told() {
        let names = ["accuracy", "latency_ms"].map(str::to_owned).into();
        let metrics = Metrics { names, constraints: vec!["memory_gb".into()], pruner_objective: 1 };
        let facts = TrialFacts { metrics, ..TrialFacts::default() };
        let card = card(&facts, "cpu", None, &JsonMap::new());
        assert_eq!(card["metrics"], json!(["accuracy", "latency_ms"]));
        assert_eq!(card["pruner_metric"], "latency_ms");
        assert_eq!(card["constraints"], json!(["memory_gb"]));
    }
}
