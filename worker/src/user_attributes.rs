//! What a trial notes beside its values.

use std::collections::BTreeMap;

use kindling_proto::attributes::{Attributes, LEFT_OUT, LeftOut};

use crate::trial::JsonMap;

/// A trial's attributes. They are kept with it, and the sampler never sees them.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct UserAttributes(Attributes<String>);

impl UserAttributes {
    /// Sets an attribute. One that does not fit is left out; the error and the trial's attributes say so.
    ///
    /// A trial may have 256 attributes of at most 64 KiB each as JSON, 1 MiB together, and nested at most 64
    /// deep.
    pub fn set(&mut self, name: &str, value: impl Into<serde_json::Value>) -> Result<(), LeftOut> {
        self.0.set(name, value.into().to_string())
    }

    /// The attributes kept so far.
    pub fn kept(&self) -> JsonMap {
        let read = |json: &String| serde_json::from_str(json).unwrap_or_default();
        self.0.iter().map(|(name, json)| (name.to_owned(), read(json))).collect()
    }

    /// Adds another's attributes, which win where both have one.
    pub(crate) fn extend(&mut self, other: Self) {
        let (kept, left_out) = other.0.into_parts();
        for (name, json) in kept {
            _ = self.0.set(&name, json);
        }
        if let Some(note) = left_out {
            _ = self.0.set(LEFT_OUT, note);
        }
    }

    /// The attributes as they are sent: JSON by name, and one that lists those left out.
    pub(crate) fn into_wire(self) -> BTreeMap<String, String> {
        let (mut kept, note) = self.0.into_parts();
        if let Some(note) = note {
            kept.insert(LEFT_OUT.to_owned(), note);
        }
        kept
    }
}
