//! Optuna's clients without Python: the calls of a script that asks, suggests, reports and tells, so that what is
//! measured is the storage.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use kindling_proto::optuna as wire;
use kindling_proto::optuna::storage_service_client::StorageServiceClient;
use serde_json::json;
use tokio::task::JoinSet;
use tonic::Code;
use tonic::transport::{Channel, Endpoint};

use super::WARM_UP;
use crate::coordinator::Running;

const FLOAT: &str = r#"{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.0, "high": 1.0, "log": false}}"#;
const PARAMS: i64 = 5;
const REPORTS: i64 = 10;

#[derive(clap::Args)]
pub(super) struct OptunaArgs {
    /// Clients, each with its own connection
    #[arg(long, default_value_t = 8)]
    clients: usize,
    /// Seconds to measure
    #[arg(long, default_value_t = 10.0)]
    seconds: f64,
    /// A server that runs already, ours or Optuna's, as `http://HOST:PORT` [default: a coordinator is started]
    #[arg(long, value_name = "ADDRESS")]
    at: Option<String>,
    /// The program to run as a coordinator, such as `kindling` [default: this one]
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,
}

pub(super) async fn optuna(args: OptunaArgs) -> anyhow::Result<serde_json::Value> {
    let folder = tempfile::tempdir()?;
    let mut coordinator = None;
    let endpoint = if let Some(at) = args.at {
        Endpoint::new(at)?.tcp_nodelay(true)
    } else {
        let running = Running::start(args.program.as_deref(), folder.path()).await?;
        coordinator.insert(running).endpoint()?
    };
    let study = create(&endpoint).await?;
    let from = Instant::now() + WARM_UP;
    let until = from + Duration::from_secs_f64(args.seconds);
    let mut clients = JoinSet::new();
    for _ in 0..args.clients {
        let channel = endpoint.connect().await?;
        clients.spawn(Client::new(channel, study).work(from, until));
    }
    let mut trials = 0;
    while let Some(finished) = clients.join_next().await {
        trials += finished??;
    }
    Ok(json!({
        "clients": args.clients,
        "trials": trials,
        "trials_per_second": trials as f64 / args.seconds,
        "coordinator_mib": coordinator.as_ref().map(Running::memory_mib).transpose()?,
    }))
}

async fn create(endpoint: &Endpoint) -> anyhow::Result<i64> {
    let mut storage = StorageServiceClient::new(endpoint.connect().await?);
    let create = wire::CreateNewStudyRequest {
        directions: vec![wire::StudyDirection::Minimize.into()],
        study_name: "load".to_owned(),
    };
    match storage.create_new_study(create).await {
        Ok(made) => Ok(made.into_inner().study_id),
        Err(status) if status.code() == Code::AlreadyExists => {
            let find = wire::GetStudyIdFromNameRequest { study_name: "load".to_owned() };
            Ok(storage.get_study_id_from_name(find).await?.into_inner().study_id)
        }
        Err(status) => Err(status).context("no study"),
    }
}

/// A client, and what its cache holds, as Optuna's has it.
struct Client {
    storage: StorageServiceClient<Channel>,
    study: i64,
    unfinished: BTreeSet<i64>,
    newest: i64,
}

impl Client {
    fn new(channel: Channel, study: i64) -> Self {
        let storage = StorageServiceClient::new(channel).max_decoding_message_size(usize::MAX);
        Self { storage, study, unfinished: BTreeSet::new(), newest: -1 }
    }

    /// Returns how many trials ended between the two times.
    async fn work(mut self, from: Instant, until: Instant) -> anyhow::Result<usize> {
        let mut trials = 0;
        loop {
            self.trial().await?;
            let now = Instant::now();
            if now >= until {
                return Ok(trials);
            }
            trials += usize::from(now >= from);
        }
    }

    /// `study.ask()`, suggestions, reports, `study.tell()`.
    async fn trial(&mut self) -> anyhow::Result<()> {
        self.look().await?;
        let create = wire::CreateNewTrialRequest {
            study_id: self.study,
            template_trial: None,
            template_trial_is_none: true,
        };
        let trial_id = self.storage.create_new_trial(create).await?.into_inner().trial_id;
        self.storage.get_trial(wire::GetTrialRequest { trial_id }).await?;
        for place in 0..PARAMS {
            let set = wire::SetTrialParameterRequest {
                trial_id,
                param_name: format!("x{place}"),
                param_value_internal: 0.5,
                distribution: FLOAT.to_owned(),
            };
            self.storage.set_trial_parameter(set).await?;
        }
        for step in 0..REPORTS {
            let intermediate_value = step as f64 / 10.0;
            let set = wire::SetTrialIntermediateValueRequest { trial_id, step, intermediate_value };
            self.storage.set_trial_intermediate_value(set).await?;
        }
        self.storage.get_trial(wire::GetTrialRequest { trial_id }).await?;
        let (state, values) = (wire::TrialState::Complete.into(), vec![0.5]);
        let end = wire::SetTrialStateValuesRequest { trial_id, state, values };
        self.storage.set_trial_state_values(end).await?;
        Ok(())
    }

    /// Whatever is new: those that were not finished, and those after the newest finished one.
    async fn look(&mut self) -> anyhow::Result<()> {
        let get = wire::GetTrialsRequest {
            study_id: self.study,
            included_trial_ids: self.unfinished.iter().copied().collect(),
            trial_id_greater_than: self.newest,
        };
        for trial in self.storage.get_trials(get).await?.into_inner().trials {
            let is_open =
                matches!(trial.state(), wire::TrialState::Running | wire::TrialState::Waiting);
            if is_open {
                self.unfinished.insert(trial.trial_id);
            } else {
                self.newest = self.newest.max(trial.trial_id);
                self.unfinished.remove(&trial.trial_id);
            }
        }
        Ok(())
    }
}
