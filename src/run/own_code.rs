//! What a run must know of objectives that are processes of somebody else's code.

use std::time::Duration;

use kindling_study::ObjectiveSpec;

use crate::objectives;

/// How long a trial may take to end once it is told to, unless its study says otherwise.
const GRACE: Duration = Duration::from_secs(5);

/// An objective that is a process. Its settings were checked before.
#[derive(Debug)]
pub(super) struct OwnCode {
    /// Its kind.
    pub(super) kind: String,
    /// GPUs of each trial; those of its slot, if the study does not say.
    pub(super) gpus: Option<usize>,
    /// How long a trial may take to end once it is told to.
    pub(super) grace: Duration,
}

impl OwnCode {
    /// `None` for an objective that trains in the worker itself.
    pub(super) fn of(ObjectiveSpec { kind, settings }: &ObjectiveSpec) -> Option<Self> {
        if !objectives::is_own_code(kind) {
            return None;
        }
        let gpus = settings.get("gpus").and_then(serde_json::Value::as_u64);
        let grace = settings.get("grace").and_then(|grace| duration(grace.as_str()?));
        let (gpus, grace) = (gpus.map(|gpus| gpus as usize), grace.unwrap_or(GRACE));
        Some(Self { kind: kind.clone(), gpus, grace })
    }
}

/// A duration such as `90s` or `1h30m`.
fn duration(text: &str) -> Option<Duration> {
    let mut sum = Duration::ZERO;
    let mut rest = text.trim();
    while !rest.is_empty() {
        let (number, after) = rest.split_at(rest.find(|c: char| !c.is_ascii_digit())?);
        let end = after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len());
        let (unit, after) = after.split_at(end);
        let milliseconds: u64 = match unit.trim() {
            "ms" => 1,
            "s" => 1000,
            "m" | "min" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => return None,
        };
        let part = number.parse::<u64>().ok()?.checked_mul(milliseconds)?;
        sum = sum.checked_add(Duration::from_millis(part))?;
        rest = after;
    }
    Some(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_grace_is_read_as_a_study_file_writes_it() {
        for (text, seconds) in
            [("5s", 5.0), ("500ms", 0.5), ("1h30m", 5400.0), ("2min 1s", 121.0), ("0s", 0.0)]
        {
            assert_eq!(duration(text), Some(Duration::from_secs_f64(seconds)), "{text}");
        }
        for text in ["5", "s", "-5s", "5 moons", "99999999999999999999s", "9999999999999999h"] {
            assert_eq!(duration(text), None, "{text}");
        }
    }

    #[test]
    fn only_processes_are_somebody_elses_code() {
        let of = |kind: &str, settings: serde_json::Value| {
            let settings = settings.as_object().cloned().unwrap_or_default();
            OwnCode::of(&ObjectiveSpec { kind: kind.to_owned(), settings })
        };
        assert!(of("mnist_cnn", serde_json::json!({ "gpus": 2 })).is_none());
        let own = of("python", serde_json::json!({ "gpus": 2, "grace": "1m" })).expect("a process");
        assert_eq!((own.gpus, own.grace), (Some(2), Duration::from_mins(1)));
        let own = of("command", serde_json::json!({})).expect("a process");
        assert_eq!((own.gpus, own.grace), (None, GRACE));
    }
}
