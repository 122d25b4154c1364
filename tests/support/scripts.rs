//! Studies whose trials are shell scripts, and what is left of their processes.

use std::path::Path;
use std::time::Instant;

use super::{Folder, PATIENCE};

/// A study of `sh SCRIPT MARKER X`. Its parameters do not depend on how earlier trials went.
pub(crate) fn script_study(folder: &Folder, name: &str, trials: u32, script: &str) -> String {
    let path = folder.write(&format!("{name}.sh"), script);
    let (path, marker) = (path.to_str().expect("plain"), marker(folder));
    let bin = env!("CARGO_BIN_EXE_kindling");
    format!(
        r#"
name = "{name}"
direction = "maximize"
trials = {trials}
seed = 7

[sampler]
kind = "random"

[objective]
kind = "command"
command = ["sh", "{path}", "{marker}", "${{param:x}}"]
metric = "accuracy"
env = {{ PROGRAM = "{bin}" }}

[space.x]
type = "float"
low = 0
high = 1
"#
    )
}

/// What the processes of this folder's studies have among their arguments, and no other process has.
pub(crate) fn marker(folder: &Folder) -> String {
    folder.path("marker").to_str().expect("plain").to_owned()
}

/// The command lines of the processes that have the marker among their arguments.
pub(crate) fn processes(marker: &str) -> Vec<String> {
    let all = std::fs::read_dir("/proc").expect("Linux").filter_map(Result::ok);
    let lines = all.filter_map(|process| std::fs::read(process.path().join("cmdline")).ok());
    let lines = lines.map(|line| String::from_utf8_lossy(&line).replace('\0', " "));
    lines.filter(|line| line.split(' ').any(|word| word == marker)).collect()
}

/// Waits until as many processes with the marker are there as wanted.
pub(crate) fn wait_for_processes(marker: &str, wanted: impl Fn(usize) -> bool) {
    let start = Instant::now();
    loop {
        let there = processes(marker);
        if wanted(there.len()) {
            return;
        }
        assert!(start.elapsed() < PATIENCE, "still {there:?}");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

/// The lines of a file, which may not exist yet.
pub(crate) fn lines(path: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}
