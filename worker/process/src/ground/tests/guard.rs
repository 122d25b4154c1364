//! What a killed worker leaves: nothing.
//!
//! These run in processes of their own: this one takes in orphans for other tests, and would end them itself.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::Stdio;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::*;

fn passes_alone(test: &str, name: &str) {
    let output = alone(test, &format!("{name}-{}", std::process::id())).output().unwrap();
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{}{}", said(&output.stdout), said(&output.stderr));
}

#[test]
fn a_worker_that_is_killed_leaves_nothing() {
    passes_alone("ground::tests::guard::killed_worker_alone", "killed");
}

#[test]
fn a_guard_that_is_killed_is_replaced() {
    passes_alone("ground::tests::guard::killed_guard_alone", "guardless");
}

#[test]
#[ignore = "in a process of its own"]
fn killed_worker_alone() {
    kill_worker(false);
}

#[test]
#[ignore = "in a process of its own"]
fn killed_guard_alone() {
    kill_worker(true);
}

/// Starts a worker, kills its guard if that is wanted and waits for another one, and kills the worker.
fn kill_worker(and_first_its_guard: bool) {
    let Ok(tag) = std::env::var(ALONE) else { return };
    nix::sys::prctl::set_child_subreaper(true).unwrap();
    let mut worker = alone("ground::tests::guard::worker_alone", &tag)
        .stdout(Stdio::piped())
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(worker.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert!(lines.any(|line| line.ends_with("guarded")));
    let guard = tagged(&tag).into_iter().find(|process| process.name == "guard").unwrap();
    let guard = Pid::from_raw(guard.pid);
    // What ends a worker does not end its guard.
    for signal in [Signal::SIGTERM, Signal::SIGHUP, Signal::SIGINT] {
        kill(guard, signal).unwrap();
    }
    if and_first_its_guard {
        kill(guard, Signal::SIGKILL).unwrap();
    }
    drop(worker.stdin.take());
    let folder = PathBuf::from(lines.by_ref().find(|line| line.starts_with('/')).unwrap());
    assert!(folder.join("full").exists());
    let another = PathBuf::from(lines.by_ref().find(|line| line.starts_with('/')).unwrap());
    assert!(lines.any(|line| line == "all are there"));
    let there = tagged(&tag);
    assert!(there.iter().filter(|process| process.name == "sleep").count() == 4, "{there:?}");
    if and_first_its_guard {
        assert!(lines.any(|line| line == "there is another guard"));
    }
    worker.kill().unwrap();
    worker.wait().unwrap();
    wait_until(|| tagged(&tag).iter().all(|process| process.zombie));
    assert!(!folder.exists(), "{}", folder.display());
    std::fs::remove_dir(another).unwrap();
}

/// A worker with two groups, one of which left children behind that left it.
#[test]
#[ignore = "in a process of its own"]
fn worker_alone() {
    if std::env::var_os(ALONE).is_none() {
        return;
    }
    let path = std::env::current_exe().unwrap();
    let guard = path.parent().unwrap().parent().unwrap().join("examples/guard");
    assert!(guard.exists(), "`cargo test` builds {}", guard.display());
    let ground = Ground::new(Some(vec![guard.into()])).unwrap();
    let first = ground.guard_id();
    println!("guarded");
    std::io::stdin().read_line(&mut String::new()).unwrap();
    let ignores = "trap '' TERM HUP INT; sleep 1000 & sleep 1000 & echo ready; wait; sleep 1000";
    let one = Run::on(&ground, sh(ignores));
    let two =
        Run::on(&ground, sh("setsid sleep 1000 & (setsid sleep 1000 &); sleep 0.3; echo ready"));
    one.says("ready");
    two.says("ready");
    // One that is gone is not the guard's to remove: its name may be another's by now.
    let gone = Folder::make(&ground).unwrap();
    let path = gone.path().to_owned();
    drop(gone);
    std::fs::create_dir(&path).unwrap();
    let folder = Folder::make(&ground).unwrap();
    std::fs::write(folder.path().join("full"), "").unwrap();
    println!("{}", folder.path().display());
    println!("{}", path.display());
    println!("all are there");
    wait_until(|| ground.guard_id().is_some_and(|id| Some(id) != first));
    println!("there is another guard");
    std::thread::sleep(LONG);
}
