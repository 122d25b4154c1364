//! Asks Python packages for reference results.

use std::io::Write as _;
use std::process::{Command, Stdio};

use serde::Serialize;
use serde::de::DeserializeOwned;

/// Runs a script below `src/` with these cases as JSON, and parses its output as JSON.
///
/// `None` unless `KINDLING_PEERS_PYTHON` names a Python with the required packages; `.ci/run` sets it.
pub(crate) fn ask<A: DeserializeOwned>(script: &str, cases: &impl Serialize) -> Option<A> {
    let Ok(python) = std::env::var("KINDLING_PEERS_PYTHON") else {
        eprintln!("skipped: KINDLING_PEERS_PYTHON is not set");
        return None;
    };
    let path = format!("{}/src/{script}", env!("CARGO_MANIFEST_DIR"));
    let mut child = Command::new(python)
        .arg(path)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("Python runs");
    let input = serde_json::to_vec(cases).expect("JSON");
    child.stdin.take().expect("a pipe").write_all(&input).expect("written");
    let output = child.wait_with_output().expect("an answer");
    assert!(output.status.success(), "{script} failed");
    Some(serde_json::from_slice(&output.stdout).expect("answers"))
}
