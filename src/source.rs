//! The source of a command's data: a coordinator, or a store file.

use std::path::{Path, PathBuf};
use std::time::Duration;

use kindling_artifacts::Location;
use kindling_client::ConnectArgs;
use kindling_coordinator::{Offline, StoreError};

use crate::client::{Client, PATIENCE};
use crate::hint::{also, hinted};
use crate::named_file;
use crate::shell;

#[derive(clap::Args)]
pub(crate) struct SourceArgs {
    #[command(flatten)]
    connect: ConnectArgs,
    /// Ask this file instead of a coordinator; a coordinator may serve it, as long as nothing is changed
    #[arg(long, value_name = "FILE", global = true)]
    store: Option<PathBuf>,
    /// Where the artifacts of that store are.
    #[arg(skip)]
    artifacts: Option<Location>,
}

/// How a command uses its source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// Read only. The store may be read-only, or in use by a coordinator.
    Look,
    /// Changes something.
    Change,
    /// Adds something, and creates the store if needed.
    Make,
}

impl SourceArgs {
    /// Whether the source is a store rather than a coordinator.
    pub(crate) fn is_store(&self) -> bool {
        self.store.is_some()
    }

    /// Looks for a store's artifacts there, if that is said.
    pub(crate) fn with_artifacts(self, artifacts: Option<&Location>) -> Self {
        Self { artifacts: artifacts.cloned(), ..self }
    }

    /// Runs a request about a study, or about no particular one.
    pub(crate) async fn ask<R>(
        &self,
        study: Option<&str>,
        access: Access,
        questions: impl AsyncFnOnce(&mut Client) -> anyhow::Result<R>,
    ) -> anyhow::Result<R> {
        self.ask_within(PATIENCE, study, access, questions).await
    }

    /// Runs a request with a different patience from the usual one.
    pub(crate) async fn ask_within<R>(
        &self,
        patience: Duration,
        study: Option<&str>,
        access: Access,
        questions: impl AsyncFnOnce(&mut Client) -> anyhow::Result<R>,
    ) -> anyhow::Result<R> {
        let Some(store) = &self.store else {
            if self.artifacts.is_some() {
                return Err(hinted(
                    "--artifacts goes with --store",
                    "leave it out: a coordinator knows where its artifacts are",
                ));
            }
            let connected = Client::connect_within(&self.connect, patience).await;
            let mut client = connected.map_err(|error| match study.and_then(left_by_run) {
                Some(store) => also(&error, &format!("a run has left this study here: {store}")),
                None => error,
            })?;
            return questions(&mut client).await;
        };
        if access != Access::Make && !store.exists() {
            return Err(missing(store));
        }
        let opened = match access {
            Access::Look => Offline::read(store),
            Access::Change | Access::Make => Offline::change(store),
        };
        let mut offline = opened.map_err(|error| explain(&error))?;
        if let Some(location) = &self.artifacts {
            offline = offline.with_artifacts(location)?;
        }
        let mut client = Client::of(offline.routes());
        let answer = questions(&mut client).await;
        drop(client);
        offline.close().await.map_err(|error| explain(&error))?;
        answer
    }
}

fn missing(store: &Path) -> anyhow::Error {
    hinted(
        format!("there is no store {}", store.display()),
        "`kindling run FILE` keeps a study beside itself, as NAME.db",
    )
}

/// A store's error, with its hint.
fn explain(error: &StoreError) -> anyhow::Error {
    match error {
        StoreError::InUse { location } => hinted(
            format!("{location}: a coordinator serves this store, so that only it can change it"),
            "ask the coordinator with --coordinator URL instead of --store, or stop it first",
        ),
        _ => hinted(error.to_string(), error.hint()),
    }
}

/// The `--store` option for a store that `kindling run` left in this folder, if there is one.
fn left_by_run(study: &str) -> Option<String> {
    let store = named_file::after_study(study, "db");
    let shown = store.to_str().filter(|_| store.exists())?;
    Some(shell::option("--store", shown))
}
