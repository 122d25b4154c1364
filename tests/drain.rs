//! SIGTERM: every process ends cleanly and in time, whatever connections are open.

mod support;

use std::io::Write as _;
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use kindling_proto::v1;
use kindling_proto::v1::study_service_client::StudyServiceClient;
use kindling_proto::v1::worker_service_client::WorkerServiceClient;
use support::address::lasting_address;
use support::crowd::{Crowd, Journal, Size};
use support::proofs::{Seed, proofs};
use support::scene::Scene;
use support::{Coordinator, Folder, PATIENCE, Process, kindling, quiet, wire};
use tokio::task::JoinSet;
use tokio_stream::StreamExt as _;

/// The longest time that a process may take to end.
const IN_TIME: Duration = Duration::from_secs(10);
/// How long it may take until a handed-back trial is leased to a waiting worker.
const AT_ONCE: Duration = Duration::from_secs(1);

#[tokio::test(flavor = "multi_thread")]
async fn a_coordinator_leaves_in_time_whoever_holds_on_to_it() {
    let (lanes, times) = proofs((2, 1), (10, 10));
    let mut leaving = JoinSet::new();
    for lane in 0..lanes {
        leaving.spawn(async move { leave_again_and_again(lane, times).await });
    }
    let mut took = Vec::new();
    while let Some(lane) = leaving.join_next().await {
        took.extend(lane.expect("no panic"));
    }
    let longest = took.iter().max().expect("some");
    eprintln!(
        "drain: {} coordinators told to stop, exit 0 after {longest:.2?} at the most",
        took.len()
    );
}

/// Starts a coordinator, opens every kind of lingering connection, tells it to stop, and repeats on the same
/// store.
async fn leave_again_and_again(lane: u64, times: u32) -> Vec<Duration> {
    let folder = Folder::new();
    let (store, address) = (folder.path("study.db"), lasting_address());
    let (store, listen) = (store.to_str().expect("plain"), address.to_string());
    let args = ["coordinator", "--store", store, "--listen", &listen, "--lease-term", "86400"];
    let start = || Coordinator::start_command(&mut quiet(kindling(&args)));
    let mut coordinator = start();
    let size = Size { workers: 3, trials: 50, pause: Duration::from_millis(100) };
    let journal = Journal::new(&folder.path("journal"));
    let mut crowd = Crowd::start(address, journal, &Seed::of(lane), size);
    let mut took = Vec::new();
    for _ in 0..times {
        crowd.go_on(10).await;
        let _silent = half_open(address);
        let _streams = unread_streams(address).await;
        let mut reader = stopped_reader(&coordinator);
        let told = Instant::now();
        coordinator.process().signal("TERM");
        let (success, after) = end_of(coordinator.process(), told).await;
        assert!(success, "{}", coordinator.log());
        assert!(after < IN_TIME, "{after:?}");
        took.push(after);
        reader.kill();
        assert!(!folder.path("study.db-wal").exists(), "the store was closed");
        coordinator = start();
        crowd.audit().await;
    }
    crowd.settle().await;
    took
}

/// Silent connections, and some that stop in the middle of the HTTP/2 handshake.
fn half_open(address: SocketAddr) -> Vec<TcpStream> {
    let words: [&[u8]; 4] = [
        b"",
        b"PRI * HTTP/2.0\r\n",
        // The whole preface, without settings.
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        // Settings, and half a header frame.
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0\0\0\x40\x01\x04\0\0\0\x01\x82",
    ];
    let connect = |words: &&[u8]| {
        let mut stream = TcpStream::connect(address).expect("connects");
        stream.write_all(words).expect("sent");
        stream
    };
    words.iter().cycle().take(12).map(connect).collect()
}

/// Streams that stay open and are never read, and heartbeats that stop after the first.
async fn unread_streams(address: SocketAddr) -> impl Sized {
    let mut watching = Vec::new();
    let mut beating = Vec::new();
    for number in 0..5 {
        let request = v1::WatchStudyRequest { name: "s0".to_owned() };
        let mut client = StudyServiceClient::new(wire::channel(address));
        watching.push(client.watch_study(request).await.expect("a stream"));
        let first =
            v1::HeartbeatRequest { worker_id: format!("mute-{number}"), ..Default::default() };
        let beats = tokio_stream::once(first).chain(tokio_stream::pending());
        let mut client = WorkerServiceClient::new(wire::channel(address));
        beating.push(client.heartbeat(beats).await.expect("a stream"));
    }
    (watching, beating)
}

/// A process that watches a study and is stopped: its socket stays open, but nobody reads it.
fn stopped_reader(coordinator: &Coordinator) -> Process {
    let mut command =
        kindling(&["study", "watch", "s0", "--json", "--coordinator", &coordinator.url()]);
    command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
    let reader = Process::start(&mut command);
    std::thread::sleep(Duration::from_millis(300));
    reader.signal("STOP");
    reader
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_leaves_in_time_and_its_trial_is_leased_at_once() {
    let (rounds, workers) = proofs((2, 3), (10, 10));
    let folder = Folder::new();
    // The term never expires within this test: only the worker's hand-back can end the lease.
    let term = Duration::from_hours(1);
    let coordinator = Coordinator::start_with(&folder.path("study.db"), "127.0.0.1:0", term);
    let (mut longest, mut latest) = (Duration::ZERO, Duration::ZERO);
    for round in 0..rounds {
        let grace: &[&str] = if round % 2 == 0 { &[] } else { &["--grace", "0"] };
        let command = |id: &str| coordinator.worker_command(id, grace);
        let mut scene =
            Scene::new(&coordinator, &folder, &format!("s{round}"), workers, command).await;
        let heir = scene.heir();
        let ends = end_all(&mut scene.workers).await;
        let leased = tokio::time::timeout(PATIENCE, heir).await.expect("in time").expect("leased");
        for ((ended, after), leased) in ends.into_iter().zip(leased) {
            longest = longest.max(after);
            latest = latest.max(leased.saturating_duration_since(ended));
        }
    }
    eprintln!(
        "drain: {} workers told to stop, exit 0 after {longest:.2?} at the most, their trials leased again {latest:.2?} \
         after they left at the most",
        rounds * workers
    );
    assert!(latest < AT_ONCE, "{latest:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_leaves_in_time_though_nobody_answers() {
    let workers = proofs(2, 10);
    let folder = Folder::new();
    let term = Duration::from_hours(1);
    let mut coordinator = Coordinator::start_with(&folder.path("study.db"), "127.0.0.1:0", term);
    let command = |id: &str| coordinator.worker_command(id, &["--grace", "2"]);
    let mut scene = Scene::new(&coordinator, &folder, "s", workers, command).await;
    // The connections stay open, but nothing passes.
    coordinator.process().signal("STOP");
    let ends = end_all(&mut scene.workers).await;
    let longest = ends.iter().map(|(_, after)| after).max().expect("some");
    eprintln!(
        "drain: {workers} workers of a coordinator that does not answer, exit 0 after {longest:.2?} at the most"
    );
}

/// Stops all of them. Returns when each ended, and how long that took.
async fn end_all(workers: &mut [Process]) -> Vec<(Instant, Duration)> {
    let tell = |worker: &Process| {
        let now = Instant::now();
        worker.signal("TERM");
        now
    };
    let told: Vec<_> = workers.iter().map(tell).collect();
    let mut ends = vec![None; workers.len()];
    while ends.contains(&None) {
        for (worker, (end, told)) in workers.iter_mut().zip(ends.iter_mut().zip(&told)) {
            if let (None, Some(status)) = (&end, worker.ended()) {
                assert!(status.success(), "{status}");
                *end = Some((Instant::now(), told.elapsed()));
            }
            assert!(end.is_some() || told.elapsed() < IN_TIME, "it does not leave");
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    ends.into_iter().flatten().collect()
}

/// Whether it ended with success, and how long that took.
async fn end_of(process: &mut Process, told: Instant) -> (bool, Duration) {
    loop {
        if let Some(status) = process.ended() {
            return (status.success(), told.elapsed());
        }
        assert!(told.elapsed() < PATIENCE, "it does not leave");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
