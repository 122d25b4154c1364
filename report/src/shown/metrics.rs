//! What the objectives are called.

use serde_json::{Map, Value as Json};

/// A name for each of `count` objectives: the given ones, or else Optuna's words.
pub fn metric_names(given: &[String], count: usize) -> Vec<String> {
    let name = |index: usize| match given.get(index) {
        Some(name) => name.clone(),
        None if count == 1 => "value".to_owned(),
        None => format!("objective {index}"),
    };
    (0..count).map(name).collect()
}

/// The index of the objective that the pruner compares: the one that it names, or else the first.
pub fn compared_metric(pruner: &Map<String, Json>, names: &[String]) -> usize {
    let metric = pruner.get("metric").and_then(Json::as_str);
    names.iter().position(|name| Some(name.as_str()) == metric).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn objectives_without_names_get_optunas() {
        assert_eq!(metric_names(&[], 1), ["value"]);
        assert_eq!(metric_names(&["accuracy".to_owned()], 1), ["accuracy"]);
        assert_eq!(metric_names(&[], 2), ["objective 0", "objective 1"]);
        assert_eq!(metric_names(&["a".to_owned(), "b".to_owned()], 2), ["a", "b"]);
    }

    #[test]
    fn the_pruner_compares_what_it_names() {
        let names = ["a", "b"].map(str::to_owned);
        let compares =
            |pruner: Json| compared_metric(pruner.as_object().expect("an object"), &names);
        assert_eq!(compares(json!({"kind": "asha", "metric": "b"})), 1);
        assert_eq!(compares(json!({"kind": "asha", "metric": "c"})), 0);
        assert_eq!(compares(json!({"kind": "none"})), 0);
    }
}
