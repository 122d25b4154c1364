//! Calls as anybody's client makes them.

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

/// A connection that is made when it is first needed, and again whenever it broke.
pub(crate) fn channel(address: impl std::fmt::Display) -> Channel {
    let endpoint = Endpoint::from_shared(format!("http://{address}")).expect("an address");
    endpoint.tcp_nodelay(true).connect_timeout(Duration::from_secs(5)).connect_lazy()
}

/// Whether it is an answer: repeating the call would change nothing. As workers see it.
pub(crate) fn is_answer(code: Code) -> bool {
    matches!(
        code,
        Code::InvalidArgument | Code::NotFound | Code::AlreadyExists | Code::FailedPrecondition
    )
}

/// After so long a call is repeated. Where a connection dies in the very moment in which a call is handed to it, the
/// client's queue can keep that call until the next one comes (tokio's unbounded channel: a value that is pushed while
/// its receiver is being dropped). Workers have heartbeats, which are next; callers with one call at a time do not.
const NO_ANSWER: Duration = Duration::from_secs(20);

/// Makes the very same call until it is answered; also how often it was made.
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

/// All studies; tests have fewer than a page holds.
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
