//! An older copy of the store is restored while a worker trains.

mod support;

use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use kindling_proto::v1;
use kindling_proto::v1::TrialState;
use kindling_proto::v1::worker_service_client::WorkerServiceClient;
use support::address::lasting_address;
use support::scene::{is_over, stop_while_it_trains, wait_for};
use support::{Coordinator, Folder, PATIENCE, study_file, wire};

/// A value that no sampler would propose.
const ENQUEUED: &str = "learning_rate=0.0078125";

fn start(store: &Path, address: impl std::fmt::Display) -> Coordinator {
    Coordinator::start_with(store, &address.to_string(), Duration::from_hours(1))
}

/// Restores a copy, without any later files.
fn put_back(store: &Path, copy: &[u8]) {
    for suffix in ["db-wal", "db-shm"] {
        _ = std::fs::remove_file(store.with_extension(suffix));
    }
    std::fs::write(store, copy).expect("put back");
}

/// The parameters, value and curve of each trial, once all have ended.
async fn results(channel: &tonic::transport::Channel) -> Vec<String> {
    let all_over = |trials: &[v1::Trial]| {
        (trials.len() == 3 && trials.iter().all(is_over)).then(|| trials.to_vec())
    };
    let trials = wait_for(channel, "s", all_over).await;
    let shown = |trial: &v1::Trial| {
        assert_eq!(trial.state(), TrialState::Complete, "{trial:?}");
        format!("{:?} {:?} {:?}", trial.params, trial.values, trial.intermediate_values)
    };
    trials.iter().map(shown).collect()
}

/// A copy of a store just after a study with `trials` trials was created.
fn copy_of_new(folder: &Folder, store: &Path, address: SocketAddr, trials: u32) -> Vec<u8> {
    let file = folder.write("s.toml", study_file("s", trials));
    let mut coordinator = start(store, address);
    coordinator.ask(&["study", "create", file.to_str().expect("plain")]);
    coordinator.process().signal("TERM");
    assert!(coordinator.process().wait(), "it stops");
    std::fs::read(store).expect("a store")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_trained_on_gets_no_result_into_the_copy_that_was_put_back() {
    let folder = Folder::new();
    let (store, address) = (folder.path("study.db"), lasting_address());
    let copy = copy_of_new(&folder, &store, address, 3);

    let mut coordinator = start(&store, address);
    let channel = wire::channel(address);
    let log = folder.path("worker.log");
    let worker = coordinator.worker_with_log("w", &log);
    let trained = stop_while_it_trains(&channel, "s", &worker, "w").await;
    coordinator.process().kill();
    put_back(&store, &copy);
    let coordinator = start(&store, address);
    let said = coordinator.log();
    assert!(said.contains("a new history begins"), "{said}");

    // The same trial, attempt and worker name, but different parameters.
    coordinator.ask(&["trial", "enqueue", "s", ENQUEUED]);
    let request = v1::LeaseRequest {
        worker_id: "w".to_owned(),
        slots: 1,
        objectives: vec!["mnist_cnn".to_owned()],
        ..Default::default()
    };
    let mut client = WorkerServiceClient::new(channel.clone());
    let leased = client.lease(request).await.expect("leased").into_inner().assignments;
    let claim = leased[0].claim.clone().expect("a claim");
    assert_eq!((claim.trial, claim.attempt), (trained.number, trained.attempt));
    assert_ne!(leased[0].params, trained.params);

    worker.signal("CONT");
    let found = results(&channel).await;
    assert!(found[0].contains("0.0078125"), "{found:?}");
    let said = std::fs::read_to_string(&log).expect("a log");
    assert!(said.contains("dropped: not this worker's") || said.contains("refused"), "{said}");
    drop(worker);
    drop(coordinator);

    // The results of the same study without a restore.
    let coordinator = start(&folder.path("other.db"), "127.0.0.1:0");
    let file = folder.path("s.toml");
    coordinator.ask(&["study", "create", file.to_str().expect("plain")]);
    coordinator.ask(&["trial", "enqueue", "s", ENQUEUED]);
    let _worker = coordinator.worker("w");
    assert_eq!(found, results(&wire::channel(coordinator.address())).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_result_of_another_history_is_kept_for_its_own() {
    let folder = Folder::new();
    let (store, spool, address) =
        (folder.path("study.db"), folder.path("spool"), lasting_address());
    let copy = copy_of_new(&folder, &store, address, 1_000_000);

    let mut coordinator = start(&store, address);
    let channel = wire::channel(address);
    let with_spool = ["--spool", spool.to_str().expect("plain")];
    let doomed = &mut coordinator.worker_command("doomed", &with_spool);
    let mut doomed = support::Process::start(doomed);
    let trained = stop_while_it_trains(&channel, "s", &doomed, "doomed").await;
    coordinator.process().kill();
    doomed.signal("CONT");
    // A draft is no result yet: a worker that is killed now leaves nothing else.
    let is_whole = |path: &std::path::Path| path.extension().is_none_or(|end| end != "draft");
    let waiting = || {
        let files = std::fs::read_dir(&spool).into_iter().flatten().flatten();
        files.filter(|file| is_whole(&file.path())).count()
    };
    let since = Instant::now();
    while waiting() == 0 {
        assert!(since.elapsed() < PATIENCE, "the trial ends without its coordinator");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    doomed.kill();
    let newest = [store.clone(), store.with_extension("db-wal")].map(|f| std::fs::read(f).ok());

    // In the copy the trial does not exist.
    put_back(&store, &copy);
    let mut coordinator = start(&store, address);
    let log = folder.path("heir.log");
    let mut heir = coordinator.worker_command("heir", &with_spool);
    let heir = heir.stderr(std::fs::File::create(&log).expect("a log"));
    let mut heir = support::Process::start(heir);
    wait_for(&channel, "s", |trials| trials.iter().find(|t| is_over(t)).map(|_| ())).await;
    // The results of others are handed in beside its own trials.
    let said = || std::fs::read_to_string(&log).expect("a log");
    let (since, refused) = (Instant::now(), "an earlier worker's result was refused");
    while !said().contains(refused) {
        assert!(since.elapsed() < PATIENCE, "{}", said());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    heir.kill();
    let said = said();
    assert!(said.contains("this store has never seen that lease"), "{said}");
    assert!(waiting() > 0, "it is kept");
    let trials = wire::trials(&channel, "s").await.expect("its trials");
    assert!(trials.iter().all(|trial| trial.worker == "heir"), "{trials:?}");
    coordinator.process().kill();

    // The restore was a mistake, and the newer store is put back.
    let [newest, its_log] = newest;
    put_back(&store, &newest.expect("a store"));
    if let Some(its_log) = its_log {
        std::fs::write(store.with_extension("db-wal"), its_log).expect("put back");
    }
    let coordinator = start(&store, address);
    let command = &mut coordinator.worker_command("another", &with_spool);
    let _another = support::Process::start(command);
    let delivered = wait_for(&channel, "s", |trials| {
        trials.get(trained.number as usize).filter(|trial| is_over(trial)).cloned()
    });
    let delivered = delivered.await;
    assert_eq!((delivered.worker.as_str(), delivered.attempt), ("doomed", 1), "{delivered:?}");
    assert_eq!(delivered.params, trained.params);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_that_was_open_in_the_copy_goes_on_in_its_new_history() {
    let folder = Folder::new();
    let store = folder.path("study.db");
    let file = folder.write("s.toml", study_file("s", 2));
    let request = v1::LeaseRequest {
        worker_id: "w".to_owned(),
        slots: 1,
        objectives: vec!["mnist_cnn".to_owned()],
        ..Default::default()
    };
    let mut claims = Vec::new();
    for more in [&[][..], &[], &["--restored"], &[]] {
        let mut coordinator = Coordinator::start_on_free_port(&store, more);
        coordinator.ask(&["study", "create", file.to_str().expect("plain")]);
        let mut client = WorkerServiceClient::new(wire::channel(coordinator.address()));
        let leased = client.lease(request.clone()).await.expect("leased").into_inner();
        claims.push(leased.assignments[0].claim.clone().expect("a claim"));
        if claims.len() == 4 {
            // The holder knows the lease from the earlier history.
            let completed = v1::Completed { values: vec![0.5] };
            let finish = v1::FinishRequest {
                claim: Some(claims[0].clone()),
                result: Some(v1::finish_request::Result::Completed(completed)),
                ..Default::default()
            };
            client.finish(finish).await.expect("it is its lease");
        }
        coordinator.process().kill();
    }
    let [first, same, new, still] = &claims[..] else { panic!("{claims:?}") };
    assert!(claims.iter().all(|claim| claim.mark == first.mark && claim.attempt == 1));
    assert_eq!((first.mark.len(), first.history.len()), (16, 16));
    assert_eq!(first.history, same.history);
    assert_ne!(first.history, new.history);
    assert_eq!(new.history, still.history);
}
