//! Helpers for tests with real processes, sockets and files.

#![allow(dead_code, reason = "each test file uses its own part")]

pub(crate) mod address;
pub(crate) mod crowd;
pub(crate) mod disk;
pub(crate) mod keys;
pub(crate) mod metrics;
pub(crate) mod proofs;
pub(crate) mod s3;
pub(crate) mod scene;
pub(crate) mod scripts;
pub(crate) mod shim;
pub(crate) mod wire;

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::Value;

/// The timeout for every wait, long enough for a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_mins(2);

/// A study that trains real networks on synthetic digits, small enough for tests.
pub(crate) fn study_file(name: &str, trials: u32) -> String {
    format!(
        r#"
name = "{name}"
direction = "maximize"
trials = {trials}
seed = 7

[sampler]
kind = "tpe"
startup_trials = 3

[objective]
kind = "mnist_cnn"
data = "digits"
train = 64
epoch_validation = 32
trial_validation = 32
test = 32
max_epochs = 3

[space.winit_conv]
type = "categorical"
choices = ["gaussian", "xavier_uniform", "he_normal"]

[space.winit_fc]
type = "categorical"
choices = ["gaussian", "xavier_normal", "he_uniform"]

[space.learning_rate]
type = "float"
low = 5e-4
high = 1e-2
log = true

[space.gaussian_std_conv]
type = "float"
low = 0.25
high = 4.0
log = true
when = {{ winit_conv = "gaussian" }}

[space.gaussian_std_fc]
type = "float"
low = 0.25
high = 4.0
log = true
when = {{ winit_fc = "gaussian" }}
"#
    )
}

/// A folder for one test.
pub(crate) struct Folder(tempfile::TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().expect("a temporary folder"))
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, content).expect("written");
        path
    }
}

/// The `kindling` command, isolated from the tester's environment.
pub(crate) fn kindling(args: &[&str]) -> Command {
    kindling_by(&[], args)
}

/// The `kindling` command, run by a wrapper that takes a command as its last arguments.
pub(crate) fn kindling_by(wrapper: &[&str], args: &[&str]) -> Command {
    let all = [wrapper, &[env!("CARGO_BIN_EXE_kindling")], args].concat();
    let mut command = Command::new(all[0]);
    command.args(&all[1..]).stdin(Stdio::null());
    command.env("XDG_STATE_HOME", env!("CARGO_TARGET_TMPDIR"));
    let ours = std::env::vars_os().map(|(name, _)| name);
    for name in ours.filter(|n| n.to_string_lossy().starts_with("KINDLING_")) {
        command.env_remove(name);
    }
    command
}

/// Limits a coordinator's log to its address and to problems, without a line per trial.
pub(crate) fn quiet(mut command: Command) -> Command {
    command.env("KINDLING_LOG", "kindling=info,kindling_coordinator=warn");
    command
}

/// Runs the command to its end.
pub(crate) fn output(args: &[&str]) -> Output {
    kindling(args).output().expect("runs")
}

/// The standard error of a command that must fail.
pub(crate) fn failure(args: &[&str]) -> String {
    let output = output(args);
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success(), "{args:?} should fail; it said {stderr}");
    stderr
}

/// A child process that does not outlive its test.
pub(crate) struct Process(Child);

impl Process {
    pub(crate) fn start(command: &mut Command) -> Self {
        Self(command.spawn().expect("starts"))
    }

    pub(crate) fn child(&mut self) -> &mut Child {
        &mut self.0
    }

    /// Kills it with kill -9, and waits for its end.
    pub(crate) fn kill(&mut self) {
        self.0.kill().expect("killed");
        self.0.wait().expect("ended");
    }

    /// Sends a signal by name.
    pub(crate) fn signal(&self, name: &str) {
        let pid = self.0.id().to_string();
        let status = Command::new("kill").args([&format!("-{name}"), &pid]).status();
        assert!(status.expect("kill runs").success());
    }

    /// Its exit status, if it has ended.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.0.try_wait().expect("a status")
    }

    /// Waits for its end. Returns whether it succeeded.
    pub(crate) fn wait(&mut self) -> bool {
        let start = Instant::now();
        loop {
            if let Some(status) = self.ended() {
                return status.success();
            }
            assert!(start.elapsed() < PATIENCE, "the process does not end");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        _ = self.0.kill();
        _ = self.0.wait();
    }
}

/// A coordinator process on a store.
pub(crate) struct Coordinator {
    process: Process,
    address: String,
    log: Arc<Mutex<String>>,
    /// Reads the log while the process lives.
    reader: Option<JoinHandle<()>>,
}

impl Coordinator {
    /// Starts it on a free port.
    pub(crate) fn start(store: &Path) -> Self {
        Self::start_with(store, "127.0.0.1:0", Duration::from_secs(5))
    }

    pub(crate) fn start_with(store: &Path, address: &str, lease_term: Duration) -> Self {
        let term = lease_term.as_secs().to_string();
        Self::start_with_args(store, &["--listen", address, "--lease-term", &term])
    }

    /// Starts it on a free port with more arguments.
    pub(crate) fn start_on_free_port(store: &Path, more: &[&str]) -> Self {
        Self::start_with_args(store, &[&["--listen", "127.0.0.1:0"], more].concat())
    }

    fn start_with_args(store: &Path, more: &[&str]) -> Self {
        let store = store.to_str().expect("a plain path");
        let args = [&["coordinator", "--store", store], more].concat();
        Self::start_command(&mut kindling(&args))
    }

    pub(crate) fn start_command(command: &mut Command) -> Self {
        let mut process = Process::start(command.stderr(Stdio::piped()));
        let mut log = BufReader::new(process.child().stderr.take().expect("piped"));
        let mut seen = String::new();
        let address = loop {
            let mut line = String::new();
            assert!(log.read_line(&mut line).expect("readable") > 0, "no address in {seen}");
            if let Some((_, address)) = line.trim().split_once("listening on http") {
                let address = address.trim_start_matches(['s', ':', '/']);
                break address.split_whitespace().next().expect("an address").to_owned();
            }
            seen.push_str(&line);
        };
        // Keep reading, or the log would fill its pipe.
        let kept = Arc::new(Mutex::new(seen));
        let keep = Arc::clone(&kept);
        let reader = std::thread::spawn(move || {
            for line in log.lines().map_while(Result::ok) {
                eprintln!("{line}");
                keep.lock().expect("no panic").extend([&line, "\n"]);
            }
        });
        Self { process, address, log: kept, reader: Some(reader) }
    }

    /// The log so far.
    pub(crate) fn log(&self) -> String {
        self.log.lock().expect("no panic").clone()
    }

    /// Waits for its end. Returns whether it succeeded, and its whole log.
    pub(crate) fn last_words(&mut self) -> (bool, String) {
        let success = self.process.wait();
        self.reader.take().expect("once").join().expect("no panic");
        (success, self.log())
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    pub(crate) fn worker(&self, id: &str) -> Process {
        Process::start(&mut self.worker_command(id, &[]))
    }

    /// A worker's command with more arguments.
    pub(crate) fn worker_command(&self, id: &str, more: &[&str]) -> Command {
        kindling(&[&["worker", "--coordinator", &self.url(), "--id", id], more].concat())
    }

    /// A worker that logs to a file.
    pub(crate) fn worker_with_log(&self, id: &str, log: &Path) -> Process {
        let log = std::fs::File::create(log).expect("a log");
        Process::start(self.worker_command(id, &[]).stderr(log))
    }

    /// Runs a command against this coordinator and returns its output.
    pub(crate) fn ask(&self, args: &[&str]) -> String {
        let url = self.url();
        let output = output(&[args, &["--coordinator", &url]].concat());
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{args:?}: {stderr}");
        String::from_utf8(output.stdout).expect("UTF-8")
    }

    pub(crate) fn ask_json(&self, args: &[&str]) -> Value {
        let text = self.ask(&[args, &["--json"]].concat());
        serde_json::from_str(&text).expect("JSON")
    }

    pub(crate) fn trials(&self, study: &str) -> Vec<Value> {
        let Value::Array(trials) = self.ask_json(&["trial", "list", study]) else {
            panic!("a list of trials");
        };
        trials
    }

    /// Waits until the study satisfies `wanted`, and returns it.
    pub(crate) fn wait_until(&self, study: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let start = Instant::now();
        loop {
            let shown = self.ask_json(&["study", "show", study]);
            if wanted(&shown) {
                return shown;
            }
            assert!(start.elapsed() < PATIENCE, "still {shown}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    pub(crate) fn wait_until_finished(&self, study: &str) -> Value {
        self.wait_until(study, |s| s["state"] == "FINISHED")
    }
}

/// The number of a study's trials in a state.
pub(crate) fn count(study: &Value, state: &str) -> u64 {
    study["counts"][state].as_u64().expect("a count")
}
