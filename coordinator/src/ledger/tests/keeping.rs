//! What trials leave behind, by way of the ledger.

use kindling_proto::limits;
use kindling_study::{Blob, Study, TrialNumber};

use super::*;

fn blob(content: u8) -> Blob {
    Blob { key: format!("history/{content}").into(), size: 3, sha256: [content; 32] }
}

impl Bench {
    async fn save(&self, claim: &StudyClaim, step: u64) -> Result<(), LedgerError> {
        let claim = claim.clone();
        self.ledger.write(Class::End, move |t| t.save_checkpoint(&claim, step, blob(1))).await
    }

    async fn keep(&self, claim: &StudyClaim, name: &str) -> Result<(), LedgerError> {
        let (claim, name) = (claim.clone(), name.to_owned());
        self.ledger.write(Class::End, move |t| t.save_artifact(&claim, &name, "", blob(2))).await
    }

    async fn report(&self, claim: &StudyClaim, step: u64) -> Result<(), LedgerError> {
        let claim = claim.clone();
        let report = move |t: &mut Transaction<'_>| t.report(&claim, step, 0.5, &[]).map(drop);
        self.ledger.write(Class::Report, report).await
    }

    /// Reads something of the study.
    async fn study<R: Send + 'static>(&self, read: fn(&Study) -> R) -> R {
        let look = move |state: &State| state.registry().get(StudyId(1)).map(read);
        self.ledger.look(look).await.expect("it runs").expect("a study")
    }
}

#[tokio::test]
async fn what_is_saved_is_there_and_keeps_the_lease() {
    let bench = Bench::new().await;
    let claim = bench.lease().await.expect("a trial");
    bench.clock.wait(TERM / 2);
    bench.save(&claim, 3).await.expect("saved");
    bench.keep(&claim, "a").await.expect("kept");
    bench.clock.wait(TERM / 2 + Duration::from_secs(1));
    bench.expire().await.expect("expired");
    let kept = |study: &Study| {
        let trial = study.get(TrialNumber(0)).expect("a trial");
        (trial.checkpoints.len(), trial.artifacts.len(), trial.lease().is_some())
    };
    assert_eq!(bench.study(kept).await, (1, 1, true), "whoever saves is alive");
    bench.clock.wait(TERM);
    bench.expire().await.expect("expired");
    let zombie = bench.save(&claim, 4).await;
    assert!(matches!(zombie, Err(LedgerError::Refused(Refusal::StaleLease { .. }))), "{zombie:?}");
    let other = StudyClaim { history: Some(History([9; 16])), ..claim };
    let other = bench.save(&other, 4).await;
    assert!(matches!(other, Err(LedgerError::Refused(Refusal::OtherHistory { .. }))), "{other:?}");
}

#[tokio::test]
async fn a_worker_that_asks_again_before_it_trains_gets_its_trial_again() {
    let bench = Bench::new().await;
    let first = bench.lease().await.expect("a trial");
    bench.report(&first, 0).await.expect("taken");
    bench.save(&first, 0).await.expect("saved");
    // Its process is another one now: it has reported, and does not name the trial.
    let second = bench.lease().await.expect("the same");
    assert_eq!((second.claim.number, second.claim.attempt.0), (first.claim.number, 2));
    // The answer got lost. What the curve has is of the first attempt.
    let again = bench.lease().await.expect("the same");
    assert_eq!(again, second);
    bench.save(&second, 1).await.expect("saved");
    let third = bench.lease().await.expect("the same");
    assert_eq!(third.claim.attempt.0, 3, "it had saved something");
}

#[tokio::test]
async fn artifacts_are_bounded_and_named() {
    let bench = Bench::new().await;
    let claim = bench.lease().await.expect("a trial");
    for number in 0..limits::TRIAL_ARTIFACTS {
        bench.keep(&claim, &format!("{number:03}")).await.expect("room");
    }
    let refused = bench.keep(&claim, "one more").await;
    assert_eq!(refused, Err(Refusal::TooManyArtifacts(256).into()));
    assert_eq!(bench.keep(&claim, "000").await, Ok(()), "it is there");
    let odd = bench.keep(&claim, "a\nb").await.expect_err("no name").to_string();
    assert!(odd.contains("must be printable"), "{odd}");
    let of_study = |name: &'static str| {
        let keep =
            move |t: &mut Transaction<'_>| t.save_study_artifact("s", name, "text/plain", blob(3));
        bench.ledger.write(Class::End, keep)
    };
    let kept = of_study("notes").await.expect("room");
    assert_eq!(
        (&*kept.name, &*kept.media_type, kept.saved),
        ("notes", "text/plain", Wall(1_700_000_000_000_000))
    );
    assert_eq!(of_study("notes").await, Ok(kept.clone()), "once more");
    assert_eq!(bench.study(|study| study.artifacts().to_vec()).await, [kept]);
    assert!(of_study("").await.is_err());
}
