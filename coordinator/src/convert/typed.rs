//! Values of parameters as people and JSON write them, in the types of a study's space.

use std::cmp::Ordering;

use kindling_proto::v1;
use kindling_proto::v1::parameter::Distribution;
use kindling_proto::v1::value::Kind;
use kindling_study::Nested;
use kindling_telemetry::is_unprintable;
use serde_json::Value as Json;

/// The largest number of choices named in an error.
const NAMED: usize = 20;

/// Why something is not a value of a parameter, and what would be one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// What is wrong.
    pub what: String,
    /// What would be right.
    pub hint: String,
}

/// The parameter's value that a JSON value means.
pub(crate) fn named(
    space: &[v1::Parameter],
    name: &str,
    json: &Json,
) -> Result<v1::NamedValue, Mistake> {
    let param = known(space, name)?;
    let kind = of_json(param, json).ok_or_else(|| no_value(param, &json.to_string()))?;
    Ok(v1::NamedValue { name: name.to_owned(), value: Some(v1::Value { kind: Some(kind) }) })
}

/// The parameter of this name.
pub fn known<'a>(space: &'a [v1::Parameter], name: &str) -> Result<&'a v1::Parameter, Mistake> {
    space.iter().find(|param| param.name == name).ok_or_else(|| unknown(space, name))
}

/// The mistake of naming a parameter that there is not.
pub fn unknown(space: &[v1::Parameter], name: &str) -> Mistake {
    let known: Vec<_> = space.iter().map(|p| p.name.as_str()).collect();
    Mistake {
        what: format!("no parameter `{name}`"),
        hint: format!("the study has {}", listed(&known)),
    }
}

/// The mistake of giving a parameter a value that it does not have.
pub fn no_value(param: &v1::Parameter, text: &str) -> Mistake {
    Mistake {
        what: format!("`{text}` is not a value of `{}`", param.name),
        hint: describe(param.distribution.as_ref()),
    }
}

/// The value of a parameter that a JSON value means. JSON tells numbers, text and Booleans apart.
pub fn of_json(param: &v1::Parameter, json: &Json) -> Option<Kind> {
    let number = match (json.as_i64(), json.as_f64()) {
        (Some(i), _) => Some(Kind::Int(i)),
        (None, Some(x)) => Some(Kind::Float(x)),
        _ => None,
    };
    match &param.distribution {
        Some(Distribution::Float(_)) => json.as_f64().map(Kind::Float),
        Some(Distribution::Int(_)) => json.as_i64().map(Kind::Int),
        Some(Distribution::Categorical(d)) => {
            let choices: Vec<_> = d.choices.iter().filter_map(|c| c.kind.clone()).collect();
            let wanted = match json {
                Json::String(text) => Some(Kind::Text(text.clone())),
                Json::Bool(b) => Some(Kind::Bool(*b)),
                Json::Null => choices.iter().find(|c| matches!(c, Kind::None(_))).cloned(),
                Json::Array(_) | Json::Object(_) => canonical(&json.to_string()).map(Kind::Json),
                Json::Number(_) => None,
            };
            match number {
                Some(number) => equal_number(&choices, &number),
                None => wanted.filter(|wanted| choices.contains(wanted)),
            }
        }
        None => None,
    }
}

/// A list or a table in the form in which two are equal if their texts are.
pub fn canonical(json: &str) -> Option<String> {
    Nested::parse(json).ok().map(|nested| nested.to_string())
}

/// The choice equal to this number. If both 1 and 1.0 exist, the one of the same type wins.
pub fn equal_number(choices: &[Kind], number: &Kind) -> Option<Kind> {
    let equal = |choice: &&Kind| match (choice, number) {
        (Kind::Float(x), Kind::Int(i)) | (Kind::Int(i), Kind::Float(x)) => {
            // Compare both ways, because not every `i64` is exact as a float.
            x.partial_cmp(&(*i as f64)) == Some(Ordering::Equal) && *x as i64 == *i
        }
        _ => false,
    };
    let same = choices.iter().find(|choice| *choice == number);
    same.or_else(|| choices.iter().find(equal)).cloned()
}

fn describe(distribution: Option<&Distribution>) -> String {
    match distribution {
        Some(Distribution::Float(d)) => format!("it is a number from {} to {}", d.low, d.high),
        Some(Distribution::Int(d)) => format!("it is a whole number from {} to {}", d.low, d.high),
        Some(Distribution::Categorical(d)) => {
            let choices: Vec<_> = d.choices.iter().filter_map(|c| c.kind.as_ref()).collect();
            let choices: Vec<_> = choices.into_iter().map(literal).collect();
            let choices: Vec<_> = choices.iter().map(String::as_str).collect();
            format!("it is one of {}", listed(&choices))
        }
        None => "look at `kindling study show`".to_owned(),
    }
}

/// The first choices, and how many more there are.
fn listed(words: &[&str]) -> String {
    let shown = words[..words.len().min(NAMED)].join(", ");
    match words.len().checked_sub(NAMED) {
        None | Some(0) => shown,
        Some(more) => format!("{shown} and {more} more"),
    }
}

/// The value in its shortest exact form. Text is quoted where it could be mistaken for something else, or is
/// empty.
pub fn literal(kind: &Kind) -> String {
    match kind {
        Kind::Float(x) => format!("{x:?}"),
        Kind::Int(i) => i.to_string(),
        Kind::Bool(b) => b.to_string(),
        Kind::Text(text) if is_plain(text) => text.clone(),
        Kind::Text(text) => serde_json::Value::from(text.as_str()).to_string(),
        Kind::None(_) => "null".to_owned(),
        Kind::Json(json) => json.clone(),
    }
}

fn is_plain(text: &str) -> bool {
    // Within quotes, the escape for a control character can be typed.
    let is_other = text.parse::<f64>().is_ok()
        || text.parse::<bool>().is_ok()
        || text == "null"
        || text.starts_with(['[', '{'])
        || text.contains(is_unprintable);
    !text.is_empty() && text.trim() == text && !text.starts_with('"') && !is_other
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_quoted_where_it_would_be_something_else() {
        let text = |text: &str| literal(&Kind::Text(text.to_owned()));
        assert_eq!(
            ["he", "1", "true", "", " a", "null", "[1]"].map(text),
            ["he", "\"1\"", "\"true\"", "\"\"", "\" a\"", "\"null\"", "\"[1]\""]
        );
        assert_eq!(literal(&Kind::None(0)), "null");
        assert_eq!(literal(&Kind::Json("[1]".to_owned())), "[1]");
        assert_eq!(
            [1e-5, 1.0, 0.1, 1e300].map(|x| literal(&Kind::Float(x))),
            ["1e-5", "1.0", "0.1", "1e300"]
        );
    }
}
