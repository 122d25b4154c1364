//! A list or a table as one value of a parameter.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Serialize, Serializer};

/// A list or a table, as canonical JSON: no white space, keys in order, and each number as it is written everywhere.
/// So two are equal if their texts are. Whole numbers and real ones stay apart: `[1]` is not `[1.0]`.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Nested(Box<str>);

/// Why a text is no list and no table that a parameter can have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NotNested(String);

impl Nested {
    /// Reads a list or a table from JSON. Numbers are 64-bit: whole ones from −2^63 to 2^63 − 1, and finite real ones.
    ///
    /// Errors: what is no JSON or nested deeper than parsers go, a number or a text alone, a number out of range, and a
    /// table with a key twice.
    pub fn parse(text: &str) -> Result<Self, NotNested> {
        let tree: Tree = serde_json::from_str(text).map_err(|e| NotNested(e.to_string()))?;
        Self::try_from(tree)
    }

    /// The canonical JSON.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn tree(&self) -> Result<Tree, serde_json::Error> {
        serde_json::from_str(&self.0)
    }
}

impl TryFrom<Tree> for Nested {
    type Error = NotNested;

    fn try_from(tree: Tree) -> Result<Self, NotNested> {
        if !matches!(tree, Tree::List(_) | Tree::Table(_)) {
            return Err(NotNested("it is no list and no table".to_owned()));
        }
        let text = serde_json::to_string(&tree).map_err(|e| NotNested(e.to_string()))?;
        Ok(Self(text.into()))
    }
}

impl fmt::Display for Nested {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Nested {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// As the list or table itself, not as its text.
impl Serialize for Nested {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.tree().map_err(serde::ser::Error::custom)?.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Nested {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::try_from(Tree::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

/// JSON with its keys in order. `serde_json::Value` would keep the last of two equal keys, and takes some keys for its
/// own.
#[derive(Serialize)]
#[serde(untagged)]
enum Tree {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
    List(Vec<Tree>),
    Table(BTreeMap<String, Tree>),
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Read.deserialize(deserializer)
    }
}

struct Read;

impl<'de> DeserializeSeed<'de> for Read {
    type Value = Tree;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Tree, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Read {
    type Value = Tree;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<Tree, E> {
        Ok(Tree::Null)
    }

    fn visit_bool<E: serde::de::Error>(self, value: bool) -> Result<Tree, E> {
        Ok(Tree::Bool(value))
    }

    fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<Tree, E> {
        Ok(Tree::Int(value))
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<Tree, E> {
        let too_large = |_| E::custom(format!("{value} is above 2^63 − 1"));
        i64::try_from(value).map(Tree::Int).map_err(too_large)
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Tree, E> {
        if value.is_finite() {
            Ok(Tree::Float(super::unsigned_zero(value)))
        } else {
            Err(E::custom(format!("{value} is not a finite number")))
        }
    }

    fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<Tree, E> {
        Ok(Tree::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Tree, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(Self)? {
            list.push(item);
        }
        Ok(Tree::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Tree, A::Error> {
        /// Some parsers that are built with other features take such keys for their own.
        const RESERVED: &str = "$serde_json::private::";
        let mut table = BTreeMap::new();
        while let Some(key) = entries.next_key::<String>()? {
            if key.starts_with(RESERVED) {
                return Err(A::Error::custom(format!("no key begins with {RESERVED}")));
            }
            let value = entries.next_value_seed(Self)?;
            if table.contains_key(&key) {
                return Err(A::Error::custom(format!("the key {key:?} stands there twice")));
            }
            table.insert(key, value);
        }
        Ok(Tree::Table(table))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn canonical(text: &str) -> Result<String, String> {
        Nested::parse(text).map(|nested| nested.to_string()).map_err(|e| e.to_string())
    }

    #[test]
    fn what_means_the_same_is_the_same_text() {
        for (written, text) in [
            ("[ 1, 2.0, 1e2 ]", "[1,2.0,100.0]"),
            (r#"{"b": [null, true], "a": "\u00e4"}"#, r#"{"a":"ä","b":[null,true]}"#),
            ("[-0.0, -9223372036854775808]", "[0.0,-9223372036854775808]"),
            ("[]", "[]"),
            ("{}", "{}"),
        ] {
            assert_eq!(canonical(written).as_deref(), Ok(text), "{written}");
            assert_eq!(canonical(text).as_deref(), Ok(text));
        }
        assert_ne!(canonical("[1]"), canonical("[1.0]"));
        assert_ne!(canonical("[true]"), canonical("[1]"));
    }

    #[test]
    fn what_could_not_be_kept_is_refused() {
        let deep = "[".repeat(1000) + &"]".repeat(1000);
        for (written, why) in [
            ("1", "no list"),
            ("null", "no list"),
            ("[1", "EOF"),
            ("[1] 2", "trailing"),
            ("[1e999]", "out of range"),
            ("[9223372036854775808]", "above 2^63"),
            (r#"{"a":1,"a":1}"#, "twice"),
            (r#"[{"$serde_json::private::RawValue":"1"}]"#, "no key begins"),
            (&deep, "recursion"),
        ] {
            let refused = canonical(written).expect_err(written);
            assert!(refused.contains(why), "{written}: {refused}");
        }
    }

    proptest! {
        #[test]
        fn a_kept_one_is_read_as_it_is(text in "[\\[\\]{}\",:0-9.eE+\\-a\\\\u ntrfls]{0,40}") {
            if let Ok(nested) = Nested::parse(&text) {
                prop_assert_eq!(Nested::parse(nested.as_str()).expect("it is canonical"), nested.clone());
                let json = serde_json::to_string(&nested).expect("JSON");
                prop_assert_eq!(&json, nested.as_str());
                prop_assert_eq!(serde_json::from_str::<Nested>(&json).expect("the same"), nested);
            }
        }
    }
}
