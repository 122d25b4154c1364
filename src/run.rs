//! `kindling run`: a coordinator in this process and workers as child processes of the same binary.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use kindling_coordinator::convert::{confirm_to_wire, spec_to_wire};
use kindling_coordinator::{Coordinator, Options};
use kindling_data::mnist;
use kindling_proto::v1;
use kindling_study::StudySpec;
use kindling_telemetry::TelemetryArgs;
use kindling_worker::{ConnectArgs, DeviceChoice};
use tokio::signal::unix::{SignalKind, signal};

use self::workers::{Plan, Workers};
use crate::client::{Client, empty, refused};
use crate::coordinator::explain;
use crate::data::show_fetch;
use crate::hint::hinted;
use crate::out::outln;
use crate::progress::Progress;
use crate::study::create;
use crate::{format, json, objectives, study_file, table};

mod workers;

/// A worker that is killed is noticed by its connection; this only matters for one that hangs.
const LEASE_TERM: Duration = Duration::from_secs(30);
/// How many of the best trials the end shows.
const BEST: usize = 10;

#[derive(clap::Args)]
pub(crate) struct RunArgs {
    /// The study file
    file: PathBuf,
    /// Where data sets lie
    #[arg(long, value_name = "DIR", env = "KINDLING_DATA_DIR")]
    data_dir: Option<PathBuf>,
    /// How many worker processes to start [default: one per GPU, or else one per core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    workers: Option<u16>,
    /// How many trials each worker trains at a time
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1024))]
    slots: u32,
    /// Threads for each of these trials; flex always trains on one
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1024))]
    threads: u32,
    /// The number of trials to finish, instead of the file's
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    trials: Option<u32>,
    /// The file that holds the study [default: the study's name with .db]
    #[arg(long, value_name = "FILE")]
    store: Option<PathBuf>,
    /// Where to train: auto, flex, cpu (libtorch) or cuda:N, or several with commas
    #[arg(long, value_name = "DEVICE", default_value_t)]
    device: DeviceChoice,
    /// Where the coordinator listens, for those who want to look on; loopback only
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

/// How the watching of a run ended.
enum End {
    Finished,
    Interrupted,
}

pub(crate) async fn run(args: RunArgs, telemetry: TelemetryArgs) -> anyhow::Result<ExitCode> {
    let mut spec = study_file::read(&args.file)?;
    if !args.listen.ip().is_loopback() {
        return Err(hinted(
            format!("{} is not a loopback address", args.listen),
            "for workers on other machines, start `kindling coordinator` and `kindling worker`",
        ));
    }
    let Some(objective) = objectives::find(&spec.objective.kind) else {
        return Err(hinted(
            format!("objective `{}` is not built in", spec.objective.kind),
            "start `kindling coordinator`, `kindling study create FILE` and your own worker",
        ));
    };
    let devices = args.device.resolve()?;
    let data_dir = if objective.uses_mnist(&spec.objective.settings) {
        Some(mnist::ensure(args.data_dir.as_deref(), &mut show_fetch())?)
    } else {
        args.data_dir.clone()
    };
    spec.trials = args.trials.unwrap_or(spec.trials);
    let store = args.store.clone().unwrap_or_else(|| format!("{}.db", spec.name).into());
    let options = Options::open(store.clone(), args.listen, LEASE_TERM);
    let mut coordinator = Coordinator::start(options).await.map_err(explain)?;
    let url = format!("http://{}", coordinator.address());
    let mut client = Client::connect(&ConnectArgs::plain(&url)).await?;
    begin(&mut client, &spec, args.trials.is_some()).await?;
    eprintln!("coordinator: {url}  (`kindling study show {} --coordinator {url}`)", spec.name);

    let mut workers = Workers::start(Plan {
        coordinator: url,
        workers: args.workers.map(usize::from),
        devices,
        slots: args.slots,
        threads: args.threads,
        data_dir,
        // Beside the store, because the next run's coordinator has another address.
        spool: with_suffix(&store, ".spool"),
        telemetry,
    })?;
    let end = tokio::select! {
        end = watch(&mut client, spec.name.as_str()) => end,
        error = workers.keep_alive() => Err(error),
        ended = coordinator.ended() => Err(match ended.map_err(explain) {
            Err(error) => error,
            Ok(()) => anyhow::anyhow!("the coordinator ended"),
        }),
    };
    workers.drain().await;
    let summary = match end {
        Ok(_) => Some((
            client.study(spec.name.as_str()).await?,
            client.all_trials(spec.name.as_str(), &[]).await?,
        )),
        Err(_) => None,
    };
    coordinator.stop();
    drop(client);
    let stopped = coordinator.ended().await.map_err(explain);
    let end = end?;
    stopped?;
    if let Some((study, trials)) = summary {
        print_result(&study, &trials, &store, args.json);
    }
    match end {
        End::Finished => Ok(ExitCode::SUCCESS),
        End::Interrupted => {
            eprintln!("interrupted; nothing is lost. To resume, run the same command again:");
            eprintln!("  {}", std::env::args().collect::<Vec<_>>().join(" "));
            Ok(ExitCode::from(130))
        }
    }
}

/// Creates the study or resumes it, and sees to the number of trials.
async fn begin(client: &mut Client, spec: &StudySpec, trials_given: bool) -> anyhow::Result<()> {
    let (study, created) = create(client, spec_to_wire(spec)).await?;
    if created {
        eprintln!("study `{}`: {} trials", spec.name, spec.trials);
        return Ok(());
    }
    // The file's number only ever raises the budget; one given on the command line is meant.
    let trials =
        Some(spec.trials).filter(|t| *t > study.budget || (trials_given && *t != study.budget));
    // What the file has to say of it counts, also of a study that was finished without.
    let confirm = spec.confirm.as_ref().map(confirm_to_wire);
    let confirm = confirm.filter(|c| study.confirm.as_ref() != Some(c));
    let request = v1::ResumeStudyRequest { name: spec.name.to_string(), trials, confirm };
    let response = client.studies.resume_study(request).await.map_err(refused)?;
    let study = response.into_inner().study.ok_or_else(empty)?;
    eprintln!("study `{}` goes on: {}", spec.name, format::counts(&study));
    Ok(())
}

/// Shows the study's progress until it is finished or the user has had enough.
async fn watch(client: &mut Client, name: &str) -> anyhow::Result<End> {
    let mut updates = client.watch(name).await?;
    let (mut interrupt, mut terminate) =
        (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let mut progress = Progress::new();
    let end = loop {
        tokio::select! {
            update = updates.message() => {
                let Some(update) = update.map_err(refused)? else {
                    anyhow::bail!("the coordinator ended");
                };
                progress.show(&update);
                if update.study.is_some_and(|s| s.finished) {
                    break End::Finished;
                }
            }
            _ = interrupt.recv() => break End::Interrupted,
            _ = terminate.recv() => break End::Interrupted,
        }
    };
    progress.clear();
    if matches!(end, End::Interrupted) {
        eprintln!("draining: running trials are handed back; Ctrl-C again leaves at once");
        tokio::spawn(async move {
            interrupt.recv().await;
            std::process::exit(130);
        });
    }
    Ok(end)
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.to_owned().into_os_string();
    name.push(suffix);
    name.into()
}

fn print_result(study: &v1::Study, trials: &[v1::Trial], store: &Path, as_json: bool) {
    if as_json {
        let mut document = json::study(study);
        document["store"] = store.display().to_string().into();
        json::print(&document);
        return;
    }
    let minimize = study.spec.as_ref().is_some_and(|s| s.direction() == v1::Direction::Minimize);
    let of_search = |t: &&v1::Trial| !t.values.is_empty() && t.confirms.is_none();
    let mut best: Vec<_> = trials.iter().filter(of_search).collect();
    let loss = |t: &v1::Trial| if minimize { t.values[0] } else { -t.values[0] };
    best.sort_by(|a, b| loss(a).total_cmp(&loss(b)));
    best.truncate(BEST);
    if !best.is_empty() {
        outln!("{}", table::trials(&best));
    }
    outln!("{}", format::counts(study));
    if let Some(best) = &study.best {
        outln!("best: {} in trial {}", format::objective(best), best.number);
        if let Some(test) = best.attributes_json.get("test_accuracy") {
            outln!("test accuracy of that trial's own weights: {test}");
        }
    }
    outln!("store: {}", store.display());
}
