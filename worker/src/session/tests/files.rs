//! Checkpoints and artifacts, with a coordinator that fails as it is told.

use std::fs;

use sha2::{Digest as _, Sha256};
use tonic::Code;

use super::keeps::{AWAY, Keeps, LONG, bytes, done, meet, script};
use super::*;
use crate::content::Content;

#[tokio::test]
async fn what_a_trial_saves_is_safe_when_it_goes_on() {
    let keeps = Keeps { takes: Duration::from_millis(300), ..Keeps::default() };
    let log = keeps.clone();
    let happened = meet(&keeps, LONG, move |mut outbox| {
        let log = log.clone();
        async move {
            outbox.report(3, 0.5).await?;
            outbox.save_checkpoint(3, bytes("state")).await?;
            assert_eq!(log.log().last().map(String::as_str), Some("checkpoint 3: state"));
            outbox.save_artifact("plots/a.png", "image/png", bytes("png")).await?;
            Ok(done())
        }
    });
    let expected = ["report 3", "checkpoint 3: state", "plots/a.png (image/png): png", "finished"];
    assert_eq!(happened.await, expected);
}

#[tokio::test]
async fn a_file_is_taken_at_once_and_sent_in_pieces() {
    let keeps = Keeps { saves: script(&[AWAY]), ..Keeps::default() };
    let happened = meet(&keeps, LONG, |mut outbox| async move {
        let dir = tempfile::tempdir()?;
        let file = dir.path().join("model.pt");
        fs::write(&file, b"weights ".repeat(400_000))?;
        outbox.save_checkpoint(0, file.clone()).await?;
        // The first try failed, so it is not sent yet.
        fs::write(&file, "torn")?;
        outbox.save_artifact("model.pt", "", Content::Given(file.clone())).await?;
        assert!(!file.exists());
        Ok(done())
    });
    let expected =
        ["no checkpoint 0: weights ", "checkpoint 0: weights ", "model.pt (): torn", "finished"];
    assert_eq!(happened.await, expected);
}

#[tokio::test]
async fn a_checkpoint_comes_after_the_reports_up_to_its_step() {
    let keeps = Keeps { reports: script(&[AWAY, AWAY]), ..Keeps::default() };
    let happened = meet(&keeps, LONG, |mut outbox| async move {
        for step in 0..3 {
            outbox.report(step, 0.5).await?;
            // The coordinator is out of reach: nobody waits.
            outbox.save_checkpoint(step, bytes("state")).await?;
        }
        Ok(done())
    });
    let expected = ["report 0", "report 1", "report 2", "checkpoint 2: state", "finished"];
    assert_eq!(happened.await, expected);
}

#[tokio::test]
async fn a_newer_checkpoint_takes_the_place_of_one_that_could_not_be_sent() {
    let keeps = Keeps { saves: script(&[AWAY, Code::ResourceExhausted]), ..Keeps::default() };
    let happened = meet(&keeps, LONG, |mut outbox| async move {
        for (step, state) in [(0, "a"), (1, "b"), (2, "c")] {
            outbox.save_checkpoint(step, bytes(state)).await?;
        }
        Ok(done())
    });
    let expected = ["no checkpoint 0: a", "no checkpoint 1: b", "checkpoint 2: c", "finished"];
    assert_eq!(happened.await, expected);
}

#[tokio::test]
async fn of_two_artifacts_of_a_name_the_newer_is_kept_and_not_too_many_wait() {
    let keeps = Keeps { saves: script(&[AWAY]), reports: script(&[AWAY; 3]), ..Keeps::default() };
    let happened = meet(&keeps, LONG, |mut outbox| async move {
        outbox.save_artifact("a", "", bytes("1")).await?;
        // From now on the coordinator counts as out of reach.
        outbox.report(0, 0.5).await?;
        outbox.save_artifact("a", "", bytes("2")).await?;
        for other in 1..64 {
            outbox.save_artifact(&format!("{other}"), "", bytes("x")).await?;
        }
        let Err(TrialError::Failed(reason)) = outbox.save_artifact("b", "", bytes("x")).await
        else {
            panic!("one too many")
        };
        assert!(reason.contains("the artifact `b` is not saved: too many others wait"), "{reason}");
        Ok(done())
    });
    let happened = happened.await;
    assert_eq!(happened[..2], ["no a (): 1", "a (): 2"]);
    assert_eq!(happened.len(), 1 + 64 + 2, "{happened:?}");
}

#[tokio::test]
async fn what_is_refused_for_good_is_an_error_of_the_call() {
    let keeps = Keeps { saves: script(&[Code::InvalidArgument]), ..Keeps::default() };
    let happened = meet(&keeps, LONG, |mut outbox| async move {
        outbox.save_checkpoint(0, bytes("a")).await?;
        Ok(done())
    });
    let expected =
        ["no checkpoint 0: a", "failed: the checkpoint of step 0 was refused: as it was told"];
    assert_eq!(happened.await, expected);
}

#[tokio::test]
async fn what_is_wrong_with_a_call_is_said_before_anybody_is_asked() {
    let plain = Keeps::default();
    let happened = meet(&plain, LONG, |mut outbox| async move {
        let failed = |saved: Result<(), TrialError>| match saved {
            Err(TrialError::Failed(reason)) => reason,
            other => panic!("{other:?}"),
        };
        outbox.save_checkpoint(5, bytes("a")).await?;
        // Two of one step are worth the same.
        outbox.save_checkpoint(5, bytes("b")).await?;
        let reason = failed(outbox.save_checkpoint(4, bytes("a")).await);
        assert!(reason.contains("step 4 was saved after that of step 5; steps ascend"), "{reason}");
        assert!(failed(outbox.save_checkpoint(u64::MAX, bytes("a")).await).contains("2^63 - 1"));
        let nowhere = PathBuf::from("/nowhere/model.pt");
        let reason = failed(outbox.save_checkpoint(6, nowhere).await);
        let expected = "the checkpoint of step 6 is not saved: /nowhere/model.pt cannot be read";
        assert!(reason.contains(expected) && reason.contains("hint: "), "{reason}");
        // That took no step.
        outbox.save_checkpoint(6, bytes("c")).await?;
        Ok(done())
    });
    assert_eq!(happened.await, ["checkpoint 5: a", "checkpoint 6: c", "finished"]);
}

#[tokio::test]
async fn a_stale_lease_and_a_coordinator_without_a_store_stop_no_training() {
    let codes = [Code::FailedPrecondition, Code::Unimplemented];
    let keeps = Keeps { saves: script(&codes), ..Keeps::default() };
    let happened = meet(&keeps, LONG, |mut outbox| async move {
        for step in 0..2 {
            outbox.save_checkpoint(step, bytes("a")).await?;
        }
        Ok(done())
    });
    assert_eq!(happened.await, ["no checkpoint 0: a", "no checkpoint 1: a", "finished"]);
}

#[tokio::test]
async fn a_worker_that_leaves_hands_a_trial_back_once_its_checkpoint_is_safe() {
    let keeps = Keeps { takes: Duration::from_millis(100), ..Keeps::default() };
    let stop = keeps.stop.clone();
    let happened = meet(&keeps, LONG, move |mut outbox| {
        let stop = stop.clone();
        async move {
            outbox.report(0, 0.5).await?;
            outbox.save_checkpoint(0, bytes("a")).await?;
            assert!(!outbox.stop().should_checkpoint());
            stop.cancel();
            outbox.stop().leaving().await;
            outbox.report(1, 0.5).await?;
            let saved = outbox.save_checkpoint(1, bytes("b")).await;
            assert!(matches!(saved, Err(TrialError::HandBack(_))), "{saved:?}");
            saved?;
            Ok(done())
        }
    });
    let expected = ["report 0", "checkpoint 0: a", "report 1", "checkpoint 1: b", "released: "];
    assert_eq!(happened.await, expected);
}

#[tokio::test]
async fn a_step_that_is_safe_already_is_enough_for_a_worker_that_leaves() {
    let keeps = Keeps::default();
    let stop = keeps.stop.clone();
    let happened = meet(&keeps, LONG, move |mut outbox| {
        let stop = stop.clone();
        async move {
            outbox.save_checkpoint(0, bytes("a")).await?;
            stop.cancel();
            outbox.stop().leaving().await;
            outbox.save_checkpoint(0, bytes("once more")).await?;
            Ok(done())
        }
    });
    assert_eq!(happened.await, ["checkpoint 0: a", "released: "]);
}

#[tokio::test]
async fn what_is_unsent_at_the_end_of_the_grace_is_sent_before_the_trial_is_handed_back() {
    let keeps = Keeps { saves: script(&[AWAY]), ..Keeps::default() };
    let (stop, log) = (keeps.stop.clone(), keeps.clone());
    let happened = meet(&keeps, Duration::from_millis(10), move |mut outbox| {
        let (stop, log) = (stop.clone(), log.clone());
        async move {
            stop.cancel();
            outbox.stop().leaving().await;
            // It is not safe, so the trial goes on.
            outbox.save_checkpoint(0, bytes("a")).await?;
            log.note("goes on");
            outbox.stop().wanted().await;
            assert_eq!(outbox.save_checkpoint(1, bytes("b")).await, Err(TrialError::Stopped));
            std::future::pending().await
        }
    });
    let expected = ["no checkpoint 0: a", "goes on", "checkpoint 0: a", "released: "];
    assert_eq!(happened.await, expected);
}

#[tokio::test]
async fn a_worker_that_leaves_waits_a_short_time_only_for_a_store_that_is_away() {
    let keeps = Keeps { saves: script(&[AWAY; 100]), ..Keeps::default() };
    let (stop, began) = (keeps.stop.clone(), Instant::now());
    let happened = meet(&keeps, Duration::from_millis(10), move |mut outbox| {
        let stop = stop.clone();
        async move {
            stop.cancel();
            outbox.save_checkpoint(0, bytes("a")).await?;
            std::future::pending().await
        }
    });
    assert_eq!(happened.await.last().map(String::as_str), Some("released: "));
    assert!(began.elapsed() < LONG, "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_trial_that_asks_to_be_handed_back_goes_on_from_its_checkpoint() {
    let keeps = Keeps { saves: script(&[AWAY]), ..Keeps::default() };
    let happened = meet(&keeps, LONG, |mut outbox| async move {
        outbox.save_checkpoint(0, bytes("a")).await?;
        Err(TrialError::HandBack("no licence".to_owned()))
    });
    let expected = ["no checkpoint 0: a", "checkpoint 0: a", "released: no licence"];
    assert_eq!(happened.await, expected);
}

/// A coordinator that leases its trial with a checkpoint of step 7, and has these bytes for it.
pub(super) fn with_checkpoint(saved: &[u8], has: &[u8]) -> Keeps {
    let (size, sha256) = (saved.len() as u64, Sha256::digest(saved).to_vec());
    let blob = Some(v1::Blob { key: "h/k".to_owned(), size, sha256 });
    let checkpoint = v1::Checkpoint { attempt: 1, step: 7, blob };
    Keeps { checkpoint: Some((checkpoint, has.to_vec())), ..Keeps::default() }
}

#[tokio::test]
async fn a_checkpoint_is_loaded_once_whole_and_its_file_goes_with_the_trial() {
    let state = b"state ".repeat(300_000);
    let keeps = Keeps { loads: script(&[AWAY, Code::Aborted]), ..with_checkpoint(&state, &state) };
    let path = Arc::new(Mutex::new(PathBuf::new()));
    let seen = Arc::clone(&path);
    let happened = meet(&keeps, LONG, move |mut outbox| {
        let (state, seen) = (state.clone(), Arc::clone(&seen));
        async move {
            let loaded = outbox.load_checkpoint().await?.expect("a checkpoint");
            assert_eq!((loaded.step, loaded.read()?), (7, state.clone()));
            assert_eq!(outbox.load_checkpoint().await?.as_ref(), Some(&loaded));
            *seen.lock().unwrap() = loaded.path;
            outbox.save_checkpoint(8, bytes("next")).await?;
            Ok(done())
        }
    });
    let expected = ["no load", "no load", "load", "checkpoint 8: next", "finished"];
    assert_eq!(happened.await, expected);
    assert!(!path.lock().unwrap().exists());
    let plain = Keeps::default();
    let happened = meet(&plain, LONG, |mut outbox| async move {
        assert_eq!(outbox.load_checkpoint().await?, None);
        assert_eq!(outbox.load_checkpoint_bytes().await?, None);
        Ok(done())
    });
    assert_eq!(happened.await, ["finished"]);
}

pub(super) async fn loads(keeps: &Keeps) -> Vec<String> {
    let happened = meet(keeps, LONG, |mut outbox| async move {
        outbox.load_checkpoint().await?;
        Ok(done())
    });
    happened.await
}

#[tokio::test]
async fn a_checkpoint_that_is_not_what_was_saved_fails_the_trial() {
    let failed = |why: &str| {
        format!(
            "failed: the checkpoint of step 7 cannot be gone on from: {why}\n\
             hint: `kindling trial retry` begins again with the same parameters"
        )
    };
    for (has, why) in [
        (&b"stat"[..], "it has 4 of the 5 bytes that were saved"),
        (b"state and more", "it has more than the 5 bytes that were saved"),
        (b"taste", "its SHA-256 is another one than of what was saved"),
    ] {
        assert_eq!(loads(&with_checkpoint(b"state", has)).await, ["load".to_owned(), failed(why)]);
    }
    let missing = Keeps { loads: script(&[Code::NotFound]), ..with_checkpoint(b"a", b"a") };
    assert_eq!(loads(&missing).await, ["no load".to_owned(), failed("as it was told")]);
    let stale = Keeps { loads: script(&[Code::FailedPrecondition]), ..with_checkpoint(b"a", b"a") };
    assert_eq!(loads(&stale).await, ["no load"], "nothing is said of a trial that is lost");
}

#[tokio::test]
async fn a_worker_that_leaves_does_not_wait_for_a_checkpoint() {
    let keeps = Keeps { loads: script(&[AWAY; 100]), ..with_checkpoint(b"a", b"a") };
    let (stop, began) = (keeps.stop.clone(), Instant::now());
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(300)).await;
        stop.cancel();
    });
    let happened = loads(&keeps).await;
    assert!(began.elapsed() < LONG / 2, "{:?}", began.elapsed());
    assert_eq!(happened.first().map(String::as_str), Some("no load"));
    assert_eq!(happened.last().map(String::as_str), Some("released: "));
}

#[tokio::test]
async fn a_checkpoint_in_memory_is_checked_as_well() {
    let state = b"state".to_vec();
    let keeps = with_checkpoint(&state, &state);
    let happened = meet(&keeps, LONG, |mut outbox| async move {
        assert_eq!(outbox.load_checkpoint_bytes().await?, Some((7, b"state".to_vec())));
        Ok(done())
    });
    assert_eq!(happened.await, ["load", "finished"]);
}
