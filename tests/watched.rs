//! Monitoring of a running cluster: metrics, JSON logs, and spans that follow a trial across processes.

mod support;

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use serde_json::Value;
use support::address::lasting_address;
use support::metrics::{metrics, number};
use support::{Coordinator, Folder, PATIENCE, Process, kindling, study_file};
use tonic::{Request, Response, Status};

#[test]
fn metrics_count_what_happened() {
    let folder = Folder::new();
    let (of_coordinator, of_worker) = (lasting_address(), lasting_address());
    let flag = of_coordinator.to_string();
    let store = folder.path("study.db");
    let mut coordinator = Coordinator::start_on_free_port(&store, &["--metrics", &flag]);
    let file = folder.write("s.toml", study_file("s", 3));
    coordinator.ask(&["study", "create", file.to_str().expect("plain")]);
    let (url, flag) = (coordinator.url(), of_worker.to_string());
    let _worker =
        Process::start(&mut kindling(&["worker", "--coordinator", &url, "--metrics", &flag]));
    let study = coordinator.wait_until_finished("s");

    // Studies are counted once a second.
    let page = metrics_with(of_coordinator, r#"kindling_trials{study="s",state="COMPLETE"} 3"#);
    assert!(number(&page, r#"kindling_trials{study="s",state="RUNNING"}"#).abs() < 0.1);
    let best = study["best"]["values"][0].as_f64().expect("a value");
    assert!((number(&page, r#"kindling_best_value{study="s"}"#) - best).abs() < 1e-12);
    assert!((number(&page, "kindling_workers") - 1.0).abs() < 0.1);
    assert!((number(&page, "kindling_proposals_total") - 3.0).abs() < 0.1);
    assert!((number(&page, "kindling_proposal_seconds_count") - 3.0).abs() < 0.1);
    assert!(number(&page, "kindling_lease_seconds_count") >= 3.0);
    assert!(number(&page, "kindling_commit_seconds_count") >= 6.0);
    assert!(number(&page, "kindling_commit_seconds_sum") > 0.0);
    assert!(number(&page, "kindling_committed_events_total") >= 12.0);
    assert!(number(&page, "kindling_queue_depth") >= 0.0);
    assert!(number(&page, "process_resident_memory_bytes") > 1e6);

    // The worker counts only what the coordinator has acknowledged.
    let page = metrics_with(of_worker, r#"kindling_worker_trials_total{state="COMPLETE"} 3"#);
    // Three trials of three epochs each.
    assert!((number(&page, "kindling_worker_epoch_seconds_count") - 9.0).abs() < 0.1);
    assert!(number(&page, "kindling_worker_epoch_seconds_sum") > 0.0);
    assert!(number(&page, "kindling_worker_trials_running") <= 1.0);

    // An open connection to the metrics must not keep the store from closing.
    coordinator.process().signal("TERM");
    assert!(coordinator.process().wait());
    assert!(!folder.path("study.db-wal").exists());
}

/// The metrics page, once it contains `wanted`.
fn metrics_with(address: SocketAddr, wanted: &str) -> String {
    let start = Instant::now();
    loop {
        let page = metrics(address);
        if page.contains(wanted) {
            return page;
        }
        assert!(start.elapsed() < PATIENCE, "{page}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn logs_for_machines_are_a_json_object_a_line() {
    let folder = Folder::new();
    let store = folder.path("study.db");
    let store = store.to_str().expect("plain");
    let args = ["coordinator", "--store", store, "--listen", "127.0.0.1:0", "--log-format", "json"];
    let mut process = Process::start(kindling(&args).stderr(Stdio::piped()));
    let log = BufReader::new(process.child().stderr.take().expect("piped"));
    let mut lines = log.lines().map(|line| line.expect("readable"));
    let first: Value = serde_json::from_str(&lines.next().expect("a line")).expect("JSON");
    assert_eq!(first["level"], "INFO");
    assert_eq!(first["store"], store);
    assert!(first["message"].as_str().expect("text").starts_with("listening on http://"));
    process.signal("TERM");
    for line in lines {
        serde_json::from_str::<Value>(&line).expect("JSON");
    }
}

/// A span, as received by the collector.
#[derive(Debug, Clone)]
struct Span {
    process: String,
    name: String,
    trace: Vec<u8>,
    id: Vec<u8>,
    parent: Vec<u8>,
}

/// Stores the spans that it receives.
#[derive(Clone, Default)]
struct Collector(Arc<Mutex<Vec<Span>>>);

#[tonic::async_trait]
impl TraceService for Collector {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        let mut kept = self.0.lock().expect("no panic");
        for of_process in request.into_inner().resource_spans {
            let attributes = of_process.resource.map(|r| r.attributes).unwrap_or_default();
            let name = attributes.into_iter().find(|a| a.key == "service.name");
            let process = format!("{:?}", name.expect("a name").value);
            for span in of_process.scope_spans.into_iter().flat_map(|scope| scope.spans) {
                kept.push(Span {
                    process: process.clone(),
                    name: span.name,
                    trace: span.trace_id,
                    id: span.span_id,
                    parent: span.parent_span_id,
                });
            }
        }
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_trace_follows_a_trial_from_its_proposal_to_its_result() {
    let collector = Collector::default();
    let address = lasting_address();
    let service = TraceServiceServer::new(collector.clone());
    tokio::spawn(tonic::transport::Server::builder().add_service(service).serve(address));

    let folder = Folder::new();
    let otlp = format!("http://{address}");
    let store = folder.path("study.db");
    let mut coordinator = Coordinator::start_on_free_port(&store, &["--otlp", &otlp]);
    let file = folder.write("s.toml", study_file("s", 2));
    coordinator.ask(&["study", "create", file.to_str().expect("plain")]);
    let url = coordinator.url();
    let mut worker =
        Process::start(&mut kindling(&["worker", "--coordinator", &url, "--otlp", &otlp]));
    coordinator.wait_until_finished("s");
    // A process that ends sends its remaining spans.
    worker.signal("TERM");
    assert!(worker.wait());
    coordinator.process().signal("TERM");
    assert!(coordinator.process().wait());

    let spans = collector.0.lock().expect("no panic").clone();
    let mut traces: HashMap<_, Vec<_>> = HashMap::new();
    for span in &spans {
        traces.entry(span.trace.clone()).or_default().push(span);
    }
    let of_trials: Vec<_> =
        traces.values().filter(|spans| spans.iter().any(|span| span.name == "trial")).collect();
    assert_eq!(of_trials.len(), 2, "{spans:?}");
    for spans in of_trials {
        let one = |name: &str| {
            let mut found = spans.iter().filter(|span| span.name == name);
            found.next().unwrap_or_else(|| panic!("no {name} in {spans:?}"))
        };
        let parent_of = |child: &str, parent: &str| assert_eq!(one(child).parent, one(parent).id);
        assert!(one("lease").parent.is_empty());
        parent_of("trial", "lease");
        parent_of("finish", "trial");
        parent_of("take result", "finish");
        assert_eq!(spans.iter().filter(|span| span.name == "take report").count(), 3);
        for (name, process) in
            [("lease", "coordinator"), ("trial", "worker"), ("take result", "coordinator")]
        {
            assert!(one(name).process.contains(&format!("kindling-{process}")), "{spans:?}");
        }
    }
}
