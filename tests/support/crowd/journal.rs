//! A journal of what the coordinator acknowledged, written by the clients.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::mpsc;

use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

/// One acknowledged call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Fact {
    pub(crate) study: String,
    pub(crate) trial: u32,
    pub(crate) what: What,
}

/// What was acknowledged about the trial.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum What {
    Leased { attempt: u32, worker: String, params: String },
    Reported { attempt: u32, step: u64, value: f64 },
    Finished { attempt: u32, outcome: String },
    Released { attempt: u32 },
    Enqueued { request: String, learning_rate: f64 },
    Retried { request: String, failed: u32 },
}

/// A file of facts. Once added, a fact is on disk.
#[derive(Clone)]
pub(crate) struct Journal {
    path: PathBuf,
    lines: mpsc::Sender<(String, oneshot::Sender<()>)>,
}

impl Journal {
    pub(crate) fn new(path: &Path) -> Self {
        let file = File::create(path).expect("a journal");
        let (lines, waiting) = mpsc::channel();
        std::thread::spawn(move || write(file, &waiting));
        Self { path: path.to_owned(), lines }
    }

    pub(crate) async fn add(&self, fact: &Fact) {
        let line = serde_json::to_string(fact).expect("JSON") + "\n";
        let (written, on_disk) = oneshot::channel();
        self.lines.send((line, written)).expect("the journal is written");
        on_disk.await.expect("the journal is written");
    }

    /// All facts on disk, in the order written.
    pub(crate) fn read(&self) -> Vec<Fact> {
        self.read_on(&mut 0)
    }

    /// The facts written after `place`; moves `place` forward.
    pub(crate) fn read_on(&self, place: &mut u64) -> Vec<Fact> {
        let mut file = File::open(&self.path).expect("a journal");
        file.seek(SeekFrom::Start(*place)).expect("a place in it");
        let mut text = String::new();
        file.read_to_string(&mut text).expect("readable");
        // The last line may still be incomplete.
        text.truncate(text.rfind('\n').map_or(0, |end| end + 1));
        *place += text.len() as u64;
        text.lines().map(|line| serde_json::from_str(line).expect("a fact")).collect()
    }
}

/// Facts that are waiting together share one sync.
fn write(mut file: File, waiting: &mpsc::Receiver<(String, oneshot::Sender<()>)>) {
    while let Ok(first) = waiting.recv() {
        let batch: Vec<_> = std::iter::once(first).chain(waiting.try_iter()).collect();
        let text: String = batch.iter().map(|(line, _)| line.as_str()).collect();
        file.write_all(text.as_bytes()).and_then(|()| file.sync_data()).expect("written");
        for (_, written) in batch {
            _ = written.send(());
        }
    }
}
