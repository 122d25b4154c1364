//! Metrics for Prometheus.

use std::net::SocketAddr;
use std::time::Duration;

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder};
use metrics_util::MetricKindMask;

use crate::TelemetryError;

/// A gauge that nobody sets any more, such as that of a deleted study, is shown for so long.
const FORGET_GAUGES: Duration = Duration::from_mins(1);
/// How often the process's own memory and time are looked at.
const PROCESS_INTERVAL: Duration = Duration::from_secs(5);
/// Upper bounds of the histograms of times, in seconds: from a fast commit to a slow epoch.
const SECONDS: [f64; 16] = [
    1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3, 1e-2, 2.5e-2, 5e-2, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0,
    60.0,
];

/// Serves this process's metrics, and some on the process itself, as `http://ADDRESS/metrics`. Needs a Tokio runtime.
/// Anybody who reaches the address may read them; they hold no secrets.
pub fn serve_metrics(address: SocketAddr) -> Result<(), TelemetryError> {
    let error = |reason: String| TelemetryError::Metrics { address, reason };
    let builder = PrometheusBuilder::new()
        .with_http_listener(address)
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)
        .map_err(|e| error(e.to_string()))?
        .idle_timeout(MetricKindMask::GAUGE, Some(FORGET_GAUGES));
    builder.install().map_err(|e| error(e.to_string()))?;
    let process = metrics_process::Collector::default();
    process.describe();
    tokio::spawn(async move {
        let mut interval = tokio::time::interval(PROCESS_INTERVAL);
        loop {
            interval.tick().await;
            process.collect();
        }
    });
    tracing::info!("metrics on http://{address}/metrics");
    Ok(())
}
