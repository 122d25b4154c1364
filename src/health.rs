//! `kindling health`: for scripts and container engines that ask whether a coordinator can serve.

use std::time::Duration;

use kindling_worker::ConnectArgs;
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
    let status = tokio::time::timeout(PATIENCE, ask(&args.connect)).await.map_err(late)??;
    if status != ServingStatus::Serving {
        return Err(hinted(
            format!("the coordinator cannot write: {}", status.as_str_name()),
            "its log says why; there may be no room left where its store lies",
        ));
    }
    outln!("{}", status.as_str_name());
    Ok(())
}

async fn ask(to: &ConnectArgs) -> anyhow::Result<ServingStatus> {
    let (channel, bearer) = connect(to).await?;
    let mut client = HealthClient::with_interceptor(channel, bearer);
    let response = client.check(HealthCheckRequest::default()).await.map_err(refused)?;
    Ok(response.into_inner().status())
}
