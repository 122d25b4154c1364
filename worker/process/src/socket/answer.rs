//! The answers of the trial's socket, each a line of JSON with its end.

use serde_json::{Value, json};

use super::call::{Complaint, VERSION};
use super::verdict::Verdict;

/// Nothing but that it went well.
pub(crate) fn done() -> String {
    line(&json!({"ok": true}))
}

/// What the trial is; `null` when no more will come.
pub(crate) fn trial(card: &Value) -> String {
    line(&json!({"ok": true, "version": VERSION, "trial": card}))
}

/// Whether the trial goes on.
pub(crate) fn verdict(verdict: &Verdict) -> String {
    line(&match verdict {
        Verdict::Continue => json!({"ok": true, "verdict": "continue"}),
        Verdict::Prune => json!({"ok": true, "verdict": "prune"}),
        Verdict::Stop(reason) => json!({"ok": true, "verdict": "stop", "reason": reason}),
    })
}

/// What was wrong with the request.
pub(crate) fn complaint(Complaint { error, hint }: &Complaint) -> String {
    line(&match hint {
        Some(hint) => json!({"ok": false, "error": error, "hint": hint}),
        None => json!({"ok": false, "error": error}),
    })
}

fn line(answer: &Value) -> String {
    let mut line = answer.to_string();
    line.push('\n');
    line
}
