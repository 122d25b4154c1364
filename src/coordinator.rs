//! `kindling coordinator`.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use kindling_coordinator::{Coordinator, Options, ServeError, Tls, Tokens};
use kindling_worker::{Token, innermost, listen_address};
use tokio::signal::unix::{SignalKind, signal};

use crate::hint::hinted;

#[derive(clap::Args)]
pub(crate) struct CoordinatorArgs {
    /// The file that holds the studies; made if it is missing
    #[arg(long, value_name = "FILE", default_value = "study.db")]
    store: PathBuf,
    /// The store is a copy that was put back: what workers keep for the studies as they were is none of it
    ///
    /// A coordinator sees this by itself, unless the store's folder was put back, too.
    #[arg(long)]
    restored: bool,
    /// Where to listen
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:50051", value_parser = listen_address)]
    listen: SocketAddr,
    /// Seconds without a sign of life after which a worker's trials are leased again
    #[arg(long, value_name = "SECONDS", default_value_t = 30.0, value_parser = lease_term)]
    lease_term: f64,
    /// The file with the token that workers must show
    #[arg(long, value_name = "FILE", requires = "client_token_file")]
    worker_token_file: Option<PathBuf>,
    /// The file with the token that everybody else must show
    #[arg(long, value_name = "FILE", requires = "worker_token_file")]
    client_token_file: Option<PathBuf>,
    /// Encrypt, with this certificate; `kindling certificate create` makes some
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// The key of that certificate
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// Let in only those who show a certificate that this authority signed
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_client_ca: Option<PathBuf>,
    /// Serve metrics for Prometheus on this address, to anybody who reaches it
    #[arg(long, value_name = "ADDRESS", value_parser = listen_address)]
    metrics: Option<SocketAddr>,
    /// Serve the page on this address, for browsers: studies as they run, with figures
    #[arg(long, value_name = "ADDRESS", value_parser = listen_address)]
    http: Option<SocketAddr>,
    /// Listen on an address that is not loopback although nobody needs a token there
    #[arg(long)]
    insecure: bool,
}

impl CoordinatorArgs {
    /// Who may call; refuses to let in everybody from everywhere.
    fn tokens(&self) -> anyhow::Result<Option<Tokens>> {
        let (Some(worker), Some(client)) = (&self.worker_token_file, &self.client_token_file)
        else {
            return self.let_everybody_in().map(|()| None);
        };
        let (worker, client) = (Token::read(worker)?, Token::read(client)?);
        if worker == client {
            return Err(hinted(
                "workers and clients have the same token, so that each could pass for the other",
                "kindling token create FILE makes a new one",
            ));
        }
        if self.open_address().is_some() && self.tls_cert.is_none() {
            tracing::warn!("without --tls-cert, tokens and results cross the network in the clear");
        }
        let secret = |token: &Token| token.secret().to_owned();
        Ok(Some(Tokens { worker: secret(&worker), client: secret(&client) }))
    }

    /// An address that others than this machine reach.
    fn open_address(&self) -> Option<SocketAddr> {
        [Some(self.listen), self.http].into_iter().flatten().find(|a| !a.ip().is_loopback())
    }

    fn let_everybody_in(&self) -> anyhow::Result<()> {
        let Some(open) = self.open_address() else { return Ok(()) };
        if self.insecure {
            tracing::warn!("INSECURE: anybody who reaches {open} may use this coordinator");
            return Ok(());
        }
        let (listen, page) = (self.listen, self.http.map(|page| format!(" --http {page}")));
        let page = page.unwrap_or_default();
        Err(hinted(
            format!("{open} is not a loopback address, and anybody who reaches it could use it"),
            format!(
                "kindling token create worker.token client.token && kindling coordinator --listen {listen}{page} \
                 --worker-token-file worker.token --client-token-file client.token\n      \
                 or add --insecure if the network is yours alone"
            ),
        ))
    }

    fn tls(&self) -> anyhow::Result<Option<Tls>> {
        let (Some(certificate), Some(key)) = (&self.tls_cert, &self.tls_key) else {
            return Ok(None);
        };
        Ok(Some(Tls {
            certificate: read(certificate)?,
            key: read(key)?,
            client_ca: self.tls_client_ca.as_deref().map(read).transpose()?,
        }))
    }
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}

pub(crate) async fn serve(args: CoordinatorArgs) -> anyhow::Result<()> {
    let (tokens, tls) = (args.tokens()?, args.tls()?);
    let scheme = if tls.is_some() { "https" } else { "http" };
    let options = Options {
        store: args.store.clone(),
        listen: args.listen,
        lease_term: Duration::from_secs_f64(args.lease_term),
        tokens,
        tls,
        metrics: args.metrics,
        page: args.http,
        restored: args.restored,
    };
    let (mut terminate, mut interrupt) =
        (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let mut coordinator = Coordinator::start(options).await.map_err(explain)?;
    let address = coordinator.address();
    if let Some(page) = coordinator.page() {
        tracing::info!("page on {scheme}://{page}");
    }
    tracing::info!(store = %args.store.display(), "listening on {scheme}://{address}");
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
            "is another coordinator running? choose another port with --listen or --http",
        ),
        ServeError::Tls(_) => hinted(
            format!("TLS: {}", innermost(&error)),
            "certificates and keys are PEM files; `kindling certificate create DIR` makes a set",
        ),
        ServeError::Telemetry(_) | ServeError::Server(_) => error.into(),
    }
}

fn lease_term(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(seconds) if (0.1..=86_400.0).contains(&seconds) => Ok(seconds),
        _ => Err("expected 0.1 to 86400 seconds".to_owned()),
    }
}
