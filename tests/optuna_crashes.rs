//! Clients of Optuna's door run trials while the coordinator is killed at random moments: what it acknowledged is there,
//! and a repeated call is carried out once.

mod support;

use std::collections::BTreeMap;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use kindling_proto::optuna as wire;
use kindling_proto::optuna::TrialState;
use kindling_proto::optuna::storage_service_client::StorageServiceClient;
use rand::rngs::StdRng;
use rand::{Rng as _, RngExt as _};
use support::address::lasting_address;
use support::proofs::{Seed, proofs};
use support::{Coordinator, Folder, kindling, quiet, wire as client};
use tonic::transport::Channel;
use tonic::{Request, Response, Status};

const CLIENTS: u64 = 8;
const FLOAT: &str = r#"{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.0, "high": 1.0, "log": false}}"#;

/// What a client was acknowledged of a trial, in its own list.
#[derive(Debug, Clone, PartialEq, Default)]
struct Known {
    x: f64,
    steps: BTreeMap<i64, f64>,
    note: String,
    value: f64,
}

/// Repeats a call until it is answered well.
async fn insist<T, F: Future<Output = Result<Response<T>, Status>>>(call: impl FnMut() -> F) -> T {
    client::persist(call).await.0.expect("taken")
}

/// The request with the id that a client gives it.
fn named<T>(message: T, id: &str) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("kindling-request", id.parse().expect("an id"));
    request
}

/// Runs trials until it is told to stop, and returns what it knows of each.
async fn run(
    channel: Channel,
    study_id: i64,
    mut rng: StdRng,
    stop: Arc<AtomicBool>,
) -> BTreeMap<i64, Known> {
    let storage = || StorageServiceClient::new(channel.clone());
    let mut known = BTreeMap::new();
    while !stop.load(Ordering::Relaxed) {
        let id = format!("{:x}", rng.next_u64());
        let create = || {
            let message = wire::CreateNewTrialRequest {
                study_id,
                template_trial: None,
                template_trial_is_none: true,
            };
            let (mut storage, request) = (storage(), named(message, &id));
            async move { storage.create_new_trial(request).await }
        };
        let trial_id = insist(create).await.trial_id;
        let mut trial = Known {
            x: rng.random(),
            value: rng.random(),
            note: format!("\"{id}\""),
            ..Known::default()
        };
        let set = || {
            let (param_name, distribution) = ("x".to_owned(), FLOAT.to_owned());
            let request = wire::SetTrialParameterRequest {
                trial_id,
                param_name,
                param_value_internal: trial.x,
                distribution,
            };
            let mut storage = storage();
            async move { storage.set_trial_parameter(request).await }
        };
        insist(set).await;
        for step in 0..rng.random_range(0..4) {
            let intermediate_value = rng.random();
            insist(|| {
                let request =
                    wire::SetTrialIntermediateValueRequest { trial_id, step, intermediate_value };
                let mut storage = storage();
                async move { storage.set_trial_intermediate_value(request).await }
            })
            .await;
            trial.steps.insert(step, intermediate_value);
        }
        insist(|| {
            let (key, value) = ("note".to_owned(), trial.note.clone());
            let request = wire::SetTrialUserAttributeRequest { trial_id, key, value };
            let mut storage = storage();
            async move { storage.set_trial_user_attribute(request).await }
        })
        .await;
        let finish = format!("{:x}", rng.next_u64());
        let updated = insist(|| {
            let (state, values) = (TrialState::Complete.into(), vec![trial.value]);
            let request =
                named(wire::SetTrialStateValuesRequest { trial_id, state, values }, &finish);
            let mut storage = storage();
            async move { storage.set_trial_state_values(request).await }
        });
        assert!(updated.await.trial_updated);
        known.insert(trial_id, trial);
    }
    known
}

async fn create_study(address: SocketAddr) -> i64 {
    let mut storage = StorageServiceClient::new(client::channel(address));
    let request = wire::CreateNewStudyRequest { directions: vec![0], study_name: "s".to_owned() };
    storage.create_new_study(request).await.expect("created").into_inner().study_id
}

#[test]
fn what_optunas_clients_were_acknowledged_is_there_exactly_once() {
    let kills = proofs(20, 1000);
    let seed = Seed::new();
    let mut rng = seed.rng(0);
    let folder = Folder::new();
    let (store, address) = (folder.path("study.db"), lasting_address());
    let (store, listen) = (store.to_str().expect("plain"), address.to_string());
    let command = || quiet(kindling(&["coordinator", "--store", store, "--listen", &listen]));
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.expect("a runtime");
    let mut coordinator = Coordinator::start_command(&mut command());
    let study = runtime.block_on(create_study(address));
    let stop = Arc::new(AtomicBool::new(false));
    let clients: Vec<_> = (0..CLIENTS)
        .map(|client| {
            let channel = runtime.block_on(async { client::channel(address) });
            runtime.spawn(run(channel, study, seed.rng(1 + client), stop.clone()))
        })
        .collect();
    for _ in 0..kills {
        std::thread::sleep(Duration::from_millis(rng.random_range(5..200)));
        coordinator.process().kill();
        coordinator = Coordinator::start_command(&mut command());
    }
    std::thread::sleep(Duration::from_millis(200));
    stop.store(true, Ordering::Relaxed);
    let mut known = BTreeMap::new();
    for client in clients {
        known.extend(runtime.block_on(client).expect("it ended well"));
    }
    let mut storage =
        StorageServiceClient::new(runtime.block_on(async { client::channel(address) }));
    let request = wire::GetTrialsRequest {
        study_id: study,
        included_trial_ids: vec![],
        trial_id_greater_than: -1,
    };
    let trials =
        runtime.block_on(storage.get_trials(request)).expect("its trials").into_inner().trials;
    let there: BTreeMap<_, _> = trials
        .into_iter()
        .map(|trial| {
            assert_eq!(trial.state(), TrialState::Complete, "{trial:?}");
            let known = Known {
                x: trial.params["x"],
                steps: trial.intermediate_values.into_iter().collect(),
                note: trial.user_attributes["note"].clone(),
                value: trial.values[0],
            };
            (trial.trial_id, known)
        })
        .collect();
    assert!(known.len() > kills, "too little happened: {}", known.len());
    assert!(there == known, "lost or doubled: {} there, {} acknowledged", there.len(), known.len());
    eprintln!(
        "Optuna's door: {kills} kills, {} trials, all as they were acknowledged",
        known.len()
    );
}

/// A client that begins a trial and leaves in its midst.
async fn begin_and_leave(address: SocketAddr, study_id: i64) {
    let mut storage = StorageServiceClient::new(client::channel(address));
    let create = wire::CreateNewTrialRequest {
        study_id,
        template_trial: None,
        template_trial_is_none: true,
    };
    let trial_id = storage.create_new_trial(create).await.expect("created").into_inner().trial_id;
    let report =
        wire::SetTrialIntermediateValueRequest { trial_id, step: 0, intermediate_value: 0.5 };
    storage.set_trial_intermediate_value(report).await.expect("reported");
    tokio::time::sleep(Duration::from_millis(rand::random_range(0..300))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn trials_of_many_clients_that_leave_end_as_the_study_asks_each_once() {
    let clients = proofs(200, 1000);
    let folder = Folder::new();
    let coordinator = Coordinator::start(&folder.path("study.db"));
    let address = coordinator.address().parse().expect("an address");
    let study_id = create_study(address).await;
    let mut storage = StorageServiceClient::new(client::channel(address));
    for (key, value) in [("kindling:lost_after", "1"), ("kindling:retry_lost", "1")] {
        let (key, value) = (key.to_owned(), value.to_owned());
        let set = wire::SetStudyUserAttributeRequest { study_id, key, value };
        storage.set_study_user_attribute(set).await.expect("set");
    }
    let stays = wire::CreateNewTrialRequest {
        study_id,
        template_trial: None,
        template_trial_is_none: true,
    };
    let stays = storage.create_new_trial(stays).await.expect("created").into_inner().trial_id;
    let left: Vec<_> =
        (0..clients).map(|_| tokio::spawn(begin_and_leave(address, study_id))).collect();
    for client in left {
        client.await.expect("it ended well");
    }
    let start = std::time::Instant::now();
    let trials = loop {
        let all = wire::GetTrialsRequest {
            study_id,
            included_trial_ids: vec![],
            trial_id_greater_than: -1,
        };
        let trials = storage.get_trials(all).await.expect("its trials").into_inner().trials;
        let running = trials.iter().filter(|trial| trial.state() == TrialState::Running).count();
        if running == 1 {
            break trials;
        }
        assert!(start.elapsed() < support::PATIENCE, "{running} run");
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    let of = |state: TrialState| trials.iter().filter(move |trial| trial.state() == state);
    assert_eq!(
        of(TrialState::Running).next().map(|trial| trial.trial_id),
        Some(stays),
        "its client is there"
    );
    assert_eq!((of(TrialState::Fail).count(), of(TrialState::Waiting).count()), (clients, clients));
    let mut repeated: Vec<_> = of(TrialState::Waiting)
        .map(|trial| trial.system_attributes["failed_trial"].clone())
        .collect();
    let mut failed: Vec<_> = of(TrialState::Fail).map(|trial| trial.number.to_string()).collect();
    repeated.sort();
    failed.sort();
    assert_eq!(repeated, failed, "each is repeated once");
}
