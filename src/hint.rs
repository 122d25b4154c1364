//! Errors for people: what went wrong, and a hint on what to do.

use std::fmt;
use std::process::ExitCode;

use kindling_coordinator::ServeError;
use kindling_telemetry::say;
use kindling_worker::{Unfit, WorkerError};

/// The exit status of a worker that cannot run its trials at all, and of a run whose workers cannot: `EX_CONFIG`
/// of `sysexits.h`.
pub(crate) const UNFIT: u8 = 78;

#[derive(Debug)]
struct Hinted {
    error: String,
    hint: String,
}

/// An error with a hint.
pub(crate) fn hinted(error: impl Into<String>, hint: impl Into<String>) -> anyhow::Error {
    Hinted { error: error.into(), hint: hint.into() }.into()
}

/// A server's error, with the store's hint.
pub(crate) fn explain(error: ServeError) -> anyhow::Error {
    match &error {
        ServeError::Store(store) => hinted(error.to_string(), store.hint()),
        ServeError::Listen { .. } => hinted(
            error.to_string(),
            "is another coordinator running? choose another port with --listen or --http",
        ),
        ServeError::Tls(tls) => hinted(
            format!("TLS: {tls}"),
            "certificates and keys are PEM files; `kindling certificate create DIR` makes a set",
        ),
        ServeError::Import(why) => hinted(
            format!("--import: {why}"),
            "it takes a database of Optuna 3 or later in SQLite, or a journal file; `kindling study list --store FILE` shows what is in it",
        ),
        ServeError::Artifacts(why) => match why.hint() {
            Some(hint) => hinted(error.to_string(), hint),
            None => error.into(),
        },
        ServeError::Telemetry(_) | ServeError::Server(_) => error.into(),
    }
}

/// Adds another hint to the error.
pub(crate) fn also(error: &anyhow::Error, hint: &str) -> anyhow::Error {
    anyhow::anyhow!("{error:#}\nhint: {hint}")
}

impl fmt::Display for Hinted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\nhint: {}", self.error, self.hint)
    }
}

impl std::error::Error for Hinted {}

/// The error for a machine that cannot run the objective, with a hint. Whoever ends with it has the status [`UNFIT`].
pub(crate) fn unfit(reason: &str, hint: &str) -> anyhow::Error {
    Unfit(format!("{reason}\nhint: {hint}")).into()
}

/// The error without its hint, and the hint.
pub(crate) fn parts(error: &anyhow::Error) -> (String, Option<String>) {
    let text = format!("{error:#}");
    match text.split_once("\nhint: ") {
        Some((error, hint)) => (error.to_owned(), Some(hint.to_owned())),
        None => (text, None),
    }
}

/// Prints the error to standard error.
pub(crate) fn report(error: &anyhow::Error) -> ExitCode {
    say!("error: {error:#}");
    if is_unfit(error) { ExitCode::from(UNFIT) } else { ExitCode::FAILURE }
}

fn is_unfit(error: &anyhow::Error) -> bool {
    error.is::<Unfit>() || matches!(error.downcast_ref(), Some(WorkerError::Unfit { .. }))
}
