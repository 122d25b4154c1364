//! Decides which attributes of a result are kept. The worker checks as each one is set, the coordinator again
//! when the result arrives. Attributes that do not fit are left out with a note, and the result is still
//! recorded.

use std::collections::BTreeMap;

use crate::limits;

/// The attribute that says which others were left out, and why.
pub const LEFT_OUT: &str = "left_out";

/// Attributes that fit, and notes on those that do not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attributes<Text> {
    kept: BTreeMap<String, Text>,
    /// The bytes of all names and texts except the note's.
    bytes: usize,
    left_out: Vec<String>,
}

/// Why an attribute was left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut(String);

impl std::fmt::Display for LeftOut {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for LeftOut {}

impl<Text> Default for Attributes<Text> {
    fn default() -> Self {
        Self { kept: BTreeMap::new(), bytes: 0, left_out: Vec::new() }
    }
}

impl<Text: AsRef<str>> Attributes<Text> {
    /// Sets an attribute, given as JSON, if it fits.
    pub fn set(&mut self, name: &str, json: Text) -> Result<(), LeftOut> {
        let freed = self.kept.get(name).map_or(0, |old| size(name, old.as_ref()));
        let bytes = self.bytes - freed + size(name, json.as_ref());
        let is_new = !self.kept.contains_key(name) && name != LEFT_OUT;
        let others = self.kept.len() - usize::from(self.kept.contains_key(LEFT_OUT));
        let why = if name.is_empty() || name.len() > limits::ATTRIBUTE_NAME {
            format!("its name has {} bytes, not 1 to {}", name.len(), limits::ATTRIBUTE_NAME)
        } else if json.as_ref().len() > largest(name) {
            format!("it has {} bytes, at most {} are kept", json.as_ref().len(), largest(name))
        } else if depth(json.as_ref()) > limits::DEPTH {
            format!("it is nested deeper than {}", limits::DEPTH)
        } else if is_new && others >= limits::ATTRIBUTES {
            format!("there are {} others, and no more are kept", limits::ATTRIBUTES)
        } else if bytes > limits::ATTRIBUTES_IN_ALL {
            format!(
                "with it there are {bytes} bytes, of which {} are kept",
                limits::ATTRIBUTES_IN_ALL
            )
        } else {
            self.bytes = bytes;
            self.kept.insert(name.to_owned(), json);
            return Ok(());
        };
        Err(self.leave_out(name, &why))
    }

    /// Notes that an attribute was left out.
    pub fn leave_out(&mut self, name: &str, why: &str) -> LeftOut {
        let name: String = name.chars().take(NAMED).collect();
        let said = LeftOut(format!("attribute `{name}` is left out: {why}"));
        self.left_out.push(format!("`{name}`: {why}"));
        said
    }

    /// The kept attributes, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Text)> {
        self.kept.iter().map(|(name, json)| (name.as_str(), json))
    }

    /// The kept attributes by name, and the note on the rest, if any, as JSON for [`LEFT_OUT`].
    pub fn into_parts(self) -> (BTreeMap<String, Text>, Option<String>) {
        let note = (!self.left_out.is_empty()).then(|| {
            // One byte can take six in JSON.
            let note = limits::cut(self.left_out.join("; "), limits::NOTE / 6 - 1);
            serde_json::Value::from(note).to_string()
        });
        (self.kept, note)
    }
}

/// How many characters of a name the note repeats.
const NAMED: usize = 64;

/// The note does not count against the others.
fn size(name: &str, json: &str) -> usize {
    if name == LEFT_OUT { 0 } else { name.len() + json.len() }
}

fn largest(name: &str) -> usize {
    if name == LEFT_OUT { limits::NOTE } else { limits::ATTRIBUTE }
}

/// How deep lists and objects are nested in JSON.
pub fn depth(json: &str) -> usize {
    let (mut depth, mut deepest): (usize, usize) = (0, 0);
    let (mut in_text, mut is_escaped) = (false, false);
    for byte in json.bytes() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if in_text => is_escaped = true,
            b'"' => in_text = !in_text,
            b'[' | b'{' if !in_text => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' if !in_text => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(named: impl IntoIterator<Item = (String, String)>) -> Attributes<String> {
        let mut attributes = Attributes::default();
        for (name, json) in named {
            _ = attributes.set(&name, json);
        }
        attributes
    }

    fn text(bytes: usize) -> String {
        format!("\"{}\"", "x".repeat(bytes - 2))
    }

    #[test]
    fn what_does_not_fit_is_left_out_and_said() {
        let deep = format!("{}1{}", "[".repeat(65), "]".repeat(65));
        let mut attributes = Attributes::default();
        for (name, json, why) in [
            ("", "1".to_owned(), "its name has 0 bytes"),
            (&*"n".repeat(513), "1".to_owned(), "its name has 513 bytes"),
            ("long", text(65_537), "it has 65537 bytes"),
            ("deep", deep, "nested deeper than 64"),
        ] {
            let said = attributes.set(name, json).expect_err(name).to_string();
            assert!(said.contains(why), "{said}");
        }
        attributes.set("long", text(65_536)).expect("it fits");
        let (kept, note) = attributes.into_parts();
        assert_eq!(kept.into_keys().collect::<Vec<_>>(), ["long"]);
        let note: String = serde_json::from_str(&note.expect("a note")).expect("a text");
        assert!(note.contains("`deep`: it is nested") && note.contains("65537"), "{note}");
    }

    #[test]
    fn many_and_large_ones_stay_within_a_quarter_of_a_message() {
        let (kept, note) = with((0..300).map(|i| (format!("{i:03}"), "1".into()))).into_parts();
        assert_eq!(kept.len(), limits::ATTRIBUTES);
        assert!(note.expect("a note").contains("`256`"));
        let (kept, note) = with((0..256).map(|i| (format!("{i:03}"), text(65_536)))).into_parts();
        let bytes = kept.iter().map(|(name, json)| name.len() + json.len()).sum::<usize>();
        assert!((900_000..=limits::ATTRIBUTES_IN_ALL).contains(&bytes), "{bytes}");
        assert!(note.expect("a note").len() <= limits::NOTE);
        const {
            assert!(
                limits::ATTRIBUTES_IN_ALL + limits::REASON + limits::NOTE <= limits::MESSAGE / 2
            );
        }
    }

    #[test]
    fn one_that_is_set_again_takes_the_room_of_one() {
        let again = (0..40).map(|_| ("a".to_owned(), text(65_536)));
        let (kept, note) = with(again).into_parts();
        assert_eq!((kept.len(), note), (1, None));
    }

    #[test]
    fn what_was_left_out_once_is_not_left_out_again() {
        let sent = (0..300).map(|i| (format!("{i:03}\u{0}"), text(9000)));
        let (mut kept, note) = with(sent).into_parts();
        kept.insert(LEFT_OUT.to_owned(), note.expect("a note"));
        let (again, note) = with(kept.clone()).into_parts();
        assert_eq!((again, note), (kept, None));
    }

    #[test]
    fn brackets_in_a_text_are_no_lists() {
        assert_eq!(depth(r#"{"a[[": ["\"[", {"b": 1}], "c": [[]]}"#), 3);
        assert_eq!(depth("1"), 0);
    }
}
