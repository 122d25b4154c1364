//! Workers that die, fall silent, and come back.

mod support;

use std::collections::HashMap;
use std::time::{Duration, Instant};

use kindling_proto::v1;
use kindling_proto::v1::worker_service_client::WorkerServiceClient;
use support::proofs::proofs;
use support::scene::{Scene, is_over, stop_while_it_trains, wait_for};
use support::{Coordinator, Folder, PATIENCE, Process, study_file, wire};
use tonic::Code;
use tonic::transport::Channel;

/// How long it takes from a signal to each worker until its trial is leased again, over several rounds.
async fn leased_again(signal: &str, term: Duration) -> Vec<Duration> {
    let (rounds, workers) = proofs((1, 4), (10, 10));
    let folder = Folder::new();
    let coordinator = Coordinator::start_with(&folder.path("study.db"), "127.0.0.1:0", term);
    let mut all = Vec::new();
    for round in 0..rounds {
        let command = |id: &str| coordinator.worker_command(id, &[]);
        let scene = Scene::new(&coordinator, &folder, &format!("s{round}"), workers, command).await;
        let heir = scene.heir();
        let signal_one = |worker: &Process| {
            let now = Instant::now();
            worker.signal(signal);
            now
        };
        let signalled: Vec<_> = scene.workers.iter().map(signal_one).collect();
        let leased = tokio::time::timeout(PATIENCE, heir).await.expect("in time").expect("leased");
        all.extend(leased.iter().zip(signalled).map(|(leased, at)| leased.duration_since(at)));
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_workers_trial_is_leased_again_within_six_seconds() {
    // The term never expires within this test: only the lost connection can end the lease.
    let took = leased_again("KILL", Duration::from_hours(1)).await;
    let longest = took.iter().max().expect("some");
    eprintln!("killed workers: {}, leased again after {longest:.2?} at the most", took.len());
    assert!(*longest <= Duration::from_secs(6), "{took:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_workers_trial_is_leased_again_within_a_term_and_a_second() {
    let term = Duration::from_secs(3);
    let took = leased_again("STOP", term).await;
    let (longest, shortest) = (took.iter().max().expect("some"), took.iter().min().expect("some"));
    eprintln!(
        "silent workers: {}, leased again {shortest:.2?} to {longest:.2?} after they fell silent, by a term of {term:?}",
        took.len()
    );
    assert!(*longest <= term + Duration::from_secs(1), "{took:?}");
    // A worker sends four heartbeats per term, so a lease that ended sooner would have been too short.
    assert!(*shortest >= term / 2, "{took:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_zombie_is_refused_drops_its_trial_and_takes_another() {
    let rounds = proofs(3, 100);
    let folder = Folder::new();
    let term = Duration::from_secs(1);
    let coordinator = Coordinator::start_with(&folder.path("study.db"), "127.0.0.1:0", term);
    // On a busy machine a trial may be lost several times before it finishes.
    let study = study_file("s", 100_000).replace("seed = 7", "seed = 7\nmax_attempts = 1000");
    let file = folder.write("s.toml", study.replace("max_epochs = 3", "max_epochs = 5"));
    coordinator.ask(&["study", "create", file.to_str().expect("plain")]);
    let channel = wire::channel(coordinator.address());
    let names = ["a", "b"];
    let workers = names.map(|id| coordinator.worker(id));
    for round in 0..rounds {
        let (name, zombie) = (names[round % 2], &workers[round % 2]);
        let stolen = stop_while_it_trains(&channel, "s", zombie, name).await;
        let finished = wait_for(&channel, "s", |trials| {
            let trial = &trials[stolen.number as usize];
            is_over(trial).then(|| trial.clone())
        });
        let finished = finished.await;
        assert_eq!(finished.worker, names[1 - round % 2]);
        assert!(finished.attempt > stolen.attempt, "{finished:?}");

        refuse_all(&channel, &stolen).await;
        let done =
            |trials: &[v1::Trial]| trials.iter().filter(|t| t.worker == name && is_over(t)).count();
        let before = done(&wire::trials(&channel, "s").await.expect("its trials"));
        zombie.signal("CONT");
        // With its single slot, it can train another trial only after dropping the first one.
        wait_for(&channel, "s", |trials| (done(trials) > before).then_some(())).await;
        let now = wire::trial(&channel, "s", stolen.number).await.expect("the trial");
        assert_eq!(now, finished, "the zombie changed nothing");
    }
    eprintln!("zombies: {rounds} stopped past their lease, 0 changed anything");
}

/// Makes a zombie's calls in its name; all must be refused.
async fn refuse_all(channel: &Channel, stolen: &v1::Trial) {
    let mut client = WorkerServiceClient::new(channel.clone());
    let study_id = wire::study(channel, "s").await.expect("a study").id;
    let v1::Trial { number: trial, attempt, worker: worker_id, .. } = stolen.clone();
    let claim = Some(v1::Claim { study_id, trial, attempt, worker_id, ..Default::default() });
    let report =
        v1::ReportRequest { claim: claim.clone(), step: 99, value: 0.9, ..Default::default() };
    let completed = v1::finish_request::Result::Completed(v1::Completed { values: vec![0.9] });
    let finish = v1::FinishRequest {
        claim: claim.clone(),
        result: Some(completed),
        attributes_json: HashMap::new(),
        ..Default::default()
    };
    let refused = [
        client.report(report).await.map(|_| ()),
        client.finish(finish).await.map(|_| ()),
        client.release(v1::ReleaseRequest { claim, ..Default::default() }).await.map(|_| ()),
    ];
    for refused in refused {
        assert_eq!(refused.expect_err("an old attempt").code(), Code::FailedPrecondition);
    }
}
