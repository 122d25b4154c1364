//! The answers of the trial's socket, each a line of JSON with its end.

use kindling_worker::SavedCheckpoint;
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
    let mut answer = json!({"ok": true});
    add(&mut answer, verdict);
    line(&answer)
}

/// What there is to go on from. A trial that is not to go on is told so, too.
pub(crate) fn checkpoint(checkpoint: Option<&SavedCheckpoint>, verdict: &Verdict) -> String {
    let checkpoint = checkpoint.map(
        |SavedCheckpoint { step, path }| json!({"step": step, "path": path.to_string_lossy()}),
    );
    let mut answer = json!({"ok": true, "checkpoint": checkpoint});
    add(&mut answer, verdict);
    line(&answer)
}

fn add(answer: &mut Value, verdict: &Verdict) {
    let (word, should_checkpoint) = match verdict {
        Verdict::Continue { should_checkpoint } => ("continue", *should_checkpoint),
        Verdict::Prune => ("prune", false),
        Verdict::Stop(reason) => {
            answer["reason"] = reason.clone().into();
            ("stop", false)
        }
    };
    answer["verdict"] = word.into();
    answer["should_checkpoint"] = should_checkpoint.into();
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
