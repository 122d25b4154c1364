//! Power loss. Whichever unsynced writes reached the disk, the store opens with a prefix of its
//! commits that contains every acknowledged one.
//!
//! A commit is acknowledged once its frames in the log are synced. So after one commit and before
//! the next, the disk may hold any part of the next commit's frames. With all of them, it may hold
//! any part of what a checkpoint moves into the file. The tests build these states from the files
//! after each commit.

use std::fs;

use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use super::opening::file;
use super::round_trip::{happen, happening};
use super::*;
use crate::proofs::{Random, is_long, proofs};

const PAGE: usize = 4096;
/// The log has a header, and frames of one page each.
const LOG_HEADER: usize = 32;
const FRAME: usize = 24 + PAGE;
/// The unit that a disk writes as a whole.
const SECTOR: usize = 512;

/// The content of the disk, and what was committed.
struct Moment {
    file: Vec<u8>,
    log: Vec<u8>,
    shown: String,
}

impl Moment {
    fn of(ledger: &Ledger) -> Self {
        let log = ledger.path().with_extension("db-wal");
        Self {
            file: fs::read(ledger.path()).expect("the file"),
            log: fs::read(log).unwrap_or_default(),
            shown: shown(&ledger.committed),
        }
    }
}

/// The states after each commit of a random sequence, after each step of a checkpoint, and after
/// the store was closed. The log is moved into the file whenever it has `checkpoint` pages; at 0
/// never.
fn moments(commits: usize, checkpoint: u64, seed: u8) -> Vec<Moment> {
    let mut ledger = Ledger::new();
    // The store must not move the log, so that each step can be recorded here.
    ledger.store.log.is_held = true;
    let steps: [fn(&Connection); 4] = [
        |conn| assert!(checkpoint::move_all(conn).expect("moved")),
        |conn| mark::make_odd(conn).expect("marked"),
        |conn| assert!(checkpoint::move_all(conn).expect("moved")),
        |conn| mark::make_even(conn).expect("marked"),
    ];
    let mut committed = 0;
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[seed; 32]);
    let mut chance = TestRunner::new_with_rng(Config::default(), rng);
    let mut moments = vec![Moment::of(&ledger)];
    while committed < commits {
        for _ in 0..6 {
            happen(&mut ledger, happening().new_tree(&mut chance).expect("a happening").current());
        }
        if ledger.queue.is_empty() {
            continue;
        }
        ledger.commit();
        moments.push(Moment::of(&ledger));
        committed += 1;
        if checkpoint > 0 && ledger.store.log.pages() >= checkpoint {
            for step in steps {
                step(&ledger.store.conn);
                moments.push(Moment::of(&ledger));
            }
        }
    }
    let (path, shown) = (ledger.path(), shown(&ledger.committed));
    let Ledger { dir: _dir, store, .. } = ledger;
    drop(store);
    moments.push(Moment { file: fs::read(path).expect("the file"), log: Vec::new(), shown });
    moments
}

/// Opens a store with these files, and compares everything in it. Every fourth store is also used
/// further.
fn opens_to(expected: &str, content: &[u8], log: &[u8], number: usize, what: &str) {
    let (dir, path) = file(content);
    fs::write(path.with_extension("db-wal"), log).expect("written");
    // The log's index is never synced, so it may contain anything.
    fs::write(path.with_extension("db-shm"), Random::new(7).bytes(3000)).expect("written");
    let opened = SqliteStore::open_with(&path, SHORT);
    let mut store = opened.unwrap_or_else(|error| panic!("{number}, {what}: {error}"));
    let registry = store.load(UNTIL).unwrap_or_else(|error| panic!("{number}, {what}: {error}"));
    assert!(shown(&registry) == expected, "{number}, {what}: it holds {registry:#?}");
    // Syncing this test's own writes would prove nothing.
    store.conn.pragma_update(None, "synchronous", "OFF").expect("set");
    if number.is_multiple_of(4) {
        let committed = registry.clone();
        let mut ledger = Ledger { dir, store, registry, committed, queue: Vec::new(), clock: 1 };
        ledger.create(spec("afterwards")).expect("a new name");
        ledger.commit();
        ledger.reopen();
    }
}

/// The end of each frame between the two places, and one byte before and after it.
fn around_frames(start: usize, end: usize) -> impl Iterator<Item = usize> {
    let frame_ends = (0..).map(|frame| LOG_HEADER + frame * FRAME);
    let frame_ends = frame_ends.take_while(move |at| *at <= end + 1);
    let around = [0, 8, 16, 24].into_iter().chain(frame_ends.flat_map(|at| [at - 1, at, at + 1]));
    around.filter(move |at| (start..=end).contains(at))
}

#[test]
fn a_log_that_is_cut_anywhere_holds_every_commit_before_the_cut() {
    let moments = moments(proofs(9, 150), 0, 1);
    let (last, moments) = moments[..moments.len() - 1].split_last().expect("moments");
    assert!(moments.iter().all(|moment| moment.file == last.file), "no checkpoint");
    let mut cuts = 0;
    for cut in around_frames(0, last.log.len()) {
        let mut acknowledged =
            moments.iter().chain([last]).filter(|moment| moment.log.len() <= cut);
        let newest = acknowledged.next_back().expect("a new store").shown.as_str();
        opens_to(newest, &last.file, &last.log[..cut], cuts, "cut");
        cuts += 1;
    }
    assert!(cuts > proofs(100, 3000), "{cuts} are too few to say anything");
    if is_long() {
        eprintln!("power loss: {cuts} cuts of the log, 0 commits lost, 0 torn");
    }
}

#[test]
fn whatever_a_power_loss_leaves_of_a_commit_and_a_checkpoint_opens() {
    let moments = moments(proofs(14, 200), 12, 2);
    let mut random = Random::new(3);
    let (mut logs, mut files, mut checkpoints, mut new_logs) = (0, 0, 0, 0);
    for pair in moments.windows(2) {
        let [before, after] = pair else { unreachable!("pairs") };
        // At the last moment there is no log, and everything is in the file.
        if !after.log.is_empty() && after.log != before.log {
            for (log, is_whole) in half_written_logs(&before.log, &after.log, &mut random) {
                let expected = if is_whole { &after.shown } else { &before.shown };
                opens_to(expected, &before.file, &log, logs, "half a log");
                logs += 1;
            }
            new_logs += usize::from(!before.log.is_empty() && before.log[..32] != after.log[..32]);
        }
        let log = if after.log.is_empty() { &before.log } else { &after.log };
        checkpoints += usize::from(before.file != after.file);
        for content in half_written_files(&before.file, &after.file, &mut random) {
            opens_to(&after.shown, &content, log, files, "half a checkpoint");
            files += 1;
        }
    }
    let enough = proofs(3, 30);
    assert!(checkpoints >= enough && new_logs >= enough, "{checkpoints}, {new_logs}");
    assert!(logs + files > proofs(100, 3000), "{logs} + {files} are too few to say anything");
    if is_long() {
        eprintln!(
            "power loss: {logs} states of the log and {files} of the file in the middle of {} steps of commits, \
             {checkpoints} checkpoints and {new_logs} logs begun anew, 0 commits lost, 0 torn",
            moments.len() - 2
        );
    }
}

/// What the disk may hold in the middle of a write to the log, and whether the write is complete.
fn half_written_logs(
    before: &[u8],
    after: &[u8],
    random: &mut Random,
) -> impl Iterator<Item = (Vec<u8>, bool)> {
    let old = |at: usize| before.get(at).copied();
    let is_new = |at: &usize| old(*at) != Some(after[*at]);
    let start = (0..after.len()).find(is_new).expect("a commit changes the log");
    let end = (0..after.len()).rfind(is_new).expect("a commit changes the log") + 1;
    let in_order = around_frames(start, end).map(move |cut| {
        let rest = before.get(cut..).unwrap_or_default();
        ([&after[..cut], rest].concat(), cut >= end)
    });
    // Frames reach the disk in any order, but after the header, which is synced before them.
    let first = start.max(LOG_HEADER);
    let sectors: Vec<_> = (first / SECTOR..end.div_ceil(SECTOR)).collect();
    let scattered: Vec<_> = (0..3)
        .map(|_| {
            let mut log = after.to_vec();
            let lost = random.within(0..sectors.len());
            for (place, sector) in sectors.iter().enumerate() {
                let bytes = (sector * SECTOR).max(first)..((sector + 1) * SECTOR).min(end);
                if place == lost || random.one_in(2) {
                    bytes.for_each(|at| log[at] = old(at).unwrap_or(0));
                }
            }
            let is_whole = log[..end] == after[..end];
            (log, is_whole)
        })
        .collect();
    in_order.chain(scattered)
}

/// What the disk may hold in the middle of a checkpoint: some pages, in order or not, and torn
/// ones.
fn half_written_files(
    before: &[u8],
    after: &[u8],
    random: &mut Random,
) -> impl Iterator<Item = Vec<u8>> {
    let pages = after.len().div_ceil(PAGE);
    let page = |number: usize| number * PAGE..(number + 1) * PAGE;
    let changed: Vec<_> = (0..pages)
        .filter(|number| before.get(page(*number)) != Some(&after[page(*number)]))
        .collect();
    let with = |written: &[usize], torn: Option<(usize, usize)>| {
        let mut content = before.to_vec();
        for number in written {
            let end = page(*number).end;
            content.resize(content.len().max(end), 0);
            content[page(*number)].copy_from_slice(&after[page(*number)]);
        }
        if let Some((number, bytes)) = torn {
            let start = page(number).start;
            content.resize(content.len().max(start + bytes), 0);
            content[start..start + bytes].copy_from_slice(&after[start..start + bytes]);
        }
        content
    };
    let mut states = Vec::new();
    for (count, number) in changed.iter().enumerate() {
        states.push(with(&changed[..=count], None));
        for bytes in [1, random.within(2..PAGE - 1), PAGE - 1] {
            states.push(with(&changed[..count], Some((*number, bytes))));
        }
        let some: Vec<_> = changed.iter().copied().filter(|_| random.one_in(2)).collect();
        states.push(with(&some, Some((*random.pick(&changed), SECTOR * random.within(1..8)))));
    }
    states.into_iter()
}

/// Everything above depends on this: acknowledged commits were synced.
#[test]
fn every_commit_is_synced() {
    let ledger = Ledger::new();
    assert_eq!(ledger.text("SELECT journal_mode FROM pragma_journal_mode"), "wal");
    assert_eq!(ledger.text("SELECT CAST(synchronous AS TEXT) FROM pragma_synchronous"), "2");
}
