//! What a run tells: people on standard error, and programs on standard output.

use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;
use kindling_proto::v1;
use serde_json::{Value, json};

use super::options::RunOptions;
use super::summary;
use crate::progress::Progress;
use crate::{format, hint, json, out};

/// How the progress of a run is told.
pub(super) enum Told {
    /// Bars or lines on standard error.
    ToPeople(Progress),
    /// A line of JSON on standard output for each event.
    ToProgram,
}

impl Told {
    pub(super) fn of(options: &RunOptions) -> Self {
        if options.events { Self::ToProgram } else { Self::ToPeople(Progress::new()) }
    }

    /// Where the coordinator, the page and the store are.
    pub(super) async fn started(
        &self,
        coordinator: &str,
        page: Option<&str>,
        store: &Path,
        created: bool,
    ) {
        if let Self::ToProgram = self {
            let store = store.display().to_string();
            let event = json!({
                "event": "started", "coordinator": coordinator, "page": page, "store": store, "created": created,
            });
            print_event(event).await;
        }
    }

    /// Tells an update. Waits as long as the program does not read: the next update has all that happened meanwhile.
    pub(super) async fn update(&mut self, update: &v1::WatchStudyResponse) {
        match self {
            Self::ToPeople(progress) => progress.show(update),
            Self::ToProgram => {
                let Some(study) = &update.study else { return };
                let changed: Vec<_> = update.changed.iter().map(json::trial).collect();
                let event = json!({
                    "event": "progress",
                    "finished": format::finished(study),
                    "trials": format::total(study),
                    "study": json::study(study),
                    "trials_changed": changed,
                });
                print_event(event).await;
            }
        }
    }

    /// Removes the bars.
    pub(super) fn clear(&self) {
        if let Self::ToPeople(progress) = self {
            progress.clear();
        }
    }
}

/// Prints the result. A closed standard output is not an error: the study is in its store.
pub(super) fn print_result(
    study: &v1::Study,
    trials: &[v1::Trial],
    store: &Path,
    options: &RunOptions,
) -> anyhow::Result<()> {
    let shown = store.display().to_string();
    let text = if options.events {
        format!("{}\n", json!({ "event": "result", "study": json::study(study), "store": shown }))
    } else if options.json {
        let mut document = json::study(study);
        document["store"] = shown.into();
        format!("{document:#}\n")
    } else {
        summary::text(study, trials, store)
    };
    // On a terminal, earlier messages must appear above the result.
    kindling_telemetry::flush();
    out::try_print(&text).context("standard output cannot be written")?;
    Ok(())
}

/// Tells a program that reads events why there is no result. Standard error has it, too.
pub(super) fn ended(ended: &anyhow::Result<ExitCode>) {
    if let Err(error) = ended {
        let (error, hint) = hint::parts(error);
        let event = json!({ "event": "error", "error": error, "hint": hint });
        // Whoever does not read it has the exit status.
        _ = out::try_print(&format!("{event}\n"));
    }
}

/// Prints on a thread that may block, so that whoever waits for this can be told to stop meanwhile.
async fn print_event(event: Value) {
    // A program that reads no more has its reasons, and the study goes on.
    _ = tokio::task::spawn_blocking(move || out::try_print(&format!("{event}\n"))).await;
}
