//! `kindling coordinator`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use kindling_artifacts::Location;
use kindling_client::listen_address;
use kindling_coordinator::notify::{PageUrl, Reach};
use kindling_coordinator::{Coordinator, Options, Tokens};
use tokio::signal::unix::{SignalKind, signal};

use crate::hint::{explain, hinted};
use crate::keys::KeyArgs;
use crate::page_url::PageUrlArgs;
use crate::{size, study_file};

#[derive(clap::Args)]
pub(crate) struct CoordinatorArgs {
    /// The file that holds the studies; made if it is missing
    #[arg(long, value_name = "FILE", default_value = "study.db")]
    store: PathBuf,
    /// The store is a backup that was put back: do not take results of leases that it does not know
    ///
    /// A coordinator notices this by itself, unless the `.lock` file was put back with the store.
    #[arg(long)]
    restored: bool,
    /// Where checkpoints and artifacts are kept: a folder, or a bucket as `s3://BUCKET/PREFIX`, `gs://…` or `az://…`
    /// [default: the store's name with .artifacts]
    ///
    /// A bucket's credentials come from the environment, as of `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`.
    #[arg(long, value_name = "PLACE")]
    artifacts: Option<Location>,
    /// How much of that may be used
    #[arg(long, value_name = "SIZE", default_value = "100GiB", value_parser = size)]
    artifacts_limit: u64,
    /// First take the studies of this store of Optuna's, a database file or a journal; the file stays as it is
    ///
    /// A study whose name is taken is left out, so that the option may stay. May be given several times.
    #[arg(long, value_name = "FILE")]
    import: Vec<PathBuf>,
    /// How much of what trials write is kept, in a folder beside the store: 500MB, 4GiB; 0 keeps none
    ///
    /// If there is more, the oldest finished trials lose theirs.
    #[arg(long, value_name = "SIZE", default_value = "4GiB", value_parser = size::parse)]
    output_limit: u64,
    /// Where to listen
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:50051", value_parser = listen_address)]
    listen: SocketAddr,
    /// Seconds without a sign of life after which a worker's trials are leased again
    #[arg(long, value_name = "SECONDS", default_value_t = 30.0, value_parser = lease_term)]
    lease_term: f64,
    #[command(flatten)]
    keys: KeyArgs,
    /// Serve metrics for Prometheus on this address, to anybody who reaches it
    #[arg(long, value_name = "ADDRESS", value_parser = listen_address)]
    metrics: Option<SocketAddr>,
    /// Serve the page on this address, for browsers: studies as they run, with figures
    #[arg(long, value_name = "ADDRESS", value_parser = listen_address)]
    http: Option<SocketAddr>,
    #[command(flatten)]
    page_url: PageUrlArgs,
    /// Which machines studies' messages may go to ([notify] in a study file)
    ///
    /// any: all. network: all but this machine and addresses of its link, where clouds give out keys. public: those of the
    /// public internet. off: none.
    #[arg(long, value_name = "WHERE", default_value = "network", value_parser = reach)]
    notify: Reach,
    /// Listen on an address that is not loopback although nobody needs a token there
    #[arg(long)]
    insecure: bool,
}

impl CoordinatorArgs {
    /// The accepted tokens. Without tokens, an address that is not loopback requires `--insecure`.
    fn tokens(&self) -> anyhow::Result<Option<Tokens>> {
        let Some(tokens) = self.keys.tokens()? else {
            return self.let_everybody_in().map(|()| None);
        };
        if self.open_address().is_some() && !self.keys.encrypt() {
            tracing::warn!("without --tls-cert, tokens and results cross the network in the clear");
        }
        Ok(Some(tokens))
    }

    /// Where people reach the page.
    fn page_url(&self) -> anyhow::Result<Option<PageUrl>> {
        let url = self.page_url.read()?;
        if url.is_some() && self.http.is_none() {
            return Err(hinted(
                "--page-url: messages would link to a page that is not served",
                "add --http ADDRESS, which serves the page, or leave --page-url and KINDLING_PAGE_URL out",
            ));
        }
        Ok(url)
    }

    /// An address that other machines can reach.
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
}

pub(crate) async fn serve(args: CoordinatorArgs) -> anyhow::Result<()> {
    let (tokens, tls, page_url) = (args.tokens()?, args.keys.tls()?, args.page_url()?);
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
        artifacts: args.artifacts,
        artifacts_limit: args.artifacts_limit,
        import: args.import,
        output_limit: args.output_limit,
        notify: args.notify,
        page_url,
        study_check: study_file::check,
    };
    let (mut terminate, mut interrupt) =
        (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let mut hangup = signal(SignalKind::hangup())?;
    let mut coordinator = Coordinator::start(options).await.map_err(explain)?;
    let address = coordinator.address();
    if let Some(page) = coordinator.page() {
        tracing::info!("page on {scheme}://{page}");
    }
    tracing::info!(store = %args.store.display(), "listening on {scheme}://{address}");
    loop {
        tokio::select! {
            ended = coordinator.ended() => return ended.map_err(explain),
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
            _ = hangup.recv() => {
                // Without key files to read again, SIGHUP means that the terminal was closed.
                if !args.keys.are_there() {
                    break;
                }
                args.keys.change(&coordinator);
            }
        }
    }
    tracing::info!("stopping; workers go on and come back to the next coordinator on this store");
    coordinator.stop();
    coordinator.ended().await.map_err(explain)
}

/// A size: `500MB`, `100GiB`.
pub(crate) fn size(text: &str) -> Result<u64, String> {
    kindling_process::bytes(text)
        .ok_or_else(|| "expected a size, such as 500MB or 100GiB".to_owned())
}

fn reach(text: &str) -> Result<Reach, String> {
    let found = Reach::ALL.iter().find(|(word, _)| *word == text).map(|(_, reach)| *reach);
    found.ok_or_else(|| "expected any, network, public or off".to_owned())
}

fn lease_term(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(seconds) if (0.1..=86_400.0).contains(&seconds) => Ok(seconds),
        _ => Err("expected 0.1 to 86400 seconds".to_owned()),
    }
}
