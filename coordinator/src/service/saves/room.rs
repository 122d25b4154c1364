//! How much is kept, and what is removed.

use std::fs::{self, File};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use kindling_proto::{refusals, v1};
use tonic::Code;

use super::super::bounds::{World, completed, until};
use super::{checkpoint, files, history, leased, place, some, trial};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_does_not_fit_is_refused_until_something_is_deleted() {
    let world = World::with_room_for_artifacts(100).await;
    let (mut workers, claim) = leased(&world, 1).await;
    checkpoint(&mut workers, &claim, 1, &some(60)).await.expect("saved");
    let refused = checkpoint(&mut workers, &claim, 2, &some(41)).await.expect_err("too much");
    assert_eq!(refused.code(), Code::ResourceExhausted);
    assert!(refused.message().contains("--artifacts-limit"), "{refused}");
    assert!(refused.message().starts_with(refusals::NO_ROOM), "{refused}");
    // What the next one replaces does not count any more.
    checkpoint(&mut workers, &claim, 2, &some(30)).await.expect("saved");
    checkpoint(&mut workers, &claim, 3, &some(70)).await.expect("saved");
    workers.finish(completed(Some(claim), 0)).await.expect("finished");
    let delete = v1::DeleteStudyRequest { name: "s".to_owned() };
    world.studies().await.delete_study(delete).await.expect("deleted");
    let (mut workers, claim) = leased(&world, 1).await;
    checkpoint(&mut workers, &claim, 1, &some(100)).await.expect("saved");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_nobody_refers_to_is_removed_and_nothing_else() {
    let world = World::new().await;
    let (mut workers, claim) = leased(&world, 2).await;
    checkpoint(&mut workers, &claim, 1, b"one").await.expect("saved");
    let history = history(&claim);
    let mine = place(&world).join(&history);
    let other = place(&world).join("e".repeat(32));
    fs::create_dir_all(&other).expect("a folder");
    let long_ago = SystemTime::now() - Duration::from_hours(2);
    let file = |path: PathBuf, changed| {
        let file = File::create(&path).expect("a file");
        file.set_modified(changed).expect("set");
        path
    };
    let old = file(mine.join("a".repeat(32)), long_ago);
    let torn = file(mine.join(format!("{}#1", "b".repeat(32))), long_ago);
    let stay = [
        file(mine.join("c".repeat(32)), SystemTime::now()),
        file(other.join("d".repeat(32)), long_ago),
        file(mine.join("notes.txt"), long_ago),
    ];
    for kept in files(&mine).iter().filter(|path| fs::read(path).is_ok_and(|b| b == b"one")) {
        File::options()
            .append(true)
            .open(kept)
            .expect("a file")
            .set_modified(long_ago)
            .expect("set");
    }
    let artifacts = world.service.artifacts.clone();
    let tending = tokio::spawn(artifacts.tend(world.service.ledger.clone()));
    until(async || !old.exists() && !torn.exists()).await;
    let key = |trial: &v1::Trial| trial.checkpoints[0].blob.clone().expect("a blob").key;
    let first = place(&world).join(key(&trial(&world).await));
    assert!(first.exists() && stay.iter().all(|path| path.exists()));

    // Another one takes its place, and later the study is deleted.
    checkpoint(&mut workers, &claim, 2, b"two").await.expect("saved");
    let second = place(&world).join(key(&trial(&world).await));
    until(async || !first.exists()).await;
    assert!(second.exists());
    workers.finish(completed(Some(claim), 0)).await.expect("finished");
    let delete = v1::DeleteStudyRequest { name: "s".to_owned() };
    world.studies().await.delete_study(delete).await.expect("deleted");
    until(async || !second.exists()).await;
    assert!(stay.iter().all(|path| path.exists()));
    tending.abort();
}
