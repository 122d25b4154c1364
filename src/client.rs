//! The way to a coordinator, for every command that asks one.

use std::time::Duration;

use kindling_proto::v1;
use kindling_proto::v1::study_service_client::StudyServiceClient;
use kindling_proto::v1::trial_service_client::TrialServiceClient;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Status, Streaming};

use crate::hint::hinted;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Trials asked for at a time.
const PAGE: u32 = 500;

/// Which coordinator to ask.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct CoordinatorUrl {
    /// The coordinator's address
    #[arg(
        long,
        value_name = "URL",
        env = "KINDLING_COORDINATOR",
        default_value = "http://127.0.0.1:50051",
        global = true
    )]
    pub(crate) coordinator: String,
}

/// A connected client.
#[derive(Clone)]
pub(crate) struct Client {
    pub(crate) studies: StudyServiceClient<Channel>,
    pub(crate) trials: TrialServiceClient<Channel>,
}

impl Client {
    pub(crate) async fn connect(url: &str) -> anyhow::Result<Self> {
        let endpoint = Endpoint::from_shared(url.to_owned())
            .map_err(|e| hinted(format!("`{url}`: {e}"), "give it as http://HOST:PORT"))?
            .connect_timeout(CONNECT_TIMEOUT)
            .tcp_nodelay(true);
        let channel = endpoint.connect().await.map_err(|error| {
            let why = std::error::Error::source(&error).map_or(error.to_string(), source_chain);
            hinted(
                format!("no coordinator answers at {url}: {why}"),
                "start one with `kindling coordinator --store study.db`, or name another with --coordinator URL",
            )
        })?;
        Ok(Self {
            studies: StudyServiceClient::new(channel.clone()),
            trials: TrialServiceClient::new(channel),
        })
    }

    pub(crate) async fn study(&mut self, name: &str) -> anyhow::Result<v1::Study> {
        let request = v1::GetStudyRequest { name: name.to_owned() };
        let response = self.studies.get_study(request).await.map_err(refused)?;
        response.into_inner().study.ok_or_else(empty)
    }

    /// The study now, and again after every change.
    pub(crate) async fn watch(
        &mut self,
        name: &str,
    ) -> anyhow::Result<Streaming<v1::WatchStudyResponse>> {
        let request = v1::WatchStudyRequest { name: name.to_owned() };
        Ok(self.studies.watch_study(request).await.map_err(refused)?.into_inner())
    }

    pub(crate) async fn workers(&mut self) -> anyhow::Result<Vec<v1::Worker>> {
        let response = self.studies.list_workers(v1::ListWorkersRequest {}).await;
        Ok(response.map_err(refused)?.into_inner().workers)
    }

    /// All trials of the study in these states (all states if empty), page by page.
    pub(crate) async fn all_trials(
        &mut self,
        study: &str,
        states: &[v1::TrialState],
    ) -> anyhow::Result<Vec<v1::Trial>> {
        let mut trials = Vec::new();
        let mut page_token = String::new();
        loop {
            let request = v1::ListTrialsRequest {
                study: study.to_owned(),
                page_size: PAGE,
                page_token,
                states: states.iter().map(|s| (*s).into()).collect(),
            };
            let page = self.trials.list_trials(request).await.map_err(refused)?.into_inner();
            trials.extend(page.trials);
            page_token = page.next_page_token;
            if page_token.is_empty() {
                return Ok(trials);
            }
        }
    }
}

/// A refusal as an error for people.
#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
pub(crate) fn refused(status: Status) -> anyhow::Error {
    let message = status.message();
    match status.code() {
        Code::NotFound => hinted(message, "`kindling study list` shows what there is"),
        Code::AlreadyExists if message.contains("another") => hinted(
            message,
            "give the study in the file another name, or delete the old one with `kindling study delete`",
        ),
        Code::FailedPrecondition if message.contains("all exist already") => {
            hinted(message, "raise the budget with `kindling study resume NAME --trials N`")
        }
        Code::Unavailable => hinted(
            format!("the coordinator is out of reach: {message}"),
            "see whether it still runs; nothing that it acknowledged is lost",
        ),
        _ => anyhow::anyhow!("{message}"),
    }
}

pub(crate) fn empty() -> anyhow::Error {
    anyhow::anyhow!("the coordinator's answer is empty; is it another version?")
}

fn source_chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = cause.to_string();
        source = cause.source();
    }
    text
}
