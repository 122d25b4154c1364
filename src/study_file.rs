//! Reads a study file: the coordinator's parts, then the objective's settings.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use anyhow::Context as _;
use kindling_coordinator::config::{self, nearest};
use kindling_study::StudySpec;
use kindling_worker::Metrics;

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
    let spec = check(&text).map_err(|error| {
        hinted(format!("{shown}: {error}"), "nothing was created; mend the file and try again")
    })?;
    if !objectives::is_known(&spec.objective.kind) {
        tracing::warn!(
            hint = "trials wait for a worker that offers it",
            "{}",
            objectives::not_built_in(&spec.objective.kind)
        );
    }
    Ok(spec)
}

/// Checks that the objective finds what the study calls objectives and constraints.
fn found_by(spec: &StudySpec, known: &[&str]) -> Result<(), (&'static str, String)> {
    let names = spec.metrics.names.iter().map(|name| ("directions", name));
    let constraints = spec.metrics.constraints.iter().map(|name| ("constraints", name));
    match names.chain(constraints).find(|(_, name)| !known.contains(&&***name)) {
        Some((key, name)) => {
            let (kind, known) = (&spec.objective.kind, known.join("` and `"));
            Err((key, format!("`{kind}` finds no `{name}`, but `{known}`")))
        }
        None => Ok(()),
    }
}

/// Checks the text of a study file. Looks at no other file: those that it names are where its workers are.
pub(crate) fn check(text: &str) -> Result<StudySpec, config::StudyFileError> {
    let spec = config::parse(text)?;
    let Some(objective) = objectives::find(&spec.objective.kind) else { return Ok(spec) };
    objective.check(&spec.objective.settings).map_err(|error| {
        let key = ["objective", &error.key].join(".");
        config::error_at(text, key.trim_end_matches('.'), &error.message)
    })?;
    kindling_process::check_metric(
        &spec.objective.kind,
        &spec.objective.settings,
        &names(&spec.metrics),
    )
    .map_err(|error| config::error_at(text, "objective.metric", &error.message))?;
    if let Some(known) = objective.finds() {
        found_by(&spec, known).map_err(|(key, message)| config::error_at(text, key, &message))?;
    }
    misspelt(&spec).map_err(|message| config::error_at(text, "objective.command", &message))?;
    if let Some(takes) = objective.takes(&spec.objective.settings) {
        fits::check(&spec.space, &takes)
            .map_err(|(key, message)| config::error_at(text, &key, &message))?;
    }
    Ok(spec)
}

/// What the study's values are called, as a worker is told.
fn names(metrics: &kindling_study::Metrics) -> Metrics {
    let texts = |names: &[Box<str>]| names.iter().map(ToString::to_string).collect();
    Metrics {
        names: texts(&metrics.names),
        constraints: texts(&metrics.constraints),
        pruner_objective: metrics.pruner_objective,
    }
}

/// Looks for the parameters that a command names: with one that is in no space every trial would fail.
fn misspelt(spec: &StudySpec) -> Result<(), String> {
    let objective = &spec.objective;
    let known: Vec<_> = spec.space.params().iter().map(|param| param.name.as_str()).collect();
    let named = kindling_process::params_of(&objective.kind, &objective.settings);
    let Some(name) = named.iter().find(|name| !known.contains(&name.as_str())) else {
        return Ok(());
    };
    let hint = match nearest(name.trim(), &known) {
        Some(near) => format!("did you mean `${{param:{near}}}`?"),
        None => format!("there are `{}`", known.join("`, `")),
    };
    Err(format!("`${{param:{name}}}`: the space has no such parameter; {hint}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_metric_that_contradicts_the_studys_names_is_refused() {
        let study = |metric: &str| {
            format!(
                "name = \"s\"\ndirections = {{ accuracy = \"maximize\", size = \"minimize\" }}\ntrials = 3\n\n\
                 [objective]\nkind = \"command\"\ncommand = [\"train\"]\n{metric}\n\n\
                 [space.lr]\ntype = \"float\"\nlow = 0.0\nhigh = 1.0\n"
            )
        };
        assert!(check(&study("")).is_ok());
        assert!(check(&study("metric = \"accuracy\"")).is_ok());
        let error = check(&study("metric = \"acuracy\"")).expect_err("refused").to_string();
        assert!(
            error.contains("objective.metric") && error.contains("did you mean `acc"),
            "{error}"
        );
        let error = check(&study("metric = \"size\"")).expect_err("refused").to_string();
        assert!(error.contains("the study's pruner compares `accuracy`"), "{error}");
    }

    #[test]
    fn a_parameter_that_a_command_misspells_is_refused() {
        let study = |word: &str| {
            format!(
                "name = \"s\"\ndirection = \"maximize\"\ntrials = 3\n\n[objective]\nkind = \"command\"\n\
                 command = [\"train\", \"{word}\"]\n\n[space.lr]\ntype = \"float\"\nlow = 0.0\nhigh = 1.0\n"
            )
        };
        assert!(check(&study("--lr=${param:lr}")).is_ok());
        for word in ["${param:lr2}", "x${param: lr}"] {
            let error = check(&study(word)).expect_err(word).to_string();
            assert!(error.contains("no such parameter; did you mean `${param:lr}`?"), "{error}");
        }
        let error = check(&study("${param:momentum}")).expect_err("refused").to_string();
        assert!(error.contains("there are `lr`") && error.contains("objective.command"), "{error}");
    }
}
