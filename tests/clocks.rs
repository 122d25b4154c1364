//! The wall clock may jump anywhere: no lease ends because of it, and the order of events stays.

mod support;

use std::time::Duration;

use serde_json::Value;
use support::address::lasting_address;
use support::scene::endless;
use support::shim::Shim;
use support::{Coordinator, Folder, Process, count, kindling, study_file};

const TEN_YEARS: i64 = 10 * 365 * 86_400;
const TERM: Duration = Duration::from_secs(5);
/// Where the clock jumps, and whether the coordinator is restarted then.
const CLOCKS: [(i64, bool); 6] = [
    (TEN_YEARS, false),
    (-TEN_YEARS, false),
    (0, true),
    (-TEN_YEARS, true),
    (TEN_YEARS, true),
    (-TEN_YEARS, false),
];

#[test]
fn a_wall_clock_ten_years_off_ends_no_lease_and_reorders_nothing() {
    let folder = Folder::new();
    let shim = Shim::new(&folder);
    shim.set_clock(0);
    let (store, address) = (folder.path("study.db"), lasting_address());
    let (store, listen) = (store.to_str().expect("plain"), address.to_string());
    let term = TERM.as_secs().to_string();
    let args = ["coordinator", "--store", store, "--listen", &listen, "--lease-term", &term];
    let start = || Coordinator::start_command(&mut shim.before(kindling(&args)));
    let mut coordinator = start();
    let create = |name: &str, study: String| {
        let file = folder.write(name, study);
        coordinator.ask(&["study", "create", file.to_str().expect("plain")]);
    };
    let worker = |id| Process::start(&mut shim.before(coordinator.worker_command(id, &[])));
    // One lease lasts through all of it, while other trials begin and end. Neither study finishes, however
    // fast the machine is.
    create("long.toml", endless("long", 1));
    let _holder = worker("holder");
    coordinator.wait_until("long", |s| count(s, "running") == 1);
    create("s.toml", study_file("s", 1_000_000));
    let _workers = ["a", "b"].map(worker);

    for (seconds, starts_anew) in CLOCKS {
        shim.set_clock(seconds);
        if starts_anew {
            coordinator.process().kill();
            coordinator = start();
        } else {
            // Long enough for an unrenewed lease to expire.
            std::thread::sleep(TERM + Duration::from_secs(1));
        }
        let (done, step) = (complete(&coordinator), newest_step(&coordinator));
        coordinator.wait_until("s", |s| count(s, "complete") >= done + 2);
        coordinator.wait_until("long", |_| newest_step(&coordinator) > step);
        assert!(!coordinator.log().contains("lease expired"), "{}", coordinator.log());
    }
    coordinator.ask(&["study", "pause", "s"]);
    coordinator.wait_until("s", |s| count(s, "running") == 0);
    let trials = coordinator.trials("s");
    let long = coordinator.trials("long").remove(0);
    assert_eq!((&long["worker"], &long["state"]), (&"holder".into(), &"RUNNING".into()), "{long}");
    for trial in trials.iter().chain([&long]) {
        assert_eq!(trial["attempt"], 1, "no lease ended: {trial}");
        let steps = steps(trial);
        assert!(steps.iter().copied().eq(0..steps.len() as u64) && !steps.is_empty(), "{trial}");
    }
    for (number, trial) in trials.iter().enumerate() {
        assert_eq!((&trial["number"], &trial["state"]), (&number.into(), &"COMPLETE".into()));
    }
    let completed: Vec<_> = trials.iter().map(|t| year(&t["complete"])).collect();
    let years = completed.iter().min().zip(completed.iter().max()).expect("some");
    assert!(years.1 - years.0 >= 19, "the clock was off indeed: {completed:?}");

    // Each proposal depends on the finished trials and their order. A replay must give the same.
    coordinator.process().signal("TERM");
    assert!(coordinator.process().wait());
    let coordinator = start();
    assert_eq!(coordinator.trials("s"), trials);
    let replayed = coordinator.ask_json(&["study", "replay", "s"]);
    let agrees = serde_json::json!({ "checked": trials.len(), "mismatched": 0, "mismatches": [] });
    assert_eq!(replayed, agrees);
    eprintln!(
        "clocks: {} jumps of 10 years and more, {} trials, 0 leases ended, 0 proposals differ",
        CLOCKS.len(),
        trials.len()
    );
}

fn complete(coordinator: &Coordinator) -> u64 {
    count(&coordinator.ask_json(&["study", "show", "s"]), "complete")
}

/// The latest step of the long trial.
fn newest_step(coordinator: &Coordinator) -> Option<u64> {
    steps(&coordinator.trials("long")[0]).pop()
}

/// The steps that a trial has reported.
fn steps(trial: &Value) -> Vec<u64> {
    let curve = trial["intermediate_values"].as_array().expect("a curve");
    curve.iter().map(|point| point["step"].as_u64().expect("a step")).collect()
}

fn year(time: &Value) -> i64 {
    let time = time.as_str().expect("a time");
    time.split('-').next().expect("a year").parse().expect("a number")
}
