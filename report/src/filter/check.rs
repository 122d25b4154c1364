//! Turns a tree into a question that each trial answers with yes or no.

use kindling_proto::v1;
use kindling_study::kind_of_failure;

use super::fields::{Field, Fields, Kind, STATES, Value, tags};
use super::nearest::nearest;
use super::parser::{Literal, Node, Order, Test};
use super::problem::{FilterError, SOME, one_of, some};

pub(super) type Predicate = Box<dyn Fn(&v1::Study, &v1::Trial) -> bool + Send + Sync>;
/// Holds for a value that is there.
type Holds = Box<dyn Fn(&Value) -> bool + Send + Sync>;

const ORDER_HINT: &str = "only numbers are larger or smaller; write `=`, `!=` or `in`";

pub(super) fn check(node: Node, fields: &Fields) -> Result<Predicate, FilterError> {
    let all = |parts: Vec<Node>| {
        parts.into_iter().map(|part| check(part, fields)).collect::<Result<Vec<_>, _>>()
    };
    Ok(match node {
        Node::Test(name, test) => of_test(fields.find(&name)?, test)?,
        Node::Not(part) => {
            let part = check(*part, fields)?;
            Box::new(move |study, trial| !part(study, trial))
        }
        Node::All(parts) => {
            let parts = all(parts)?;
            Box::new(move |study, trial| parts.iter().all(|part| part(study, trial)))
        }
        Node::Any(parts) => {
            let parts = all(parts)?;
            Box::new(move |study, trial| parts.iter().any(|part| part(study, trial)))
        }
    })
}

fn of_test(field: &Field, test: Test) -> Result<Predicate, FilterError> {
    if field.kind == Kind::Tags {
        return of_tags(test);
    }
    let is_missing = matches!(test, Test::Missing { negated: false });
    let holds = of_value(field, test)?;
    let field = field.clone();
    Ok(Box::new(move |study, trial| match field.of(study, trial) {
        Some(value) => holds(&value),
        // Nothing is less, more, equal or another than what is not there.
        None => is_missing,
    }))
}

fn of_value(field: &Field, test: Test) -> Result<Holds, FilterError> {
    match test {
        Test::Missing { negated } => Ok(Box::new(move |_| negated)),
        Test::Order { order, value, span } => {
            if !matches!(field.kind, Kind::Number | Kind::Seconds | Kind::Choice | Kind::Anything) {
                return Err(span.with_hint(format!("`{}` is no number", field.name), ORDER_HINT));
            }
            let limit = numeric(field, &value)?;
            Ok(Box::new(move |value| match value {
                Value::Number(number) => compares(*number, order, limit),
                _ => false,
            }))
        }
        Test::Contains { value, span } => {
            if matches!(field.kind, Kind::Number | Kind::Seconds | Kind::Truth | Kind::State) {
                let hint = "only texts contain something; write `=`, `!=` or `in`";
                return Err(span.with_hint(format!("`{}` is no text", field.name), hint));
            }
            let part = value.text.to_lowercase();
            Ok(Box::new(
                move |value| matches!(value, Value::Text(said) if said.to_lowercase().contains(&part)),
            ))
        }
        Test::Equal { negated, values } => {
            let equals = values.iter().map(|literal| equal(field, literal));
            let equals = equals.collect::<Result<Vec<_>, _>>()?;
            Ok(Box::new(move |value| equals.iter().any(|equal| equal(value)) != negated))
        }
    }
}

fn compares(value: f64, order: Order, limit: f64) -> bool {
    match order {
        Order::Less => value < limit,
        Order::AtMost => value <= limit,
        Order::More => value > limit,
        Order::AtLeast => value >= limit,
    }
}

#[expect(clippy::float_cmp, reason = "whoever writes `=` means that very number")]
fn equal(field: &Field, literal: &Literal) -> Result<Holds, FilterError> {
    let text = literal.text.clone();
    Ok(match field.kind {
        Kind::Number | Kind::Seconds => {
            let wanted = numeric(field, literal)?;
            Box::new(move |value| matches!(value, Value::Number(number) if *number == wanted))
        }
        Kind::State => {
            let word = text.to_lowercase();
            let word = if word == "fail" { "failed".to_owned() } else { word };
            if !STATES.contains(&word.as_str()) {
                return Err(unknown(&field.name, literal, &STATES.map(str::to_owned)));
            }
            Box::new(move |value| matches!(value, Value::Text(state) if *state == word))
        }
        Kind::Truth => {
            let known = ["true", "false"].map(str::to_owned);
            if !known.contains(&text) {
                return Err(unknown(&field.name, literal, &known));
            }
            Box::new(move |value| value.to_text() == text)
        }
        Kind::Reason => {
            let kind = kind_of_failure(&text);
            Box::new(move |value| kind_of_failure(&value.to_text()) == kind)
        }
        Kind::Choice | Kind::Text | Kind::Tags | Kind::Anything => {
            let is_same = like_written(text, literal.is_quoted);
            if field.kind == Kind::Choice && !field.choices.iter().any(&is_same) {
                let known: Vec<_> = field.choices.iter().map(Value::to_text).collect();
                return Err(unknown(&field.name, literal, &known));
            }
            is_same
        }
    })
}

/// A word equals a number, a truth or a text that is written so; a quoted text only a text.
fn like_written(text: String, is_quoted: bool) -> Holds {
    let wanted = if is_quoted { None } else { number_of(&text) };
    Box::new(move |value| match value {
        Value::Text(known) => *known == text,
        Value::Number(number) => wanted == Some(*number),
        Value::Truth(_) | Value::Null => !is_quoted && value.to_text() == text,
    })
}

fn unknown(name: &str, literal: &Literal, known: &[String]) -> FilterError {
    let words: Vec<_> = known.iter().map(String::as_str).collect();
    let hint = match nearest(&literal.text, &words) {
        Some(near) => format!("did you mean `{near}`?"),
        None if known.len() > SOME => format!("there are {}", some(known)),
        None => format!("write {}", one_of(known)),
    };
    literal.span.with_hint(format!("`{name}` is never `{}`", literal.text), hint)
}

/// A number as people write it, also with the minus that the page shows; `None` if it is none.
fn number_of(text: &str) -> Option<f64> {
    let plain = text.replacen('\u{2212}', "-", 1);
    // Rust reads words such as `inf`, too.
    let is_number = plain.bytes().all(|b| b.is_ascii_digit() || b"+-.eE".contains(&b));
    plain.parse().ok().filter(|_| is_number)
}

const UNITS: [(&str, f64); 5] =
    [("ms", 0.001), ("s", 1.0), ("min", 60.0), ("h", 3600.0), ("d", 86_400.0)];

fn numeric(field: &Field, literal: &Literal) -> Result<f64, FilterError> {
    let text = &literal.text;
    let has_units = field.kind == Kind::Seconds;
    let with_unit =
        UNITS.iter().find_map(|(unit, seconds)| Some((text.strip_suffix(*unit)?, *seconds)));
    let (digits, scale) = with_unit.filter(|_| has_units).unwrap_or((text.as_str(), 1.0));
    let number = if literal.is_quoted { None } else { number_of(digits) };
    number.map(|number| number * scale).ok_or_else(|| {
        literal.span.with_hint(
            format!("`{}` is held against numbers, and `{text}` is none", field.name),
            if has_units {
                "write seconds, or `500ms`, `30s`, `5min`, `2h`, `1d`"
            } else {
                "write a number such as `0.1` or `1e-3`"
            },
        )
    })
}

fn of_tags(test: Test) -> Result<Predicate, FilterError> {
    Ok(match test {
        Test::Missing { negated } => Box::new(move |_, trial| tags(trial).is_empty() != negated),
        Test::Order { span, .. } => return Err(span.with_hint("`tag` is no number", ORDER_HINT)),
        Test::Contains { value, .. } => {
            let part = value.text.to_lowercase();
            Box::new(move |_, trial| {
                tags(trial).iter().any(|tag| tag.to_lowercase().contains(&part))
            })
        }
        Test::Equal { negated, values } => {
            let wanted: Vec<_> = values.into_iter().map(|value| value.text).collect();
            Box::new(move |_, trial| tags(trial).iter().any(|tag| wanted.contains(tag)) != negated)
        }
    })
}
