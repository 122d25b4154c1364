//! The ledger under overload.

use tokio::task::JoinSet;

use super::*;
use crate::admission::{MAX_BEGINS, MAX_LOOKS, MAX_REPORTS};

/// Keeps the ledger busy until it is let go. The job that is spawned last lets it go.
fn hold_up(
    bench: &Bench,
    crowd: &mut JoinSet<(&'static str, bool)>,
) -> std::sync::mpsc::Sender<()> {
    let (go, wait) = std::sync::mpsc::channel::<()>();
    let ledger = bench.ledger.clone();
    crowd.spawn(async move { ("held up", ledger.note(move |_| _ = wait.recv()).await.is_ok()) });
    go
}

#[tokio::test]
async fn looks_are_turned_away_first_and_what_ends_work_never() {
    const MORE: usize = 1000;
    let bench = Bench::new().await;
    let mut crowd = JoinSet::new();
    let go = hold_up(&bench, &mut crowd);
    for (name, class, count) in [
        ("look", Class::Look, MAX_LOOKS + MORE),
        ("begin", Class::Begin, MAX_BEGINS + MORE),
        ("report", Class::Report, MAX_REPORTS + MORE),
        ("end", Class::End, 20 * MORE),
        ("beat", Class::End, 20 * MORE),
    ] {
        for _ in 0..count {
            let ledger = bench.ledger.clone();
            crowd.spawn(async move {
                let answer = match name {
                    "look" => ledger.look(|_| ()).await,
                    "beat" => ledger.note(|_| ()).await,
                    _ => ledger.write(class, |_| Ok(())).await,
                };
                assert!(matches!(answer, Ok(()) | Err(LedgerError::Overloaded)), "{answer:?}");
                (name, answer.is_ok())
            });
        }
    }
    crowd.spawn(async move { ("last", go.send(()).is_ok()) });
    let mut turned_away = std::collections::BTreeMap::<_, usize>::new();
    while let Some(done) = crowd.join_next().await {
        let (name, is_done) = done.expect("no panic");
        *turned_away.entry(name).or_default() += usize::from(!is_done);
    }
    let expected = [
        ("beat", 0),
        ("begin", MORE),
        ("end", 0),
        ("held up", 0),
        ("last", 0),
        ("look", MORE),
        ("report", MORE),
    ];
    assert_eq!(turned_away, expected.into());
    assert!(bench.ledger.look(|_| ()).await.is_ok(), "their places are free again");
}

#[tokio::test]
async fn who_is_heard_of_in_time_is_not_found_overdue() {
    let bench = Bench::new().await;
    let claim = bench.lease().await.expect("a trial");
    let (go, wait) = std::sync::mpsc::channel::<()>();
    let held_up = bench.ledger.note(move |_| _ = wait.recv());
    let holding = vec![claim.clone()];
    let beat = bench.ledger.note(|s| s.heartbeat(&worker(), WorkerInfo::default(), holding));
    let release = async {
        bench.clock.wait(TERM + Duration::from_secs(1));
        go.send(()).expect("it waits");
    };
    // The ledger is late for all of them, and serves the expiry first.
    let (_, expired, lost, ()) = tokio::join!(held_up, bench.expire(), beat, release);
    assert_eq!((expired, lost), (Ok(()), Ok(Ok(vec![]))));
    assert_eq!(bench.finish(&claim).await, Ok(()), "the lease still stands");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crowd_that_looks_does_not_hold_up_who_writes() {
    let bench = Bench::new().await;
    let looked = Arc::new(AtomicU32::new(0));
    let mut crowd = JoinSet::new();
    for _ in 0..MAX_LOOKS {
        let (ledger, clock, looked) = (bench.ledger.clone(), bench.clock.clone(), looked.clone());
        crowd.spawn(async move {
            let look = move |_: &State| {
                std::thread::sleep(Duration::from_millis(2));
                clock.wait(Duration::from_millis(10));
                looked.fetch_add(1, Ordering::Relaxed);
            };
            ledger.look(look).await
        });
    }
    while looked.load(Ordering::Relaxed) == 0 {
        tokio::task::yield_now().await;
    }
    bench.lease().await.expect("a trial");
    let before = looked.load(Ordering::Relaxed);
    assert!((before as usize) < MAX_LOOKS / 2, "{before} looks came first");
    while let Some(looked) = crowd.join_next().await {
        assert_eq!(looked.expect("no panic"), Ok(()));
    }
}

#[tokio::test]
async fn a_crowd_that_begins_is_served_some_at_a_time() {
    let bench = Bench::new().await;
    let commits = bench.ledger.commits().rings();
    let mut crowd = JoinSet::new();
    let go = hold_up(&bench, &mut crowd);
    for number in 0..100 {
        let (ledger, clock) = (bench.ledger.clone(), bench.clock.clone());
        crowd.spawn(async move {
            let create = move |t: &mut Transaction<'_>| {
                clock.wait(Duration::from_millis(10));
                t.create_study(spec(&format!("s{number}")))
            };
            ("begin", ledger.write(Class::Begin, create).await.is_ok())
        });
    }
    crowd.spawn(async move { ("last", go.send(()).is_ok()) });
    while let Some(done) = crowd.join_next().await {
        assert!(done.expect("no panic").1);
    }
    // One second of work, in turns of 50 ms.
    let turns = bench.ledger.commits().rings() - commits;
    assert!((15..=25).contains(&turns), "{turns} turns");
}
