//! What a process writes.

use super::*;

#[test]
fn lines_come_in_order_before_the_end() {
    let run = Run::start(sh("seq 1 2000; echo last >&2; printf unfinished; exit 3"));
    let (mut lines, exit) = run.rest();
    let last = lines.iter().position(|line| line == "last").unwrap();
    lines.remove(last);
    let expected: Vec<String> =
        (1..=2000).map(|n| n.to_string()).chain(["unfinished".to_owned()]).collect();
    assert_eq!((lines, exit), (expected, Exit::Status(3)));
    assert_eq!(run.last_errors(), "last");
}

#[test]
fn all_that_it_wrote_comes_before_its_end_also_if_a_stray_holds_its_output_and_writes_for_ever() {
    let script = "
import os, sys
if os.fork() == 0:
    os.setsid()
    while True: os.write(2, b'noise ' * 100 + b'\\n')
sys.stdout.write('x\\n' * 30000)
sys.stdout.write('done')
sys.stdout.flush()
os._exit(0)";
    let run = Run::start(python(script));
    let (lines, exit) = run.rest();
    assert!(exit.is_success());
    assert_eq!(lines.iter().filter(|line| *line == "x").count(), 30_000);
    assert!(lines.iter().any(|line| line == "done"));
    run.group.end(Duration::ZERO).unwrap();
    run.assert_nothing_is_left();
}

#[test]
fn a_gigabyte_without_a_newline_is_read_within_little_memory() {
    let resident = || {
        let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
        statm.split(' ').nth(1).unwrap().parse::<u64>().unwrap() * 4096
    };
    let before = resident();
    let run = Run::start(sh("head -c 1G /dev/zero; head -c 100M /dev/zero >&2; echo; echo end"));
    let (lines, exit) = run.rest();
    assert!(exit.is_success());
    let lengths: Vec<usize> = lines.iter().map(String::len).collect();
    assert_eq!(lengths.iter().copied().max(), Some(16 * 1024));
    assert_eq!((lengths.len(), lines.last().map(String::as_str)), (3, Some("end")));
    assert!(run.last_errors().len() <= 8 * 1024);
    // Other tests run beside this one.
    let more = resident().saturating_sub(before);
    assert!(more < 200 << 20, "{more} bytes");
}

#[test]
fn what_is_no_text_is_told_as_far_as_it_can_be() {
    let run = Run::start(sh(r"printf 'a\377b\n'; head -c 300000 /dev/urandom; exit 0"));
    let (lines, exit) = run.rest();
    assert!(exit.is_success());
    assert_eq!(lines[0], "a\u{fffd}b");
    assert!(lines.iter().all(|line| line.len() <= 3 * 16 * 1024));
}

#[test]
fn who_is_slow_to_hear_loses_no_line() {
    let (tell, told) = std::sync::mpsc::sync_channel(0);
    let ground = Ground::new(None).unwrap();
    let group = sh("seq 1 100000").start(&ground, move |happened| _ = tell.send(happened)).unwrap();
    std::thread::sleep(Duration::from_millis(300));
    let heard: Vec<Happened> = told.iter().collect();
    assert_eq!(heard.len(), 100_001);
    assert_eq!(heard.last(), Some(&Happened::Exited(Exit::Status(0))));
    group.end(Duration::ZERO).unwrap();
}

#[test]
fn of_a_progress_bar_the_last_state_is_kept_and_so_is_what_was_before() {
    let bar = r"echo Traceback >&2; i=0; while [ $i -lt 500 ]; do printf '\r%d%%' $i >&2; i=$((i+1)); done; printf '\nError: no\r\n' >&2";
    let run = Run::start(sh(bar));
    run.exit();
    assert_eq!(run.last_errors(), "Traceback\n499%\nError: no");
}
