//! What is kept of what was written, whatever happens in between.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use proptest::prelude::*;
use tempfile::TempDir;

use super::attempt::{Attempt, SEGMENT, files, path};
use super::*;

const LEASE: &[u8] = b"a lease";

fn line(text: impl Into<String>) -> Line {
    Line { stream: 1, time: 1_700_000_000_000_000, text: text.into(), ..Line::default() }
}

/// Everything that a reader is told, attempt by attempt.
fn all(folder: &Path) -> Vec<(u32, Line)> {
    read(Reading::open(folder.to_owned(), None, 0).expect("readable"))
}

fn read(mut reading: Reading) -> Vec<(u32, Line)> {
    let mut told = Vec::new();
    while let Some(Piece { attempt, lines }) = reading.next().expect("readable") {
        told.extend(lines.into_iter().map(|line| (attempt, line)));
    }
    told
}

fn texts(told: &[(u32, Line)]) -> Vec<&str> {
    told.iter().map(|(_, line)| &*line.text).collect()
}

/// How many lines and bytes somebody is told of: those shown, and those left out.
fn accounted(told: &[(u32, Line)]) -> (u64, u64) {
    told.iter().fold((0, 0), |(lines, bytes), (_, line)| {
        (lines + 1 + line.lines_left_out, bytes + line.text.len() as u64 + line.bytes_left_out)
    })
}

fn size(folder: &Path) -> usize {
    files(folder).expect("readable").values().flat_map(BTreeMap::values).sum()
}

#[test]
fn of_much_output_the_head_and_the_tail_are_kept_and_the_rest_is_counted() {
    let folder = TempDir::new().expect("a folder");
    let mut attempt = Attempt::open(folder.path(), 1, LEASE).expect("opened");
    let (count, mut bytes, mut most) = (100_000_u64, 0, 0);
    for first in (0..count).step_by(500) {
        let lines =
            (first..first + 500).map(|number| line(format!("line {number} {}", "x".repeat(80))));
        let lines: Vec<_> = lines.collect();
        bytes += lines.iter().map(|line| line.text.len() as u64).sum::<u64>();
        attempt.write(first, lines).expect("written");
        most = most.max(size(folder.path()));
    }
    assert!(most <= limits::OUTPUT_HEAD + limits::OUTPUT_TAIL, "{most} bytes");
    let told = all(folder.path());
    assert_eq!(accounted(&told), (count, bytes));
    let left_out: Vec<_> = told.iter().filter(|(_, line)| line.lines_left_out > 0).collect();
    assert_eq!(left_out.len(), 1, "one gap");
    let head = told.iter().position(|(_, line)| line.lines_left_out > 0).expect("one gap");
    let size =
        |told: &[(u32, Line)]| told.iter().map(|(_, line)| record::length(line)).sum::<usize>();
    assert!(size(&told[..head]) > limits::OUTPUT_HEAD - 1024, "the head is whole");
    assert!(size(&told[head..]) > limits::OUTPUT_TAIL - SEGMENT - 1024, "the tail, too");
    assert!(told[0].1.text.starts_with("line 0 "));
    assert!(told.last().expect("some").1.text.starts_with("line 99999 "));
}

#[test]
fn a_reader_that_follows_is_told_each_line_once_or_that_it_was_left_out() {
    let folder = TempDir::new().expect("a folder");
    let mut attempt = Attempt::open(folder.path(), 1, LEASE).expect("opened");
    let mut reading = Reading::open(folder.path().to_owned(), None, 0).expect("readable");
    let (mut told, mut bytes) = (Vec::new(), 0);
    for first in (0..40_000_u64).step_by(200) {
        let lines: Vec<_> =
            (first..first + 200).map(|n| line(format!("{n} {}", "y".repeat(100)))).collect();
        bytes += lines.iter().map(|line| line.text.len() as u64).sum::<u64>();
        attempt.write(first, lines).expect("written");
        // Slow for a while, so that a part goes before it is read.
        if !(5_000..20_000).contains(&first)
            && let Some(Piece { attempt, lines }) = reading.next().expect("readable")
        {
            told.extend(lines.into_iter().map(|line| (attempt, line)));
        }
    }
    told.extend(read(reading));
    assert_eq!(accounted(&told), (40_000, bytes));
    assert!(told.is_sorted_by_key(|(_, line)| line.number));
    assert!(told.len() < 40_000, "it missed nothing, so nothing was shown");
}

#[test]
fn lines_that_come_again_are_there_once_and_lines_that_never_came_are_counted() {
    let folder = TempDir::new().expect("a folder");
    let mut attempt = Attempt::open(folder.path(), 1, LEASE).expect("opened");
    attempt.write(0, vec![line("a"), line("b")]).expect("written");
    attempt.write(0, vec![line("a"), line("b")]).expect("written");
    attempt.write(1, vec![line("b"), line("c")]).expect("written");
    attempt.write(7, vec![line("d")]).expect("written");
    let told = all(folder.path());
    assert_eq!(texts(&told), ["a", "b", "c", "d"]);
    assert_eq!(told[3].1.lines_left_out, 4);
}

#[test]
fn another_lease_of_the_same_attempt_begins_anew() {
    let folder = TempDir::new().expect("a folder");
    let mut attempt = Attempt::open(folder.path(), 1, LEASE).expect("opened");
    attempt.write(0, vec![line("of a store that was put back")]).expect("written");
    let mut attempt = Attempt::open(folder.path(), 1, b"another").expect("opened");
    attempt.write(0, vec![line("now")]).expect("written");
    assert_eq!(texts(&all(folder.path())), ["now"]);
}

#[test]
fn the_last_lines_may_be_of_several_attempts() {
    let folder = TempDir::new().expect("a folder");
    for number in 1..=3 {
        let mut attempt = Attempt::open(folder.path(), number, LEASE).expect("opened");
        let lines = ["a", "b", "c"].map(|text| line(format!("{number}{text}"))).into();
        attempt.write(0, lines).expect("written");
    }
    let last = |only, last| {
        let told = read(Reading::open(folder.path().to_owned(), only, last).expect("readable"));
        texts(&told).join(" ")
    };
    assert_eq!(last(None, 4), "2c 3a 3b 3c");
    assert_eq!(last(None, 3), "3a 3b 3c");
    assert_eq!(last(None, 100), "1a 1b 1c 2a 2b 2c 3a 3b 3c");
    assert_eq!(last(Some(2), 2), "2b 2c");
    assert_eq!(last(Some(9), 2), "");
}

#[test]
fn of_many_attempts_the_newest_are_kept() {
    let folder = TempDir::new().expect("a folder");
    for number in 1..=limits::OUTPUT_ATTEMPTS + 3 {
        let mut attempt = Attempt::open(folder.path(), number, LEASE).expect("opened");
        attempt.write(0, vec![line("x")]).expect("written");
    }
    let kept: Vec<_> = files(folder.path()).expect("readable").into_keys().collect();
    assert_eq!(kept, (4..=limits::OUTPUT_ATTEMPTS + 3).collect::<Vec<_>>());
}

#[test]
fn what_is_on_disk_stays_readable() {
    let folder = TempDir::new().expect("a folder");
    let mut bytes = Vec::new();
    let before = record::Totals { next: 2, lines: 3, bytes: 4 };
    record::write(&record::Begin { lease: b"L".to_vec(), before }, &mut bytes);
    let kept = Line {
        number: 2,
        stream: 3,
        time: 5,
        text: "ä".into(),
        lines_left_out: 6,
        bytes_left_out: 7,
    };
    record::write(&kept, &mut bytes);
    let frozen = b"\x0b\0\0\0\xa2\x15\xb8\x42\x0a\x01L\x12\x06\x08\x02\x10\x03\x18\x04\
        \x0e\0\0\0\x69\xa4\x94\x77\x08\x02\x10\x03\x18\x05\x22\x02\xc3\xa4\x28\x06\x30\x07";
    assert_eq!(bytes, frozen);
    fs::write(path(folder.path(), 1, 0), bytes).expect("written");
    assert_eq!(accounted(&all(folder.path())), (3 + 6 + 1, 4 + 7 + 2));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// The process ends between any two bytes; some of its last batches are lost; the worker sends them again or not.
    #[test]
    fn after_a_crash_what_is_whole_is_read_and_the_rest_is_counted(
        batches in proptest::collection::vec((1_usize..60, 0_usize..4000), 1..40),
        crashes in proptest::collection::vec((0_usize..40, 0_usize..20_000, any::<bool>()), 0..6),
    ) {
        let folder = TempDir::new().expect("a folder");
        let mut attempt = Attempt::open(folder.path(), 1, LEASE).expect("opened");
        let mut next = 0_u64;
        for (at, (count, length)) in batches.iter().enumerate() {
            let text = |n: u64| format!("{n} {}", "z".repeat(*length));
            let lines: Vec<_> = (next..next + *count as u64).map(|n| line(text(n))).collect();
            attempt.write(next, lines.clone()).expect("written");
            for (_, torn, again) in crashes.iter().filter(|(when, ..)| *when == at) {
                let there = files(folder.path()).expect("readable");
                let (newest, length) = there[&1].iter().next_back().expect("some");
                let file = fs::File::options().write(true).open(path(folder.path(), 1, *newest));
                file.expect("there").set_len(length.saturating_sub(*torn) as u64).expect("cut");
                // Whatever was lost, a reader finds lines in order.
                let told = all(folder.path());
                prop_assert!(told.is_sorted_by_key(|(_, line)| line.number));
                attempt = Attempt::open(folder.path(), 1, LEASE).expect("opened");
                if *again {
                    attempt.write(next, lines.clone()).expect("written");
                }
            }
            next += *count as u64;
        }
        // The last line tells what never came again.
        attempt.write(next, vec![line("end")]).expect("written");
        let told = all(folder.path());
        prop_assert_eq!(accounted(&told).0, next + 1);
        prop_assert_eq!(&*told.last().expect("one").1.text, "end");
        for (_, line) in &told[..told.len() - 1] {
            let number = line.text.split(' ').next().expect("a number").parse::<u64>();
            prop_assert_eq!(number.expect("a number"), line.number);
        }
        prop_assert!(size(folder.path()) <= limits::OUTPUT_HEAD + limits::OUTPUT_TAIL);
    }

    #[test]
    fn no_file_however_damaged_breaks_a_reader_or_a_writer(
        damage in proptest::collection::vec((0_usize..3000, any::<u8>()), 1..20),
    ) {
        let folder = TempDir::new().expect("a folder");
        let mut attempt = Attempt::open(folder.path(), 1, LEASE).expect("opened");
        attempt.write(0, (0..50).map(|n| line(format!("{n} {}", "x".repeat(40)))).collect()).expect("written");
        let file = path(folder.path(), 1, 0);
        let mut bytes = fs::read(&file).expect("there");
        for (at, byte) in damage {
            let length = bytes.len();
            bytes[at % length] = byte;
        }
        fs::write(&file, bytes).expect("written");
        let before = all(folder.path());
        let mut attempt = Attempt::open(folder.path(), 1, LEASE).expect("opened");
        attempt.write(50, vec![line("end")]).expect("written");
        let told = all(folder.path());
        prop_assert_eq!(told.len(), before.len() + 1);
        prop_assert_eq!(accounted(&told).0, 51);
    }
}
