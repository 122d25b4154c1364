//! Prometheus metrics.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;

use http::{Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use metrics_util::MetricKindMask;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::{TelemetryError, names_loopback};

/// How long a gauge is shown after its last update, such as that of a deleted study.
const FORGET_GAUGES: Duration = Duration::from_mins(1);
/// How often process metrics are updated and old samples are compacted.
const PROCESS_INTERVAL: Duration = Duration::from_secs(5);
/// Upper bounds of the histograms of durations, in seconds: from a fast commit to a slow epoch.
const SECONDS: [f64; 16] = [
    1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3, 1e-2, 2.5e-2, 5e-2, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0,
    60.0,
];
/// The limit of concurrent connections. One more closes the oldest, so that slow clients cannot block others.
const READERS: usize = 16;
/// The longest life of a connection; each serves one request.
const LONGEST: Duration = Duration::from_secs(10);
/// How long to wait after the system refuses a connection.
const PAUSE: Duration = Duration::from_millis(100);

/// Serves this process's metrics, including some about the process itself, at `http://ADDRESS/metrics`.
///
/// Needs a Tokio runtime. Anybody who can reach the address may read them; they contain no secrets. On a
/// loopback address, the request's host must be a loopback name, too.
pub fn serve_metrics(address: SocketAddr) -> Result<(), TelemetryError> {
    let error = |reason: String| TelemetryError::Metrics { address, reason };
    let listener = std::net::TcpListener::bind(address).and_then(|listener| {
        listener.set_nonblocking(true)?;
        TcpListener::from_std(listener)
    });
    let listener = listener.map_err(|e| error(e.to_string()))?;
    let builder = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)
        .map_err(|e| error(e.to_string()))?
        .idle_timeout(MetricKindMask::GAUGE, Some(FORGET_GAUGES));
    let handle = builder.install_recorder().map_err(|e| error(e.to_string()))?;
    let process = metrics_process::Collector::default();
    process.describe();
    let upkeep = handle.clone();
    tokio::spawn(async move {
        let mut interval = tokio::time::interval(PROCESS_INTERVAL);
        loop {
            interval.tick().await;
            process.collect();
            upkeep.run_upkeep();
        }
    });
    let address = listener.local_addr().unwrap_or(address);
    tokio::spawn(serve(listener, Metrics { handle, loopback: address.ip().is_loopback() }));
    tracing::info!("metrics on http://{address}/metrics");
    Ok(())
}

async fn serve(listener: TcpListener, metrics: Metrics) {
    let mut readers: VecDeque<JoinHandle<()>> = VecDeque::new();
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "a reader of metrics was not accepted");
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        readers.retain(|reader| !reader.is_finished());
        while readers.len() >= READERS
            && let Some(oldest) = readers.pop_front()
        {
            oldest.abort();
            // Its file descriptor is free once it has ended.
            _ = oldest.await;
        }
        readers.push_back(tokio::spawn(metrics.clone().answer(stream)));
    }
}

#[derive(Clone)]
struct Metrics {
    handle: PrometheusHandle,
    /// Whether the address is loopback.
    loopback: bool,
}

impl Metrics {
    async fn answer(self, stream: TcpStream) {
        let service = service_fn(|request| {
            let metrics = self.clone();
            async move { Ok::<_, Infallible>(metrics.response(&request).await) }
        });
        let connection =
            http1::Builder::new().keep_alive(false).serve_connection(TokioIo::new(stream), service);
        match tokio::time::timeout(LONGEST, connection).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!(%error, "a reader of metrics left"),
            Err(_) => tracing::debug!("a reader of metrics took too long"),
        }
    }

    async fn response(self, request: &Request<Incoming>) -> Response<Full<Bytes>> {
        if self.loopback && !names_loopback(request.headers(), request.uri()) {
            let said = "these metrics are for those who call localhost or a loopback address\n";
            return said_with(StatusCode::MISDIRECTED_REQUEST, said.into());
        }
        if request.uri().path() != "/metrics" {
            return said_with(StatusCode::NOT_FOUND, "metrics are at /metrics\n".into());
        }
        // Rendering many metrics takes a while.
        match tokio::task::spawn_blocking(move || self.handle.render()).await {
            Ok(metrics) => said_with(StatusCode::OK, metrics.into()),
            Err(error) => said_with(StatusCode::INTERNAL_SERVER_ERROR, error.to_string().into()),
        }
    }
}

fn said_with(status: StatusCode, said: Bytes) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(said));
    *response.status_mut() = status;
    let plain = header::HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, plain);
    response
}
