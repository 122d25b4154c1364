//! Reading a study file: the coordinator's parts, then the objective's settings.

use std::path::Path;

use anyhow::Context as _;
use kindling_coordinator::config;
use kindling_study::StudySpec;

use crate::hint::Hinted;
use crate::objectives;

/// Reads the file and checks it whole, so that a mistake shows before anything is created.
pub(crate) fn read(path: &Path) -> anyhow::Result<StudySpec> {
    let shown = path.display();
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {shown}"))?;
    let fault = |error: config::StudyFileError| {
        Hinted::new(format!("{shown}: {error}"), "nothing was created; mend the file and try again")
    };
    let spec = config::parse(&text).map_err(fault)?;
    match objectives::find(&spec.objective.kind) {
        Some(objective) => objective.check(&spec.objective.settings).map_err(|error| {
            let key = if error.key.is_empty() {
                "objective".to_owned()
            } else {
                format!("objective.{}", error.key)
            };
            fault(config::error_at(&text, &key, error.message))
        })?,
        None => tracing::warn!(
            "objective `{}` is not built in; trials wait for a worker that offers it",
            spec.objective.kind
        ),
    }
    Ok(spec)
}
