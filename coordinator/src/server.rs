//! The coordinator as a server: a store, its ledger, and the services on a socket.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use kindling_artifacts::Location;
use kindling_proto::{limits, v1};
use kindling_telemetry::{TelemetryError, serve_metrics};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::rustls::ServerConfig;
use tokio_util::sync::CancellationToken;
use tonic::transport::Server;
use tonic_health::ServingStatus;

use crate::accept::{self, Guests, Limits, TlsConfig};
use crate::artifacts::{Artifacts, ArtifactsError};
use crate::clock::{Clock, SystemClock};
use crate::config::{self, StudyCheck};
use crate::door::{Doorkeeper, Tokens};
use crate::gauges;
use crate::handles::Places;
use crate::import::{ImportError, import};
use crate::ledger::{Health, Ledger};
use crate::notify::{Notifier, PageUrl, Reach};
use crate::observe::{self, DoorName};
use crate::output::{Outputs, StudyKey};
use crate::page::{self, Door, Watchers};
use crate::service::Service;
use crate::service::access::GuardLayer;
use crate::store::{SqliteStore, Store as _, StoreError};
use crate::tls::{Secured, Tls, TlsError, watch_certificates};

/// How long open calls may take to end after a request to stop. Then connections are dropped.
const DRAIN: Duration = Duration::from_secs(5);
/// How long the store may take to close after that. Together this is less than the promised ten
/// seconds.
const CLOSE: Duration = Duration::from_secs(4);
/// How often peers are pinged, and how long an answer may take before the peer counts as gone.
const PING_EVERY: Duration = Duration::from_secs(10);
const PING_TIMEOUT: Duration = Duration::from_secs(10);
/// A caller that makes no request within this time is dropped.
const TO_ASK: Duration = Duration::from_secs(10);
/// So is a caller that makes no further request within this time, if its last one was refused or
/// open to everybody.
const TO_ASK_AGAIN: Duration = Duration::from_mins(1);

/// Connections at the same time: thousands of workers and everybody who watches, and people with
/// the page open, each with a few connections.
const PLACES: Places = Places { grpc: 8192, page: 512 };
/// Calls at the same time on one connection. More wait on the caller's side.
const MAX_STREAMS: u32 = 256;

/// How many bytes of trials' output are kept unless told.
pub const OUTPUT_LIMIT: u64 = 4 << 30;

/// How many bytes of one call may wait to be read, and of one connection. An upload that is not read for a while must not
/// hold up the heartbeats beside it, so a connection has room for all the uploads that its caller may have.
const STREAM_WINDOW: u32 = 1 << 20;
const CONNECTION_WINDOW: u32 = (limits::SAVES.1 as u32 + 4) * STREAM_WINDOW;

/// The name of the store's log in the health service.
pub const LOG_HEALTH: &str = "kindling.store.log";

/// How to run a coordinator.
#[derive(Debug, Clone)]
pub struct Options {
    /// The store's file. Created if it is missing.
    pub store: PathBuf,
    /// The address to listen on. Port 0 picks a free one.
    pub listen: SocketAddr,
    /// How long a lease lasts without a sign of life.
    pub lease_term: Duration,
    /// The tokens that callers must show. If absent, none are needed.
    pub tokens: Option<Tokens>,
    /// Certificates for TLS. If absent, connections are not encrypted.
    pub tls: Option<Tls>,
    /// Where to serve metrics. If absent, they are not served.
    pub metrics: Option<SocketAddr>,
    /// Where to serve the page. If absent, it is not served. Port 0 picks a free one.
    pub page: Option<SocketAddr>,
    /// Whether the store was restored from a copy. Then a new history begins.
    pub restored: bool,
    /// Where checkpoints and artifacts are kept. If absent, in a folder beside the store.
    pub artifacts: Option<Location>,
    /// How many bytes of them there may be.
    pub artifacts_limit: u64,
    /// Stores of Optuna's own whose studies are taken into this one first.
    pub import: Vec<PathBuf>,
    /// How many bytes of trials' output are kept, beside the store. 0: none is.
    pub output_limit: u64,
    /// Which machines people may be told at of their studies' news.
    pub notify: Reach,
    /// Under which address people reach the page. Messages link to it.
    pub page_url: Option<PageUrl>,
    /// Checks study files that come through the page. [`config::parse`] does not know the objectives.
    pub study_check: StudyCheck,
}

impl Options {
    /// Options without tokens or TLS: everybody who can reach the coordinator gets in.
    pub fn open(store: PathBuf, listen: SocketAddr, lease_term: Duration) -> Self {
        Self {
            store,
            listen,
            lease_term,
            tokens: None,
            tls: None,
            metrics: None,
            page: None,
            restored: false,
            artifacts: None,
            artifacts_limit: limits::ARTIFACTS,
            import: Vec::new(),
            output_limit: OUTPUT_LIMIT,
            notify: Reach::default(),
            page_url: None,
            study_check: config::parse,
        }
    }
}

/// Where the output of the trials of a store is kept.
pub(crate) fn output_beside(store: &Path) -> PathBuf {
    let mut name = store.to_owned().into_os_string();
    name.push(".output");
    name.into()
}

/// Why a coordinator did not start, or ended.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The store cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// The certificates cannot be used.
    #[error("the certificates cannot be used")]
    Tls(#[from] TlsError),
    /// Metrics cannot be served.
    #[error(transparent)]
    Telemetry(#[from] TelemetryError),
    /// Optuna's studies cannot be imported.
    #[error(transparent)]
    Import(#[from] ImportError),
    /// Artifacts cannot be kept where they should be.
    #[error(transparent)]
    Artifacts(#[from] ArtifactsError),
    /// The server failed.
    #[error("the server failed: {0}")]
    Server(String),
}

/// A running coordinator.
#[derive(Debug)]
pub struct Coordinator {
    address: SocketAddr,
    page: Option<SocketAddr>,
    watchers: Watchers,
    house: House,
    shutdown: CancellationToken,
    /// `None` once its end was seen.
    server: Option<JoinHandle<Result<(), ServeError>>>,
}

impl Coordinator {
    /// Opens the store and starts to serve.
    pub async fn start(options: Options) -> Result<Self, ServeError> {
        let secured = options.tls.as_ref().map(Secured::new).transpose()?;
        // Listen before the store is opened, so that an address in use does not leave a new store
        // behind.
        let (listener, address) = listen(options.listen).await?;
        let page = match options.page {
            Some(wanted) => Some(listen(wanted).await?),
            None => None,
        };
        let page_address = page.as_ref().map(|(_, address)| *address);
        let mut store = SqliteStore::open(&options.store)?;
        if options.restored {
            store.begin_history()?;
            tracing::info!(history = %store.history(), "a new history begins");
        }
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::default());
        let (ledger, mut failed) = Ledger::start(store, clock, options.lease_term)?;
        for path in &options.import {
            import(&ledger, path).await?;
        }
        let beside = Location::beside(&options.store);
        let artifacts = Artifacts::open(
            options.artifacts.as_ref(),
            &beside,
            options.artifacts_limit,
            &ledger,
            options.restored,
        );
        let artifacts = artifacts.await?;
        if let Some(address) = options.metrics {
            serve_metrics(address)?;
            observe::describe();
        }
        let places = Places::allowed(PLACES);
        let guests = |door, places| Guests::new(door, Limits::of(places, TO_ASK, TO_ASK_AGAIN));
        let house = House {
            keeper: Doorkeeper::new(options.tokens),
            secured: secured.map(watch::Sender::new),
            callers: guests(DoorName::Grpc, places.grpc),
            browsers: guests(DoorName::Page, places.page),
        };
        let outputs = match options.output_limit {
            0 => Outputs::none(),
            limit => {
                let studies = ledger.look_after_write(StudyKey::all).await;
                let studies = studies.map_err(|error| ServeError::Server(error.to_string()))?;
                let folder = output_beside(&options.store);
                let opened = Outputs::open(folder, limit, Some(studies));
                opened.map_err(|error| ServeError::Server(error.to_string()))?
            }
        };
        let shutdown = CancellationToken::new();
        let observed = options.metrics.is_some();
        let watchers = Watchers::default();
        let page = page.map(|(listener, address)| PageServer {
            listener,
            door: house.page_door(address),
            tls: house.tls(|secured| &secured.page),
            guests: house.browsers.clone(),
            watchers: watchers.clone(),
            check: options.study_check,
        });
        let notifier = Notifier::new(ledger.clone(), options.notify, options.page_url);
        let notifier = notifier.map_err(ServeError::Server)?;
        let telling = notifier.run(shutdown.clone());
        let kept = (ledger.clone(), outputs, artifacts);
        let serving = serve(house.clone(), kept, listener, page, shutdown.clone(), observed);
        // What is new when it is to stop is still told.
        let ending = shutdown.clone();
        let serving = async move {
            let serving = async { (Box::pin(serving).await, ending.cancel()).0 };
            tokio::join!(serving, telling).0
        };
        let server = tokio::spawn(async move {
            let served = tokio::select! {
                served = serving => served,
                Ok(error) = &mut failed => return Err(error.into()),
            };
            // Close the store, so that the next process can open it.
            let closed = async {
                ledger.end().await;
                failed.await
            };
            match tokio::time::timeout(CLOSE, closed).await {
                Ok(Ok(error)) => Err(error.into()),
                _ => served,
            }
        });
        Ok(Self { address, page: page_address, watchers, house, shutdown, server: Some(server) })
    }

    /// Replaces tokens and certificates. Connections with a token that is no longer valid are
    /// ended. Certificates apply to new connections. If something is wrong with them, nothing
    /// changes.
    pub fn change_keys(&self, tokens: Option<Tokens>, tls: Option<&Tls>) -> Result<(), ServeError> {
        if let (Some(current), Some(tls)) = (&self.house.secured, tls) {
            current.send_replace(Secured::new(tls)?);
        }
        if let Some(tokens) = tokens {
            self.house.keeper.change(tokens.clone());
            for guests in [&self.house.callers, &self.house.browsers] {
                guests.keep_only(|token| tokens.has(token));
            }
        }
        Ok(())
    }

    /// The address it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The address of its page, if it has one.
    pub fn page(&self) -> Option<SocketAddr> {
        self.page
    }

    /// How many people have a study's page open.
    pub fn watchers(&self) -> usize {
        self.watchers.count()
    }

    /// Asks the coordinator to stop. Open calls end within seconds.
    pub fn stop(&self) {
        self.shutdown.cancel();
    }

    /// Waits for the end, which comes after [`Self::stop`] or with an error of the store.
    pub async fn ended(&mut self) -> Result<(), ServeError> {
        let Some(server) = &mut self.server else { return Ok(()) };
        let ended = server.await.unwrap_or_else(|e| Err(ServeError::Server(e.to_string())));
        self.server = None;
        ended
    }
}

/// Who may connect, with which keys, and who is connected.
#[derive(Debug, Clone)]
struct House {
    keeper: Doorkeeper,
    secured: Option<watch::Sender<Secured>>,
    callers: Guests,
    browsers: Guests,
}

impl House {
    /// The newest certificates, in the form that one of the doors needs.
    fn tls(&self, of: fn(&Secured) -> &Arc<ServerConfig>) -> Option<TlsConfig> {
        let secured = self.secured.as_ref()?.subscribe();
        Some(Arc::new(move || of(&secured.borrow()).clone()))
    }

    /// The page's door. It admits the same people as the client calls.
    fn page_door(&self, page: SocketAddr) -> Door {
        Door::new(self.keeper.clone(), page.ip(), self.secured.is_some())
    }
}

async fn listen(address: SocketAddr) -> Result<(TcpListener, SocketAddr), ServeError> {
    let error = |source| ServeError::Listen { address, source };
    let listener = TcpListener::bind(address).await.map_err(error)?;
    let address = listener.local_addr().map_err(error)?;
    Ok((listener, address))
}

/// A server without services and without access control.
fn bare_server() -> Server {
    Server::builder()
        .max_concurrent_streams(MAX_STREAMS)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .http2_keepalive_interval(Some(PING_EVERY))
        .http2_keepalive_timeout(Some(PING_TIMEOUT))
}

async fn serve(
    house: House,
    (ledger, outputs, artifacts): (Ledger, Outputs, Artifacts),
    listener: TcpListener,
    page: Option<PageServer>,
    shutdown: CancellationToken,
    observed: bool,
) -> Result<(), ServeError> {
    let server_error = |e: &dyn std::error::Error| ServeError::Server(e.to_string());
    let (reporter, health_service) = tonic_health::server::health_reporter();
    let reflection = || {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(v1::DESCRIPTORS)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
    };
    // Python's client asks for this older version.
    let older_reflection = reflection().build_v1alpha().map_err(|e| server_error(&e))?;
    let reflection = reflection().build_v1().map_err(|e| server_error(&e))?;
    // Ends the connections that are left when this function returns.
    let over = CancellationToken::new();
    let _over = over.clone().drop_guard();
    // These tasks end with this function, too.
    let mut beside = JoinSet::new();
    beside.spawn(ledger.clone().expire_leases());
    beside.spawn(outputs.clone().tend(ledger.clone()));
    beside.spawn(artifacts.clone().tend(ledger.clone()));
    beside.spawn(report_log(ledger.long_log(), reporter.clone()));
    beside.spawn(report_health(ledger.health(), reporter));
    if observed {
        beside.spawn(gauges::watch(ledger.clone()));
    }
    if let Some(secured) = &house.secured {
        beside.spawn(watch_certificates(secured.subscribe()));
    }
    let tls = house.tls(|secured| &secured.grpc);
    let connections = accept::connections(listener, house.callers, tls, over.clone());
    let service = Service::new(ledger.clone(), shutdown.clone(), artifacts).with_outputs(outputs);
    let for_page = service.clone();
    let server = bare_server()
        .layer(GuardLayer(house.keeper))
        .add_routes(service.routes())
        .add_service(health_service)
        .add_service(reflection)
        .add_service(older_reflection)
        .serve_with_incoming_shutdown(connections, shutdown.clone().cancelled_owned());
    let mut ended = Ok(());
    let server = async {
        ended = server.await;
        shutdown.cancel();
    };
    let page = async {
        if let Some(page) = page {
            page.serve(ledger, for_page, shutdown.clone(), over).await;
        }
    };
    // Watchers learn how the study ended before the connection is closed.
    tokio::select! {
        _ = async { tokio::join!(server, page) } => {}
        // An idle or half-open connection must not keep the process alive.
        () = async { shutdown.cancelled().await; tokio::time::sleep(DRAIN).await } => {}
    }
    ended.map_err(|e| server_error(&e))
}

/// The page's own server.
struct PageServer {
    listener: TcpListener,
    door: Door,
    tls: Option<TlsConfig>,
    guests: Guests,
    watchers: Watchers,
    check: StudyCheck,
}

impl PageServer {
    async fn serve(
        self,
        ledger: Ledger,
        service: Service,
        shutdown: CancellationToken,
        over: CancellationToken,
    ) {
        let Self { listener, door, tls, guests, watchers, check } = self;
        let connections = accept::connections(listener, guests, tls, over);
        let ended = bare_server()
            .accept_http1(true)
            .add_routes(page::routes(ledger, service, shutdown.clone(), door, watchers, check))
            .serve_with_incoming_shutdown(connections, shutdown.cancelled_owned());
        if let Err(error) = ended.await {
            tracing::error!(%error, "the page is not served any more");
        }
    }
}

/// Tells the health service whether the store can be written.
async fn report_health(
    mut health: tokio::sync::watch::Receiver<Health>,
    reporter: tonic_health::server::HealthReporter,
) {
    loop {
        let status = match *health.borrow_and_update() {
            Health::Serving => ServingStatus::Serving,
            Health::ReadOnly => ServingStatus::NotServing,
        };
        let services = [
            "",
            "kindling.v1.ArtifactService",
            "kindling.v1.StudyService",
            "kindling.v1.TrialService",
            "kindling.v1.WorkerService",
            "kindling.v1.ArtifactService",
            "optuna.StorageService",
        ];
        for service in services {
            reporter.set_service_status(service, status).await;
        }
        if health.changed().await.is_err() {
            return;
        }
    }
}

/// Reports to the health service, under a name of its own, whether the store's log is short enough.
/// The coordinator serves even if it is not, and a restart would not shorten it.
async fn report_log(
    mut is_long: tokio::sync::watch::Receiver<bool>,
    reporter: tonic_health::server::HealthReporter,
) {
    loop {
        let is_long_now = *is_long.borrow_and_update();
        let status = if is_long_now { ServingStatus::NotServing } else { ServingStatus::Serving };
        reporter.set_service_status(LOG_HEALTH, status).await;
        if is_long.changed().await.is_err() {
            return;
        }
    }
}
