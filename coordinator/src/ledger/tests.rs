//! The ledger when its store fails. A store that can be made to fail stands in for a bad disk.

mod crowd;
mod keeping;
mod proposing;

use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use kindling_study::{
    Attributes, Record, Registry, StudyId, StudySpec, Tick, TrialResult, Wall, WorkerId,
};
use tempfile::TempDir;

use super::writer::MAX_PROBE_INTERVAL;
use super::*;
use crate::state::StudyClaim;
use crate::store::{History, SqliteStore, Upkeep};
use crate::transaction::{Leased, Wanted};
use crate::upkeep::LONG_LOG;
use crate::workers::WorkerInfo;

const TERM: Duration = Duration::from_secs(30);
const STUDY: &str = r#"
    name = "s"
    direction = "maximize"
    trials = 100
    [objective]
    kind = "test"
    [space.x]
    type = "float"
    low = 0.0
    high = 1.0
"#;

/// A real store in a file, on a disk that the test can fill or break.
struct Faulty {
    store: SqliteStore,
    disk: Arc<Disk>,
    _folder: TempDir,
}

#[derive(Default)]
struct Disk {
    trouble: Mutex<Option<fn() -> StoreError>>,
    loads: AtomicU32,
    probes: AtomicU32,
    log_bytes: AtomicU64,
}

impl Disk {
    fn is(&self, trouble: Option<fn() -> StoreError>) {
        *self.trouble.lock().expect("not poisoned") = trouble;
    }

    fn check(&self) -> Result<(), StoreError> {
        self.trouble.lock().expect("not poisoned").map_or(Ok(()), |error| Err(error()))
    }
}

fn full() -> StoreError {
    StoreError::Full { location: "study.db".into() }
}

fn broken() -> StoreError {
    StoreError::Failed { location: "study.db".into(), source: "the sync failed".into() }
}

impl Store for Faulty {
    fn load(&mut self, lease_until: Tick) -> Result<Registry, StoreError> {
        self.disk.loads.fetch_add(1, Ordering::Relaxed);
        self.store.load(lease_until)
    }

    fn history(&self) -> History {
        self.store.history()
    }

    fn commit(&mut self, batch: &[Record]) -> Result<(), StoreError> {
        self.disk.check()?;
        self.store.commit(batch)
    }

    fn probe(&mut self) -> Result<(), StoreError> {
        self.disk.probes.fetch_add(1, Ordering::Relaxed);
        self.disk.check()
    }

    fn tend(&mut self) -> Result<Upkeep, StoreError> {
        self.disk.check()?;
        Ok(Upkeep { log_bytes: self.disk.log_bytes.load(Ordering::Relaxed) })
    }
}

/// A clock that moves only when the test moves it.
#[derive(Default)]
struct Hand(AtomicU64);

impl Hand {
    fn wait(&self, time: Duration) {
        self.0.fetch_add(time.as_millis() as u64, Ordering::Relaxed);
    }
}

impl Clock for Hand {
    fn tick(&self) -> Tick {
        Tick(Duration::from_millis(self.0.load(Ordering::Relaxed)))
    }

    fn wall(&self) -> Wall {
        Wall(1_700_000_000_000_000)
    }
}

struct Bench {
    ledger: Ledger,
    failed: oneshot::Receiver<StoreError>,
    disk: Arc<Disk>,
    clock: Arc<Hand>,
}

impl Bench {
    /// A ledger with a study.
    async fn new() -> Self {
        let folder = TempDir::new().expect("a folder");
        let store = SqliteStore::open(&folder.path().join("study.db")).expect("a new store");
        let (disk, clock) = (Arc::<Disk>::default(), Arc::<Hand>::default());
        let store = Faulty { store, disk: disk.clone(), _folder: folder };
        let (ledger, failed) = Ledger::start(store, clock.clone(), TERM).expect("started");
        let bench = Self { ledger, failed, disk, clock };
        bench.ledger.write(Class::Begin, |t| t.create_study(spec("s"))).await.expect("created");
        bench
    }

    async fn lease(&self) -> Result<StudyClaim, LedgerError> {
        let write = self.ledger.write(Class::Begin, |transaction| {
            let wanted = Wanted { objectives: vec!["test".to_owned()], ..Wanted::default() };
            let info = WorkerInfo::default();
            let admitted = transaction.admit(&worker(), info, &wanted.objectives, true);
            admitted.expect("nobody else has its name");
            let mut claim = None;
            let give = |state: &State, Leased { study, number, .. }: Leased| {
                let trial = state.registry().get(study).ok().and_then(|s| s.get(number));
                let trial = trial.expect("it was leased");
                let (attempt, mark) = (trial.attempt, trial.mark);
                let leased = kindling_study::Claim { number, attempt, worker: worker(), mark };
                claim = Some(StudyClaim { study, claim: leased, history: None });
                true
            };
            transaction.lease(&worker(), 0, 1, &wanted, &[], give);
            Ok(claim.expect("a trial"))
        });
        write.await
    }

    async fn finish(&self, claim: &StudyClaim) -> Result<(), LedgerError> {
        let claim = claim.clone();
        let result = TrialResult::Complete(0.5.into());
        self.ledger
            .write(Class::End, move |t| t.finish(&claim, result, &[], Attributes::default()))
            .await
    }

    async fn expire(&self) -> Result<(), LedgerError> {
        let expire = |transaction: &mut Transaction<'_>| {
            transaction.expire();
            Ok(())
        };
        self.ledger.write(Class::End, expire).await
    }

    async fn trials(&self) -> Result<usize, LedgerError> {
        let look = |state: &State| state.registry().get(StudyId(1)).map(|s| s.trials().len());
        self.ledger.look(look).await?.map_err(LedgerError::from)
    }

    fn health(&self) -> Health {
        *self.ledger.health().borrow()
    }
}

fn spec(name: &str) -> StudySpec {
    crate::config::parse(&STUDY.replace("\"s\"", &format!("{name:?}"))).expect("valid")
}

fn worker() -> WorkerId {
    WorkerId::new("w").expect("an id")
}

fn is_read_only<T>(result: &Result<T, LedgerError>) -> bool {
    matches!(result, Err(LedgerError::ReadOnly(why)) if why.contains("the disk is full"))
}

#[tokio::test]
async fn while_the_disk_is_full_nothing_is_decided_and_everything_else_goes_on() {
    let bench = Bench::new().await;
    let claim = bench.lease().await.expect("a trial");
    bench.disk.is(Some(full));
    assert!(is_read_only(&bench.finish(&claim).await));
    assert_eq!(bench.health(), Health::ReadOnly);
    for _ in 0..100 {
        let decided =
            bench.ledger.write(Class::End, |_| -> Result<(), Refusal> { panic!("decided") }).await;
        assert!(is_read_only(&decided));
        bench.clock.wait(Duration::from_millis(20));
    }
    assert_eq!(bench.disk.loads.load(Ordering::Relaxed), 2, "at the start, and once as it began");
    assert!((5..=9).contains(&bench.disk.probes.load(Ordering::Relaxed)), "four times a second");
    assert_eq!(bench.trials().await, Ok(1), "reads go on");
    let holding = vec![claim.clone()];
    let beat = move |state: &mut State| state.heartbeat(&worker(), WorkerInfo::default(), holding);
    assert_eq!(bench.ledger.note(beat).await, Ok(Ok(vec![])), "heartbeats go on");

    bench.disk.is(None);
    bench.clock.wait(PROBE_INTERVAL);
    assert_eq!(bench.finish(&claim).await, Ok(()), "it goes on by itself");
    assert_eq!(bench.health(), Health::Serving);
    assert_eq!(bench.disk.loads.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn all_of_a_batch_that_cannot_be_kept_is_refused() {
    let bench = Bench::new().await;
    let (go, wait) = std::sync::mpsc::channel::<()>();
    let held_up = bench.ledger.note(move |_| _ = wait.recv());
    let create = bench.ledger.write(Class::Begin, |t| t.create_study(spec("t")));
    // Refused because of an earlier decision in the same batch.
    let conflict =
        bench.ledger.write(Class::Begin, |t| t.create_study(StudySpec { seed: 9, ..spec("t") }));
    let look = bench.ledger.look(|state| state.registry().iter().count());
    bench.disk.is(Some(full));
    let release = async { go.send(()).expect("it waits") };
    let (_, create, conflict, look, ()) = tokio::join!(held_up, create, conflict, look, release);
    assert!(is_read_only(&create) && is_read_only(&conflict), "{create:?}, {conflict:?}");
    assert_eq!(look, Ok(1), "what was not kept is not seen");
}

#[tokio::test]
async fn an_outage_longer_than_a_term_costs_nobody_a_lease() {
    let bench = Bench::new().await;
    let claim = bench.lease().await.expect("a trial");
    bench.disk.is(Some(full));
    assert!(is_read_only(&bench.ledger.write(Class::Begin, |t| t.create_study(spec("t"))).await));
    bench.clock.wait(TERM * 10);
    assert!(is_read_only(&bench.expire().await));
    bench.disk.is(None);
    bench.clock.wait(TERM);
    assert_eq!(bench.expire().await, Ok(()));
    assert_eq!(bench.finish(&claim).await, Ok(()), "the lease still stands");
}

#[tokio::test]
async fn a_store_that_says_it_can_and_cannot_is_asked_less_and_less() {
    let bench = Bench::new().await;
    let mut loads = 0;
    for _ in 0..400 {
        // The probe always finds room, and the commit never does.
        bench.disk.is(Some(full));
        assert!(is_read_only(&bench.lease().await));
        bench.disk.is(None);
        bench.clock.wait(PROBE_INTERVAL);
        assert!(bench.trials().await.is_ok());
        loads = bench.disk.loads.load(Ordering::Relaxed);
    }
    assert!(loads < 16, "{loads} loads in 100 s");
    bench.clock.wait(MAX_PROBE_INTERVAL);
    assert!(bench.lease().await.is_ok());
}

#[tokio::test]
async fn a_store_that_is_broken_ends_the_ledger() {
    for breaks_in_an_outage in [false, true] {
        let bench = Bench::new().await;
        if breaks_in_an_outage {
            bench.disk.is(Some(full));
            assert!(is_read_only(&bench.lease().await));
            bench.clock.wait(PROBE_INTERVAL);
        }
        bench.disk.is(Some(broken));
        assert_eq!(bench.lease().await, Err(LedgerError::Closed));
        let error = bench.failed.await.expect("it says why").to_string();
        assert!(error.contains("the sync failed"), "{error}");
    }
}

#[tokio::test]
async fn a_store_that_is_taken_away_while_nothing_happens_ends_the_ledger() {
    let bench = Bench::new().await;
    bench.disk.is(Some(broken));
    assert_eq!(bench.expire().await, Ok(()), "not looked after all the time");
    bench.clock.wait(Duration::from_millis(500));
    assert_eq!(bench.expire().await, Err(LedgerError::Closed));
    let error = bench.failed.await.expect("it says why").to_string();
    assert!(error.contains("the sync failed"), "{error}");
}

#[tokio::test]
async fn a_log_that_grows_and_grows_is_said_until_it_is_short() {
    let bench = Bench::new().await;
    let is_long = bench.ledger.long_log();
    for (log_bytes, expected) in [(LONG_LOG - 1, false), (LONG_LOG, true), (4096, false)] {
        bench.disk.log_bytes.store(log_bytes, Ordering::Relaxed);
        bench.clock.wait(Duration::from_millis(500));
        bench.expire().await.expect("all is well");
        assert_eq!(*is_long.borrow(), expected, "{log_bytes}");
        assert_eq!(bench.health(), Health::Serving, "it serves all the same");
    }
}
