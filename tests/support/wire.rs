//! gRPC calls, as any client makes them.

use std::time::{Duration, Instant};

use kindling_proto::v1;
use kindling_proto::v1::study_service_client::StudyServiceClient;
use kindling_proto::v1::trial_service_client::TrialServiceClient;
use rand::RngExt as _;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Response, Status};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use super::PATIENCE;

/// A connection that is opened when first needed, and again whenever it breaks.
pub(crate) fn channel(address: impl std::fmt::Display) -> Channel {
    let endpoint = Endpoint::from_shared(format!("http://{address}")).expect("an address");
    endpoint.tcp_nodelay(true).connect_timeout(Duration::from_secs(5)).connect_lazy()
}

/// Whether it is a final answer, so that a retry would change nothing. The same rule as in workers.
pub(crate) fn is_answer(code: Code) -> bool {
    matches!(
        code,
        Code::InvalidArgument | Code::NotFound | Code::AlreadyExists | Code::FailedPrecondition
    )
}

/// A call without an answer is repeated after this time.
///
/// If a connection dies at the moment when a call is handed to it, the client's queue can hold that call
/// until the next one arrives (tokio's unbounded channel: a value pushed while its receiver is being
/// dropped). Workers have heartbeats as the next call; callers with one call at a time do not.
const NO_ANSWER: Duration = Duration::from_secs(20);

/// Repeats the same call until it is answered. Also returns how often it was made.
pub(crate) async fn persist<T, F>(mut call: impl FnMut() -> F) -> (Result<T, Status>, u32)
where
    F: Future<Output = Result<Response<T>, Status>>,
{
    let start = Instant::now();
    for made in 1.. {
        let status = match tokio::time::timeout(NO_ANSWER, call()).await {
            Ok(Ok(response)) => return (Ok(response.into_inner()), made),
            Ok(Err(status)) if is_answer(status.code()) => return (Err(status), made),
            Ok(Err(status)) => status,
            Err(_) => Status::deadline_exceeded("no answer"),
        };
        assert!(start.elapsed() < PATIENCE, "no answer: {status}");
        let pause = rand::rng().random_range(2..20);
        tokio::time::sleep(Duration::from_millis(pause)).await;
    }
    unreachable!("it goes on")
}

pub(crate) async fn study(channel: &Channel, name: &str) -> Result<v1::Study, Status> {
    let request = v1::GetStudyRequest { name: name.to_owned() };
    let response = StudyServiceClient::new(channel.clone()).get_study(request).await?;
    Ok(response.into_inner().study.expect("a study"))
}

/// All studies; tests have less than a page of them.
pub(crate) async fn studies(channel: &Channel) -> Result<Vec<v1::Study>, Status> {
    let request = v1::ListStudiesRequest { page_size: 1000, page_token: String::new() };
    let response = StudyServiceClient::new(channel.clone()).list_studies(request).await?;
    let v1::ListStudiesResponse { studies, next_page_token } = response.into_inner();
    assert_eq!(next_page_token, "", "one page");
    Ok(studies)
}

pub(crate) async fn trial(
    channel: &Channel,
    study: &str,
    number: u32,
) -> Result<v1::Trial, Status> {
    let request = v1::GetTrialRequest { study: study.to_owned(), number };
    let response = TrialServiceClient::new(channel.clone()).get_trial(request).await?;
    Ok(response.into_inner().trial.expect("a trial"))
}

pub(crate) async fn trials(channel: &Channel, study: &str) -> Result<Vec<v1::Trial>, Status> {
    let mut client = TrialServiceClient::new(channel.clone());
    let mut trials = Vec::new();
    let mut page_token = String::new();
    loop {
        let (study, states) = (study.to_owned(), Vec::new());
        let request = v1::ListTrialsRequest { study, page_size: 1000, page_token, states };
        let page = client.list_trials(request).await?.into_inner();
        trials.extend(page.trials);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return Ok(trials);
        }
    }
}

pub(crate) async fn workers(channel: &Channel) -> Result<Vec<v1::Worker>, Status> {
    let mut client = StudyServiceClient::new(channel.clone());
    let list = v1::ListWorkersRequest { page_size: 1000, ..Default::default() };
    Ok(client.list_workers(list).await?.into_inner().workers)
}

pub(crate) async fn health(channel: &Channel) -> Result<ServingStatus, Status> {
    let mut client = HealthClient::new(channel.clone());
    Ok(client.check(HealthCheckRequest::default()).await?.into_inner().status())
}
