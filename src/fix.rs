//! Parses parameters fixed by the user, as `NAME=VALUE` or a JSON object, against the study's space.
//!
//! A value is compared with the actual choices, not with how they are printed: numbers by value, quoted text
//! only with text. A value that could mean two choices is refused, and the error names both.

use std::collections::HashSet;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use kindling_coordinator::convert::typed::{self, Mistake, canonical, equal_number, literal};
use kindling_proto::v1;
use kindling_proto::v1::parameter::Distribution;
use kindling_proto::v1::value::Kind;
use serde_json::Value as Json;

use crate::hint::hinted;
use crate::shell;

/// The size limit. A file of parameters is small; a larger one is the wrong file.
const LARGEST: u64 = 1024 * 1024;

#[derive(clap::Args)]
pub(crate) struct FixArgs {
    /// Parameters to fix; text that looks like a number goes in quotes: 'k="1"'
    #[arg(value_name = "NAME=VALUE")]
    assignments: Vec<String>,
    /// Parameters to fix as a JSON object, such as `trial show --json` prints
    #[arg(long, value_name = "JSON")]
    json_params: Option<String>,
    /// A file that holds such an object
    #[arg(long, value_name = "FILE", conflicts_with = "json_params")]
    params_file: Option<PathBuf>,
}

impl FixArgs {
    /// The values in the types of the study's space.
    pub(crate) fn named_values(
        &self,
        space: &[v1::Parameter],
    ) -> anyhow::Result<Vec<v1::NamedValue>> {
        let mut named = Vec::new();
        for assignment in &self.assignments {
            let (param, text) = split(space, assignment)?;
            let value = one(param, text, meanings(param, text))?;
            named.push(v1::NamedValue { name: param.name.clone(), value: Some(value) });
        }
        for (name, json) in self.object()? {
            let param = typed::known(space, &name).map_err(mistaken)?;
            let found = typed::of_json(param, &json).into_iter().collect();
            let value = one(param, &json.to_string(), found)?;
            named.push(v1::NamedValue { name, value: Some(value) });
        }
        let mut seen = HashSet::new();
        match named.iter().find(|n| !seen.insert(n.name.as_str())) {
            Some(twice) => Err(hinted(
                format!("`{}` is fixed twice", twice.name),
                "a trial has one value for each parameter; leave one of them out",
            )),
            None => Ok(named),
        }
    }

    /// The JSON object's entries, including duplicates.
    fn object(&self) -> anyhow::Result<Vec<(String, Json)>> {
        let (text, from) = match (&self.json_params, &self.params_file) {
            (Some(text), _) => (text.clone(), "--json-params".to_owned()),
            (None, Some(path)) => (read(path)?, path.display().to_string()),
            (None, None) => return Ok(Vec::new()),
        };
        let entries: Entries = serde_json::from_str(&text).map_err(|error| {
            hinted(
                format!("{from}: {error}"),
                "expected a JSON object of names and values: {\"learning_rate\": 0.001}",
            )
        })?;
        Ok(entries.0)
    }
}

fn read(path: &Path) -> anyhow::Result<String> {
    let shown = path.display();
    let mut text = String::new();
    let file = File::open(path).with_context(|| format!("cannot read {shown}"))?;
    file.take(LARGEST + 1)
        .read_to_string(&mut text)
        .with_context(|| format!("cannot read {shown}"))?;
    anyhow::ensure!(text.len() as u64 <= LARGEST, "{shown} is larger than 1 MiB");
    Ok(text)
}

/// An object's entries in order. A map would silently drop duplicates.
struct Entries(Vec<(String, Json)>);

impl<'de> serde::Deserialize<'de> for Entries {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = Entries;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object of names and values")
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(
                self,
                mut map: A,
            ) -> Result<Entries, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Entries(entries))
            }
        }
        deserializer.deserialize_map(Visitor)
    }
}

/// Splits an assignment into the parameter and the text of its value.
///
/// A name may contain `=`, so the longest matching name wins.
fn split<'a, 'b>(
    space: &'a [v1::Parameter],
    assignment: &'b str,
) -> anyhow::Result<(&'a v1::Parameter, &'b str)> {
    let fits = |param: &'a v1::Parameter| {
        let value = assignment.strip_prefix(&param.name)?.strip_prefix('=')?;
        Some((param, value))
    };
    let longest = space.iter().filter_map(fits).max_by_key(|(param, _)| param.name.len());
    match (longest, assignment.split_once('=')) {
        (Some(found), _) => Ok(found),
        (None, Some((name, _))) => Err(unknown(space, name)),
        (None, None) => Err(hinted(
            format!("`{assignment}` is no NAME=VALUE"),
            "such as learning_rate=0.001, or use --json-params",
        )),
    }
}

fn unknown(space: &[v1::Parameter], name: &str) -> anyhow::Error {
    mistaken(typed::unknown(space, name))
}

fn mistaken(Mistake { what, hint }: Mistake) -> anyhow::Error {
    hinted(what, hint)
}

/// The only candidate; an error if there are none or several.
fn one(param: &v1::Parameter, text: &str, found: Vec<Kind>) -> anyhow::Result<v1::Value> {
    let name = &param.name;
    let mut found = found.into_iter();
    match (found.next(), found.next()) {
        (Some(kind), None) => Ok(v1::Value { kind: Some(kind) }),
        (None, _) => Err(mistaken(typed::no_value(param, text))),
        (Some(one), Some(other)) => {
            let ways = [one, other].map(|kind| {
                let exact = literal(&kind);
                let way = if let Kind::Text(text) = &kind {
                    shell::word(&format!("{name}={}", Json::from(text.as_str())))
                } else {
                    let object = serde_json::json!({ name: crate::json::kind(&kind) });
                    format!("--json-params {}", shell::word(&object.to_string()))
                };
                (exact, way)
            });
            let [(one, first), (other, second)] = ways;
            Err(hinted(
                format!("`{text}` may be {one} or {other}, and `{name}` has both"),
                format!("write {first} for {one}, {second} for {other}"),
            ))
        }
    }
}

/// The possible meanings of a text from the command line.
fn meanings(param: &v1::Parameter, text: &str) -> Vec<Kind> {
    match &param.distribution {
        Some(Distribution::Float(_)) => text.parse().ok().map(Kind::Float).into_iter().collect(),
        Some(Distribution::Int(_)) => text.parse().ok().map(Kind::Int).into_iter().collect(),
        Some(Distribution::Categorical(d)) => {
            let choices: Vec<_> = d.choices.iter().filter_map(|c| c.kind.clone()).collect();
            let number = match (text.parse::<i64>(), text.parse::<f64>()) {
                (Ok(i), _) => equal_number(&choices, &Kind::Int(i)),
                (Err(_), Ok(x)) => equal_number(&choices, &Kind::Float(x)),
                _ => None,
            };
            let quoted = serde_json::from_str::<String>(text).ok();
            let nested = canonical(text);
            let is_it = |choice: &&Kind| match choice {
                Kind::Text(s) => s == text || Some(s) == quoted.as_ref(),
                Kind::Bool(b) => b.to_string() == text,
                Kind::None(_) => text == "null" || text == "None",
                Kind::Json(json) => Some(json) == nested.as_ref(),
                Kind::Float(_) | Kind::Int(_) => false,
            };
            number.into_iter().chain(choices.iter().filter(is_it).cloned()).collect()
        }
        None => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn categorical(name: &str, choices: Vec<Kind>) -> v1::Parameter {
        let choices = choices.into_iter().map(|kind| v1::Value { kind: Some(kind) }).collect();
        let distribution = Distribution::Categorical(v1::CategoricalDistribution { choices });
        v1::Parameter { name: name.to_owned(), distribution: Some(distribution), when: Vec::new() }
    }

    fn space() -> Vec<v1::Parameter> {
        let floats = [1e-5, 3e-4, 1.0, 0.123_456, 0.123_456_1].map(Kind::Float);
        let text = |text: &str| Kind::Text(text.to_owned());
        let mixed = vec![Kind::Int(1), text("1"), Kind::Bool(true), text("true"), Kind::Int(2)];
        let number = Distribution::Float(v1::FloatDistribution { high: 1.0, ..Default::default() });
        let whole = Distribution::Int(v1::IntDistribution { high: 9, ..Default::default() });
        let plain = |name: &str, distribution| v1::Parameter {
            name: name.to_owned(),
            distribution: Some(distribution),
            when: Vec::new(),
        };
        vec![
            categorical("lr", floats.into()),
            categorical("m", mixed),
            categorical("word", vec![text("he"), text(""), text("\"he\""), text("a=b"), text("3")]),
            categorical("both", vec![Kind::Int(1), Kind::Float(1.0)]),
            categorical(
                "layers",
                vec![none(), Kind::Json("[64,64.0]".to_owned()), text("null"), text("[]")],
            ),
            plain("x", number.clone()),
            plain("x=y", number),
            plain("k", whole),
        ]
    }

    fn none() -> Kind {
        Kind::None(prost_types::NullValue::NullValue.into())
    }

    fn fix(assignments: &[&str], json: Option<&str>) -> anyhow::Result<Vec<(String, Kind)>> {
        let args = FixArgs {
            assignments: assignments.iter().map(|a| (*a).to_owned()).collect(),
            json_params: json.map(str::to_owned),
            params_file: None,
        };
        let named = args.named_values(&space())?;
        Ok(named.into_iter().map(|n| (n.name, n.value.unwrap().kind.unwrap())).collect())
    }

    #[track_caller]
    fn is(assignment: &str, name: &str, kind: Kind) {
        assert_eq!(fix(&[assignment], None).unwrap(), [(name.to_owned(), kind)], "{assignment}");
    }

    #[track_caller]
    fn refused(assignments: &[&str], json: Option<&str>, parts: &[&str]) {
        let error = fix(assignments, json).expect_err("refused").to_string();
        for part in parts {
            assert!(error.contains(part), "{assignments:?}: {error}");
        }
    }

    #[test]
    fn a_float_choice_is_named_by_any_number_that_equals_it_and_by_no_other() {
        for (text, x) in [
            ("1e-5", 1e-5),
            ("0.00001", 1e-5),
            ("3e-4", 3e-4),
            ("0.0003", 3e-4),
            ("1.0", 1.0),
            ("1", 1.0),
            ("0.123456", 0.123_456),
            ("0.1234561", 0.123_456_1),
        ] {
            is(&format!("lr={text}"), "lr", Kind::Float(x));
        }
        let all = "it is one of 1e-5, 0.0003, 1.0, 0.123456, 0.1234561";
        refused(&["lr=0.12346"], None, &["not a value of `lr`", all]);
        refused(&["lr=nan"], None, &[all]);
    }

    #[test]
    fn text_is_told_from_a_number_by_its_quotes() {
        is("m=\"1\"", "m", Kind::Text("1".to_owned()));
        is("m=\"true\"", "m", Kind::Text("true".to_owned()));
        is("m=2", "m", Kind::Int(2));
        is("word=3", "word", Kind::Text("3".to_owned()));
        is("word=", "word", Kind::Text(String::new()));
        is("word=\"\"", "word", Kind::Text(String::new()));
        is("both=1", "both", Kind::Int(1));
        is("both=1.0", "both", Kind::Float(1.0));
        refused(&["m=\"2\""], None, &["not a value", "one of 1, \"1\", true, \"true\", 2"]);
    }

    #[test]
    fn none_is_null_and_a_list_is_json() {
        let list = Kind::Json("[64,64.0]".to_owned());
        is("layers=None", "layers", none());
        is("layers=[64, 64.0]", "layers", list.clone());
        is("layers=[]", "layers", Kind::Text("[]".to_owned()));
        refused(
            &["layers=null"],
            None,
            &["may be null or \"null\"", "--json-params '{\"layers\":null}'"],
        );
        refused(&["layers=[64, 64]"], None, &["it is one of null, [64,64.0], \"null\", \"[]\""]);
        for (json, kind) in [("null", none()), ("[64, 64.0]", list)] {
            let found = fix(&[], Some(&format!("{{\"layers\": {json}}}"))).unwrap();
            assert_eq!(found, [("layers".to_owned(), kind)]);
        }
    }

    #[test]
    fn what_may_be_two_choices_is_refused_and_names_both_ways() {
        let ways =
            ["`1` may be 1 or \"1\"", "--json-params '{\"m\":1}' for 1", "'m=\"1\"' for \"1\""];
        refused(&["m=1"], None, &ways);
        refused(&["m=true"], None, &["true or \"true\"", "--json-params '{\"m\":true}'"]);
        refused(&["word=\"he\""], None, &["may be"]);
        let number = fix(&[], Some("{\"m\":1}")).unwrap();
        assert_eq!(number, [("m".to_owned(), Kind::Int(1))]);
    }

    #[test]
    fn the_longest_name_that_fits_is_meant() {
        is("x=0.5", "x", Kind::Float(0.5));
        is("x=y=0.5", "x=y", Kind::Float(0.5));
        is("word=a=b", "word", Kind::Text("a=b".to_owned()));
        refused(&["y=1"], None, &["no parameter `y`", "the study has lr, m, word"]);
        refused(&["x"], None, &["no NAME=VALUE", "hint:"]);
    }

    #[test]
    fn a_parameter_is_fixed_once() {
        refused(&["k=3", "k=5"], None, &["`k` is fixed twice"]);
        refused(&["k=3"], Some("{\"k\":3}"), &["`k` is fixed twice"]);
        refused(&[], Some("{\"k\":3,\"k\":5}"), &["`k` is fixed twice"]);
    }

    #[test]
    fn json_tells_kinds_apart() {
        let json = r#"{"m":"1","lr":1,"word":"a=b","x=y":1e-1,"k":7}"#;
        let fixed = fix(&[], Some(json)).unwrap();
        let kinds: Vec<_> = fixed.into_iter().map(|(_, kind)| kind).collect();
        let text = |text: &str| Kind::Text(text.to_owned());
        assert_eq!(
            kinds,
            [text("1"), Kind::Float(1.0), text("a=b"), Kind::Float(0.1), Kind::Int(7)]
        );
        refused(&[], Some(r#"{"k":"3"}"#), &["`\"3\"` is not a value of `k`"]);
        refused(&[], Some(r#"{"lr":0.12346}"#), &["not a value of `lr`"]);
        refused(&[], Some(r#"{"lr":null}"#), &["not a value of `lr`"]);
        refused(&[], Some("[1]"), &["--json-params", "a JSON object"]);
    }

    #[test]
    fn what_is_printed_as_a_literal_can_be_typed_again() {
        for param in space() {
            let Some(Distribution::Categorical(d)) = &param.distribution else { continue };
            for choice in &d.choices {
                let kind = choice.kind.clone().unwrap();
                let found = meanings(&param, &literal(&kind));
                assert!(found.contains(&kind), "{kind:?}");
            }
        }
    }
}
