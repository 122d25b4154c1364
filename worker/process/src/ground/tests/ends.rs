//! How groups end.

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::*;

fn killed() -> Exit {
    Exit::Signal { number: 9, core_dumped: false }
}

#[test]
fn an_end_is_told_as_it_was() {
    assert_eq!(Run::start(sh("exit 75")).exit(), Exit::Status(75));
    assert_eq!(Run::start(sh("kill -9 $$")).exit(), killed());
    assert_eq!(Run::start(sh("kill -40 $$")).exit().to_string(), "signal 40");
}

#[test]
fn a_group_is_killed_with_its_children() {
    let run = Run::start(sh("sleep 1000 & (sleep 1000; true) & echo ready; wait"));
    run.says("ready");
    assert!(run.processes().len() >= 3);
    run.group.end(Duration::ZERO).unwrap();
    run.assert_nothing_is_left();
    assert_eq!(run.exit(), killed());
}

#[test]
fn who_hears_sigterm_ends_as_it_wants() {
    let run =
        Run::start(sh("trap 'echo bye; exit 7' TERM; echo ready; while :; do sleep 0.01; done"));
    run.says("ready");
    run.group.end(LONG).unwrap();
    run.assert_nothing_is_left();
    let (lines, exit) = run.rest();
    assert_eq!((lines.contains(&"bye".to_owned()), exit), (true, Exit::Status(7)), "{lines:?}");
}

#[test]
fn a_group_is_asked_to_end_only_once_and_told_to_end_as_often_as_one_wants() {
    let script = "trap 'n=$((n + 1)); echo $n' TERM; echo ready; while :; do sleep 0.01; done";
    let run = Run::start(sh(script));
    run.says("ready");
    run.group.terminate();
    run.says("1");
    run.group.terminate();
    run.group.end(Duration::from_millis(200)).unwrap();
    let (lines, exit) = run.rest();
    assert_eq!((lines.contains(&"2".to_owned()), exit), (false, killed()));

    let run = Run::start(sh("echo ready; sleep 1000"));
    run.says("ready");
    run.group.kill();
    assert_eq!(run.exit(), killed());
    run.group.end(LONG).unwrap();
    run.group.end(LONG).unwrap();
    run.assert_nothing_is_left();
}

#[test]
fn who_ignores_sigterm_is_killed_after_the_grace() {
    let run = Run::start(sh("trap '' TERM; echo ready; while :; do sleep 0.01; done"));
    run.says("ready");
    let began = Instant::now();
    run.group.end(Duration::from_millis(300)).unwrap();
    assert!(began.elapsed() >= Duration::from_millis(300));
    run.assert_nothing_is_left();
    assert_eq!(run.exit(), killed());
}

#[test]
fn who_is_stopped_hears_sigterm_nevertheless() {
    let run = Run::start(sh("trap 'exit 7' TERM; echo ready; while :; do sleep 0.01; done"));
    run.says("ready");
    kill(Pid::from_raw(run.group.id()), Signal::SIGSTOP).unwrap();
    run.group.end(LONG).unwrap();
    assert_eq!(run.exit(), Exit::Status(7));
}

#[test]
fn a_child_that_left_the_group_is_killed_after_its_parent_ended() {
    let run = Run::start(sh(
        "setsid sleep 1000 & setsid sh -c 'trap \"\" TERM; sleep 1000; :' & sleep 0.2; echo ready",
    ));
    // The end is told, although the children hold the output open.
    assert!(run.exit().is_success());
    assert!(run.processes().iter().any(|process| process.group != run.group.id()));
    assert!(!run.group.is_gone());
    run.group.end(Duration::from_millis(100)).unwrap();
    run.assert_nothing_is_left();
}

#[test]
fn a_daemon_is_killed_with_the_group_that_still_runs() {
    let script = "
import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        print('ready', flush=True)
        time.sleep(1000)
    os._exit(0)
os.wait()
time.sleep(1000)";
    let run = Run::start(python(script));
    run.says("ready");
    run.group.end(Duration::from_millis(100)).unwrap();
    run.assert_nothing_is_left();
}

#[test]
fn what_is_dropped_is_killed() {
    let run = Run::start(sh("setsid sleep 1000 & echo ready; sleep 1000"));
    run.says("ready");
    let Run { group, told, .. } = run;
    let (mark, id) = (group.mark().to_owned(), group.id());
    drop(group);
    let marked = |process: &Process| {
        process.group == id || table::marks(process.pid).is_some_and(|marks| marks.contains(&mark))
    };
    assert!(!table::all().iter().any(marked));
    assert_eq!(told.iter().last(), Some(Happened::Exited(killed())));
}

#[test]
fn an_orphan_that_ends_does_not_stay_as_a_zombie() {
    let run = Run::start(sh("(setsid true &); echo ready; sleep 1000"));
    run.says("ready");
    let own = std::process::id() as i32;
    let orphans = || {
        let all = table::all().into_iter();
        let main = run.group.id();
        all.filter(move |p| p.parent == own && p.zombie && p.pid != main && p.name == "true")
            .count()
    };
    std::thread::sleep(Duration::from_millis(300));
    wait_until(|| orphans() == 0);
}

#[test]
fn many_short_processes_leave_nothing() {
    let ground = Ground::new(None).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..25 {
                    let run = Run::on(&ground, launch("true", &[]));
                    assert!(run.exit().is_success());
                    run.group.end(Duration::ZERO).unwrap();
                    run.assert_nothing_is_left();
                }
            });
        }
    });
    assert_eq!(ground.running(), 0);
}

#[test]
fn children_of_others_in_this_process_keep_their_status() {
    let ground = Ground::new(None).unwrap();
    let run = Run::on(&ground, sh("echo ready; sleep 1000"));
    run.says("ready");
    let mut child = std::process::Command::new("sh").args(["-c", "exit 5"]).spawn().unwrap();
    // Longer than the ground waits before it looks for orphans.
    std::thread::sleep(Duration::from_millis(1500));
    run.group.end(Duration::ZERO).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(5));
}

#[test]
fn an_orphan_that_cleared_its_environment_is_killed() {
    let output =
        alone("ground::tests::ends::cleared_environment_alone", "cleared").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
#[ignore = "in a process of its own"]
fn cleared_environment_alone() {
    if std::env::var_os(ALONE).is_none() {
        return;
    }
    let run = Run::start(sh("(env -i setsid sleep 987654 >/dev/null 2>&1 &); sleep 0.3"));
    assert!(run.exit().is_success());
    let own = std::process::id() as i32;
    let orphans =
        || table::all().into_iter().filter(|p| p.parent == own && p.name == "sleep").count();
    assert_eq!(orphans(), 1);
    run.group.end(Duration::from_millis(100)).unwrap();
    assert_eq!(orphans(), 0);
}
