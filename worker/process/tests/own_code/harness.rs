//! Runs one trial of an objective, with a recorder in the coordinator's place.

use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use kindling_process::{GpuPool, NamedBy, objectives};
use kindling_worker::{
    Completion, Content, DeviceName, Intermediate, JsonMap, Metrics, Objective, Output,
    OutputStream, ParamValue, Params, Reporter, SavedCheckpoint, Stop, StopReason, Stopped, Trial,
    TrialError, TrialFacts,
};
use serde_json::{Value, json};

/// What a Python script begins with: a client of the socket, by hand.
pub(crate) const CLIENT: &str = r#"
import json, os, signal, socket, sys, time
def connect():
    s = socket.socket(socket.AF_UNIX)
    s.connect(os.environ["KINDLING_SOCKET"])
    return s, s.makefile("rw", encoding="utf-8", newline="\n")
sock, file = connect()
def call(**request):
    file.write(json.dumps(request) + "\n")
    file.flush()
    return json.loads(file.readline())
def result(*values):
    return call(call="result", state="complete", values=list(values))
"#;

/// The objectives of a worker, and a mark on all their processes.
pub(crate) struct Worker {
    pub(crate) objectives: Vec<Arc<dyn Objective>>,
    /// What the study's values are called.
    pub(crate) metrics: Metrics,
    mark: String,
}

/// The values of a report beside the one that the pruner compares, by their objectives' indices.
pub(crate) type Others = Vec<(u32, f64)>;

/// What a trial saved: a step, or a name and a type, and the bytes.
pub(crate) type Saved = Vec<(String, Vec<u8>)>;

/// How a trial went.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) outcome: Result<Completion, TrialError>,
    pub(crate) reports: Vec<(u64, f64)>,
    /// The values of other objectives with each report.
    pub(crate) others: Vec<Others>,
    /// What it found for the study's first constraint.
    pub(crate) constraint: Option<f64>,
    pub(crate) took: Duration,
}

/// Takes reports as a session does, and prunes after some of them.
#[derive(Clone)]
pub(crate) struct Recorder {
    pub(crate) stop: Stop,
    pub(crate) reports: Arc<Mutex<Vec<(u64, f64)>>>,
    pub(crate) others: Arc<Mutex<Vec<Others>>>,
    pub(crate) prune_after: usize,
    /// How long a report takes, as one to a coordinator does.
    pub(crate) takes: Duration,
    /// What it goes on from.
    pub(crate) checkpoint: Option<SavedCheckpoint>,
    pub(crate) saved: Arc<Mutex<Saved>>,
    /// What the trial wrote, with the times at which it was heard.
    pub(crate) written: Arc<Mutex<Vec<(OutputStream, String, Instant)>>>,
}

impl Default for Recorder {
    fn default() -> Self {
        Self {
            stop: Stop::default(),
            reports: Arc::default(),
            others: Arc::default(),
            prune_after: usize::MAX,
            takes: Duration::ZERO,
            checkpoint: None,
            saved: Arc::default(),
            written: Arc::default(),
        }
    }
}

impl Reporter for Recorder {
    fn report(&mut self, step: u64, value: f64) -> Result<(), Stopped> {
        std::thread::sleep(self.takes);
        let mut reports = self.reports.lock().expect("no test panics with it");
        if !value.is_finite() {
            self.stop.want(StopReason::Refused(format!("step {step} is {value}").into()));
        }
        if self.stop.is_wanted() {
            return Err(Stopped);
        }
        reports.push((step, value));
        if reports.len() >= self.prune_after {
            self.stop.want(StopReason::Pruned);
            return Err(Stopped);
        }
        Ok(())
    }

    fn report_all(&mut self, step: u64, values: Intermediate) -> Result<(), Stopped> {
        self.others.lock().expect("no test panics with it").push(values.others);
        self.report(step, values.value)
    }

    fn load_checkpoint(&mut self) -> Result<Option<SavedCheckpoint>, TrialError> {
        Ok(self.checkpoint.clone())
    }

    /// A worker that leaves hands the trial back then.
    fn save_checkpoint(&mut self, step: u64, content: Content) -> Result<(), TrialError> {
        self.save(step.to_string(), content)?;
        if self.stop.should_checkpoint() {
            return Err(TrialError::HandBack("it is safe".to_owned()));
        }
        Ok(())
    }

    fn save_artifact(
        &mut self,
        name: &str,
        media_type: &str,
        content: Content,
    ) -> Result<(), TrialError> {
        self.save(format!("{name} ({media_type})"), content)
    }

    fn output(&self) -> Output {
        let written = Arc::clone(&self.written);
        Output::new(move |stream, text| {
            let line = (stream, text.to_owned(), Instant::now());
            written.lock().expect("no test panics with it").push(line);
        })
    }

    fn stop(&self) -> Stop {
        self.stop.clone()
    }
}

impl Recorder {
    fn save(&self, what: String, content: Content) -> Result<(), TrialError> {
        let bytes = match content {
            Content::Bytes(bytes) => bytes,
            Content::File(path) => std::fs::read(path)?,
            Content::Given(path) => {
                let bytes = std::fs::read(&path)?;
                std::fs::remove_file(path)?;
                bytes
            }
        };
        self.saved.lock().expect("no test panics with it").push((what, bytes));
        Ok(())
    }
}

impl Worker {
    pub(crate) fn new() -> Self {
        static NEWEST: AtomicU32 = AtomicU32::new(0);
        let newest = NEWEST.fetch_add(1, Ordering::Relaxed);
        let mark = format!("mark-{}-{newest}-", std::process::id());
        let gpus = GpuPool::new(&[DeviceName::Flex], 8, NamedBy::Driver);
        Self { objectives: objectives(None, &gpus), metrics: Metrics::default(), mark }
    }

    pub(crate) fn objective(&self, kind: &str) -> &Arc<dyn Objective> {
        self.objectives.iter().find(|objective| objective.kind() == kind).expect("that kind")
    }

    /// The settings, with the mark on the processes.
    pub(crate) fn settings(&self, settings: Value) -> JsonMap {
        let Value::Object(mut settings) = settings else { panic!("not an object: {settings}") };
        let env = settings.entry("env").or_insert_with(|| json!({}));
        env["TEST_MARK"] = self.mark.clone().into();
        settings
    }

    pub(crate) fn run_with(
        &self,
        kind: &str,
        settings: Value,
        params: Params,
        mut recorder: Recorder,
    ) -> Ran {
        let facts = TrialFacts {
            study: "mine".to_owned(),
            number: 3,
            attempt: 1,
            params,
            settings: self.settings(settings),
            seed: u64::MAX,
            study_seed: 7,
            metrics: self.metrics.clone(),
        };
        let began = Instant::now();
        let (reports, others) = (Arc::clone(&recorder.reports), Arc::clone(&recorder.others));
        let mut trial = Trial::new(&facts, DeviceName::Flex, None, &mut recorder);
        let outcome = self.objective(kind).run(&mut trial);
        let took = began.elapsed();
        let constraint = self.metrics.constraints.first().and_then(|name| trial.constraint(name));
        let reports = reports.lock().expect("no test panics with it").clone();
        let others = others.lock().expect("no test panics with it").clone();
        Ran { outcome, reports, others, constraint, took }
    }

    /// The marked processes that are there now.
    pub(crate) fn left(&self) -> Vec<String> {
        let processes = std::fs::read_dir("/proc").expect("the process table").flatten();
        let marked = |folder: &Path| {
            let environ = std::fs::read(folder.join("environ")).unwrap_or_default();
            environ.windows(self.mark.len()).any(|part| part == self.mark.as_bytes())
        };
        let name = |folder: &Path| {
            let line = std::fs::read(folder.join("cmdline")).unwrap_or_default();
            String::from_utf8_lossy(&line).replace('\0', " ")
        };
        let folders = processes.map(|entry| entry.path());
        let numbered =
            folders.filter(|f| f.file_name().is_some_and(|n| n.as_bytes()[0].is_ascii_digit()));
        numbered.filter(|f| marked(f)).map(|f| name(&f)).collect()
    }
}

/// Waits for something, but not for ever.
#[track_caller]
pub(crate) fn until(what: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_mins(1);
    while !what() {
        assert!(Instant::now() < deadline, "waited in vain");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A trial of a command. Afterwards no process may be left.
pub(crate) fn command(settings: Value) -> Ran {
    command_with(settings, Params::new(), Recorder::default())
}

pub(crate) fn command_with(settings: Value, params: Params, recorder: Recorder) -> Ran {
    let worker = Worker::new();
    let ran = worker.run_with("command", settings, params, recorder);
    assert_eq!(worker.left(), Vec::<String>::new(), "processes are left after {ran:?}");
    ran
}

/// A trial of a study that names its values.
pub(crate) fn named(metrics: Metrics, settings: Value) -> Ran {
    let worker = Worker { metrics, ..Worker::new() };
    let ran = worker.run_with("command", settings, Params::new(), Recorder::default());
    assert_eq!(worker.left(), Vec::<String>::new(), "processes are left after {ran:?}");
    ran
}

/// A trial of a shell script.
pub(crate) fn sh(script: &str) -> Ran {
    command(json!({"command": ["sh", "-c", script.replace("${", "$${")], "metric": "accuracy"}))
}

/// The settings of a Python script that speaks to the socket by hand.
pub(crate) fn client(script: &str) -> Value {
    json!({"command": ["python3", "-c", format!("{CLIENT}{script}").replace("${", "$${")]})
}

/// A trial of such a script.
pub(crate) fn python(script: &str) -> Ran {
    command(client(script))
}

/// The settings, with some more.
pub(crate) fn with(mut settings: Value, more: Value) -> Value {
    let Value::Object(more) = more else { panic!("not an object: {more}") };
    settings.as_object_mut().expect("an object").extend(more);
    settings
}

pub(crate) fn text(value: &str) -> ParamValue {
    ParamValue::Text(value.to_owned())
}

impl Ran {
    pub(crate) fn values(&self) -> &[f64] {
        match &self.outcome {
            Ok(done) => done.values.as_slice(),
            Err(error) => panic!("{error:?}"),
        }
    }

    /// Why it failed.
    pub(crate) fn reason(&self) -> &str {
        match &self.outcome {
            Err(TrialError::Failed(reason)) => reason,
            other => panic!("{other:?}"),
        }
    }
}
