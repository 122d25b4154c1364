//! `kindling health`: tells scripts and container engines whether a coordinator can serve.

use std::time::Duration;

use kindling_client::ConnectArgs;
use kindling_coordinator::LOG_HEALTH;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use crate::client::{connect, refused};
use crate::hint::hinted;
use crate::out::outln;

const PATIENCE: Duration = Duration::from_secs(5);

#[derive(clap::Args)]
pub(crate) struct HealthArgs {
    #[command(flatten)]
    connect: ConnectArgs,
}

pub(crate) async fn health(args: HealthArgs) -> anyhow::Result<()> {
    let late = |_| anyhow::anyhow!("no answer from {} in time", args.connect.coordinator);
    let (status, log) =
        tokio::time::timeout(PATIENCE, ask(&args.connect)).await.map_err(late)??;
    if status != ServingStatus::Serving {
        return Err(hinted(
            format!("the coordinator cannot write: {}", status.as_str_name()),
            "its log says why; there may be no room left where its store lies",
        ));
    }
    // A warning only: the coordinator serves, and a restart would not help.
    if log == ServingStatus::NotServing {
        tracing::warn!(
            "the log of its store grows and grows: another program holds a transaction on it open"
        );
    }
    outln!("{}", status.as_str_name());
    Ok(())
}

/// The status of the coordinator, and of its store's log.
async fn ask(to: &ConnectArgs) -> anyhow::Result<(ServingStatus, ServingStatus)> {
    let (channel, bearer) = connect(to).await?;
    let mut client = HealthClient::with_interceptor(channel, bearer);
    let response = client.check(HealthCheckRequest::default()).await.map_err(refused)?;
    let status = response.into_inner().status();
    let log = client.check(HealthCheckRequest { service: LOG_HEALTH.to_owned() }).await;
    // An older coordinator does not report on the log.
    Ok((status, log.map_or(ServingStatus::Unknown, |response| response.into_inner().status())))
}
