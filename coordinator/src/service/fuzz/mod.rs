//! Calls every RPC with everything that a peer may send. Each call must get a typed status. A
//! refused call changes nothing, and what an accepted call changed is still there after a restart.
//! Nothing panics, and the coordinator keeps running.
//!
//! The methods and their messages come from the descriptor set, so a new RPC is tested too.

mod handlers;
mod messages;
mod socket;
mod stored;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::pin::Pin;
use std::sync::Once;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use http_body::Frame;
use kindling_proto::optuna::storage_service_client::StorageServiceClient;
use kindling_proto::v1::study_service_client::StudyServiceClient;
use kindling_proto::v1::trial_service_client::TrialServiceClient;
use kindling_proto::v1::worker_service_client::WorkerServiceClient;
use kindling_proto::{optuna, v1};
use prost::Message as _;
use tonic::body::Body;
use tonic::client::GrpcService;
use tonic::codegen::http::{HeaderMap, Request};
use tonic::codegen::{Body as HttpBody, Bytes, StdError};
use tonic::{Code, Status};

use v1::finish_request::Result as End;
use v1::value::Kind;

/// The study that all calls are about.
const STUDY: &str = r#"
    name = "s"
    direction = "maximize"
    trials = 40
    [pruner]
    kind = "median"
    [objective]
    kind = "test"
    [space.x]
    type = "float"
    low = 0.0
    high = 1.0
    [space.kind]
    type = "categorical"
    choices = ["a", 1, true]
    [space.n]
    type = "int"
    low = 1
    high = 9
    when = { kind = "a" }
"#;

/// A call that has not answered by then is waiting, as a lease or a stream may.
const PATIENCE: Duration = Duration::from_millis(40);
/// Any other call is stuck after this time.
const STUCK: Duration = Duration::from_secs(30);

/// The services that are called.
trait Api: GrpcService<Body, ResponseBody = Body> + Clone + Send {}
impl<T: GrpcService<Body, ResponseBody = Body> + Clone + Send> Api for T {}

/// The result of a call.
#[derive(Debug)]
enum Answer {
    Status(Status),
    /// The call waits for work, or streams.
    Waits,
}

/// Calls a method with this body. `waits` says whether it may take long.
async fn call<A: Api>(mut api: A, path: &str, body: Vec<Bytes>, waits: bool) -> Answer
where
    A::Future: Send,
{
    let request = Request::post(format!("http://coordinator{path}"))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .body(Body::new(Chunks(body.into())))
        .expect("a request");
    let answer = async {
        std::future::poll_fn(|context| api.poll_ready(context)).await.map_err(error)?;
        let response = api.call(request).await.map_err(error)?;
        if let Some(status) = Status::from_header_map(response.headers()) {
            return Ok(status);
        }
        let mut body = response.into_body();
        let mut trailers = HeaderMap::new();
        while let Some(frame) =
            std::future::poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await
        {
            if let Ok(found) = frame?.into_trailers() {
                trailers = found;
            }
        }
        Status::from_header_map(&trailers)
            .ok_or_else(|| Status::unknown("it ended without a status"))
    };
    let patience = if waits { PATIENCE } else { STUCK };
    match tokio::time::timeout(patience, answer).await {
        Ok(status) => Answer::Status(status.unwrap_or_else(|status: Status| status)),
        Err(_elapsed) => {
            assert!(waits, "{path} does not answer");
            Answer::Waits
        }
    }
}

fn error(error: impl Into<StdError>) -> Status {
    Status::from_error(error.into())
}

/// The name of a call's result. Checks that a refusal is typed and changed nothing.
fn outcome(answer: &Answer, is_unchanged: bool, call: impl Fn() -> String) -> String {
    let Answer::Status(status) = answer else { return "Waits".to_owned() };
    assert!(is_typed(status), "{}: {status:?}", call());
    // A stream may accept some messages before it refuses one.
    assert!(status.code() == Code::Ok || is_unchanged, "changed: {}: {status:?}", call());
    format!("{:?}", status.code())
}

/// Whether a status comes from a handler and says what is wrong. Only for messages that cannot be
/// decoded does gRPC itself answer, with an internal error.
fn is_typed(status: &Status) -> bool {
    match status.code() {
        Code::Unknown | Code::DataLoss | Code::Unavailable => false,
        Code::Internal => {
            let message = status.message();
            message.starts_with("failed to decode Protobuf message")
                || message.starts_with("protocol error: received message with")
                || message.starts_with("Unexpected EOF decoding stream")
                || message.starts_with("Missing request message")
        }
        _ => true,
    }
}

/// A message as gRPC frames it.
fn framed(message: &[u8]) -> Bytes {
    let length = u32::try_from(message.len()).expect("a short one").to_be_bytes();
    [&[0], &length[..], message].concat().into()
}

/// A body of these pieces.
struct Chunks(VecDeque<Bytes>);

impl HttpBody for Chunks {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        Poll::Ready(self.0.pop_front().map(|bytes| Ok(Frame::data(bytes))))
    }
}

/// Creates the study, with one trial each that runs, completed, failed and waits.
async fn populate<A: Api + 'static>(api: A) {
    let spec = crate::config::parse(STUDY).expect("valid");
    let spec = Some(crate::convert::spec_to_wire(&spec));
    let create = v1::CreateStudyRequest { spec };
    StudyServiceClient::new(api.clone()).create_study(create).await.expect("created");
    let mut workers = WorkerServiceClient::new(api.clone());
    let lease = v1::LeaseRequest {
        worker_id: "w".to_owned(),
        slots: 3,
        objectives: vec!["test".to_owned()],
        ..Default::default()
    };
    let leased = workers.lease(lease).await.expect("leased").into_inner().assignments;
    let ends = [
        End::Completed(v1::Completed { values: vec![0.5] }),
        End::Failed(v1::Failed { reason: "x".to_owned() }),
    ];
    for (assignment, end) in leased.iter().zip(ends) {
        let claim = assignment.claim.clone();
        let report =
            v1::ReportRequest { claim: claim.clone(), step: 0, value: 0.25, ..Default::default() };
        workers.report(report).await.expect("reported");
        let attributes_json = [("a".to_owned(), "[1]".to_owned())].into();
        let finish =
            v1::FinishRequest { claim, result: Some(end), attributes_json, ..Default::default() };
        workers.finish(finish).await.expect("finished");
    }
    let enqueue = v1::EnqueueTrialRequest {
        study: "s".to_owned(),
        request_id: "r".to_owned(),
        ..Default::default()
    };
    TrialServiceClient::new(api.clone()).enqueue_trial(enqueue).await.expect("enqueued");
    populate_external(api).await;
}

/// Everything the API shows of studies and trials, as bytes.
async fn shown<A: Api + 'static>(api: A) -> Vec<u8> {
    let mut shown = Vec::new();
    let list = v1::ListStudiesRequest { page_size: 1000, ..Default::default() };
    let studies = StudyServiceClient::new(api.clone()).list_studies(list).await.expect("listed");
    for mut study in studies.into_inner().studies {
        // `best` is listed with the other trials, the next two depend on the clock, and what was handed back is not
        // stored.
        (study.best, study.trials_per_hour, study.time_left) = (None, None, None);
        study.last_hand_back = None;
        let name = study.spec.clone().expect("a spec").name;
        study.encode(&mut shown).expect("room");
        let list = v1::ListTrialsRequest { study: name, page_size: 1000, ..Default::default() };
        let trials = TrialServiceClient::new(api.clone()).list_trials(list).await.expect("listed");
        for mut trial in trials.into_inner().trials {
            // A map on the wire has no order.
            let attributes: BTreeMap<_, _> = trial.attributes_json.drain().collect();
            shown.extend(format!("{attributes:?}").into_bytes());
            trial.encode(&mut shown).expect("room");
        }
    }
    shown.extend(shown_to_optuna(api).await.into_bytes());
    shown
}

/// Everything that Optuna's clients see of all studies.
async fn shown_to_optuna<A: Api + 'static>(api: A) -> String {
    let mut storage = StorageServiceClient::new(api);
    let studies = storage.get_all_studies(optuna::GetAllStudiesRequest {}).await.expect("listed");
    let mut shown = Vec::new();
    for study in studies.into_inner().studies {
        let request = optuna::GetTrialsRequest {
            study_id: study.study_id,
            included_trial_ids: vec![],
            trial_id_greater_than: -1,
        };
        let trials = storage.get_trials(request).await.expect("listed").into_inner().trials;
        let attributes = [sorted(study.user_attributes), sorted(study.system_attributes)];
        shown.push(format!("{} {:?} {attributes:?}", study.study_name, study.directions));
        for trial in trials {
            let what = (trial.trial_id, trial.number, trial.state, trial.values);
            let times = [trial.datetime_start, trial.datetime_complete];
            let maps = [trial.distributions, trial.user_attributes, trial.system_attributes];
            let (params, steps) = (sorted(trial.params), sorted(trial.intermediate_values));
            shown.push(format!("{what:?} {times:?} {params:?} {steps:?} {:?}", maps.map(sorted)));
        }
    }
    shown.join("\n")
}

/// A map on the wire has no order.
fn sorted<K: Ord, V>(map: HashMap<K, V>) -> BTreeMap<K, V> {
    map.into_iter().collect()
}

/// A study that an Optuna client drives, with a trial that runs, one that is complete and one that waits.
async fn populate_external<A: Api + 'static>(api: A) {
    use optuna::TrialState::{Complete, Running, Waiting};
    let mut storage = StorageServiceClient::new(api);
    let create = optuna::CreateNewStudyRequest { directions: vec![0], study_name: "o".to_owned() };
    let study_id = storage.create_new_study(create).await.expect("created").into_inner().study_id;
    for state in [Running, Complete, Waiting] {
        let template = optuna::Trial {
            state: state.into(),
            values: if state == Complete { vec![0.5] } else { vec![] },
            datetime_start: "2026-01-01 00:00:00.000000".to_owned(),
            params: [("x".to_owned(), 0.25)].into(),
            distributions: [("x".to_owned(), messages::DISTRIBUTIONS[0].to_owned())].into(),
            ..optuna::Trial::default()
        };
        let create = optuna::CreateNewTrialRequest {
            study_id,
            template_trial: Some(template),
            template_trial_is_none: false,
        };
        storage.create_new_trial(create).await.expect("created");
    }
}

/// Counts panics in all threads, from its first call on.
fn panics() -> u32 {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            COUNT.fetch_add(1, Ordering::Relaxed);
            before(info);
        }));
    });
    COUNT.load(Ordering::Relaxed)
}
