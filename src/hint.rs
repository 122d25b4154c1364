//! Errors for people: what went wrong, and a hint on what to do.

use std::fmt;
use std::process::ExitCode;

use kindling_coordinator::ServeError;
use kindling_telemetry::say;

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

/// Prints the error to standard error.
pub(crate) fn report(error: &anyhow::Error) -> ExitCode {
    say!("error: {error:#}");
    ExitCode::FAILURE
}
