//! The wall clock goes anywhere; no lease ends by it, and nothing changes its order.

mod support;

use serde_json::Value;
use support::address::lasting_address;
use support::shim::Shim;
use support::{Coordinator, Folder, Process, count, kindling, study_file};

const TEN_YEARS: i64 = 10 * 365 * 86_400;

#[test]
fn a_wall_clock_ten_years_off_ends_no_lease_and_reorders_nothing() {
    let folder = Folder::new();
    let shim = Shim::new(&folder);
    shim.set_clock(0);
    let (store, address) = (folder.path("study.db"), lasting_address());
    let (store, listen) = (store.to_str().expect("plain"), address.to_string());
    // Less than a trial takes: a lease that were not renewed would end in this test.
    let args = ["coordinator", "--store", store, "--listen", &listen, "--lease-term", "2"];
    let start = || Coordinator::start_command(&mut shim.before(kindling(&args)));
    let mut coordinator = start();
    // Long enough for a trial to see several clocks.
    let study = study_file("s", 14).replace("max_epochs = 3", "max_epochs = 4");
    let file = folder.write("s.toml", study);
    coordinator.ask(&["study", "create", file.to_str().expect("plain")]);
    let worker = |id| Process::start(&mut shim.before(coordinator.worker_command(id, &[])));
    let _workers = ["a", "b"].map(worker);

    let clocks = [TEN_YEARS, -TEN_YEARS, 0, -TEN_YEARS, TEN_YEARS, -TEN_YEARS];
    for (done, seconds) in (2..).step_by(2).zip(clocks) {
        coordinator.wait_until("s", |s| count(s, "complete") >= done && count(s, "running") > 0);
        shim.set_clock(seconds);
        if done % 4 == 0 {
            // The next one starts by another clock than the one before it.
            coordinator.process().kill();
            coordinator = start();
        }
    }
    let shown = coordinator.wait_until_finished("s");
    assert_eq!(count(&shown, "complete"), 14, "{shown}");
    let trials = coordinator.trials("s");
    for (number, trial) in trials.iter().enumerate() {
        assert_eq!(trial["number"], number);
        assert_eq!(trial["attempt"], 1, "no lease ended: {trial}");
        let steps = trial["intermediate_values"].as_array().expect("a curve");
        let steps: Vec<_> = steps.iter().map(|s| s["step"].as_u64().expect("a step")).collect();
        assert!(steps.iter().copied().eq(0..steps.len() as u64) && !steps.is_empty(), "{trial}");
    }
    assert!(!coordinator.log().contains("lease expired"));
    let completed: Vec<_> = trials.iter().map(|t| year(&t["complete"])).collect();
    let years = completed.iter().min().zip(completed.iter().max()).expect("some");
    assert!(years.1 - years.0 >= 19, "the clock was off indeed: {completed:?}");

    // Each proposal saw the trials that had finished, in their order: read again, it is the same.
    coordinator.process().signal("TERM");
    assert!(coordinator.process().wait());
    let coordinator = start();
    assert_eq!(coordinator.trials("s"), trials);
    let replayed = coordinator.ask_json(&["study", "replay", "s"]);
    assert_eq!(replayed, serde_json::json!({ "checked": 14, "mismatches": [] }));
    eprintln!(
        "clocks: {} jumps of 10 years and more, 0 leases ended, 0 proposals differ",
        clocks.len()
    );
}

fn year(time: &Value) -> i64 {
    let time = time.as_str().expect("a time");
    time.split('-').next().expect("a year").parse().expect("a number")
}
