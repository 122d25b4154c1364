//! `kindling coordinator`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use kindling_coordinator::{Coordinator, Options, ServeError};
use tokio::signal::unix::{SignalKind, signal};

use crate::hint::hinted;

#[derive(clap::Args)]
pub(crate) struct CoordinatorArgs {
    /// The file that holds the studies; made if it is missing
    #[arg(long, value_name = "FILE", default_value = "study.db")]
    store: PathBuf,
    /// Where to listen
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:50051")]
    listen: SocketAddr,
    /// Seconds without a sign of life after which a worker's trials are leased again
    #[arg(long, value_name = "SECONDS", default_value_t = 30.0, value_parser = lease_term)]
    lease_term: f64,
    /// Listen on an address that is not loopback although nobody needs a token there
    #[arg(long)]
    insecure: bool,
}

pub(crate) async fn serve(args: CoordinatorArgs) -> anyhow::Result<()> {
    if !args.listen.ip().is_loopback() {
        if !args.insecure {
            return Err(hinted(
                format!(
                    "{} is not a loopback address, and anybody who reaches it may use it",
                    args.listen
                ),
                "listen on 127.0.0.1, or add --insecure if the network is yours alone",
            ));
        }
        tracing::warn!("INSECURE: anybody who reaches {} may use this coordinator", args.listen);
    }
    let options = Options {
        store: args.store.clone(),
        listen: args.listen,
        lease_term: Duration::from_secs_f64(args.lease_term),
    };
    let (mut terminate, mut interrupt) =
        (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let mut coordinator = Coordinator::start(options).await.map_err(explain)?;
    tracing::info!(store = %args.store.display(), "listening on http://{}", coordinator.address());
    tokio::select! {
        ended = coordinator.ended() => return ended.map_err(explain),
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    tracing::info!("stopping; workers go on and come back to the next coordinator on this store");
    coordinator.stop();
    coordinator.ended().await.map_err(explain)
}

/// A server's error with the store's hint.
pub(crate) fn explain(error: ServeError) -> anyhow::Error {
    match &error {
        ServeError::Store(store) => hinted(error.to_string(), store.hint()),
        ServeError::Listen { .. } => hinted(
            error.to_string(),
            "is another coordinator running? choose another port with --listen",
        ),
        ServeError::Server(_) => error.into(),
    }
}

fn lease_term(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(seconds) if (0.1..=86_400.0).contains(&seconds) => Ok(seconds),
        _ => Err("expected 0.1 to 86400 seconds".to_owned()),
    }
}
