//! The coordinator is killed at random moments, many times: everything it acknowledged is there, exactly
//! once.

mod support;

use std::process::Stdio;
use std::time::Duration;

use rand::RngExt as _;
use support::address::lasting_address;
use support::crowd::{Crowd, Journal, Size};
use support::proofs::{Seed, proofs};
use support::{Coordinator, Folder, Process, kindling, quiet};

#[test]
fn a_coordinator_that_is_killed_at_any_moment_loses_and_doubles_nothing() {
    let kills = proofs(25, 1000);
    let seed = Seed::new();
    let mut rng = seed.rng(0);
    let folder = Folder::new();
    let (store, address) = (folder.path("study.db"), lasting_address());
    let (store, listen) = (store.to_str().expect("plain"), address.to_string());
    // No lease expires here, so a refusal would mean that an acknowledged call was lost.
    let args = ["coordinator", "--store", store, "--listen", &listen, "--lease-term", "86400"];
    let command = || quiet(kindling(&args));

    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.expect("a runtime");
    let mut coordinator = Coordinator::start_command(&mut command());
    let journal = Journal::new(&folder.path("journal"));
    // Slower in the long form; otherwise most of the time would go into reading the accumulated history.
    let between_calls = Duration::from_millis(proofs(10, 40));
    let size = Size { workers: 24, trials: 200, pause: between_calls };
    let mut crowd = runtime.block_on(async { Crowd::start(address, journal, &seed, size) });
    let (mut killed, mut while_starting) = (0, 0);
    while killed < kills {
        pause(rng.random_range(5..250));
        kill(coordinator.process());
        killed += 1;
        if killed < kills && rng.random_ratio(1, 4) {
            let mut starting = Process::start(command().stderr(Stdio::null()));
            pause(rng.random_range(0..100));
            kill(&mut starting);
            killed += 1;
            while_starting += 1;
        }
        coordinator = Coordinator::start_command(&mut command());
        runtime.block_on(crowd.audit());
    }
    let settled = runtime.block_on(crowd.settle());
    eprintln!("crash loop: {killed} kills ({while_starting} of them as it started), {settled}");
}

fn pause(millis: u64) {
    std::thread::sleep(Duration::from_millis(millis));
}

/// Kills with kill -9 a process that must still be running.
fn kill(process: &mut Process) {
    assert_eq!(process.ended(), None, "it ended before it was killed");
    process.kill();
}
