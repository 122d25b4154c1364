//! JSON kept as text, as it was sent. It is checked once, when it comes in.
//!
//! A parsed value takes many times the memory. `serde_json::Value` also treats some objects specially, so it
//! does not always write what it read. Stores keep text, and text can always be read again.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

/// One JSON value as text, without insignificant white space.
#[derive(Clone, PartialEq, Eq)]
pub struct Json(Box<str>);

impl Json {
    /// Takes the text if it is JSON and not nested deeper than parsers allow.
    pub fn parse(text: &str) -> Result<Self, serde_json::Error> {
        let mut compact = Vec::with_capacity(text.len());
        let mut parser = serde_json::Deserializer::from_str(text);
        Copy(&mut compact).deserialize(&mut parser)?;
        parser.end()?;
        let compact = String::from_utf8(compact).map_err(serde::ser::Error::custom)?;
        Ok(Self(compact.into()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for Json {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Writes down every value it visits.
struct Copy<'a>(&'a mut Vec<u8>);

impl Copy<'_> {
    fn write<E: serde::de::Error>(self, value: &impl serde::Serialize) -> Result<(), E> {
        serde_json::to_writer(self.0, value).map_err(E::custom)
    }
}

impl<'de> DeserializeSeed<'de> for Copy<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Copy<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<(), E> {
        self.write(&())
    }

    fn visit_bool<E: serde::de::Error>(self, value: bool) -> Result<(), E> {
        self.write(&value)
    }

    fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<(), E> {
        self.write(&value)
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<(), E> {
        self.write(&value)
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<(), E> {
        self.write(&value)
    }

    fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<(), E> {
        self.write(&value)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        self.0.push(b'[');
        while items.next_element_seed(Copy(self.0))?.is_some() {
            self.0.push(b',');
        }
        close(self.0, b']');
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        self.0.push(b'{');
        while entries.next_key_seed(Copy(self.0))?.is_some() {
            self.0.push(b':');
            entries.next_value_seed(Copy(self.0))?;
            self.0.push(b',');
        }
        close(self.0, b'}');
        Ok(())
    }
}

/// Replaces the last comma, if there is one, with the closing bracket.
fn close(text: &mut Vec<u8>, end: u8) {
    text.pop_if(|last| *last == b',');
    text.push(end);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn kept(text: &str) -> Option<String> {
        Json::parse(text).ok().map(|json| json.as_str().to_owned())
    }

    #[test]
    fn what_is_said_is_kept_but_for_white_space() {
        for (said, compact) in [
            (" null ", "null"),
            ("[ ]", "[]"),
            ("{ }", "{}"),
            ("[1, [2.0, {}], \"a,\"]", r#"[1,[2.0,{}],"a,"]"#),
            (r#"{"b": -0.0, "a": 18446744073709551615}"#, r#"{"b":-0.0,"a":18446744073709551615}"#),
            (r#""\u00e4\u0000\ud83d\udd25""#, "\"ä\\u0000\u{1F525}\""),
            (
                r#"{"$serde_json::private::RawValue": "[1"}"#,
                r#"{"$serde_json::private::RawValue":"[1"}"#,
            ),
            (r#"{"$serde_json::private::Number": "1"}"#, r#"{"$serde_json::private::Number":"1"}"#),
        ] {
            assert_eq!(kept(said).as_deref(), Some(compact), "{said}");
        }
    }

    #[test]
    fn what_a_parser_does_not_take_is_refused() {
        let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
        for bad in ["", "NaN", "[1", "1 2", "1e999", "\"\\ud800\"", "{1:2}", &deep] {
            assert_eq!(kept(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn what_is_kept_is_read_again_as_it_is(text in "[\\[\\]{}\",:0-9.eE+\\-a\\\\u ntrfls]{0,40}") {
            if let Some(compact) = kept(&text) {
                let parsed: serde_json::Value = serde_json::from_str(&text).expect("it is JSON");
                prop_assert_eq!(serde_json::from_str::<serde_json::Value>(&compact).expect("JSON"), parsed);
                prop_assert_eq!(kept(&compact), Some(compact));
            }
        }

        #[test]
        fn numbers_are_kept_to_the_last_bit(x in any::<f64>().prop_filter("finite", |x| x.is_finite())) {
            let compact = kept(&x.to_string()).expect("a number");
            prop_assert_eq!(compact.parse::<f64>().expect("a number").to_bits(), x.to_bits());
        }
    }
}
