//! Logs on standard error, and spans to a collector if one is configured.

use std::time::Duration;

use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::{SpanExporter, WithExportConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing_subscriber::filter::{EnvFilter, LevelFilter};
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::overhear;
use crate::stderr::Lines;

/// How long an unresponsive collector may delay the end of the process.
const LAST_SPANS: Duration = Duration::from_secs(2);

/// How log lines look.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

impl LogFormat {
    /// The name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Json => "json",
        }
    }
}

/// The arguments that say where a process's logs and spans go.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct TelemetryArgs {
    /// How log lines look
    #[arg(
        long,
        value_name = "FORMAT",
        value_enum,
        default_value_t,
        env = "KINDLING_LOG_FORMAT",
        global = true
    )]
    pub log_format: LogFormat,
    /// Send spans to the OpenTelemetry collector at this address, by gRPC
    #[arg(long, value_name = "URL", env = "OTEL_EXPORTER_OTLP_ENDPOINT", global = true)]
    pub otlp: Option<String>,
}

/// Why telemetry could not start.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The collector's address is invalid.
    #[error("cannot send spans to `{url}`: {reason}\nhint: something like http://127.0.0.1:4317")]
    Collector {
        /// The given address.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Metrics cannot be served.
    #[error("cannot serve metrics on {address}: {reason}")]
    Metrics {
        /// The address.
        address: std::net::SocketAddr,
        /// The system's message.
        reason: String,
    },
}

/// The connection to the collector, if there is one.
#[derive(Debug)]
#[must_use]
pub struct Telemetry {
    spans: Option<SdkTracerProvider>,
}

impl TelemetryArgs {
    /// Starts logging from this level up, unless `KINDLING_LOG` overrides it.
    ///
    /// Needs a Tokio runtime if spans are exported. `service` is the process's name at the collector.
    pub fn init(&self, service: &'static str, level: &str) -> Result<Telemetry, TelemetryError> {
        let filter =
            EnvFilter::try_from_env("KINDLING_LOG").unwrap_or_else(|_| EnvFilter::new(level));
        let is_terminal = std::io::IsTerminal::is_terminal(&std::io::stderr());
        let lines = tracing_subscriber::fmt::layer()
            .with_writer(Lines::default)
            // It would report on standard error that standard error cannot be written.
            .log_internal_errors(false)
            .with_ansi(is_terminal && std::env::var_os("NO_COLOR").is_none())
            .with_target(false);
        let lines = match self.log_format {
            LogFormat::Text => lines.boxed(),
            LogFormat::Json => lines.json().flatten_event(true).with_span_list(false).boxed(),
        };
        let spans = self.otlp.as_deref().map(|url| collector(url, service)).transpose()?;
        let to_collector = spans.as_ref().map(|provider| {
            tracing_opentelemetry::layer()
                .with_tracer(provider.tracer("kindling"))
                .with_location(false)
                .with_threads(false)
                // Independent of the log level, and without the exporter's own spans.
                .with_filter(ours())
        });
        let lines = lines.with_filter(filter);
        let overhearing = overhear::layer();
        tracing_subscriber::registry().with(lines).with(to_collector).with(overhearing).init();
        Ok(Telemetry { spans })
    }
}

fn ours() -> tracing_subscriber::filter::Targets {
    tracing_subscriber::filter::Targets::new().with_target("kindling", LevelFilter::INFO)
}

fn collector(url: &str, service: &'static str) -> Result<SdkTracerProvider, TelemetryError> {
    let exporter = SpanExporter::builder().with_tonic().with_endpoint(url).build();
    let exporter = exporter.map_err(|error| TelemetryError::Collector {
        url: url.to_owned(),
        reason: error.to_string(),
    })?;
    let resource = Resource::builder().with_service_name(service).build();
    Ok(SdkTracerProvider::builder().with_resource(resource).with_batch_exporter(exporter).build())
}

impl Telemetry {
    /// Sends the remaining spans.
    pub async fn end(self) {
        let Some(spans) = self.spans else { return };
        // It blocks until the exporter, which needs this runtime, is done.
        let ended =
            tokio::task::spawn_blocking(move || spans.shutdown_with_timeout(LAST_SPANS)).await;
        if let Ok(Err(error)) = ended {
            crate::say!("warning: some spans were not sent: {error}");
        }
    }
}
