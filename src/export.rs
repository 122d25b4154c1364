//! `kindling study export`.

use std::collections::BTreeSet;
use std::path::PathBuf;

use anyhow::Context as _;
use clap::ValueEnum;
use kindling_proto::v1;

use crate::client::Client;
use crate::{format, json};

#[derive(clap::Args)]
pub(crate) struct ExportArgs {
    /// The study's name
    name: String,
    /// How to write
    #[arg(long, value_enum, default_value_t = Format::Csv)]
    format: Format,
    /// Where to write, instead of standard output
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    Csv,
    Json,
}

pub(crate) async fn export(client: &mut Client, args: &ExportArgs) -> anyhow::Result<()> {
    let study = client.whole_study(&args.name).await?;
    let trials = client.all_trials(&args.name, &[]).await?;
    let document = match args.format {
        Format::Csv => csv(&study, &trials)?,
        Format::Json => {
            let mut document = json::study(&study);
            document["trial_list"] = trials.iter().map(json::trial).collect();
            format!("{document:#}\n").into_bytes()
        }
    };
    let Some(path) = &args.output else {
        crate::out::write(&document);
        return Ok(());
    };
    std::fs::write(path, document).with_context(|| format!("cannot write {}", path.display()))
}

/// One line a trial: number, state, value, parameters, attributes, then how it ran. Attributes that
/// are tables or lists have no place in a cell, and are left to JSON.
pub(crate) fn csv(study: &v1::Study, trials: &[v1::Trial]) -> anyhow::Result<Vec<u8>> {
    let space = study.spec.as_ref().map_or(&[][..], |s| &s.space);
    let attributes = trials.iter().flat_map(|t| &t.attributes_json);
    let attributes: BTreeSet<&String> =
        attributes.filter(|(_, text)| !json::is_nested(text)).map(|(key, _)| key).collect();
    let mut writer = csv::Writer::from_writer(Vec::new());
    let mut head = vec!["number", "state", "value"];
    head.extend(space.iter().map(|p| p.name.as_str()));
    head.extend(attributes.iter().map(|a| a.as_str()));
    head.extend(["steps", "attempt", "worker", "start", "complete", "fail_reason"]);
    head.extend(["confirms", "fresh_seed"]);
    writer.write_record(&head)?;
    for trial in trials {
        let params = json::params(&trial.params);
        let mut row = vec![
            trial.number.to_string(),
            format::trial_state(trial).to_owned(),
            trial.values.first().map(f64::to_string).unwrap_or_default(),
        ];
        row.extend(space.iter().map(|p| params.get(&p.name).map(plain).unwrap_or_default()));
        let attribute = |key| {
            trial.attributes_json.get(key).filter(|text| !json::is_nested(text)).map(|text| {
                serde_json::from_str(text).map_or_else(|_| text.clone(), |value| plain(&value))
            })
        };
        row.extend(attributes.iter().map(|key| attribute(*key).unwrap_or_default()));
        row.extend([
            trial.intermediate_values.len().to_string(),
            trial.attempt.to_string(),
            trial.worker.clone(),
            format::time(trial.start_time.as_ref()).map(|t| t.to_string()).unwrap_or_default(),
            format::time(trial.complete_time.as_ref()).map(|t| t.to_string()).unwrap_or_default(),
            trial.fail_reason.clone(),
            trial.confirms.map(|c| c.of.to_string()).unwrap_or_default(),
            trial.confirms.map(|c| c.seed.to_string()).unwrap_or_default(),
        ]);
        writer.write_record(&row)?;
    }
    writer.into_inner().context("the table could not be written")
}

/// Text without quotes, all else as JSON.
fn plain(value: &serde_json::Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
