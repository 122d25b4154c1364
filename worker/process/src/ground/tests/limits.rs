//! The limit on memory.

use super::*;

fn limited(script: &str, mib: u64) -> Run {
    Run::start(Launch { memory: Some(mib << 20), ..python(script) })
}

#[test]
fn a_group_over_its_memory_is_told_of_once() {
    // A child that left the group counts, too.
    let script = "
import os, time
if os.fork() == 0:
    os.setsid()
    data = bytearray(b'x') * (200 << 20)
    time.sleep(1000)
time.sleep(1000)";
    let run = limited(script, 100);
    let Happened::OverMemory { used } = run.next() else { panic!("something else happened") };
    assert!((100 << 20..400 << 20).contains(&used), "{used}");
    run.group.end(Duration::ZERO).unwrap();
    assert!(matches!(run.next(), Happened::Exited(Exit::Signal { number: 9, .. })));
    run.assert_nothing_is_left();
}

#[test]
fn memory_that_forked_processes_share_counts_once() {
    let script = "
import os, time
data = bytearray(b'x') * (60 << 20)
for _ in range(4):
    if os.fork() == 0:
        time.sleep(1.5)
        os._exit(0)
for _ in range(4): os.wait()";
    let run = limited(script, 150);
    assert_eq!(run.next(), Happened::Exited(Exit::Status(0)));
}
