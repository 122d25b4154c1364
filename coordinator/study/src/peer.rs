//! Asks other packages, for tests.

use std::io::Write as _;
use std::process::{Command, Stdio};

use serde::Serialize;

/// What a script in `src` answers to these cases. `None` unless `KINDLING_PEERS_PYTHON` names a Python with
/// the packages.
#[expect(clippy::disallowed_methods, reason = "a test may look around")]
pub(crate) fn ask(script: &str, cases: &impl Serialize) -> Option<Vec<u8>> {
    let python = std::env::var("KINDLING_PEERS_PYTHON").ok()?;
    let mut child = Command::new(python)
        .arg(format!("{}/src/{script}", env!("CARGO_MANIFEST_DIR")))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("Python runs");
    let input = serde_json::to_vec(cases).expect("JSON");
    child.stdin.take().expect("a pipe").write_all(&input).expect("written");
    let output = child.wait_with_output().expect("an answer");
    assert!(output.status.success(), "the script fails");
    Some(output.stdout)
}
