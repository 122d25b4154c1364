//! Tests of the limits. Whatever is too large or too many is refused, or comes in messages that
//! every client can read. And no caller gets more than its share.

use std::collections::{BTreeSet, HashMap};
use std::net::SocketAddr;
use std::time::Duration;

use kindling_artifacts::{ArtifactStore, Location};
use kindling_proto::v1;
use kindling_proto::v1::artifact_service_client::ArtifactServiceClient;
use kindling_proto::v1::finish_request::Result as End;
use kindling_proto::v1::study_service_client::StudyServiceClient;
use kindling_proto::v1::trial_service_client::TrialServiceClient;
use kindling_proto::v1::worker_service_client::WorkerServiceClient;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::codegen::http::Extensions;
use tonic::transport::server::TcpConnectInfo;
use tonic::transport::{Channel, Endpoint, Server};
use tonic::{Code, Streaming};

use super::*;
use crate::admission::Class;
use crate::artifacts::Artifacts;
use crate::clock::SystemClock;
use crate::config;
use crate::convert;
use crate::store::SqliteStore;

const MIB: usize = 1024 * 1024;

/// The services on a socket, and what they share.
pub(super) struct World {
    pub(super) service: Service,
    address: SocketAddr,
    _serving: JoinSet<()>,
    pub(super) folder: TempDir,
}

impl World {
    pub(super) async fn new() -> Self {
        Self::with_room_for_artifacts(limits::ARTIFACTS).await
    }

    /// With room for so many bytes of artifacts.
    pub(super) async fn with_room_for_artifacts(limit: u64) -> Self {
        let folder = TempDir::new().expect("a folder");
        let store = SqliteStore::open(&folder.path().join("study.db")).expect("a store");
        let clock = Arc::new(SystemClock::default());
        let (ledger, _) = Ledger::start(store, clock, Duration::from_secs(30)).expect("started");
        let artifacts = ArtifactStore::open(&Location::Folder(folder.path().join("artifacts")));
        let artifacts = Artifacts::new(artifacts.expect("a folder"), limit);
        let service = Service::new(ledger, CancellationToken::new(), artifacts);
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("bound");
        let server = Server::builder().add_routes(service.clone().routes());
        let mut serving = JoinSet::new();
        serving.spawn(async move {
            server.serve_with_incoming(TcpListenerStream::new(listener)).await.expect("served");
        });
        Self { service, address, _serving: serving, folder }
    }

    /// A client's channel, with the default limit on message sizes.
    async fn channel(&self) -> Channel {
        let endpoint = Endpoint::new(format!("http://{}", self.address)).expect("an address");
        endpoint.connect().await.expect("connected")
    }

    pub(super) async fn studies(&self) -> StudyServiceClient<Channel> {
        StudyServiceClient::new(self.channel().await)
    }

    pub(super) async fn artifacts(&self) -> ArtifactServiceClient<Channel> {
        ArtifactServiceClient::new(self.channel().await)
    }

    pub(super) async fn trials(&self) -> TrialServiceClient<Channel> {
        TrialServiceClient::new(self.channel().await)
    }

    pub(super) async fn workers(&self) -> WorkerServiceClient<Channel> {
        WorkerServiceClient::new(self.channel().await)
    }

    pub(super) async fn create(&self, spec: v1::StudySpec) {
        let request = v1::CreateStudyRequest { spec: Some(spec) };
        self.studies().await.create_study(request).await.expect("created");
    }

    pub(super) async fn watch(&self) -> Result<Streaming<v1::WatchStudyResponse>, Status> {
        let request = v1::WatchStudyRequest { name: "s".to_owned() };
        Ok(self.studies().await.watch_study(request).await?.into_inner())
    }

    /// All pages of the list.
    async fn all_trials(&self) -> Vec<v1::Trial> {
        let mut client = self.trials().await;
        let mut request = v1::ListTrialsRequest { study: "s".to_owned(), ..Default::default() };
        let mut trials = Vec::new();
        loop {
            let page = client.list_trials(request.clone()).await.expect("a page").into_inner();
            trials.extend(page.trials);
            request.page_token = page.next_page_token;
            if request.page_token.is_empty() {
                return trials;
            }
        }
    }
}

/// A study with this many trials.
pub(super) fn spec(trials: u32) -> v1::StudySpec {
    let study = format!(
        "name = \"s\"\ndirection = \"maximize\"\ntrials = {trials}\n[sampler]\nkind = \"random\"\n\
         [objective]\nkind = \"test\"\n[space.x]\ntype = \"float\"\nlow = 0.0\nhigh = 1.0\n"
    );
    convert::spec_to_wire(&config::parse(&study).expect("a study"))
}

/// A spec of nearly the largest allowed size. Each trial repeats half of it.
fn large_spec(trials: u32) -> v1::StudySpec {
    let mut spec = spec(trials);
    let text = |c: &str| v1::value::Kind::Text(c.repeat(limits::SPEC / 4));
    let choices = ["a", "b"].map(|c| v1::Value { kind: Some(text(c)) }).into();
    let choices = v1::CategoricalDistribution { choices };
    spec.space.push(v1::Parameter {
        name: "large".to_owned(),
        distribution: Some(v1::parameter::Distribution::Categorical(choices)),
        when: Vec::new(),
    });
    let objective = spec.objective.as_mut().expect("an objective");
    objective.settings_json = format!(r#"{{"x":"{}"}}"#, "x".repeat(limits::SPEC / 4));
    spec
}

pub(super) fn lease(slots: u32, holding: Vec<v1::Claim>) -> v1::LeaseRequest {
    v1::LeaseRequest {
        worker_id: "w".to_owned(),
        slots,
        objectives: vec!["test".to_owned()],
        holding,
        ..Default::default()
    }
}

pub(super) fn completed(claim: Option<v1::Claim>, attributes: usize) -> v1::FinishRequest {
    // The longest attribute that a trial may have.
    let text = format!("[{}1]", "1,".repeat(limits::ATTRIBUTE / 2 - 2));
    let attribute = |number: usize| (format!("{number:02}"), text[..].to_owned());
    let attributes_json: HashMap<_, _> = (0..attributes).map(attribute).collect();
    let result = Some(End::Completed(v1::Completed { values: vec![0.5] }));
    v1::FinishRequest { claim, result, attributes_json, ..Default::default() }
}

/// How many attributes of the greatest length a trial may have.
const FULL: usize = limits::ATTRIBUTES_IN_ALL / (limits::ATTRIBUTE + 2);

pub(super) fn code<T>(answer: Result<T, Status>) -> Code {
    answer.err().map_or(Code::Ok, |status| status.code())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn however_large_what_is_kept_everything_can_be_asked_for() {
    let world = World::new().await;
    world.create(large_spec(4)).await;
    let mut workers = world.workers().await;
    let leased = workers.lease(lease(4, vec![])).await.expect("leased").into_inner().assignments;
    assert_eq!(leased.len(), 4);
    let claim = convert::claim(leased[0].claim.clone()).expect("a claim");
    let report_all = world.service.ledger.write(Class::Report, move |transaction| {
        for step in 0..limits::REPORTS as u64 {
            transaction.report(&claim, step << 40, 0.25, &[])?;
        }
        Ok(())
    });
    report_all.await.expect("as many as there may be");
    let claim = leased[0].claim.clone();
    let more = v1::ReportRequest { claim, step: u64::MAX >> 1, value: 0.5, ..Default::default() };
    let refused = workers.report(more).await.expect_err("one too many");
    assert_eq!(refused.code(), Code::InvalidArgument, "{refused}");
    assert!(refused.message().contains("report less often"), "{refused}");
    for assignment in leased {
        let finish = completed(assignment.claim, FULL);
        workers.finish(finish).await.expect("finished");
    }

    let mut studies = world.studies().await;
    let name = || "s".to_owned();
    let study = studies.get_study(v1::GetStudyRequest { name: name() }).await.expect("a study");
    let best = study.into_inner().study.expect("one").best.expect("a best");
    assert_eq!(best.left_out as usize, limits::REPORTS + FULL, "in short");
    studies.list_studies(v1::ListStudiesRequest::default()).await.expect("listed");
    studies.pause_study(v1::PauseStudyRequest { name: name() }).await.expect("paused");
    let resume = v1::ResumeStudyRequest { name: name(), ..Default::default() };
    studies.resume_study(resume).await.expect("resumed");
    let get = v1::GetTrialRequest { study: name(), number: 0 };
    let trial = world.trials().await.get_trial(get).await.expect("a trial").into_inner().trial;
    let trial = trial.expect("one");
    assert_eq!(trial.intermediate_values.len(), limits::REPORTS);
    let all = world.all_trials().await;
    assert_eq!(all.len(), 4);
    assert!(all.iter().all(|t| t.left_out == 0 && t.attributes_json.len() == FULL));
    assert!(all.contains(&trial));

    let mut updates = world.watch().await.expect("watched");
    let mut told = BTreeSet::new();
    while told.len() < 4 {
        let update = updates.message().await.expect("it fits").expect("one");
        told.extend(update.changed.iter().map(|trial| trial.number));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_of_large_studies_comes_in_pages() {
    let world = World::new().await;
    for number in 0..30 {
        let spec = v1::StudySpec { name: format!("s{number}"), ..large_spec(1) };
        world.create(spec).await;
    }
    let mut client = world.studies().await;
    let mut request = v1::ListStudiesRequest { page_size: 1000, ..Default::default() };
    let mut names = Vec::new();
    loop {
        let page = client.list_studies(request.clone()).await.expect("it fits").into_inner();
        names.extend(page.studies.iter().filter_map(|s| Some(s.spec.as_ref()?.name.clone())));
        request.page_token = page.next_page_token;
        if request.page_token.is_empty() {
            break;
        }
    }
    assert_eq!(names, (0..30).map(|number| format!("s{number}")).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_spec_that_grows_when_it_is_said_again_is_measured_as_it_is_said() {
    let world = World::new().await;
    let mut spec = spec(1);
    let objective = spec.objective.as_mut().expect("an objective");
    objective.settings_json = format!(r#"{{"x":[{}1e15]}}"#, "1e15,".repeat(limits::SPEC / 6));
    let request = v1::CreateStudyRequest { spec: Some(spec) };
    let refused = world.studies().await.create_study(request).await;
    assert_eq!(code(refused), Code::InvalidArgument);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn workers_are_listed_page_by_page_and_are_not_more_than_can_be_known() {
    let world = World::new().await;
    world.create(spec(1)).await;
    let client = world.workers().await;
    let ask = |number: usize| {
        let mut client = client.clone();
        let place = "x".repeat(limits::PLACE);
        let request = v1::LeaseRequest {
            worker_id: format!("w{number:05}"),
            host: place.clone(),
            device: place,
            ..Default::default()
        };
        async move { client.lease(request).await.map(|_| ()) }
    };
    let mut asking = JoinSet::new();
    for number in 0..limits::WORKERS {
        asking.spawn(ask(number));
        if asking.len() > 500 {
            asking.join_next().await.expect("one").expect("no panic").expect("known");
        }
    }
    while let Some(answer) = asking.join_next().await {
        answer.expect("no panic").expect("known");
    }

    let answer = world.workers().await.lease(lease(1, vec![])).await;
    assert_eq!(code(answer), Code::ResourceExhausted);

    let mut studies = world.studies().await;
    let mut request = v1::ListWorkersRequest { page_size: 1000, ..Default::default() };
    let mut ids = Vec::new();
    loop {
        let page = studies.list_workers(request.clone()).await.expect("it fits").into_inner();
        ids.extend(page.workers.into_iter().map(|worker| worker.id));
        request.page_token = page.next_page_token;
        if request.page_token.is_empty() {
            break;
        }
    }
    assert_eq!(ids.len(), limits::WORKERS);
    assert!(ids.is_sorted());
    let mut updates = world.watch().await.expect("watched");
    let update = updates.message().await.expect("it fits").expect("one");
    assert_eq!(update.worker_count as usize, limits::WORKERS);
    assert!(!update.workers.is_empty());
    // None of these workers is connected or holds anything.
    let expire = world.service.ledger.write(Class::End, |transaction| {
        transaction.expire();
        Ok(())
    });
    expire.await.expect("expired");
    assert_eq!(code(world.workers().await.lease(lease(1, vec![])).await), Code::Ok);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_names_too_much_is_refused() {
    let world = World::new().await;
    let claims = |count| vec![v1::Claim { worker_id: "w".to_owned(), ..Default::default() }; count];
    let mut workers = world.workers().await;
    let most = limits::HOLDING;
    assert_eq!(code(workers.lease(lease(1, claims(most))).await), Code::Ok);
    assert_eq!(code(workers.lease(lease(1, claims(most + 1))).await), Code::InvalidArgument);
    let objectives = vec!["x".to_owned(); limits::OBJECTIVES + 1];
    let request = v1::LeaseRequest { objectives, ..lease(1, vec![]) };
    assert_eq!(code(workers.lease(request).await), Code::InvalidArgument);
    let objectives = vec!["x".repeat(limits::OBJECTIVE + 1)];
    let request = v1::LeaseRequest { objectives, ..lease(1, vec![]) };
    assert_eq!(code(workers.lease(request).await), Code::InvalidArgument);
    let without_studies = vec![1; limits::WITHOUT_STUDIES + 1];
    let request = v1::LeaseRequest { without_studies, ..lease(1, vec![]) };
    assert_eq!(code(workers.lease(request).await), Code::InvalidArgument);
    let beat = v1::HeartbeatRequest {
        worker_id: "w".to_owned(),
        holding: claims(most + 1),
        ..Default::default()
    };
    let answers = workers.heartbeat(tokio_stream::once(beat)).await;
    let refused = answers.expect("a stream").into_inner().message().await;
    assert_eq!(code(refused), Code::InvalidArgument);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_with_many_slots_is_leased_them_in_turns() {
    for (spec, least) in [(spec(130), limits::ASSIGNMENTS), (large_spec(130), 8)] {
        let world = World::new().await;
        world.create(spec).await;
        let mut workers = world.workers().await;
        let mut holding: Vec<v1::Claim> = Vec::new();
        while holding.len() < 130 {
            let answer = workers.lease(lease(500, holding.clone())).await.expect("it fits");
            let leased = answer.into_inner().assignments;
            let expected = least.min(130 - holding.len())..=limits::ASSIGNMENTS;
            assert!(expected.contains(&leased.len()), "{} at once", leased.len());
            holding.extend(leased.into_iter().filter_map(|assignment| assignment.claim));
        }
        // A worker that lost the answers gets the same trials again.
        let mut again = Vec::new();
        while again.len() < 130 {
            let answer = workers.lease(lease(500, again.clone())).await.expect("it fits");
            let leased = answer.into_inner().assignments;
            assert!(!leased.is_empty(), "after {}", again.len());
            again.extend(leased.into_iter().filter_map(|assignment| assignment.claim));
        }
        assert_eq!(again, holding);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn there_are_no_more_studies_than_can_be_kept() {
    let world = World::new().await;
    let create_all = world.service.ledger.write(Class::Begin, |transaction| {
        for number in 0..limits::STUDIES {
            let spec = v1::StudySpec { name: format!("s{number}"), ..spec(1) };
            transaction.create_study(convert::spec(spec).expect("a study"))?;
        }
        Ok(())
    });
    create_all.await.expect("created");
    let mut client = world.studies().await;
    let request = |name: &str| v1::CreateStudyRequest {
        spec: Some(v1::StudySpec { name: name.to_owned(), ..spec(1) }),
    };
    assert_eq!(code(client.create_study(request("s")).await), Code::ResourceExhausted);
    assert_eq!(code(client.create_study(request("s7")).await), Code::Ok, "it is there");
    client.delete_study(v1::DeleteStudyRequest { name: "s7".to_owned() }).await.expect("deleted");
    assert_eq!(code(client.create_study(request("s")).await), Code::Ok);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replays_and_watchers_have_so_many_places() {
    let world = World::new().await;
    world.create(spec(1)).await;
    let mut client = world.studies().await;
    let request = v1::ReplayStudyRequest { name: "s".to_owned() };
    let here = nobody();
    let taken = world.service.shares.replays.take(here, 1).expect("a place");
    assert_eq!(code(client.replay_study(request.clone()).await), Code::Ok, "another's is left");
    let elsewhere = world.service.shares.replays.clone();
    let all = [taken, elsewhere.take(other_caller(), 1).expect("a place")];
    assert_eq!(code(client.replay_study(request.clone()).await), Code::ResourceExhausted);
    drop(all);
    assert_eq!(code(client.replay_study(request).await), Code::Ok);

    let mut watching = Vec::new();
    for _ in 0..limits::WATCHES.1 {
        watching.push(world.watch().await.expect("a place"));
    }
    assert_eq!(code(world.watch().await), Code::ResourceExhausted);
    drop(watching);
    until(async || world.watch().await.is_ok()).await;
}

/// A caller from an unknown address.
fn nobody() -> Caller {
    Caller::of(&Extensions::new())
}

/// A caller from another address.
fn other_caller() -> Caller {
    let mut extensions = Extensions::new();
    extensions.insert(TcpConnectInfo {
        local_addr: None,
        remote_addr: Some(SocketAddr::from(([10, 0, 0, 1], 1))),
    });
    Caller::of(&extensions)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_nobody_reads_is_bounded_and_who_reads_hears_on() {
    let world = World::new().await;
    world.create(spec(200)).await;
    let mut unread = Vec::new();
    for _ in 0..100 {
        unread.push(world.watch().await.expect("a place"));
    }
    let mut reading = world.watch().await.expect("a place");
    let mut workers = world.workers().await;
    for finished in 1..=4 {
        let answer = workers.lease(lease(1, vec![])).await.expect("leased");
        let claim = answer.into_inner().assignments.remove(0).claim;
        workers.finish(completed(claim, FULL)).await.expect("finished");
        loop {
            let update = reading.message().await.expect("it fits").expect("one");
            let unread = world.service.shares.unread.taken();
            assert!(unread <= limits::UNREAD_BYTES.1, "{unread} bytes wait");
            if update.study.and_then(|s| s.counts).is_some_and(|c| c.complete == finished) {
                break;
            }
        }
    }
    // Nobody reads the 100 streams, and 4 MiB are due on each.
    assert!(world.service.shares.unread.taken() > limits::UNREAD_BYTES.1 / 2);
    drop((unread, reading));
    until(async || world.service.shares.unread.taken() == 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_answers_and_requests_have_so_much_room() {
    let world = World::new().await;
    world.create(spec(4)).await;
    let mut workers = world.workers().await;
    let leased = workers.lease(lease(2, vec![])).await.expect("leased").into_inner().assignments;
    let [first, second] = leased.try_into().expect("two");
    workers.finish(completed(first.claim, FULL)).await.expect("finished");

    let shares = &world.service.shares;
    let unread = shares.unread.take(other_caller(), limits::UNREAD_BYTES.1).expect("room");
    let more = shares.unread.take(nobody(), limits::UNREAD_BYTES.1);
    let list = v1::ListTrialsRequest { study: "s".to_owned(), ..Default::default() };
    let mut trials = world.trials().await;
    assert_eq!(code(trials.list_trials(list.clone()).await), Code::ResourceExhausted);
    let get = v1::GetStudyRequest { name: "s".to_owned() };
    assert_eq!(code(world.studies().await.get_study(get).await), Code::Ok, "a small one");
    drop((unread, more));
    assert_eq!(code(trials.list_trials(list).await), Code::Ok);
    until(async || world.service.shares.unread.taken() == 0).await;

    let asked = shares.asked.take(other_caller(), limits::ASKED_BYTES.1).expect("room");
    let more = shares.asked.take(nobody(), limits::ASKED_BYTES.1);
    let finish = completed(second.claim.clone(), FULL);
    assert_eq!(code(workers.finish(finish.clone()).await), Code::ResourceExhausted);
    drop((asked, more));
    assert_eq!(code(workers.finish(finish).await), Code::Ok);
    until(async || world.service.shares.asked.taken() == 0).await;

    let mut spec = large_spec(1);
    spec.name = "x".repeat(MIB);
    let request = v1::CreateStudyRequest { spec: Some(spec) };
    assert_eq!(code(world.studies().await.create_study(request).await), Code::OutOfRange);
}

/// Waits until the condition holds, which should be soon.
pub(super) async fn until(mut is_so: impl AsyncFnMut() -> bool) {
    for _ in 0..500 {
        if is_so().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("it does not come");
}
