//! `kindling report`: a study's page in one file, or its data.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::ValueEnum;
use kindling_report::{Document, Page, html};

use crate::client::Client;
use crate::export::SheetArgs;
use crate::sheet;
use crate::source::{Access, SourceArgs};

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
    #[command(flatten)]
    sheet: SheetArgs,
    #[command(flatten)]
    source: SourceArgs,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    Html,
    Json,
    Csv,
}

pub(crate) async fn report(args: &ReportArgs) -> anyhow::Result<()> {
    let questions = async |client: &mut Client| {
        let study = client.study(&args.name).await?;
        let trials = client.all_trials(&args.name, &[]).await?;
        // Optuna's clients keep theirs elsewhere.
        let artifacts =
            if study.external { Vec::new() } else { client.study_artifacts(&args.name).await? };
        anyhow::Ok((study, trials, client.workers().await?, artifacts))
    };
    let (study, trials, workers, artifacts) =
        args.source.ask(Some(&args.name), Access::Look, questions).await?;
    let now = jiff::Timestamp::now().as_millisecond();
    let document = || Document::new(&study, &trials, &workers, now).with_artifacts(&artifacts);
    let written = match args.format {
        Format::Html => html(Page::Report(&document())).into_bytes(),
        Format::Json => serde_json::to_vec(&document())?,
        Format::Csv => sheet::csv(&study, &trials, args.sheet.formulas()),
    };
    let Some(path) = &args.output else {
        crate::out::write(&written);
        return Ok(());
    };
    std::fs::write(path, written).with_context(|| format!("cannot write {}", path.display()))
}
