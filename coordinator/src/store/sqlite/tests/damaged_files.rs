//! Files that were damaged, or were never ours. Each is refused with its path, what was found and
//! what to do, and it and the files beside it stay as they are. None causes a panic.
//!
//! Some damage cannot be detected, such as a changed bit in a stored number or in unused space.
//! Such a file opens, and is counted separately.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::damage;
use super::opening::files;
use super::*;
use crate::proofs::{Random, is_long, proofs};

const PAGE: usize = 4096;

/// A file in the place of a store.
struct Found {
    what: &'static str,
    file: Vec<u8>,
    /// The files beside it, by suffix.
    beside: Vec<(&'static str, Vec<u8>)>,
    /// What may happen when it is opened.
    due: Due,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Due {
    /// It must be refused.
    Refusal,
    /// It may open if no trial, report or attribute is missing.
    AllOrRefusal,
    /// It may open with what the file held without its log, or with a part of that.
    PastOrRefusal,
}

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Came {
    /// Refused, and left alone.
    Refused,
    /// Opened with everything that was there.
    Harmless,
    /// Opened with a number or a text changed.
    Altered,
    /// Opened with fewer commits.
    Past,
}

/// A sound store to damage, both closed and as after a crash.
struct Sound {
    closed: Vec<u8>,
    file: Vec<u8>,
    log: Vec<u8>,
    /// The log of another store with the same content.
    others_log: Vec<u8>,
    /// The length of the log without its last commit, which need not have been acknowledged.
    before_the_last: usize,
    /// How many studies, trials and so on there are.
    extent: String,
    shown: String,
}

impl Sound {
    fn new() -> Self {
        let mut ledger = damage::ledger();
        // Several commits in the log, and more pages than the schema needs.
        let id = ledger.create(spec("even")).expect("a new name");
        let log = ledger.path().with_extension("db-wal");
        let mut before_the_last = 0;
        for worker in ["w", "v"] {
            before_the_last = 32 + ledger.store.log.pages() as usize * (24 + PAGE);
            let claim = ledger.lease(id, worker).expect("a trial");
            (0..300).for_each(|step| ledger.report(id, &claim, step, 0.1));
            ledger.commit();
        }
        let file = fs::read(ledger.path()).expect("the file");
        let log = fs::read(log).expect("the log");
        let path = ledger.path();
        let Ledger { dir: _dir, store, committed, .. } = ledger;
        drop(store);
        let closed = fs::read(path).expect("the file");
        let (extent, shown) = (extent(&committed), shown(&committed));
        let other = damage::ledger();
        let others_log = fs::read(other.path().with_extension("db-wal")).expect("the log");
        Self { closed, file, log, others_log, before_the_last, extent, shown }
    }

    /// Different damage for each number.
    fn damaged(&self, number: usize) -> Found {
        let mut random = Random::new(number as u64);
        let mut file = self.closed.clone();
        let mut due = Due::Refusal;
        let mut beside = Vec::new();
        let what = match number % 18 {
            0 => {
                file.truncate(random.within(1..file.len()));
                "cut off"
            }
            1 | 2 => {
                let page = random.within(0..file.len() / PAGE) * PAGE;
                let noise = if random.one_in(2) { vec![0; PAGE] } else { random.bytes(PAGE) };
                file[page..page + PAGE].copy_from_slice(&noise);
                "a page lost"
            }
            3 => {
                due = Due::AllOrRefusal;
                let start = random.within(0..file.len() - 3000);
                let noise = random.bytes(1 + start % 3000);
                file[start..start + noise.len()].copy_from_slice(&noise);
                "noise somewhere"
            }
            4 => {
                due = Due::AllOrRefusal;
                let place = random.within(0..100);
                file[place] ^= random.within(1..256) as u8;
                "a byte of the header changed"
            }
            5..=7 => {
                due = Due::AllOrRefusal;
                for _ in 0..random.within(1..9) {
                    let place = random.within(0..file.len());
                    file[place] ^= 1 << random.within(0..8);
                }
                "bits changed"
            }
            8 => {
                let version = random.number().cast_signed() >> random.within(0..60);
                let version = if version == open::VERSION { -1 } else { version };
                file = content(
                    &file,
                    &format!(
                        "UPDATE kindling_meta SET value = {version} WHERE key = 'schema_version'"
                    ),
                );
                "another version"
            }
            9 => {
                file = another_database(&mut random);
                "a database of another program"
            }
            10 => {
                file = no_database(&mut random);
                "no database"
            }
            11 | 12 => {
                file = content(&damage::store(), random.pick::<&str>(damage::NONSENSE));
                "content that makes no sense"
            }
            13 => {
                file.clone_from(&self.file);
                let mut log = self.log.clone();
                for _ in 0..random.within(1..9) {
                    let place = random.within(32..self.before_the_last);
                    log[place] ^= 1 << random.within(0..8);
                }
                beside = vec![("-wal", log)];
                "bits of the log changed"
            }
            14 => {
                file.clone_from(&self.file);
                beside = match random.within(0..3) {
                    0 => vec![],
                    1 => vec![("-wal", random.bytes(9000))],
                    _ => vec![("-wal", self.others_log.clone())],
                };
                "another log, or none"
            }
            15 => {
                due = Due::PastOrRefusal;
                file.clone_from(&self.file);
                beside = match random.within(0..2) {
                    0 => vec![("-wal", self.log[..random.within(1..self.log.len())].to_vec())],
                    _ => vec![("-wal", self.log.clone()), ("-shm", random.bytes(40_000))],
                };
                "half a log, or another index"
            }
            16 => {
                beside = vec![("-wal", self.others_log.clone())];
                "another log beside a closed store"
            }
            _ => {
                file.clear();
                beside = vec![("-wal", self.log.clone())];
                "a log alone"
            }
        };
        Found { what, file, beside, due }
    }

    /// Opens it, and checks the result and everything around it.
    fn meet(&self, number: usize, found: &Found) -> Came {
        let dir = TempDir::new().expect("a directory");
        let path = dir.path().join("study.db");
        fs::write(&path, &found.file).expect("written");
        for (suffix, content) in &found.beside {
            fs::write(path.with_extension(format!("db{suffix}")), content).expect("written");
        }
        let before = files(dir.path());
        let what = format!("{number}, {}", found.what);
        let open =
            || SqliteStore::open_with(&path, SHORT).and_then(|mut s| Ok((s.load(UNTIL)?, s)));
        let opened =
            catch_unwind(AssertUnwindSafe(open)).unwrap_or_else(|_| panic!("{what}: it panicked"));
        let (registry, store) = match opened {
            Ok(opened) => opened,
            Err(refused) => {
                let text = refused.to_string();
                let words = text.strip_prefix(&format!("{}: ", path.display()));
                assert!(words.is_some_and(|found| found.len() > 10), "{what}: {text}");
                assert!(!refused.hint().is_empty());
                let is_unexplained = matches!(
                    refused,
                    StoreError::Failed { .. } | StoreError::Busy { .. } | StoreError::Full { .. }
                );
                assert!(!is_unexplained, "{what}: {text}");
                assert!(files(dir.path()) == before, "{what}: something was changed: {text}");
                return Came::Refused;
            }
        };
        assert!(found.due != Due::Refusal, "{what}: it was opened");
        let came = if shown(&registry) == self.shown {
            Came::Harmless
        } else if found.due == Due::PastOrRefusal {
            Came::Past
        } else {
            assert_eq!(extent(&registry), self.extent, "{what}: something is missing");
            Came::Altered
        };
        go_on(dir, store, registry);
        came
    }
}

#[test]
fn what_is_no_sound_store_is_refused_and_left_alone() {
    let sound = Sound::new();
    let mut came = BTreeMap::<_, BTreeMap<_, u32>>::new();
    let files = proofs(160, 4000);
    for number in 0..files {
        let found = sound.damaged(number);
        let end = sound.meet(number, &found);
        *came.entry(end).or_default().entry(found.what).or_default() += 1;
    }
    let mut figures = String::new();
    for (end, kinds) in &came {
        write!(figures, "\n  {end:?}: {} {kinds:?}", kinds.values().sum::<u32>()).expect("a text");
    }
    let refused: u32 = came[&Came::Refused].values().sum();
    assert!(refused as usize > files / 2, "{figures}");
    if is_long() {
        eprintln!(
            "damaged stores: {files} files, 0 panics, 0 bytes changed, 0 commits lost unseen:{figures}"
        );
    }
}

/// Damage that was not detected must not cause a crash later.
fn go_on(dir: TempDir, store: SqliteStore, registry: Registry) {
    let committed = registry.clone();
    let mut ledger = Ledger { dir, store, registry, committed, queue: Vec::new(), clock: 1 };
    let ids: Vec<_> = ledger.registry.iter().map(|(id, _)| id).collect();
    for id in ids {
        ledger.study(id).replay();
        if let Some(claim) = ledger.lease(id, "another") {
            ledger.report(id, &claim, 0, 0.5);
            ledger.finish(
                id,
                &claim,
                kindling_study::TrialResult::Complete(0.5.into()),
                Attributes::new(),
            );
        }
    }
    // The damage may be found now, but not by a panic.
    _ = ledger.try_commit();
}

/// How many studies, trials and so on there are.
fn extent(registry: &Registry) -> String {
    let mut extent = String::new();
    for (id, study) in registry.iter() {
        write!(extent, "\n{id:?} {} trials:", study.trials().len()).expect("a text");
        for trial in study.trials() {
            let attributes = match &trial.phase {
                kindling_study::Phase::Finished(outcome) => outcome.attributes.iter().count(),
                _ => 0,
            };
            write!(extent, " {}+{attributes}", trial.curve.len()).expect("a text");
        }
    }
    extent
}

fn content(store: &[u8], sql: &str) -> Vec<u8> {
    let (file, conn) = damage::changed(store, sql);
    drop(conn);
    fs::read(file.path()).expect("readable")
}

fn another_database(random: &mut Random) -> Vec<u8> {
    let file = tempfile::NamedTempFile::new().expect("a file");
    let conn = Connection::open(file.path()).expect("open");
    conn.pragma_update(None, "journal_mode", *random.pick(&["DELETE", "WAL"])).expect("set");
    conn.pragma_update(None, "page_size", 512 << random.within(0..8)).expect("set");
    if random.one_in(2) {
        conn.pragma_update(None, "application_id", random.number() as i32).expect("set");
    }
    if random.one_in(3) {
        conn.execute_batch("CREATE TABLE alembic_version (v); CREATE TABLE study_directions (d)")
            .expect("made");
    }
    for table in 0..random.within(1..5) {
        let sql =
            format!("CREATE TABLE t{table} (x); INSERT INTO t{table} VALUES (randomblob(9000))");
        conn.execute_batch(&sql).expect("made");
    }
    // Our application id alone does not make it ours.
    if random.one_in(4) {
        conn.pragma_update(None, "application_id", open::APPLICATION_ID).expect("set");
    }
    drop(conn);
    fs::read(file.path()).expect("readable")
}

fn no_database(random: &mut Random) -> Vec<u8> {
    let starts: [&[u8]; 7] = [
        b"",
        b"\0",
        b"PK\x03\x04",
        b"\x1f\x8b\x08",
        b"{\"name\": 1}\n",
        b"name = \"s\"\n",
        b"SQLite format 3\0",
    ];
    let mut content = random.pick(&starts).to_vec();
    let rest = random.within(1..20_000);
    content.extend(if random.one_in(3) { vec![0; rest] } else { random.bytes(rest) });
    content
}
