//! Optuna's clients, who drive a study of theirs beside the cluster's.
//!
//! Some are the stock ones, whose script ends at the first error and leaves its trial running. Others name their
//! requests and repeat them. Some die in the middle of a trial, and all try to write to the study that is not theirs.

mod check;
mod log;
mod script;

pub(crate) use check::check;
pub(crate) use log::Log;

use std::time::Duration;

use kindling_coordinator::Connection;
use kindling_proto::optuna as wire;
use kindling_proto::optuna::storage_service_client::StorageServiceClient;
use kindling_worker::Transport;
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::transport::Client;
use script::Script;

/// The study of these clients.
const STUDY: &str = "optuna";

/// How these clients behave.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Habits {
    /// After so many seconds without its client a trial is lost.
    pub(crate) lost_after: u32,
    /// How often a lost trial is enqueued again.
    pub(crate) retry_lost: usize,
    /// Whether they name their requests, and repeat them.
    pub(crate) insists: bool,
    /// The probability, for each step of a trial, that they die.
    pub(crate) deadly: f64,
    pub(crate) longest_step: Duration,
}

/// A machine of such a client: whenever a script of it ends, the next one starts.
pub(crate) struct Guest {
    done: CancellationToken,
    task: JoinHandle<()>,
}

impl Guest {
    /// Starts it. Its number must be unique.
    pub(crate) fn start(client: Client, number: u64, seed: u64, habits: Habits, log: &Log) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(number);
        let done = CancellationToken::new();
        let task = tokio::spawn(scripts(client, number, rng, habits, log.clone(), done.clone()));
        Self { done, task }
    }

    /// Ends it at once.
    pub(crate) fn kill(&self) {
        self.task.abort();
    }

    /// Lets it finish its trial.
    pub(crate) async fn end(self) {
        self.done.cancel();
        self.task.await.expect("no panic");
    }
}

/// Runs one script after the other, each over a connection of its own.
async fn scripts(
    mut client: Client,
    number: u64,
    mut rng: ChaCha8Rng,
    habits: Habits,
    log: Log,
    done: CancellationToken,
) {
    for life in 0.. {
        let connection = Ending(Connection::new(number * 1_000_000 + life));
        client.connection = Some(connection.0.clone());
        Script::new(&client, habits, &mut rng, &log).run(&done).await;
        drop(connection);
        if done.is_cancelled() {
            return;
        }
        tokio::time::sleep(Duration::from_secs_f64(rng.random_range(0.1..5.0))).await;
    }
}

/// A connection that ends with its script, however that one ends.
struct Ending(Connection);

impl Drop for Ending {
    fn drop(&mut self) {
        self.0.end();
    }
}

/// All trials of these clients, if their study is there.
pub(crate) async fn trials(transport: Transport) -> Vec<wire::Trial> {
    let mut storage = StorageServiceClient::new(transport);
    let request = wire::GetStudyIdFromNameRequest { study_name: STUDY.to_owned() };
    let Ok(found) = storage.get_study_id_from_name(request).await else { return Vec::new() };
    let request = script::all_of(found.into_inner().study_id);
    storage.get_trials(request).await.expect("an answer").into_inner().trials
}
