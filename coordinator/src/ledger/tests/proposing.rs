//! Proposals that take long are made beside the ledger.

use super::*;

/// A study whose proposals take long, with trials to learn from.
fn wide() -> StudySpec {
    let study = STUDY.replace("\"s\"", "\"wide\"");
    let params = (0..20).map(|i| format!("[space.p{i}]\ntype = \"int\"\nlow = 0\nhigh = 1000\n"));
    let params: String = params.collect();
    let sampler = "[sampler]\nkind = \"tpe\"\ncandidates = 1000\n";
    crate::config::parse(&format!("{study}{sampler}{params}")).expect("valid")
}

#[tokio::test]
async fn a_lease_does_not_wait_for_another_studys_proposal_and_gets_its_own_later() {
    let bench = Bench::new().await;
    // The wide one is the oldest of those that are left, and would be leased from first.
    let stop = |t: &mut Transaction<'_>| {
        t.change_state("s", kindling_study::StudyState::Stopped, None, None).map(|_| ())
    };
    bench.ledger.write(Class::Begin, stop).await.expect("stopped");
    bench.ledger.write(Class::Begin, |t| t.create_study(wide())).await.expect("created");
    for _ in 0..10 {
        let claim = bench.lease().await.expect("a trial");
        assert_eq!(claim.study, StudyId(2));
        bench.finish(&claim).await.expect("taken");
    }
    bench.ledger.write(Class::Begin, |t| t.create_study(spec("beside"))).await.expect("created");

    let work = bench.ledger.work();
    let rings = work.rings();
    let claim = bench.lease().await.expect("a trial");
    assert_eq!(claim.study, StudyId(3), "the other study's, at once");
    // The proposal is told to those who wait for work.
    work.after(rings).await.expect("the ledger lives");
    bench.finish(&claim).await.expect("taken");
    let claim = bench.lease().await.expect("a trial");
    assert_eq!((claim.study, claim.claim.number.0), (StudyId(2), 10));
}
