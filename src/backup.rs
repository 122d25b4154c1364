//! `kindling backup`.

use std::path::{Path, PathBuf};
use std::time::Instant;

use indicatif::{HumanBytes, HumanCount, ProgressBar, ProgressStyle};
use kindling_coordinator::backup as copy;
use kindling_telemetry::say;

use crate::hint::hinted;
use crate::json;
use crate::out::outln;

#[derive(clap::Args)]
pub(crate) struct BackupArgs {
    /// Where to put the copy; there must be nothing there yet
    #[arg(value_name = "BACKUP")]
    to: PathBuf,
    /// The store to copy; a coordinator may serve it meanwhile
    #[arg(long, value_name = "FILE", default_value = "study.db")]
    store: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn backup(args: &BackupArgs) -> anyhow::Result<()> {
    let BackupArgs { to, store, .. } = args;
    let start = Instant::now();
    let bar = ProgressBar::new(0).with_style(style());
    let made = copy(store, to, |done, of| {
        bar.set_length(of);
        bar.set_position(done);
    });
    bar.finish_and_clear();
    let made = made.map_err(|error| hinted(error.to_string(), error.hint()))?;
    let seconds = start.elapsed().as_secs_f64();
    if args.json {
        json::print(&serde_json::json!({
            "store": path(store),
            "backup": path(to),
            "bytes": made.bytes,
            "seconds": seconds,
            "studies": made.studies,
            "trials": made.trials,
        }));
        return Ok(());
    }
    let (to, size) = (to.display(), HumanBytes(made.bytes));
    let trials = counted(made.trials, "trial", "trials");
    let studies = counted(made.studies, "study", "studies");
    outln!("{to}: {size} in {seconds:.1} s, whole, with {trials} in {studies}");
    say!("hint: in the store's place, serve it with `kindling coordinator --restored`");
    Ok(())
}

fn counted(count: u64, one: &str, several: &str) -> String {
    format!("{} {}", HumanCount(count), if count == 1 { one } else { several })
}

fn path(path: &Path) -> String {
    path.display().to_string()
}

fn style() -> ProgressStyle {
    let style = ProgressStyle::with_template("{wide_bar} {bytes}/{total_bytes} {eta}");
    style.unwrap_or_else(|_| ProgressStyle::default_bar())
}
