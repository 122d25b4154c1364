//! Reading a study file: the coordinator's parts, then the objective's settings.

use std::path::Path;

use anyhow::Context as _;
use kindling_coordinator::config;
use kindling_study::StudySpec;

use crate::hint::hinted;
use crate::objectives;

/// Reads the file and checks it whole, so that a mistake shows before anything is created.
pub(crate) fn read(path: &Path) -> anyhow::Result<StudySpec> {
    let shown = path.display();
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {shown}"))?;
    let fault = |error: config::StudyFileError| {
        hinted(format!("{shown}: {error}"), "nothing was created; mend the file and try again")
    };
    let spec = config::parse(&text).map_err(fault)?;
    let Some(objective) = objectives::find(&spec.objective.kind) else {
        tracing::warn!(
            "objective `{}` is not built in; trials wait for a worker that offers it",
            spec.objective.kind
        );
        return Ok(spec);
    };
    objective.check(&spec.objective.settings).map_err(|error| {
        let key = ["objective", &error.key].join(".");
        fault(config::error_at(&text, key.trim_end_matches('.'), error.message))
    })?;
    Ok(spec)
}
