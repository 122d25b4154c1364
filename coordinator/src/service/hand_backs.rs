//! Tests of what workers say about trials that they hand back.

use kindling_proto::v1;
use kindling_proto::v1::worker_service_client::WorkerServiceClient;
use tonic::transport::Channel;

use super::*;
use crate::service::bounds::{World, completed, lease, spec};

/// A world with two studies, `bad` and `good`.
async fn world() -> World {
    let world = World::new().await;
    for name in ["bad", "good"] {
        world.create(v1::StudySpec { name: name.to_owned(), ..spec(3) }).await;
    }
    world
}

async fn study(world: &World, name: &str) -> v1::Study {
    let request = v1::GetStudyRequest { name: name.to_owned() };
    world.studies().await.get_study(request).await.expect("there").into_inner().study.expect("one")
}

/// Leases one trial, of none of these studies.
async fn lease_one(
    workers: &mut WorkerServiceClient<Channel>,
    without_studies: Vec<i64>,
) -> Option<v1::Assignment> {
    let request = v1::LeaseRequest { without_studies, ..lease(1, vec![]) };
    workers.lease(request).await.expect("answered").into_inner().assignments.pop()
}

async fn release(workers: &mut WorkerServiceClient<Channel>, given: v1::Assignment, reason: &str) {
    let request = v1::ReleaseRequest { claim: given.claim, reason: reason.to_owned() };
    workers.release(request).await.expect("released");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_is_leased_no_trials_of_the_studies_that_it_sets_aside() {
    let world = world().await;
    let mut workers = world.workers().await;
    let first = lease_one(&mut workers, vec![]).await.expect("a trial");
    assert_eq!(first.study, "bad", "the oldest comes first");
    let bad = first.claim.as_ref().expect("a claim").study_id;
    release(&mut workers, first, "no such script").await;
    for _ in 0..3 {
        let given = lease_one(&mut workers, vec![bad]).await.expect("a trial");
        assert_eq!(given.study, "good");
        workers.finish(completed(given.claim, 0)).await.expect("finished");
    }
    assert_eq!(lease_one(&mut workers, vec![bad]).await, None);
    let again = lease_one(&mut workers, vec![]).await.expect("it waited");
    assert_eq!(again.study, "bad");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_study_tells_the_newest_trial_that_was_handed_back_and_how_often_that_was() {
    let world = world().await;
    let mut workers = world.workers().await;
    let given = lease_one(&mut workers, vec![]).await.expect("a trial");
    release(&mut workers, given, "").await;
    assert_eq!(study(&world, "bad").await.last_hand_back, None, "a worker that only stops");
    for (times, reason) in [(1, "no licence"), (2, "no room")] {
        let given = lease_one(&mut workers, vec![]).await.expect("a trial");
        release(&mut workers, given, reason).await;
        let told = study(&world, "bad").await.last_hand_back.expect("told");
        assert_eq!((&*told.reason, &*told.worker, told.times), (reason, "w", times));
    }
    let given = lease_one(&mut workers, vec![]).await.expect("a trial");
    workers.finish(completed(given.claim, 0)).await.expect("finished");
    let told = study(&world, "bad").await.last_hand_back.expect("still told");
    assert_eq!((&*told.reason, told.times), ("no room", 0));
    assert_eq!(study(&world, "good").await.last_hand_back, None);

    let given = lease_one(&mut workers, vec![]).await.expect("a trial");
    release(&mut workers, given, &"x".repeat(100_000)).await;
    let told = study(&world, "bad").await.last_hand_back.expect("told");
    assert!(told.reason.len() <= limits::HAND_BACK && told.reason.ends_with('…'));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_is_listed_with_the_objectives_that_it_offers() {
    let world = world().await;
    let mut workers = world.workers().await;
    lease_one(&mut workers, vec![]).await.expect("a trial");
    let list = v1::ListWorkersRequest::default();
    let listed = world.studies().await.list_workers(list).await.expect("listed").into_inner();
    assert_eq!(listed.workers[0].objectives, ["test"]);
}
