//! `kindling report`: a study's page in one file, or what stands in it as data.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use clap::ValueEnum;
use kindling_coordinator::{Coordinator, Options};
use kindling_proto::v1;
use kindling_report::{Document, Page, html};
use kindling_worker::ConnectArgs;

use crate::client::Client;
use crate::coordinator::explain;
use crate::export;
use crate::hint::hinted;

#[derive(clap::Args)]
pub(crate) struct ReportArgs {
    /// The study's name
    name: String,
    /// Where to write, instead of standard output
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// What to write: the page, its data, or a line for each trial
    #[arg(long, value_enum, default_value_t = Format::Html)]
    format: Format,
    /// The file that holds the study, where no coordinator serves it
    #[arg(long, value_name = "FILE")]
    store: Option<PathBuf>,
    #[command(flatten)]
    connect: ConnectArgs,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    Html,
    Json,
    Csv,
}

pub(crate) async fn report(args: &ReportArgs) -> anyhow::Result<()> {
    let (study, trials, workers) = if let Some(store) = &args.store {
        from_store(store, &args.name).await?
    } else {
        let mut client = Client::connect(&args.connect).await?;
        (
            client.study(&args.name).await?,
            client.all_trials(&args.name, &[]).await?,
            client.workers().await?,
        )
    };
    let now = jiff::Timestamp::now().as_millisecond();
    let document = || Document::new(&study, &trials, &workers, now);
    let written = match args.format {
        Format::Html => html(Page::Report(&document())).into_bytes(),
        Format::Json => serde_json::to_vec(&document())?,
        Format::Csv => export::csv(&study, &trials)?,
    };
    let Some(path) = &args.output else {
        crate::out::write(&written);
        return Ok(());
    };
    std::fs::write(path, written).with_context(|| format!("cannot write {}", path.display()))
}

/// Asks a coordinator of its own, for a moment: there is one way to read a store.
async fn from_store(
    store: &Path,
    name: &str,
) -> anyhow::Result<(v1::Study, Vec<v1::Trial>, Vec<v1::Worker>)> {
    if !store.exists() {
        return Err(hinted(
            format!("there is no store {}", store.display()),
            "`kindling run FILE` keeps a study beside itself, as NAME.db",
        ));
    }
    let anywhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let options = Options::open(store.to_owned(), anywhere, Duration::from_hours(1));
    let mut coordinator = Coordinator::start(options).await.map_err(explain)?;
    let url = format!("http://{}", coordinator.address());
    let read = async {
        let mut client = Client::connect(&ConnectArgs::plain(&url)).await?;
        anyhow::Ok((client.study(name).await?, client.all_trials(name, &[]).await?, Vec::new()))
    };
    let read = read.await;
    coordinator.stop();
    coordinator.ended().await.map_err(explain)?;
    read
}
