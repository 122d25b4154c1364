//! The connection to a coordinator, for every command that uses one.

use std::time::Duration;

use http::{HeaderName, HeaderValue, Request, Response};
use kindling_client::{Bearer, ConnectArgs, NO_GRPC, USER, innermost, speaks_no_grpc};
use kindling_proto::optuna::storage_service_client::StorageServiceClient;
use kindling_proto::v1::artifact_service_client::ArtifactServiceClient;
use kindling_proto::v1::study_service_client::StudyServiceClient;
use kindling_proto::v1::trial_service_client::TrialServiceClient;
use kindling_proto::{optuna, v1};
use kindling_telemetry::printable;
use tonic::body::Body;
use tonic::codegen::StdError;
use tonic::service::Routes;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::Channel;
use tonic::{Code, Status, Streaming};
use tower::ServiceExt;
use tower::util::BoxCloneSyncService;

use crate::hint::hinted;

/// Trials or workers per page.
const PAGE: u32 = 500;

/// How long a call may wait for its answer to begin.
///
/// Pings detect a dead connection, but a call made in the very moment it dies can be lost without an error.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Under this name a call says who makes it.
const NAME: HeaderName = HeaderName::from_static(USER);

/// Handles calls: a connection to a coordinator, or services in this process.
type Calls = BoxCloneSyncService<Request<Body>, Response<Body>, StdError>;

/// A connected client.
#[derive(Clone)]
pub(crate) struct Client {
    pub(crate) studies: StudyServiceClient<Calls>,
    pub(crate) trials: TrialServiceClient<Calls>,
    pub(crate) artifacts: ArtifactServiceClient<Calls>,
    storage: StorageServiceClient<Calls>,
}

impl Client {
    pub(crate) async fn connect(to: &ConnectArgs) -> anyhow::Result<Self> {
        Self::connect_within(to, PATIENCE).await
    }

    /// Connects with a different patience from the usual one.
    pub(crate) async fn connect_within(
        to: &ConnectArgs,
        patience: Duration,
    ) -> anyhow::Result<Self> {
        let (channel, bearer) = connect_within(to, patience).await?;
        let calls = InterceptedService::new(channel, bearer);
        let calls = calls.map_response(|response| response.map(Body::new));
        Ok(Self::new(BoxCloneSyncService::new(calls.map_err(Into::into))))
    }

    /// A client of services in this process.
    pub(crate) fn of(routes: Routes) -> Self {
        let user = kindling_client::user();
        let user: Option<HeaderValue> = user.and_then(|user| user.to_str().ok()?.parse().ok());
        let calls = ServiceExt::<Request<Body>>::map_err(routes, StdError::from);
        let calls = calls.map_request(move |mut call: Request<Body>| {
            call.headers_mut().extend(user.clone().map(|user| (NAME, user)));
            call
        });
        Self::new(BoxCloneSyncService::new(calls))
    }

    fn new(calls: Calls) -> Self {
        Self {
            studies: StudyServiceClient::new(calls.clone()),
            trials: TrialServiceClient::new(calls.clone()),
            artifacts: ArtifactServiceClient::new(calls.clone()),
            // All trials of a study come in one message.
            storage: StorageServiceClient::new(calls).max_decoding_message_size(usize::MAX),
        }
    }

    pub(crate) async fn study(&mut self, name: &str) -> anyhow::Result<v1::Study> {
        let request = v1::GetStudyRequest { name: name.to_owned() };
        let response = self.studies.get_study(request).await.map_err(refused)?;
        response.into_inner().study.ok_or_else(empty)
    }

    /// A stream of the study: its current state, then every change.
    pub(crate) async fn watch(
        &mut self,
        name: &str,
    ) -> anyhow::Result<Streaming<v1::WatchStudyResponse>> {
        let request = v1::WatchStudyRequest { name: name.to_owned() };
        Ok(self.studies.watch_study(request).await.map_err(refused)?.into_inner())
    }

    /// The study, with all attributes of its best trial.
    pub(crate) async fn whole_study(&mut self, name: &str) -> anyhow::Result<v1::Study> {
        let mut study = self.study(name).await?;
        if let Some(best) = &mut study.best {
            let request = v1::GetTrialRequest { study: name.to_owned(), number: best.number };
            let response = self.trials.get_trial(request).await.map_err(refused)?;
            *best = response.into_inner().trial.ok_or_else(empty)?;
        }
        Ok(study)
    }

    /// The study and its trials as Optuna sees them.
    pub(crate) async fn as_optuna(
        &mut self,
        name: &str,
    ) -> anyhow::Result<(optuna::Study, Vec<optuna::Trial>)> {
        let studies = self.storage.get_all_studies(optuna::GetAllStudiesRequest {}).await;
        let mut studies = studies.map_err(refused)?.into_inner().studies.into_iter();
        let study = studies.find(|study| study.study_name == name).ok_or_else(empty)?;
        let request = optuna::GetTrialsRequest {
            study_id: study.study_id,
            included_trial_ids: Vec::new(),
            trial_id_greater_than: -1,
        };
        let trials = self.storage.get_trials(request).await.map_err(refused)?.into_inner().trials;
        Ok((study, trials))
    }

    /// All workers, fetched page by page.
    pub(crate) async fn workers(&mut self) -> anyhow::Result<Vec<v1::Worker>> {
        let mut workers = Vec::new();
        let mut request = v1::ListWorkersRequest { page_size: PAGE, ..Default::default() };
        loop {
            let page = self.studies.list_workers(request.clone()).await.map_err(refused)?;
            let page = page.into_inner();
            workers.extend(page.workers);
            request.page_token = page.next_page_token;
            if request.page_token.is_empty() {
                return Ok(workers);
            }
        }
    }

    /// The artifacts of the study itself. A coordinator that knows of none has none.
    pub(crate) async fn study_artifacts(
        &mut self,
        study: &str,
    ) -> anyhow::Result<Vec<v1::Artifact>> {
        let request = v1::ListArtifactsRequest { study: study.to_owned(), trial: None };
        match self.artifacts.list_artifacts(request).await {
            Ok(answer) => Ok(answer.into_inner().artifacts),
            Err(status) if status.code() == Code::Unimplemented => Ok(Vec::new()),
            Err(status) => Err(refused(status)),
        }
    }

    /// All trials of the study in these states (all states if empty), fetched page by page.
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

/// A connection, and the credentials for each call.
pub(crate) async fn connect(to: &ConnectArgs) -> anyhow::Result<(Channel, Bearer)> {
    connect_within(to, PATIENCE).await
}

async fn connect_within(to: &ConnectArgs, patience: Duration) -> anyhow::Result<(Channel, Bearer)> {
    let (endpoint, bearer) = to.endpoint()?;
    let channel = endpoint.timeout(patience).connect().await.map_err(|error| {
        hinted(
            format!("no coordinator answers at {}: {}", to.coordinator, innermost(&error)),
            "start one with `kindling coordinator --store study.db`, name another with --coordinator URL, or ask \
             the store of a run that has ended with --store FILE",
        )
    })?;
    Ok((channel, bearer))
}

/// Turns a refusal into a readable error.
#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
pub(crate) fn refused(status: Status) -> anyhow::Error {
    let message = &*printable(status.message());
    match status.code() {
        _ if speaks_no_grpc(&status) => hinted("what answers there does not speak gRPC", NO_GRPC),
        Code::NotFound if message.contains("artifact") => {
            hinted(message, "the same command without --get lists those that there are")
        }
        Code::NotFound => hinted(
            message,
            "`kindling study list`, with the same --coordinator or --store, shows what there is",
        ),
        Code::AlreadyExists if message.contains("another") => hinted(
            message,
            "give the study another name, in its file or with `tune --name`, or delete the old one with `kindling study delete`",
        ),
        Code::FailedPrecondition if message.contains("all exist already") => {
            hinted(message, "raise the budget with `kindling study resume NAME --trials N`")
        }
        Code::Unauthenticated | Code::PermissionDenied => {
            hinted(message, "give the coordinator's client token with --token-file FILE")
        }
        Code::ResourceExhausted if message.contains("studies, and no more") => {
            hinted(message, "remove some with `kindling study delete NAME`")
        }
        // These codes mean that the call timed out.
        Code::Cancelled | Code::DeadlineExceeded => hinted(
            format!("the coordinator does not answer: {message}"),
            "see whether it still runs, and look what it did before you ask again",
        ),
        Code::Unavailable => hinted(
            format!("the coordinator is out of reach: {message}"),
            "see whether it still runs; nothing that it acknowledged is lost",
        ),
        Code::FailedPrecondition if message.contains("stop the study first") => {
            hinted(message, "`kindling study stop NAME` calls running trials back")
        }
        _ => anyhow::anyhow!("{message}"),
    }
}

pub(crate) fn empty() -> anyhow::Error {
    anyhow::anyhow!("the coordinator's answer is empty; is it another version?")
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::future::{Pending, pending};
    use std::task::{Context, Poll};

    use tokio::net::TcpListener;
    use tokio_stream::wrappers::TcpListenerStream;
    use tonic::body::Body;
    use tonic::server::NamedService;
    use tonic::transport::Server;
    use tower::Service;

    use super::*;

    /// Accepts every call and answers none.
    #[derive(Clone)]
    struct Silent;

    impl NamedService for Silent {
        const NAME: &'static str = "kindling.v1.StudyService";
    }

    impl Service<http::Request<Body>> for Silent {
        type Response = http::Response<Body>;
        type Error = Infallible;
        type Future = Pending<Result<Self::Response, Self::Error>>;

        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
            Poll::Ready(Ok(()))
        }

        fn call(&mut self, _: http::Request<Body>) -> Self::Future {
            pending()
        }
    }

    #[tokio::test]
    async fn a_call_that_nobody_answers_ends_with_a_hint() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let to = ConnectArgs::plain(format!("http://{}", listener.local_addr().unwrap()));
        let server = Server::builder().add_service(Silent);
        let server = tokio::spawn(server.serve_with_incoming(TcpListenerStream::new(listener)));

        let mut client = Client::connect_within(&to, Duration::from_millis(100)).await.unwrap();
        let call = client.studies.list_studies(v1::ListStudiesRequest::default());
        let error = refused(call.await.unwrap_err()).to_string();
        assert!(error.contains("does not answer"), "{error}");
        server.abort();
    }
}
