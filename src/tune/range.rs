//! What a parameter may be: `LOW..HIGH`, perhaps with `log` or `step S`, or choices: `A|B|C`.

use std::fmt;
use std::ops::Range;

use super::placeholder::trimmed;
use super::pointed::Wrong;

const EXAMPLES: &str =
    "write a range, 1e-5..1e-1 log or 1..10 step 3, or choices, adam|sgd, between the braces";

/// What a parameter may be. Numbers as TOML writes them.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Spec {
    Range { low: Number, high: Number, log: bool, step: Option<Number> },
    Choices(Vec<Choice>),
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Number {
    Int(i64),
    Float(f64),
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Choice {
    Number(Number),
    Bool(bool),
    Text(String),
    /// Python's `None`.
    None,
}

/// Reads what stands after the colon.
pub(super) fn spec(word: &str, at: Range<usize>) -> Result<Spec, Wrong> {
    let text = &word[at.clone()];
    let parts = split(word, at.clone());
    if parts.len() > 1 {
        let choices = parts.into_iter().map(|part| choice(word, trimmed(word, part)));
        return Ok(Spec::Choices(choices.collect::<Result<_, _>>()?));
    }
    match text.find("..") {
        Some(dots) => range(word, at.clone(), at.start + dots),
        // What is in quotes is meant to be a choice.
        None if text.starts_with('"') => Ok(Spec::Choices(vec![choice(word, at)?])),
        None if text.is_empty() => {
            Err(Wrong::new(at.start - 1..at.start, "nothing after the colon", EXAMPLES))
        }
        None => {
            let message = format!("`{text}` is neither a range LOW..HIGH nor choices A|B|C");
            Err(Wrong::new(at, message, format!("{EXAMPLES}; a brace of your own is {{{{ or }}}}")))
        }
    }
}

fn range(word: &str, at: Range<usize>, dots: usize) -> Result<Spec, Wrong> {
    let more = word[dots..at.end].bytes().take_while(|b| *b == b'.').count();
    if more > 2 {
        let hint = "two are a range, and a number below 1 has a zero before its point: 0.1..0.5";
        let message = format!("{more} dots between the bounds");
        return Err(Wrong::new(dots..dots + more, message, hint));
    }
    let after_dots = trimmed_start(word, dots + 2..at.end);
    let high_end = word[after_dots.clone()].find(char::is_whitespace);
    let high_end = high_end.map_or(at.end, |space| after_dots.start + space);
    let (low_at, high_at) = (trimmed(word, at.start..dots), after_dots.start..high_end);
    let (low, high) = (bound(word, low_at, "LOW")?, bound(word, high_at, "HIGH")?);
    let is_float = [low, high].into_iter().any(Number::is_float);
    let (low, high) = if is_float { (low.as_float(), high.as_float()) } else { (low, high) };
    let (mut log, mut step) = (false, None);
    let mut words = words(word, high_end..at.end).into_iter();
    while let Some(option) = words.next() {
        match &word[option.clone()] {
            "log" if !log => log = true,
            "step" if step.is_none() => {
                let Some(size) = words.next() else {
                    let hint = "write how large: 0..100 step 10";
                    return Err(Wrong::new(option, "`step` without a number", hint));
                };
                let number = bound(word, size.clone(), "the step")?;
                step = Some(match (is_float, number) {
                    (true, number) => number.as_float(),
                    (false, Number::Int(_)) => number,
                    (false, Number::Float(_)) => {
                        let message = "the bounds are whole numbers, and the step is not";
                        let hint =
                            "with a point in a bound it is a range of floats: 0.0..1.0 step 0.1";
                        return Err(Wrong::new(size, message, hint));
                    }
                });
            }
            other => {
                let message = format!("`{other}` cannot follow a range");
                return Err(Wrong::new(
                    option,
                    message,
                    "what can are `log` and `step S`, each once",
                ));
            }
        }
    }
    Ok(Spec::Range { low, high, log, step })
}

fn bound(word: &str, at: Range<usize>, what: &str) -> Result<Number, Wrong> {
    let text = &word[at.clone()];
    let hint = "such as 1e-5..1e-1, 0.0..1.0 or 1..10";
    match number(text) {
        Some(number) => Ok(number),
        None if text.is_empty() => Err(Wrong::new(at, format!("{what} is missing"), hint)),
        None => Err(Wrong::new(at, format!("`{text}` is not a number"), hint)),
    }
}

/// A number that is finite. With a point or an exponent it is a float.
fn number(text: &str) -> Option<Number> {
    if !text.bytes().all(|b| b.is_ascii_digit() || b"+-.eE".contains(&b)) {
        return None;
    }
    if text.contains(['.', 'e', 'E']) {
        return text.parse().ok().filter(|x: &f64| x.is_finite()).map(Number::Float);
    }
    text.parse().ok().map(Number::Int)
}

/// A choice in the type that a study file would give it. Text in quotes is always text.
fn choice(word: &str, at: Range<usize>) -> Result<Choice, Wrong> {
    let text = &word[at.clone()];
    let quoted = || "in quotes it is as it stands: \"1\"|\"a|b\"|\"\"";
    if text.is_empty() {
        let around = word.floor_char_boundary(at.start.saturating_sub(1))..at.end;
        return Err(Wrong::new(around, "a choice is missing beside the `|`", quoted()));
    }
    if text.starts_with('"') {
        let unquoted = serde_json::from_str(text);
        let wrong = || Wrong::new(at, format!("{text} is not text in quotes"), quoted());
        return unquoted.map(Choice::Text).map_err(|_| wrong());
    }
    Ok(match (number(text), text) {
        // A file's name or a date may begin with a zero; a number does not.
        (Some(Number::Int(i)), _) if i.to_string() != text => Choice::Text(text.to_owned()),
        (Some(number), _) => Choice::Number(number),
        (None, "true") => Choice::Bool(true),
        (None, "false") => Choice::Bool(false),
        (None, "None") => Choice::None,
        (None, text) => Choice::Text(text.to_owned()),
    })
}

/// The parts between `|`, of which those in quotes do not count.
fn split(word: &str, at: Range<usize>) -> Vec<Range<usize>> {
    let mut parts = Vec::new();
    let (mut start, mut in_quotes, mut escaped) = (at.start, false, false);
    for (offset, c) in word[at.clone()].char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if in_quotes => escaped = true,
            '"' => in_quotes = !in_quotes,
            '|' if !in_quotes => {
                parts.push(start..at.start + offset);
                start = at.start + offset + 1;
            }
            _ => {}
        }
    }
    parts.push(start..at.end);
    parts
}

/// The words between white space.
fn words(word: &str, at: Range<usize>) -> Vec<Range<usize>> {
    let text = &word[at.clone()];
    let start = |part: &str| at.start + (part.as_ptr().addr() - text.as_ptr().addr());
    text.split_whitespace().map(|part| start(part)..start(part) + part.len()).collect()
}

fn trimmed_start(word: &str, at: Range<usize>) -> Range<usize> {
    let text = &word[at.clone()];
    at.end - text.trim_start().len()..at.end
}

impl Number {
    pub(super) fn is_float(self) -> bool {
        matches!(self, Self::Float(_))
    }

    fn as_float(self) -> Self {
        match self {
            Self::Int(i) => Self::Float(i as f64),
            float @ Self::Float(_) => float,
        }
    }
}

/// As TOML writes it.
impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Int(i) => write!(f, "{i}"),
            Self::Float(x) => write!(f, "{x:?}"),
        }
    }
}
