//! Reads a study file: the coordinator's parts, then the objective's settings.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use anyhow::Context as _;
use kindling_coordinator::config;
use kindling_study::StudySpec;

use crate::hint::hinted;
use crate::{fits, objectives};

/// The size limit. A study file is a few kilobytes; a larger one is the wrong file.
const LARGEST: u64 = 1024 * 1024;

/// Reads and checks the whole file, so that errors show before anything is created.
pub(crate) fn read(path: &Path) -> anyhow::Result<StudySpec> {
    let shown = path.display();
    let mut text = String::new();
    let file = File::open(path).with_context(|| format!("cannot read {shown}"))?;
    file.take(LARGEST + 1)
        .read_to_string(&mut text)
        .with_context(|| format!("cannot read {shown}"))?;
    anyhow::ensure!(text.len() as u64 <= LARGEST, "{shown} is larger than 1 MiB: no study file");
    check(&text).map_err(|error| {
        hinted(format!("{shown}: {error}"), "nothing was created; mend the file and try again")
    })
}

/// Checks the text of a study file.
pub(crate) fn check(text: &str) -> Result<StudySpec, config::StudyFileError> {
    let spec = config::parse(text)?;
    let Some(objective) = objectives::find(&spec.objective.kind) else {
        tracing::warn!(
            hint = "trials wait for a worker that offers it",
            "{}",
            objectives::not_built_in(&spec.objective.kind)
        );
        return Ok(spec);
    };
    objective.check(&spec.objective.settings).map_err(|error| {
        let key = ["objective", &error.key].join(".");
        config::error_at(text, key.trim_end_matches('.'), &error.message)
    })?;
    if let Some(takes) = objective.takes(&spec.objective.settings) {
        fits::check(&spec.space, &takes)
            .map_err(|(key, message)| config::error_at(text, &key, &message))?;
    }
    Ok(spec)
}
