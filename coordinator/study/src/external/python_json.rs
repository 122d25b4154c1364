//! JSON as Python writes and reads it: with `NaN`, `Infinity`, integers of any size and lone surrogates.
//!
//! Attributes are kept as the text that the client sent, so that it reads what it wrote.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

/// How deep lists and tables may be nested.
const DEPTH: usize = 64;

/// A text that Python's `json.loads` reads. Cheap to copy.
#[derive(Clone, PartialEq, Eq)]
pub struct PythonJson(Arc<str>);

/// What such a text says.
#[derive(Debug, Clone, PartialEq)]
pub enum PythonValue {
    /// `null`.
    None,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number. Those that no `i64` holds are [`Self::Float`].
    Int(i64),
    /// Any other number, and `NaN`, `Infinity`, `-Infinity`.
    Float(f64),
    /// A text. A surrogate without its other half is shown as U+FFFD.
    Str(String),
    /// A list.
    List(Vec<PythonValue>),
    /// A table, in the order of the text.
    Table(Vec<(String, PythonValue)>),
}

/// Why a text is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no JSON: {what} at byte {at}")]
pub struct NotJson {
    what: &'static str,
    at: usize,
}

impl PythonJson {
    /// Takes the text if Python reads it and it is nested at most 64 deep.
    pub fn parse(text: &str) -> Result<Self, NotJson> {
        read(text)?;
        Ok(Self(text.into()))
    }

    /// The text of a value.
    pub fn of(value: &PythonValue) -> Self {
        Self(value.to_text().into())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What it says.
    pub fn value(&self) -> PythonValue {
        read(&self.0).unwrap_or(PythonValue::None)
    }
}

impl fmt::Debug for PythonJson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl PythonValue {
    /// Whether Python's `==` holds between them: `1`, `1.0` and `True` are equal there.
    pub fn equals(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Int(a), Self::Int(b)) => a == b,
            (Self::List(a), Self::List(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.equals(b))
            }
            _ => match (self.number(), other.number()) {
                // Optuna counts NaN among choices as equal to itself.
                (Some(a), Some(b)) => {
                    a.partial_cmp(&b) == Some(Ordering::Equal) || a.is_nan() && b.is_nan()
                }
                _ => self == other,
            },
        }
    }

    /// It as a number, as Python sees it.
    pub fn number(&self) -> Option<f64> {
        match self {
            Self::Bool(value) => Some(f64::from(u8::from(*value))),
            Self::Int(value) => Some(*value as f64),
            Self::Float(value) => Some(*value),
            _ => None,
        }
    }

    /// It as a text that Python reads back as the same.
    pub fn to_text(&self) -> String {
        let join = |items: Vec<String>| items.join(", ");
        let quoted = |text: &str| serde_json::Value::from(text).to_string();
        match self {
            Self::None => "null".to_owned(),
            Self::Bool(value) => value.to_string(),
            Self::Int(value) => value.to_string(),
            Self::Float(value) if value.is_nan() => "NaN".to_owned(),
            Self::Float(value) if value.is_infinite() && *value > 0.0 => "Infinity".to_owned(),
            Self::Float(value) if value.is_infinite() => "-Infinity".to_owned(),
            // With a point or an exponent, so that it stays a float.
            Self::Float(value) => format!("{value:?}"),
            Self::Str(text) => quoted(text),
            Self::List(items) => format!("[{}]", join(items.iter().map(Self::to_text).collect())),
            Self::Table(entries) => {
                let entry =
                    |(key, value): &(String, Self)| format!("{}: {}", quoted(key), value.to_text());
                format!("{{{}}}", join(entries.iter().map(entry).collect()))
            }
        }
    }

    /// The entry of a table.
    pub fn get(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Table(entries) => {
                entries.iter().rev().find(|(key, _)| key == name).map(|(_, v)| v)
            }
            _ => None,
        }
    }
}

fn read(text: &str) -> Result<PythonValue, NotJson> {
    let mut reader = Reader { text, at: 0 };
    let value = reader.value(0)?;
    reader.skip_space();
    if reader.at == text.len() { Ok(value) } else { Err(reader.wrong("more text")) }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl Reader<'_> {
    fn wrong(&self, what: &'static str) -> NotJson {
        NotJson { what, at: self.at }
    }

    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn skip_space(&mut self) {
        let space = |c: char| matches!(c, ' ' | '\t' | '\n' | '\r');
        self.at = self.text.len() - self.rest().trim_start_matches(space).len();
    }

    fn take(&mut self, word: &str) -> bool {
        let is_there = self.rest().starts_with(word);
        if is_there {
            self.at += word.len();
        }
        is_there
    }

    fn value(&mut self, depth: usize) -> Result<PythonValue, NotJson> {
        use PythonValue::{Bool, Float, None};
        if depth > DEPTH {
            return Err(self.wrong("nested too deep"));
        }
        self.skip_space();
        for (word, value) in [
            ("null", None),
            ("true", Bool(true)),
            ("false", Bool(false)),
            ("NaN", Float(f64::NAN)),
            ("Infinity", Float(f64::INFINITY)),
            ("-Infinity", Float(f64::NEG_INFINITY)),
        ] {
            if self.take(word) {
                return Ok(value);
            }
        }
        match self.rest().as_bytes().first() {
            Some(b'"') => self.string().map(PythonValue::Str),
            Some(b'[') => self.list(depth),
            Some(b'{') => self.table(depth),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(_) => Err(self.wrong("no value")),
            Option::None => Err(self.wrong("an end too early")),
        }
    }

    fn list(&mut self, depth: usize) -> Result<PythonValue, NotJson> {
        let mut items = Vec::new();
        self.at += 1;
        self.skip_space();
        if self.take("]") {
            return Ok(PythonValue::List(items));
        }
        loop {
            items.push(self.value(depth + 1)?);
            self.skip_space();
            if self.take("]") {
                return Ok(PythonValue::List(items));
            }
            if !self.take(",") {
                return Err(self.wrong("no comma and no end of the list"));
            }
        }
    }

    fn table(&mut self, depth: usize) -> Result<PythonValue, NotJson> {
        let mut entries = Vec::new();
        self.at += 1;
        self.skip_space();
        if self.take("}") {
            return Ok(PythonValue::Table(entries));
        }
        loop {
            self.skip_space();
            let key = self.string()?;
            self.skip_space();
            if !self.take(":") {
                return Err(self.wrong("no colon"));
            }
            entries.push((key, self.value(depth + 1)?));
            self.skip_space();
            if self.take("}") {
                return Ok(PythonValue::Table(entries));
            }
            if !self.take(",") {
                return Err(self.wrong("no comma and no end of the table"));
            }
        }
    }

    fn number(&mut self) -> Result<PythonValue, NotJson> {
        let text = self.rest();
        let digits = |from: usize| text[from..].bytes().take_while(u8::is_ascii_digit).count();
        let mut end = usize::from(text.starts_with('-'));
        let whole = digits(end);
        if whole == 0 || whole > 1 && text[end..].starts_with('0') {
            return Err(self.wrong("no number"));
        }
        end += whole;
        let mut is_whole = true;
        if text[end..].starts_with('.') && digits(end + 1) > 0 {
            end += 1 + digits(end + 1);
            is_whole = false;
        }
        if text[end..].starts_with(['e', 'E']) {
            let sign = usize::from(text[end + 1..].starts_with(['+', '-']));
            if digits(end + 1 + sign) > 0 {
                end += 1 + sign + digits(end + 1 + sign);
                is_whole = false;
            }
        }
        let number = &text[..end];
        let value = match number.parse() {
            Ok(value) if is_whole => PythonValue::Int(value),
            _ => PythonValue::Float(number.parse().unwrap_or(f64::NAN)),
        };
        self.at += end;
        Ok(value)
    }

    fn string(&mut self) -> Result<String, NotJson> {
        if !self.take("\"") {
            return Err(self.wrong("no text in quotes"));
        }
        let mut string = String::new();
        loop {
            let plain = self.rest().find(|c: char| c == '"' || c == '\\' || c < ' ');
            let Some(plain) = plain else { return Err(self.wrong("a text without its end")) };
            string.push_str(&self.rest()[..plain]);
            self.at += plain;
            if self.take("\"") {
                return Ok(string);
            }
            if !self.take("\\") {
                return Err(self.wrong("a control character"));
            }
            string.push(self.escaped()?);
        }
    }

    /// The character behind a backslash.
    fn escaped(&mut self) -> Result<char, NotJson> {
        let escapes = [
            ("\"", '"'),
            ("\\", '\\'),
            ("/", '/'),
            ("b", '\u{8}'),
            ("f", '\u{c}'),
            ("n", '\n'),
            ("r", '\r'),
            ("t", '\t'),
        ];
        if let Some((_, c)) = escapes.into_iter().find(|(letter, _)| self.take(letter)) {
            return Ok(c);
        }
        let high = self.unit()?;
        if !(0xD800..0xDC00).contains(&high) || !self.rest().starts_with("\\u") {
            return Ok(char::from_u32(high).unwrap_or(char::REPLACEMENT_CHARACTER));
        }
        let back = self.at;
        self.at += 1;
        let low = self.unit()?;
        if (0xDC00..0xE000).contains(&low) {
            let pair = 0x1_0000 + ((high - 0xD800) << 10) + (low - 0xDC00);
            return Ok(char::from_u32(pair).unwrap_or(char::REPLACEMENT_CHARACTER));
        }
        self.at = back;
        Ok(char::REPLACEMENT_CHARACTER)
    }

    /// The number behind `\u`, from the `u` on.
    fn unit(&mut self) -> Result<u32, NotJson> {
        let is_unit = |hex: &str| hex.bytes().all(|byte| byte.is_ascii_hexdigit());
        let hex =
            self.rest().strip_prefix('u').and_then(|rest| rest.get(..4)).filter(|hex| is_unit(hex));
        let unit = hex.and_then(|hex| u32::from_str_radix(hex, 16).ok());
        let unit = unit.ok_or_else(|| self.wrong("an unknown escape"))?;
        self.at += 5;
        Ok(unit)
    }
}
