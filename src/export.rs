//! `kindling study export`.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::ValueEnum;
use kindling_report::plain::{self, Formulas};

use crate::client::Client;
use crate::filter::FilterArgs;
use crate::hint::hinted;
use crate::sheet;

#[derive(clap::Args)]
pub(crate) struct ExportArgs {
    /// The study's name
    name: String,
    /// How to write
    #[arg(long, value_enum, default_value_t = Format::Csv)]
    format: Format,
    #[command(flatten)]
    filter: FilterArgs,
    #[command(flatten)]
    sheet: SheetArgs,
    /// Where to write, instead of standard output
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

impl ExportArgs {
    pub(crate) fn study(&self) -> &str {
        &self.name
    }
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    Csv,
    Json,
    /// A database file of Optuna's; needs --output
    Optuna,
}

#[derive(clap::Args)]
pub(crate) struct SheetArgs {
    /// In CSV, put an apostrophe before text that a spreadsheet would compute
    #[arg(long)]
    spreadsheet_safe: bool,
}

impl SheetArgs {
    pub(crate) fn formulas(&self) -> Formulas {
        if self.spreadsheet_safe { Formulas::Defused } else { Formulas::Kept }
    }
}

pub(crate) async fn export(client: &mut Client, args: &ExportArgs) -> anyhow::Result<()> {
    if matches!(args.format, Format::Optuna) {
        return for_optuna(client, args).await;
    }
    let study = client.whole_study(&args.name).await?;
    let trials = client.all_trials(&args.name, &[]).await?;
    let trials = args.filter.of(&study, trials)?;
    let document = match args.format {
        Format::Csv => sheet::csv(&study, &trials, args.sheet.formulas()),
        Format::Json | Format::Optuna => plain::document(&study, &trials),
    };
    let Some(path) = &args.output else {
        crate::out::write(&document);
        return Ok(());
    };
    std::fs::write(path, document).with_context(|| format!("cannot write {}", path.display()))
}

/// Makes a file that Optuna opens as its own.
async fn for_optuna(client: &mut Client, args: &ExportArgs) -> anyhow::Result<()> {
    let Some(path) = &args.output else {
        return Err(hinted("a database cannot be printed", "name a file with --output"));
    };
    if args.filter.is_there() {
        return Err(hinted(
            "a database for Optuna holds all trials",
            "leave out --filter, or choose --format csv or json",
        ));
    }
    // The study first: an unknown name is told with the nearest one.
    client.study(&args.name).await?;
    let (study, trials) = client.as_optuna(&args.name).await?;
    kindling_coordinator::write_for_optuna(path, &study, &trials)
        .map_err(|error| anyhow::anyhow!("cannot write {}: {error}", path.display()))
}
