//! Trials as CSV: one line per trial, with unique column names.
//!
//! Not written with a CSV crate, because those do not distinguish empty text (`""`) from a missing value.

use std::collections::{BTreeSet, HashSet};

use kindling_proto::v1;
use serde_json::Value;

use super::{json, words as format};
use crate::shown::{metric_names, values};

/// The columns before and after the parameters and attributes. The values come after the first ones.
const BEFORE: [&str; 2] = ["number", "state"];
const AFTER: [&str; 10] = [
    "steps",
    "attempt",
    "worker",
    "start",
    "complete",
    "fail_reason",
    "confirms",
    "fresh_seed",
    "tags",
    "note",
];

/// The content of a cell. Empty text differs from a missing value.
enum Cell {
    Nothing,
    /// Numbers, times and our own words.
    Plain(String),
    /// Untrusted text.
    Text(String),
}

/// Whether a spreadsheet may interpret cells as formulas.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Formulas {
    /// Every cell keeps its exact content.
    Kept,
    /// A cell that a spreadsheet would compute gets an apostrophe in front.
    Defused,
}

/// One line per trial: number, state, values, parameters, attributes, then how it ran, and tags and note.
///
/// One objective has the column `value`. Several have one each, named as Optuna names them: `values_accuracy`. What it found
/// for a constraint is in `constraints_memory_gb`.
///
/// Attributes that are tables or lists do not fit into a cell; use JSON for them.
pub fn csv(study: &v1::Study, trials: &[v1::Trial], formulas: Formulas) -> Vec<u8> {
    let space = study.spec.as_ref().map_or(&[][..], |s| &s.space);
    let params: Vec<_> = space.iter().map(|p| p.name.as_str()).collect();
    let attributes = trials.iter().flat_map(|t| &t.attributes_json);
    let attributes: BTreeSet<_> = attributes
        .filter(|(_, text)| !json::is_nested(text))
        .map(|(key, _)| key.as_str())
        .collect();
    let attributes: Vec<_> = attributes.into_iter().collect();

    let mut sheet = String::new();
    let head = head(&values_head(study), &params, &attributes).into_iter().map(Cell::Text);
    line(&mut sheet, head, formulas);
    for trial in trials {
        let given = json::params(&trial.params);
        let before = [
            Cell::Plain(trial.number.to_string()),
            Cell::Plain(format::trial_state(trial).to_owned()),
        ];
        let found = values(trial);
        let found = (0..names(study).len()).map(|place| plain(found.get(place)));
        let told = (0..constraints(study).len()).map(|at| plain(trial.constraints.get(at)));
        let values = params.iter().map(|name| given.get(*name).map_or(Cell::Nothing, cell));
        let attributes = attributes.iter().map(|key| attribute(trial, key));
        line(
            &mut sheet,
            before
                .into_iter()
                .chain(found)
                .chain(told)
                .chain(values)
                .chain(attributes)
                .chain(after(trial)),
            formulas,
        );
    }
    sheet.into_bytes()
}

/// The columns on how the trial ran, and what people wrote about it. Tags have no commas, so that commas part them.
fn after(trial: &v1::Trial) -> [Cell; 10] {
    let text = |text: &String| match text.as_str() {
        "" => Cell::Nothing,
        text => Cell::Text(text.to_owned()),
    };
    [
        Cell::Plain(trial.intermediate_values.len().to_string()),
        Cell::Plain(trial.attempt.to_string()),
        text(&trial.worker),
        plain(format::time(trial.start_time.as_ref())),
        plain(format::time(trial.complete_time.as_ref())),
        text(&trial.fail_reason),
        plain(trial.confirms.map(|c| c.of)),
        plain(trial.confirms.map(|c| c.seed)),
        text(&trial.tags.join(",")),
        text(&trial.note),
    ]
}

fn plain(value: Option<impl ToString>) -> Cell {
    value.map_or(Cell::Nothing, |value| Cell::Plain(value.to_string()))
}

fn attribute(trial: &v1::Trial, key: &str) -> Cell {
    match trial.attributes_json.get(key).filter(|text| !json::is_nested(text)) {
        Some(text) => {
            serde_json::from_str(text).map_or_else(|_| Cell::Text(text.clone()), |v| cell(&v))
        }
        None => Cell::Nothing,
    }
}

fn cell(value: &Value) -> Cell {
    match value {
        Value::String(text) => Cell::Text(text.clone()),
        // A parameter's list or table, which has commas.
        Value::Array(_) | Value::Object(_) => Cell::Text(value.to_string()),
        other => Cell::Plain(other.to_string()),
    }
}

/// The names of the objectives.
fn names(study: &v1::Study) -> Vec<String> {
    let spec = study.spec.as_ref();
    let given = spec.map_or(&[][..], |spec| &spec.metric_names);
    metric_names(given, spec.map_or(1, |spec| spec.directions.len().max(1)))
}

fn constraints(study: &v1::Study) -> &[String] {
    study.spec.as_ref().map_or(&[], |spec| &spec.constraints)
}

/// The columns with values and constraints.
fn values_head(study: &v1::Study) -> Vec<String> {
    let names = names(study);
    let values = match &names[..] {
        [_] => vec!["value".to_owned()],
        _ => names.iter().map(|name| format!("values_{name}")).collect(),
    };
    let constraints = constraints(study).iter().map(|name| format!("constraints_{name}"));
    values.into_iter().chain(constraints).collect()
}

/// The columns' names.
///
/// A parameter or an attribute keeps its name unless it clashes with another column. Then it gets Optuna's
/// prefix: `params_value` or `user_attrs_value`.
fn head(values: &[String], params: &[&str], attributes: &[&str]) -> Vec<String> {
    let ours: HashSet<&str> =
        BEFORE.into_iter().chain(values.iter().map(String::as_str)).chain(AFTER).collect();
    let is_ours = |name: &str| ours.contains(name);
    let clashing_param = |name: &&str| is_ours(name) || attributes.contains(name);
    let clashing_attribute = |name: &&str| is_ours(name) || params.contains(name);
    let mut taken: HashSet<String> = ours.iter().map(|name| (*name).to_owned()).collect();
    taken.extend(params.iter().filter(|p| !clashing_param(p)).map(|p| (*p).to_owned()));
    taken.extend(attributes.iter().filter(|a| !clashing_attribute(a)).map(|a| (*a).to_owned()));
    let mut named = |name: &str, clashes: bool, prefix: &str| {
        let mut name = name.to_owned();
        if clashes {
            // `params_value` may itself be the name of a parameter.
            name.insert_str(0, prefix);
            while !taken.insert(name.clone()) {
                name.insert_str(0, prefix);
            }
        }
        name
    };
    let mut head: Vec<_> = BEFORE.map(str::to_owned).into();
    head.extend_from_slice(values);
    head.extend(params.iter().map(|p| named(p, clashing_param(p), "params_")));
    head.extend(attributes.iter().map(|a| named(a, clashing_attribute(a), "user_attrs_")));
    head.extend(AFTER.map(str::to_owned));
    head
}

fn line(sheet: &mut String, cells: impl Iterator<Item = Cell>, formulas: Formulas) {
    for (at, cell) in cells.enumerate() {
        if at > 0 {
            sheet.push(',');
        }
        match cell {
            Cell::Nothing => {}
            Cell::Plain(text) => sheet.push_str(&text),
            Cell::Text(text) => {
                let defused = formulas == Formulas::Defused && is_formula(&text);
                let text = if defused { format!("'{text}") } else { text };
                if text.is_empty() || text.contains([',', '"', '\n', '\r']) {
                    sheet.extend(["\"", &text.replace('"', "\"\""), "\""]);
                } else {
                    sheet.push_str(&text);
                }
            }
        }
    }
    sheet.push('\n');
}

/// Whether a spreadsheet would compute the text: it begins like a formula and is not a number.
fn is_formula(text: &str) -> bool {
    const BEGINNINGS: [char; 11] = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];
    text.starts_with(BEGINNINGS) && text.parse::<f64>().is_err()
}

#[cfg(test)]
mod tests {
    use kindling_proto::v1::value::Kind;

    use super::*;

    fn study(params: &[&str]) -> v1::Study {
        let param = |name: &&str| v1::Parameter { name: (*name).to_owned(), ..Default::default() };
        let space = params.iter().map(param).collect();
        v1::Study {
            spec: Some(v1::StudySpec { space, ..Default::default() }),
            ..Default::default()
        }
    }

    fn trial(params: &[(&str, &str)], attributes: &[(&str, &str)]) -> v1::Trial {
        let param = |(name, text): &(&str, &str)| v1::NamedValue {
            name: (*name).to_owned(),
            value: Some(v1::Value { kind: Some(Kind::Text((*text).to_owned())) }),
        };
        let attribute = |(key, json): &(&str, &str)| ((*key).to_owned(), (*json).to_owned());
        v1::Trial {
            params: params.iter().map(param).collect(),
            attributes_json: attributes.iter().map(attribute).collect(),
            ..Default::default()
        }
    }

    fn written(study: &v1::Study, trials: &[v1::Trial], formulas: Formulas) -> String {
        String::from_utf8(csv(study, trials, formulas)).expect("text")
    }

    #[test]
    fn columns_have_names_of_their_own() {
        let value = ["value".to_owned()];
        let head =
            |params: &[&str], attributes: &[&str]| head(&value, params, attributes)[3..].join(" ");
        let rest = AFTER.join(" ");
        assert_eq!(head(&["lr"], &["loss"]), format!("lr loss {rest}"));
        assert_eq!(
            head(&["value", "steps", "lr"], &["lr", "number", "loss"]),
            format!(
                "params_value params_steps params_lr user_attrs_lr user_attrs_number loss {rest}"
            )
        );
        assert_eq!(
            head(&["value", "params_value"], &["params_params_value"]),
            format!("params_params_params_value params_value params_params_value {rest}")
        );
        let all: Vec<_> =
            super::head(&value, &["state", "params_state"], &["state", "user_attrs_state"]);
        assert_eq!(all.iter().collect::<HashSet<_>>().len(), all.len());
    }

    #[test]
    fn several_objectives_and_constraints_have_columns_of_their_own() {
        let mut study = study(&["values_b"]);
        let spec = study.spec.as_mut().expect("there");
        spec.directions = vec![v1::Direction::Minimize.into(); 2];
        spec.metric_names = vec!["a".to_owned(), "b".to_owned()];
        spec.constraints = vec!["gb".to_owned()];
        let complete = v1::Trial {
            state: v1::TrialState::Complete.into(),
            values: vec![0.5, 2.0],
            constraints: vec![-1.5],
            ..Default::default()
        };
        let sheet = written(&study, &[complete, v1::Trial::default()], Formulas::Kept);
        let lines: Vec<_> = sheet.lines().collect();
        assert!(
            lines[0].starts_with("number,state,values_a,values_b,constraints_gb,params_values_b,")
        );
        assert!(lines[1].starts_with("0,COMPLETE,0.5,2,-1.5,,"), "{}", lines[1]);
        assert!(lines[2].starts_with("0,UNSPECIFIED,,,,,"), "{}", lines[2]);
    }

    #[test]
    fn tags_and_note_are_the_last_columns() {
        let trial = v1::Trial {
            tags: vec!["a".to_owned(), "b c".to_owned()],
            note: "=1 \"x\"\n".to_owned(),
            ..Default::default()
        };
        let sheet = written(&study(&[]), std::slice::from_ref(&trial), Formulas::Kept);
        assert!(sheet.ends_with(",\"a,b c\",\"=1 \"\"x\"\"\n\"\n"), "{sheet}");
        let sheet = written(&study(&[]), &[trial], Formulas::Defused);
        assert!(sheet.ends_with(",\"a,b c\",\"'=1 \"\"x\"\"\n\"\n"), "{sheet}");
    }

    #[test]
    fn empty_text_is_not_nothing() {
        let trials = [trial(&[("m", "")], &[("a", "\"\"")]), trial(&[], &[])];
        let sheet = written(&study(&["m"]), &trials, Formulas::Kept);
        let lines: Vec<_> = sheet.lines().collect();
        assert_eq!(lines[1], "0,UNSPECIFIED,,\"\",\"\",0,0,,,,,,,,");
        assert_eq!(lines[2], "0,UNSPECIFIED,,,,0,0,,,,,,,,");
    }

    #[test]
    fn none_is_told_from_a_parameter_that_is_not_active_and_a_list_is_one_cell() {
        let with = |kind: Kind| {
            let value = Some(v1::Value { kind: Some(kind) });
            let params = vec![v1::NamedValue { name: "m".to_owned(), value }];
            v1::Trial { params, ..Default::default() }
        };
        let trials =
            [with(Kind::None(0)), with(Kind::Json("[64,null]".to_owned())), trial(&[], &[])];
        let sheet = written(&study(&["m"]), &trials, Formulas::Kept);
        let cells: Vec<_> = sheet.lines().skip(1).collect();
        assert!(cells[0].starts_with("0,UNSPECIFIED,,null,0,"), "{sheet}");
        assert!(cells[1].starts_with("0,UNSPECIFIED,,\"[64,null]\",0,"), "{sheet}");
        assert!(cells[2].starts_with("0,UNSPECIFIED,,,0,"), "{sheet}");
    }

    #[test]
    fn what_a_spreadsheet_would_compute_is_text_on_request_alone() {
        let formula = "=HYPERLINK(\"http://x\")";
        let trials =
            [trial(&[("=m", formula)], &[("a", "\"-1.5\""), ("b", "-1.5"), ("c", "\"@x\"")])];
        let kept = written(&study(&["=m"]), &trials, Formulas::Kept);
        assert!(
            kept.contains(",=m,")
                && kept.contains("\"=HYPERLINK(\"\"http://x\"\")\",-1.5,-1.5,@x,"),
            "{kept}"
        );
        let safe = written(&study(&["=m"]), &trials, Formulas::Defused);
        assert!(
            safe.contains(",'=m,")
                && safe.contains("\"'=HYPERLINK(\"\"http://x\"\")\",-1.5,-1.5,'@x,"),
            "{safe}"
        );
    }
}
